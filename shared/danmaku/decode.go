package danmaku

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Limits on what is read: a document comes from anywhere.
const (
	MaxComments = 2_000_000
	maxText     = 4 << 10
	maxAt       = 48 * time.Hour
)

// Decode calls fn with each comment of a document, in its order, which need not be that of time. It reads as it goes, and
// ends at the first error of fn.
func Decode(r io.Reader, fn func(Comment) error) error {
	d := xml.NewDecoder(r)
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(label, "utf-8") {
			return in, nil
		}
		return nil, fmt.Errorf("the document is in %q: only UTF-8 is read", label)
	}
	for n := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("comment %d: %w", n+1, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "d" {
			continue
		}
		if n++; n > MaxComments {
			return fmt.Errorf("more than %d comments", MaxComments)
		}
		c, err := comment(d, start)
		if err == nil {
			err = fn(c)
		}
		if err != nil {
			return fmt.Errorf("comment %d: %w", n, err)
		}
	}
}

func comment(d *xml.Decoder, start xml.StartElement) (Comment, error) {
	var c Comment
	var text strings.Builder
	for {
		token, err := d.Token()
		if err != nil {
			return c, err
		}
		switch t := token.(type) {
		case xml.CharData:
			if text.Len()+len(t) > maxText {
				return c, fmt.Errorf("the text is longer than %d bytes", maxText)
			}
			text.Write(t)
		case xml.StartElement:
			return c, fmt.Errorf("an element %s inside the text", t.Name.Local)
		case xml.EndElement:
			c.Text = text.String()
			return c, c.attributes(start)
		}
	}
}

// attributes reads p. Old documents have fewer fields; the time alone must be there.
func (c *Comment) attributes(start xml.StartElement) error {
	p := ""
	for _, a := range start.Attr {
		if a.Name.Local == "p" {
			p = a.Value
		}
	}
	fields := strings.Split(p, ",")
	seconds, err := strconv.ParseFloat(fields[0], 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > maxAt.Seconds() {
		return fmt.Errorf("p=%q: the time is no number of seconds from 0 to %.0f", p, maxAt.Seconds())
	}
	c.At = time.Duration(math.Round(seconds*1000)) * time.Millisecond
	numbers := [5]int64{0, int64(Scroll), Medium, White, 0}
	for i := 1; i < min(len(fields), len(numbers)); i++ {
		if numbers[i], err = strconv.ParseInt(fields[i], 10, 64); err != nil {
			return fmt.Errorf("p=%q: field %d is no number", p, i+1)
		}
	}
	switch c.Mode = Mode(numbers[1]); c.Mode {
	case Scroll, Bottom, Top:
	default: // 2, 3, 6: other ways to scroll; 7 to 9: programs
		c.Mode = Scroll
	}
	c.Size, c.Color, c.Sent = int(numbers[2]), int(numbers[3]&White), numbers[4]
	if len(fields) > 6 {
		c.User = fields[6]
	}
	if len(fields) > 7 {
		c.Row, _ = strconv.ParseInt(fields[7], 10, 64) // other sites have ids that are no numbers
	}
	return nil
}

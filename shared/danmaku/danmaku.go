// Package danmaku reads and writes the XML in which players' plug-ins exchange comments on a recording, as Bilibili made
// it: <i><d p="seconds,mode,size,color,unix time,pool,user,row">text</d>…</i>.
package danmaku

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"time"
)

// Mode is how a comment moves.
type Mode int

// Modes as the format numbers them.
const (
	Scroll Mode = 1
	Bottom Mode = 4
	Top    Mode = 5
)

// Sizes of the font, in the format's pixels.
const (
	Small  = 18
	Medium = 25
	Large  = 36
)

// White is the default color.
const White = 0xffffff

// Comment is one line over the recording.
type Comment struct {
	At    time.Duration // since the start
	Mode  Mode
	Size  int
	Color int   // 0xRRGGBB
	Sent  int64 // Unix seconds
	User  string
	Row   int64
	Text  string
}

// UserOf is how the format names a user: by a checksum, which tells two apart and no name.
func UserOf(id int64) string {
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE(strconv.AppendInt(nil, id, 10)))
}

// Encode writes a document of the comments. What XML can't hold is left out of their texts.
func Encode(w io.Writer, chat int64, comments []Comment) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<i><chatserver>barrage</chatserver><chatid>%d</chatid>`+
		`<mission>0</mission><maxlimit>%d</maxlimit><state>0</state><real_name>0</real_name><source>k-v</source>`+"\n", chat, len(comments))
	for _, c := range comments {
		fmt.Fprintf(out, `<d p="%.3f,%d,%d,%d,%d,0,`, c.At.Seconds(), c.Mode, c.Size, c.Color, c.Sent)
		if err := xml.EscapeText(out, []byte(legal(c.User))); err != nil {
			return err
		}
		fmt.Fprintf(out, `,%d">`, c.Row)
		if err := xml.EscapeText(out, []byte(legal(c.Text))); err != nil {
			return err
		}
		if _, err := out.WriteString("</d>\n"); err != nil {
			return err
		}
	}
	if _, err := out.WriteString("</i>\n"); err != nil {
		return err
	}
	return out.Flush()
}

// legal leaves out what may not be in an XML 1.0 document in any spelling (production Char).
func legal(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= 0x20 && r <= 0xd7ff, r >= 0xe000 && r < 0xfffd, r >= 0x10000:
			return r
		}
		return -1 // U+FFFD, too: it stands for bytes that were no text
	}, text)
}

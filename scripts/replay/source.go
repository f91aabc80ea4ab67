package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/danmaku"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// A line is one danmu to play.
type line struct {
	at      time.Duration
	user    string
	content string
	data    wire.DanmuData // without who said it
}

var roomSource = regexp.MustCompile(`^room:([0-9]{1,16})(?:/([0-9]{1,13}))?$`)

// read returns what the source holds, in the order of time.
func (o options) read(ctx context.Context, stdin io.Reader, log io.Writer) (lines []line, err error) {
	switch m := roomSource.FindStringSubmatch(o.source); {
	case m != nil:
		lines, err = o.readRecording(ctx, m[1], m[2], log)
	case strings.HasPrefix(o.source, "room:"):
		return nil, fmt.Errorf("%q: want room:ID or room:ID/SESSION", o.source)
	case o.source == "-":
		lines, err = readXML(stdin)
	default:
		lines, err = readFile(o.source)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", o.source, err)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	return lines, nil
}

func readFile(path string) ([]line, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readXML(f)
}

func readXML(r io.Reader) (lines []line, err error) {
	err = danmaku.Decode(r, func(c danmaku.Comment) error {
		l := line{at: c.At, user: c.User, content: c.Text, data: wire.DanmuData{Color: fmt.Sprintf("#%06x", c.Color&0xffffff)}}
		switch c.Mode {
		case danmaku.Top:
			l.data.Mode = "top"
		case danmaku.Bottom:
			l.data.Mode = "bottom"
		default:
			l.data.Mode = "scroll"
		}
		switch {
		case c.Size <= danmaku.Small:
			l.data.Size = "small"
		case c.Size >= danmaku.Large:
			l.data.Size = "large"
		default:
			l.data.Size = "medium"
		}
		lines = append(lines, l)
		return nil
	})
	return lines, err
}

const (
	pageTimeout = 30 * time.Second
	maxPage     = 16 << 20 // bytes
)

// readRecording reads a session page by page.
func (o options) readRecording(ctx context.Context, room, session string, log io.Writer) (lines []line, err error) {
	q := url.Values{"limit": {"100"}}
	if session != "" {
		q.Set("session", session)
	}
	for {
		var page struct {
			Items []struct {
				OffsetMS int64 `json:"offset_ms"`
				live.Message
			} `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		if err := getJSON(ctx, strings.TrimSuffix(o.api, "/")+"/api/v1/rooms/"+room+"/replay?"+q.Encode(), &page); err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			l := line{at: time.Duration(item.OffsetMS) * time.Millisecond, user: fmt.Sprint(item.UserID), content: item.Content}
			if len(item.Data) > 0 {
				if err := json.Unmarshal(item.Data, &l.data); err != nil {
					return nil, fmt.Errorf("data of message %s: %w", item.ID, err)
				}
			}
			l.data.Nickname, l.data.Role = "", ""
			lines = append(lines, l)
		}
		fmt.Fprintf(log, "\rread %d danmu  ", len(lines))
		if page.NextCursor == "" {
			fmt.Fprintln(log)
			return lines, nil
		}
		if len(lines) > danmaku.MaxComments || len(page.Items) == 0 {
			return nil, fmt.Errorf("more than %d danmu, or an empty page in the middle", danmaku.MaxComments)
		}
		q.Set("cursor", page.NextCursor)
	}
}

func getJSON(ctx context.Context, from string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxPage+1))
	if err != nil {
		return err
	}
	if len(body) > maxPage {
		return errors.New("the answer is over 16 MiB")
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", res.Status, body[:min(len(body), 300)])
	}
	return json.Unmarshal(body, into)
}

// part is what -from and -to leave, its times counted from -from; and how many lines say nothing that can be sent.
func (o options) part(lines []line) (kept []line, skipped int) {
	for _, l := range lines {
		switch {
		case l.at < o.from || o.to > 0 && l.at >= o.to:
		case strings.TrimSpace(l.content) == "":
			skipped++
		default:
			l.at -= o.from
			kept = append(kept, l)
		}
	}
	return kept, skipped
}

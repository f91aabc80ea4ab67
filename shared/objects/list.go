package objects

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxPage is how many keys one List or Delete takes at most.
const MaxPage = 1000

// Info is what a list tells of an object.
type Info struct {
	Key      string
	Size     int64
	Version  Version
	Modified time.Time
}

// List returns up to limit objects whose keys begin with prefix and come behind the key after, in the order of their
// keys, and whether there are more.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) (found []Info, more bool, err error) {
	query := url.Values{
		"list-type": {"2"}, "prefix": {prefix}, "max-keys": {strconv.Itoa(min(max(limit, 1), MaxPage))},
	}
	if after != "" {
		query.Set("start-after", after)
	}
	err = b.do(ctx, call{method: http.MethodGet, query: query, read: func(res *http.Response) error {
		body, err := readAnswer(ctx, res)
		if err == nil {
			found, more, err = parseList(body)
		}
		return err
	}})
	return found, more, b.wrap("list", prefix, err)
}

// Delete removes up to MaxPage objects; one that is not there is no error.
func (b *Bucket) Delete(ctx context.Context, keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	if len(keys) > MaxPage {
		return fmt.Errorf("delete %d objects: at most %d at once", len(keys), MaxPage)
	}
	body, err := deletion(keys)
	if err != nil {
		return b.wrap("delete", keys[0], err)
	}
	var left []undeleted
	header := http.Header{"Content-Type": {"application/xml"}, checksum: {crc(body)}}
	err = b.do(ctx, call{method: http.MethodPost, query: url.Values{"delete": {""}}, header: header, body: body, read: func(res *http.Response) error {
		body, err := readAnswer(ctx, res)
		if err == nil {
			left, err = parseDeleted(body)
		}
		return err
	}})
	if err != nil {
		return b.wrap("delete", keys[0], err)
	}
	var errs []error
	for _, l := range left {
		errs = append(errs, fmt.Errorf("delete %s/%s: %s %s", b.name, l.Key, l.Code, l.Message))
	}
	return errors.Join(errs...)
}

// deletion is the document that names keys. XML has no way to say some characters: a key with one would become another.
func deletion(keys []string) ([]byte, error) {
	type object struct{ Key string }
	doc := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Delete"`
		Quiet   bool
		Object  []object
	}{Quiet: true}
	for _, key := range keys {
		if key == "" || !utf8.ValidString(key) || strings.ContainsFunc(key, unsayable) {
			return nil, fmt.Errorf("the key %q can't be said in XML", key)
		}
		doc.Object = append(doc.Object, object{key})
	}
	return xml.Marshal(doc)
}

func unsayable(r rune) bool { return r < 0x20 || r == 0xFFFE || r == 0xFFFF }

// readAnswer reads XML to parse.
func readAnswer(ctx context.Context, res *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, unfinished(ctx, err)
	}
	return body, nil
}

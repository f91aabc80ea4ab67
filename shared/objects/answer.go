package objects

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"time"
)

// Answers of S3 are XML. What is longer than these is refused: a page of a thousand keys is less than the first.
const (
	maxAnswer  = 16 << 20
	maxRefusal = 64 << 10
)

const checksum = "X-Amz-Checksum-Crc32"

// refusal is an answer that says no. Its methods are those that the SDK's retryer and this package's wrap ask.
type refusal struct {
	status    int
	code      string // S3's own word, such as NoSuchKey
	message   string
	requestID string
}

func (r *refusal) Error() string {
	text := fmt.Sprintf("S3 answered %d %s", r.status, cmp.Or(r.code, http.StatusText(r.status)))
	if r.message != "" {
		text += ": " + r.message
	}
	if r.requestID != "" {
		text += " (request " + r.requestID + ")"
	}
	return text
}

func (r *refusal) HTTPStatusCode() int { return r.status }
func (r *refusal) ErrorCode() string   { return r.code }

// refused reads why. A proxy that answers with a page of its own, or a HEAD without a body, leaves the status alone.
func refused(res *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
	if err != nil {
		body = nil // the status is known all the same
	}
	r := parseRefusal(res.StatusCode, body)
	r.requestID = cmp.Or(r.requestID, res.Header.Get("X-Amz-Request-Id"))
	return r
}

func parseRefusal(status int, body []byte) *refusal {
	var told struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		RequestID string `xml:"RequestId"`
	}
	if err := xml.Unmarshal(body, &told); err != nil {
		return &refusal{status: status}
	}
	return &refusal{status: status, code: strings.TrimSpace(told.Code), message: strings.TrimSpace(told.Message), requestID: strings.TrimSpace(told.RequestID)}
}

// readXML reads an answer whose root has the given name. S3 may answer 200 first and find later that it can't: then the
// root is Error, and the call may be tried again as after a 500.
func readXML(body []byte, root string, into any) error {
	if len(body) > maxAnswer {
		return fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			return fmt.Errorf("an answer without %s: %w", root, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case root:
			return d.DecodeElement(into, &start)
		case "Error":
			return parseRefusal(http.StatusInternalServerError, body)
		default:
			return fmt.Errorf("an answer with %s where %s was to be", start.Name.Local, root)
		}
	}
}

type listed struct {
	IsTruncated bool
	Contents    []struct {
		Key          string
		Size         int64
		ETag         string
		LastModified time.Time
	}
}

func parseList(body []byte) (found []Info, more bool, err error) {
	var l listed
	if err := readXML(body, "ListBucketResult", &l); err != nil {
		return nil, false, err
	}
	for _, o := range l.Contents {
		if o.Key == "" || o.Size < 0 {
			return nil, false, fmt.Errorf("a list with the object %q of %d bytes", o.Key, o.Size)
		}
		found = append(found, Info{Key: o.Key, Size: o.Size, Version: Version(o.ETag), Modified: o.LastModified})
	}
	if l.IsTruncated && len(found) == 0 {
		return nil, false, errors.New("a list that goes on, without an object from where")
	}
	return found, l.IsTruncated, nil
}

// undeleted is an object that a Delete left there, and why.
type undeleted struct{ Key, Code, Message string }

func parseDeleted(body []byte) ([]undeleted, error) {
	var d struct {
		Error []undeleted
	}
	err := readXML(body, "DeleteResult", &d)
	return d.Error, err
}

// crc is a body's checksum, as S3 wants and keeps it.
func crc(body []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
}

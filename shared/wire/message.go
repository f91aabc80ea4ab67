package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/barrage-live/barrage/shared/live"
)

// Marshal encodes m as one line of JSON. It refuses data that is not JSON and strings that are not UTF-8.
func Marshal(m live.Message) ([]byte, error) {
	return AppendMessage(make([]byte, 0, 192+len(m.Content)+len(m.Data)), m)
}

// AppendMessage appends what Marshal returns.
func AppendMessage(dst []byte, m live.Message) ([]byte, error) {
	for _, text := range [...]string{string(m.Type), m.ID, m.Content, m.TraceID} {
		if !utf8.ValidString(text) {
			return dst, fmt.Errorf("encode message %q: not UTF-8", m.ID)
		}
	}
	dst = appendString(append(dst, `{"type":`...), string(m.Type))
	if m.ID != "" {
		dst = appendString(append(dst, `,"id":`...), m.ID)
	}
	dst = appendInt(dst, `,"room_id":`, int64(m.RoomID))
	dst = appendInt(dst, `,"user_id":`, int64(m.UserID))
	if m.Content != "" {
		dst = appendString(append(dst, `,"content":`...), m.Content)
	}
	if len(m.Data) > 0 {
		var err error
		if dst, err = appendRaw(append(dst, `,"data":`...), m.Data); err != nil {
			return dst, fmt.Errorf("encode message %q: data: %w", m.ID, err)
		}
	}
	dst = appendInt(dst, `,"seq":`, int64(m.Seq))
	dst = appendInt(dst, `,"timestamp":`, m.Timestamp)
	if m.TraceID != "" {
		dst = appendString(append(dst, `,"trace_id":`...), m.TraceID)
	}
	return append(dst, '}'), nil
}

func appendInt(dst []byte, name string, n int64) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, name...), n, 10)
}

// appendRaw appends checked JSON without the white space between its parts.
func appendRaw(dst []byte, raw json.RawMessage) ([]byte, error) {
	s := scanner{b: raw}
	if err := s.skip(0); err != nil {
		return dst, err
	}
	if err := s.end(); err != nil {
		return dst, err
	}
	if bytes.IndexByte(raw, ' ') < 0 && bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\t') < 0 && bytes.IndexByte(raw, '\r') < 0 {
		return append(dst, raw...), nil
	}
	buf := bytes.NewBuffer(dst)
	if err := json.Compact(buf, raw); err != nil {
		return dst, err
	}
	return buf.Bytes(), nil
}

const hexDigits = "0123456789abcdef"

// appendString quotes valid UTF-8. U+2028 and U+2029 are escaped for readers that paste JSON into JavaScript.
func appendString(dst []byte, text string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c != 0xe2 {
			continue
		}
		if c == 0xe2 && !isSeparator(text[i:]) {
			continue
		}
		dst = append(dst, text[start:i]...)
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == 0xe2:
			dst = append(dst, `\u202`...)
			dst = append(dst, hexDigits[text[i+2]&0xf])
			i += 2
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
		start = i + 1
	}
	return append(append(dst, text[start:]...), '"')
}

func isSeparator(text string) bool {
	return len(text) >= 3 && text[1] == 0x80 && (text[2] == 0xa8 || text[2] == 0xa9)
}

// Unmarshal decodes one message. Unknown fields are ignored; Data is a copy.
func Unmarshal(b []byte) (live.Message, error) {
	var m live.Message
	s := scanner{b: b}
	err := s.object(func(key []byte) error {
		if err := s.messageField(&m, key); err != nil {
			return fmt.Errorf("field %q: %w", key, err)
		}
		return nil
	})
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return live.Message{}, fmt.Errorf("decode message: %w", err)
	}
	return m, nil
}

func (s *scanner) messageField(m *live.Message, name []byte) error {
	switch string(name) {
	case "type":
		return s.strInto((*string)(&m.Type))
	case "id":
		return s.strInto(&m.ID)
	case "room_id":
		return s.intInto((*int64)(&m.RoomID))
	case "user_id":
		return s.intInto((*int64)(&m.UserID))
	case "content":
		return s.strInto(&m.Content)
	case "seq":
		return s.intInto((*int64)(&m.Seq))
	case "timestamp":
		return s.intInto(&m.Timestamp)
	case "trace_id":
		return s.strInto(&m.TraceID)
	case "data":
		s.space()
		start := s.i
		if err := s.skip(1); err != nil {
			return err
		}
		if m.Data = nil; string(s.b[start:s.i]) != "null" {
			m.Data = append(json.RawMessage(nil), s.b[start:s.i]...)
		}
		return nil
	default:
		return s.skip(1)
	}
}

func (s *scanner) intInto(dst *int64) error {
	n, err := s.intOr(*dst)
	if err == nil {
		*dst = n
	}
	return err
}

// TypeOf reads the type of an encoded message. What Marshal wrote is not parsed for it.
func TypeOf(payload []byte) live.MessageType {
	const prefix = `{"type":"`
	if bytes.HasPrefix(payload, []byte(prefix)) {
		rest := payload[len(prefix):]
		if i := bytes.IndexByte(rest, '"'); i >= 0 && bytes.IndexByte(rest[:i], '\\') < 0 {
			return live.MessageType(rest[:i])
		}
	}
	m, err := Unmarshal(payload)
	if err != nil {
		return ""
	}
	return m.Type
}

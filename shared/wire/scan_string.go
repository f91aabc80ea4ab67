package wire

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string value.
func (s *scanner) str() (string, error) {
	if s.next() != '"' {
		return "", s.wrongType()
	}
	raw, err := s.text()
	return string(raw), err
}

// text reads a string at its opening quote. The result points into the input when there is nothing to unescape.
func (s *scanner) text() ([]byte, error) {
	s.i++
	start := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			raw := s.b[start:s.i]
			s.i++
			if !utf8.Valid(raw) {
				return nil, errSyntax
			}
			return raw, nil
		case c == '\\':
			return s.escaped(append([]byte(nil), s.b[start:s.i]...))
		case c < ' ':
			return nil, errSyntax
		default:
			s.i++
		}
	}
	return nil, errSyntax
}

func (s *scanner) escaped(out []byte) ([]byte, error) {
	for s.i < len(s.b) {
		c := s.b[s.i]
		s.i++
		switch {
		case c == '"':
			if !utf8.Valid(out) {
				return nil, errSyntax
			}
			return out, nil
		case c < ' ':
			return nil, errSyntax
		case c != '\\':
			out = append(out, c)
		default:
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return nil, errSyntax
}

func (s *scanner) escape() (rune, error) {
	c := s.peek()
	s.i++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return s.unicode()
	default:
		return 0, errSyntax
	}
}

// unicode reads the four hex digits of \u, and a second \u for a surrogate pair; half a pair is refused.
func (s *scanner) unicode() (rune, error) {
	r, err := s.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if err := s.literal(`\u`); err != nil {
		return 0, err
	}
	low, err := s.hex4()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, errSyntax
	}
	return r, nil
}

func (s *scanner) hex4() (rune, error) {
	if len(s.b)-s.i < 4 {
		return 0, errSyntax
	}
	n, err := strconv.ParseUint(string(s.b[s.i:s.i+4]), 16, 16)
	if err != nil {
		return 0, errSyntax
	}
	s.i += 4
	return rune(n), nil
}

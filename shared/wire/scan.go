package wire

import (
	"errors"
	"strconv"
)

// errSyntax is all that is said about malformed JSON: the sender knows best what it wrote.
var errSyntax = errors.New("not valid JSON")

// errType is a value of the wrong JSON type in a field that is read.
var errType = errors.New("wrong type")

// maxDepth bounds recursion in values that are skipped.
const maxDepth = 32

// scanner reads one JSON text (RFC 8259) in place. It exists because encoding/json matches keys in any case, repairs
// broken UTF-8 silently, and costs five times as much for each danmu; the fuzz tests hold it against encoding/json.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// next skips white space and returns the byte that follows, 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.i >= len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) eat(c byte) bool {
	if s.next() != c {
		return false
	}
	s.i++
	return true
}

// end reports an error unless nothing but white space is left.
func (s *scanner) end() error {
	if s.space(); s.i != len(s.b) {
		return errSyntax
	}
	return nil
}

func (s *scanner) literal(word string) error {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return errSyntax
	}
	s.i += len(word)
	return nil
}

// null eats a null and says whether there was one.
func (s *scanner) null() (bool, error) {
	if s.next() != 'n' {
		return false, nil
	}
	return true, s.literal("null")
}

// object calls field for each key; field must consume the value. The key is valid until the next call.
func (s *scanner) object(field func(key []byte) error) error {
	if !s.eat('{') {
		return errType
	}
	if s.eat('}') {
		return nil
	}
	for {
		key, err := s.key()
		if err != nil {
			return err
		}
		if err := field(key); err != nil {
			return err
		}
		if s.eat('}') {
			return nil
		}
		if !s.eat(',') {
			return errSyntax
		}
	}
}

func (s *scanner) key() ([]byte, error) {
	if s.next() != '"' {
		return nil, errSyntax
	}
	key, err := s.text()
	if err != nil {
		return nil, err
	}
	if !s.eat(':') {
		return nil, errSyntax
	}
	return key, nil
}

// skip consumes one value of any type and checks its syntax.
func (s *scanner) skip(depth int) error {
	if depth > maxDepth {
		return errSyntax
	}
	switch c := s.next(); {
	case c == '{':
		return s.object(func([]byte) error { return s.skip(depth + 1) })
	case c == '[':
		return s.skipArray(depth)
	case c == '"':
		_, err := s.text()
		return err
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	default:
		_, err := s.number()
		return err
	}
}

func (s *scanner) skipArray(depth int) error {
	s.i++ // the bracket
	if s.eat(']') {
		return nil
	}
	for {
		if err := s.skip(depth + 1); err != nil {
			return err
		}
		if s.eat(']') {
			return nil
		}
		if !s.eat(',') {
			return errSyntax
		}
	}
}

// integer reads a number without fraction or exponent.
func (s *scanner) integer() (int64, error) {
	if c := s.next(); c != '-' && (c < '0' || c > '9') {
		return 0, s.wrongType()
	}
	raw, err := s.number()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, errType
	}
	return n, nil
}

// wrongType tells a well-formed value of another type from no value at all.
func (s *scanner) wrongType() error {
	if err := s.skip(0); err != nil {
		return err
	}
	return errType
}

func (s *scanner) number() ([]byte, error) {
	start := s.i
	if s.peek() == '-' {
		s.i++
	}
	if s.peek() == '0' {
		s.i++
	} else if !s.digits() {
		return nil, errSyntax
	}
	if s.peek() == '.' {
		s.i++
		if !s.digits() {
			return nil, errSyntax
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c := s.peek(); c == '+' || c == '-' {
			s.i++
		}
		if !s.digits() {
			return nil, errSyntax
		}
	}
	return s.b[start:s.i], nil
}

func (s *scanner) peek() byte {
	if s.i >= len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > start
}

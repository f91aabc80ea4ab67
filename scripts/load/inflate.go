package main

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
)

// deflateTail ends a message's last block and the stream (RFC 7692 section 7.2.2).
const deflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// An inflater opens compressed messages. All viewers of a room get the same bytes, so that a process opens each message
// once, as many viewers as it may have: the client stays cheap.
type inflater struct {
	reader io.ReadCloser
	seen   map[string][]byte
}

const maxSeen = 4096 // messages

var errInflate = errors.New("the server sent a message that does not decompress")

func (i *inflater) inflate(packed []byte) ([]byte, error) {
	if message, ok := i.seen[string(packed)]; ok {
		return message, nil
	}
	source := io.MultiReader(bytes.NewReader(packed), bytes.NewReader([]byte(deflateTail)))
	if i.reader == nil {
		i.reader = flate.NewReader(source)
	} else if err := i.reader.(flate.Resetter).Reset(source, nil); err != nil {
		return nil, errInflate
	}
	message, err := io.ReadAll(io.LimitReader(i.reader, maxServerFrame+1))
	if err != nil || len(message) > maxServerFrame {
		return nil, errInflate
	}
	if i.seen == nil || len(i.seen) >= maxSeen {
		i.seen = make(map[string][]byte, maxSeen)
	}
	i.seen[string(packed)] = message
	return message, nil
}

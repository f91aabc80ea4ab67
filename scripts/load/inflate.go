package main

import "github.com/barrage-live/barrage/shared/wire"

// An inflater opens compressed messages. All viewers of a room get the same bytes, so that a process opens each message
// once, as many viewers as it may have: the client stays cheap.
type inflater struct {
	seen map[string][]byte
}

const maxSeen = 4096 // messages

func (i *inflater) inflate(packed []byte) ([]byte, error) {
	if message, ok := i.seen[string(packed)]; ok {
		return message, nil
	}
	message, err := wire.Inflate(packed, maxServerFrame)
	if err != nil {
		return nil, err
	}
	if i.seen == nil || len(i.seen) >= maxSeen {
		i.seen = make(map[string][]byte, maxSeen)
	}
	i.seen[string(packed)] = message
	return message, nil
}

package loop

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"sync"

	"github.com/barrage-live/barrage/shared/wire"
)

// deflateTail ends a message's last block, which its sender left out, and the stream (RFC 7692 section 7.2.2).
const deflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// inflaters are 40 KB each, which is too much for every message of 50 bytes.
var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// inflate decompresses one message of at most limit bytes; more is not even produced.
func inflate(payload []byte, limit int) ([]byte, *violation) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	source := io.MultiReader(bytes.NewReader(payload), bytes.NewReader([]byte(deflateTail)))
	if err := r.(flate.Resetter).Reset(source, nil); err != nil {
		return nil, &violation{code: wire.CloseBadPayload, text: "message does not decompress"}
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(r, int64(limit)+1))
	switch {
	case n > int64(limit):
		return nil, &violation{code: wire.CloseTooBig, text: "message is too big"}
	case errors.Join(err, r.Close()) != nil:
		return nil, &violation{code: wire.CloseBadPayload, text: "message does not decompress"}
	}
	return out.Bytes(), nil
}

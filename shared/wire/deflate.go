package wire

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"sync"
)

// Compressed messages, RFC 7692 without context takeover: what one message refers to is never in another.
const (
	// syncMarker ends what a compressor flushed; section 7.2.1 has it left out.
	syncMarker = "\x00\x00\xff\xff"
	// deflateEnd is what was left out, and the end of the stream (section 7.2.2).
	deflateEnd = syncMarker + "\x01\x00\x00\xff\xff"
)

// What is wrong with a compressed message.
var (
	ErrInflate = errors.New("message does not decompress")
	ErrTooBig  = errors.New("message is too big")
)

// deflater is a compressor and what it writes to. It holds over half a megabyte, so there is one for each call at work and
// none for a connection. Level 1 gains as much as level 9 on messages of a few hundred bytes, at half the price.
type deflater struct {
	to  *flate.Writer
	out bytes.Buffer
}

var deflaters = sync.Pool{New: func() any {
	d := &deflater{}
	d.to, _ = flate.NewWriter(&d.out, flate.BestSpeed) // fails for unknown levels only
	return d
}}

// AppendDeflatedFrame appends message as one compressed unmasked text message.
func AppendDeflatedFrame(dst, message []byte) ([]byte, error) {
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	d.out.Reset()
	d.to.Reset(&d.out)
	if _, err := d.to.Write(message); err != nil {
		return dst, err
	}
	if err := d.to.Flush(); err != nil {
		return dst, err
	}
	packed := bytes.TrimSuffix(d.out.Bytes(), []byte(syncMarker))
	return append(appendHeader(dst, finBit|deflateBit|byte(OpText), len(packed)), packed...), nil
}

// inflaters are 40 KB each, which is too much for every message of 50 bytes.
var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// Inflate decompresses the payload of one message, of at most limit bytes; more is not even produced. The error is
// ErrTooBig or ErrInflate.
func Inflate(payload []byte, limit int) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	source := io.MultiReader(bytes.NewReader(payload), bytes.NewReader([]byte(deflateEnd)))
	if err := r.(flate.Resetter).Reset(source, nil); err != nil {
		return nil, ErrInflate
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(r, int64(limit)+1))
	switch {
	case n > int64(limit):
		return nil, ErrTooBig
	case errors.Join(err, r.Close()) != nil:
		return nil, ErrInflate
	}
	return out.Bytes(), nil
}

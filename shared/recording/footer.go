package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/barrage-live/barrage/shared/objects"
)

// reader is what reading needs of objects.Bucket.
type reader interface {
	Get(ctx context.Context, key string) ([]byte, objects.Version, error)
	GetRange(ctx context.Context, key string, from, n int64) (objects.Part, error)
	GetTail(ctx context.Context, key string, n int64) (objects.Part, error)
	List(ctx context.Context, prefix, after string, limit int) ([]objects.Info, bool, error)
}

// tailSize is read of an object at first: more than the footer of a full one.
const tailSize = 64 << 10

// maxFooters are remembered, of some 30 KiB at most each.
const maxFooters = 2048

// errStale says that the object was written anew since its footer was read.
var errStale = errors.New("the object has changed")

// footer is what a reader must know of an object to read parts of it.
type footer struct {
	name    Name
	key     string
	version objects.Version
	size    int64
	tail    span // the bytes of the footer itself
	groups  []group
	deleted []string
}

// footers remembers footers, so that the pages of a replay read them once. What was written anew is never asked for again.
type footers struct {
	mu    sync.Mutex
	known map[content]*footer
}

// content is one state of an object.
type content struct {
	key     string
	version objects.Version
}

func newFooters() *footers { return &footers{known: make(map[content]*footer)} }

func (f *footers) find(o content) *footer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known[o]
}

func (f *footers) keep(o content, one *footer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for other := range f.known { // any: a map's order is as good as chance
		if len(f.known) < maxFooters {
			break
		}
		delete(f.known, other)
	}
	f.known[o] = one
}

// footer reads the footer of an object that a list has found.
func (s *Store) footer(ctx context.Context, o objects.Info) (*footer, error) {
	if known := s.footers.find(content{o.Key, o.Version}); known != nil {
		return known, nil
	}
	name, ok := parseKey(o.Key)
	if !ok {
		return nil, fmt.Errorf("%s is no recording", o.Key)
	}
	part, err := s.bucket.GetTail(ctx, o.Key, tailSize)
	if err != nil {
		return nil, err
	}
	r := &ranged{ctx: ctx, from: s.bucket, key: o.Key, version: part.Version, spans: []span{{part.From, part.Body}}}
	file, err := open(r, part.Size)
	if err != nil {
		return nil, fmt.Errorf("read the footer of %s: %w", o.Key, err)
	}
	one := &footer{name: name, key: o.Key, version: part.Version, size: part.Size}
	if one.groups, err = groupsOf(file); err != nil {
		return nil, fmt.Errorf("read the footer of %s: %w", o.Key, err)
	}
	if list, ok := file.Lookup(metaDeleted); ok {
		if err := json.Unmarshal([]byte(list), &one.deleted); err != nil {
			return nil, fmt.Errorf("read the deletions of %s: %w", o.Key, err)
		}
	}
	if len(one.groups) == 0 && part.Version != o.Version {
		return nil, errStale // emptied since it was listed: what it held is in a joined object that may not have been there then
	}
	one.tail = r.footer(part.Size)
	s.footers.keep(content{o.Key, part.Version}, one)
	return one, nil
}

// rows reads one row group, with one call where the footer is known.
func (s *Store) rows(ctx context.Context, f *footer, number int) ([]Row, error) {
	g := f.groups[number]
	part, err := s.bucket.GetRange(ctx, f.key, g.from, g.size)
	if err != nil {
		return nil, err
	}
	if part.Version != f.version {
		return nil, errStale
	}
	r := &ranged{ctx: ctx, from: s.bucket, key: f.key, version: f.version, spans: []span{f.tail, {part.From, part.Body}}}
	file, err := open(r, f.size)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.key, err)
	}
	rows, err := readGroup(nil, file.RowGroups()[number])
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.key, err)
	}
	return rows, nil
}

// span is some bytes of an object.
type span struct {
	from int64
	body []byte
}

func (s span) has(off, n int64) bool { return off >= s.from && off+n <= s.from+int64(len(s.body)) }

// ranged reads an object in parts: from those that were fetched, else with a call. It serves one goroutine.
type ranged struct {
	ctx     context.Context
	from    reader
	key     string
	version objects.Version
	spans   []span
}

// ReadAt implements io.ReaderAt.
func (r *ranged) ReadAt(p []byte, off int64) (int, error) {
	for _, s := range r.spans {
		if s.has(off, int64(len(p))) {
			return copy(p, s.body[off-s.from:]), nil
		}
	}
	part, err := r.from.GetRange(r.ctx, r.key, off, int64(len(p)))
	if err != nil {
		return 0, err
	}
	if part.Version != r.version {
		return 0, errStale
	}
	r.spans = append(r.spans, span{part.From, part.Body})
	n := copy(p, part.Body)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// footer is a copy of the last bytes of the object from which a file can be opened again.
func (r *ranged) footer(size int64) span {
	best := r.spans[0]
	for _, s := range r.spans {
		if s.from < best.from {
			best = s
		}
	}
	whole := span{from: best.from, body: make([]byte, size-best.from)}
	for _, s := range r.spans {
		copy(whole.body[s.from-whole.from:], s.body)
	}
	return whole
}

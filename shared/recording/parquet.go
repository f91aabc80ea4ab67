package recording

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// rowsInGroup is what a page of a replay reads at least.
const rowsInGroup = 4096

// metaDeleted is the key of the footer that lists what the object's rows delete, as JSON: a replay must know all
// deletions of a session before it shows its first message.
const metaDeleted = "barrage.deleted"

// encode writes rows that are in order.
func encode(name Name, rows []Row) ([]byte, error) {
	deleted := []string{}
	for _, r := range rows {
		if id := r.deletes(); id != "" {
			deleted = append(deleted, id)
		}
	}
	list, err := json.Marshal(deleted)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := parquet.NewGenericWriter[Row](&out,
		parquet.Compression(&zstd.Codec{}), parquet.MaxRowsPerRowGroup(rowsInGroup),
		parquet.SortingWriterConfig(parquet.SortingColumns(parquet.Ascending("at"), parquet.Ascending("offset"))),
		parquet.KeyValueMetadata(metaDeleted, string(list)),
		parquet.KeyValueMetadata("barrage.source", name.Source.String()),
		parquet.CreatedBy("barrage", "1", ""),
	)
	if _, err := w.Write(rows); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// decode reads all rows of an object.
func decode(body []byte) ([]Row, error) {
	f, err := open(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, g := range f.RowGroups() {
		if rows, err = readGroup(rows, g); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func open(r io.ReaderAt, size int64) (*parquet.File, error) {
	return parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.SkipMagicBytes(true))
}

func readGroup(dst []Row, g parquet.RowGroup) ([]Row, error) {
	n, have := int(g.NumRows()), len(dst)
	if n < 0 || n > Window {
		return nil, fmt.Errorf("a row group of %d rows", n)
	}
	dst = append(dst, make([]Row, n)...)
	r := parquet.NewGenericRowGroupReader[Row](g)
	for read := 0; read < n; {
		m, err := r.Read(dst[have+read:])
		read += m
		if err != nil && (read < n || !errors.Is(err, io.EOF)) {
			return nil, errors.Join(err, r.Close())
		}
	}
	return dst, r.Close()
}

// group is what a reader must know of a row group before it reads it.
type group struct {
	firstAt, lastAt int64
	from, size      int64 // its bytes in the object
}

// groupsOf reads the bounds of the row groups from the footer.
func groupsOf(f *parquet.File) ([]group, error) {
	column, ok := f.Schema().Lookup("at")
	if !ok {
		return nil, errors.New("no column at")
	}
	var groups []group
	for _, rg := range f.Metadata().RowGroups {
		if column.ColumnIndex >= len(rg.Columns) {
			return nil, errors.New("a row group without the column at")
		}
		stats := rg.Columns[column.ColumnIndex].MetaData.Statistics
		if len(stats.MinValue) != 8 || len(stats.MaxValue) != 8 {
			return nil, errors.New("the column at has no bounds")
		}
		g := group{firstAt: int64(binary.LittleEndian.Uint64(stats.MinValue)), lastAt: int64(binary.LittleEndian.Uint64(stats.MaxValue)), from: -1}
		for _, c := range rg.Columns {
			begin := c.MetaData.DataPageOffset
			if d := c.MetaData.DictionaryPageOffset; d > 0 && d < begin {
				begin = d
			}
			if g.from < 0 || begin < g.from {
				g.size, g.from = g.size+max(0, g.from-begin), begin
			}
			g.size = max(g.size, begin+c.MetaData.TotalCompressedSize-g.from)
		}
		groups = append(groups, g)
	}
	return groups, nil
}

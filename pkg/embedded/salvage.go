package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

// Stopped is the directory of a broker that does not run: open to be read
// whatever its state, and to be repaired. Nobody else may open it meanwhile.
type Stopped struct {
	cfg  Config
	lock *os.File
}

// OpenStopped takes the directory, or says that its broker runs.
func OpenStopped(cfg Config) (*Stopped, error) {
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	return &Stopped{cfg: cfg, lock: lock}, nil
}

// Close gives the directory back.
func (s *Stopped) Close() error { return s.lock.Close() }

// Rooms reads the table of rooms.
func (s *Stopped) Rooms() ([]eventlog.RoomEntry, error) {
	var table kafkalog.RoomTable
	if err := s.Records(eventlog.TopicRooms, 0, table.Add); err != nil {
		return nil, err
	}
	return table.Entries(), nil
}

// Check is the check that a start makes.
func (s *Stopped) Check() error { return s.cfg.check() }

// End is the offset behind the last record of a partition that can be read.
func (s *Stopped) End(topic string, partition int) (int64, error) {
	end := int64(0)
	err := s.Records(topic, partition, func(r eventlog.Record) error {
		end = r.Offset + 1
		return nil
	})
	return end, err
}

// Records hands out every record of a partition that can be made out, in
// order. Checksums of the broker do not matter here: who reads what bears its
// own hash checks that, and of a batch in which one byte is wrong the other
// records are good.
func (s *Stopped) Records(topic string, partition int, each func(eventlog.Record) error) error {
	dir := s.dir(topic, partition)
	bases, err := segments(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	next := int64(0)
	for _, base := range bases {
		data, err := os.ReadFile(filepath.Join(dir, segmentName(base))) //nolint:gosec // in the broker's own directory
		if err != nil {
			return fmt.Errorf("read segment: %w", err)
		}
		g := salvage{next: max(next, base), each: each}
		if next, err = g.segment(data); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stopped) dir(topic string, partition int) string {
	return filepath.Join(s.cfg.mainDir(), partitionsDir, partitionName(topic, partition))
}

func partitionName(topic string, partition int) string {
	return fmt.Sprintf("%s-%d", url.PathEscape(topic), partition)
}

// salvage hands out the records in the bytes of a segment.
type salvage struct {
	next int64
	each func(eventlog.Record) error
	// skipped bytes lie between the last batch that was made out and here.
	skipped int
}

func (g *salvage) segment(data []byte) (next int64, err error) {
	for len(data) >= batchHeader {
		size, records := g.batch(data)
		switch {
		case records == nil:
			g.skipped += size
		case intact(data[:size]):
			g.skipped = 0
		default: // some of it may be missing
			g.skipped = size
		}
		for i, value := range records {
			if err := g.each(eventlog.Record{Offset: g.next, Value: value}); err != nil {
				return g.next, fmt.Errorf("record %d of the batch: %w", i, err)
			}
			g.next++
		}
		data = data[size:]
	}
	return g.next, nil
}

// batch makes out the batch at the beginning of some bytes, and says by how
// many to go on. A batch that follows the one before it has the next offset,
// whatever it says of itself: that the broker's checksum does not cover. One
// behind something that could not be made out is believed if so many records
// may have been there. A damaged one ends where the next begins, whatever its
// length says: that the checksum does not cover either.
func (g *salvage) batch(data []byte) (size int, records [][]byte) {
	size = batchSize(data)
	sound := size <= len(data) && size <= maxBatch && intact(data[:max(size, 0)])
	missing := baseOffset(data) - g.next
	switch {
	case sound && g.skipped > 0 && (missing < 0 || missing > int64(g.skipped)):
		return size, nil
	case sound && g.skipped > 0:
	case g.skipped > 0 || data[16] != 2:
		return 1, nil
	case !sound:
		size = nextBatch(data)
		missing = 0
	default:
		missing = 0
	}
	if records = values(data[:size]); records == nil {
		return 1, nil
	}
	g.next += missing
	return size, records
}

// nextBatch is where the batch behind a damaged one begins: at the first
// bytes behind its header that are a header themselves, or at the end.
func nextBatch(data []byte) int {
	for i := batchHeader; i+batchHeader <= len(data); i++ {
		b := data[i:]
		size := batchSize(b)
		if b[16] == 2 && size >= batchHeader && size <= maxBatch && size <= len(b) &&
			binary.BigEndian.Uint32(b[23:])+1 == binary.BigEndian.Uint32(b[57:]) { // the last offset and the count
			return i
		}
	}
	return len(data)
}

// values are those of the records of a batch, as many as can be made out.
// Our own writers compress nothing.
func values(b []byte) (all [][]byte) {
	if compressed := b[22]&7 != 0; compressed {
		return nil
	}
	count, rest := int(binary.BigEndian.Uint32(b[57:])), b[batchHeader:]
	for len(all) < count {
		size, n := binary.Varint(rest)
		if n <= 0 || size <= 0 || size > int64(len(rest)-n) {
			break
		}
		value, ok := valueOf(rest[n : n+int(size)])
		if !ok {
			break
		}
		all, rest = append(all, value), rest[n+int(size):]
	}
	return all
}

// valueOf is the value in the bytes of a record: attributes, the times and the
// offset relative to the batch's, key, value, headers.
func valueOf(r []byte) (value []byte, ok bool) {
	r = r[1:]
	for range 2 {
		_, n := binary.Varint(r)
		if n <= 0 {
			return nil, false
		}
		r = r[n:]
	}
	for range 2 { // the key, then the value
		size, n := binary.Varint(r)
		if n <= 0 || size > int64(len(r)-n) {
			return nil, false
		}
		value, r = r[n:n+int(max(size, 0))], r[n+int(max(size, 0)):]
	}
	return value, true
}

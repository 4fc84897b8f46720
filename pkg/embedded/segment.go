package embedded

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// A segment file is Kafka record batches, one after the other, as on the wire.
const (
	segmentSuffix = ".dat"
	batchPrefix   = 12 // base offset and length, which the length does not count
	batchHeader   = 61
	// maxBatch is far above what the broker accepts: a longer one is a length
	// that was damaged.
	maxBatch = 16 << 20
)

// segment reads one file of a partition.
type segment struct {
	path string
	last bool  // only the last segment of a partition may end in a torn batch
	next int64 // offset that the next batch must have
	each func(batch []byte) error
	// advice for when it is damaged.
	advice string
}

// scan reads the whole file and returns the offset after its last whole batch.
func (s *segment) scan() (int64, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return 0, fmt.Errorf("open segment: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	r := bufio.NewReaderSize(f, 1<<20)
	var pos int64
	var buf []byte
	for {
		prefix, err := r.Peek(batchPrefix)
		if errors.Is(err, io.EOF) && len(prefix) == 0 {
			return s.next, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("read %s: %w", s.path, err)
		}
		size := batchSize(prefix)
		if size > maxBatch {
			return 0, s.damage(pos, fmt.Sprintf("a batch of %d bytes, longer than any", size))
		}
		if size > 0 {
			buf = grow(buf, size)
			n, err := io.ReadFull(r, buf)
			switch {
			case errors.Is(err, io.ErrUnexpectedEOF):
				return s.next, s.torn(pos, buf[:n])
			case err != nil:
				return 0, fmt.Errorf("read %s: %w", s.path, err)
			}
		} else {
			return s.next, s.torn(pos, prefix)
		}
		if err := s.whole(pos, buf); err != nil {
			return 0, err
		}
		pos += int64(size)
	}
}

// batchSize returns the length of a batch from its first bytes, or 0 if they
// do not hold it.
func batchSize(prefix []byte) int {
	if len(prefix) < batchPrefix {
		return 0
	}
	return batchPrefix + int(binary.BigEndian.Uint32(prefix[8:]))
}

func grow(buf []byte, size int) []byte {
	if cap(buf) < size {
		return make([]byte, size)
	}
	return buf[:size]
}

// whole judges a batch that is all there.
func (s *segment) whole(pos int64, b []byte) error {
	switch {
	case !intact(b):
		return s.damage(pos, "the batch there does not match its checksum")
	case baseOffset(b) != s.next:
		return s.damage(pos, fmt.Sprintf("the batch there has offset %d instead of %d", baseOffset(b), s.next))
	}
	s.next += int64(binary.BigEndian.Uint32(b[23:])) + 1
	if s.each == nil {
		return nil
	}
	if err := s.each(b); err != nil {
		return s.damage(pos, err.Error())
	}
	return nil
}

// torn judges a batch that is shorter than it says: the last write before a
// power cut, which nobody was told of, unless something speaks against it.
func (s *segment) torn(pos int64, b []byte) error {
	switch {
	case !s.last:
		return s.damage(pos, "the batch there is cut, and there are later ones")
	case len(b) >= 8 && baseOffset(b) != s.next:
		return s.damage(pos, fmt.Sprintf("the batch there has offset %d instead of %d", baseOffset(b), s.next))
	case len(b) >= 17 && b[16] != 2:
		return s.damage(pos, "what is there is not a batch")
	case len(b) >= batchHeader && checksum(b) == binary.BigEndian.Uint32(b[17:]):
		return s.damage(pos, "the batch there is whole and only its length is wrong")
	}
	for i := 1; i+batchHeader <= len(b); i++ {
		size := batchSize(b[i:])
		if b[i+16] == 2 && size >= batchHeader && i+size <= len(b) && intact(b[i:i+size]) {
			return s.damage(pos, "the batch there cannot be read, and there are whole ones after it")
		}
	}
	return nil
}

func (s *segment) damage(pos int64, reason string) error {
	return &DamageError{File: s.path, Offset: pos, Reason: reason, Advice: s.advice}
}

func baseOffset(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) } //nolint:gosec // as Kafka writes it

func intact(b []byte) bool {
	return len(b) >= batchHeader && b[16] == 2 && checksum(b) == binary.BigEndian.Uint32(b[17:])
}

func checksum(b []byte) uint32 { return crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)) }

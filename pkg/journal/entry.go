package journal

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// salt begins every entry of a file and is told by its name. Behind damage the next entry is found by it; what a
// stranger has put into a value cannot pass for an entry, since nobody outside knows it.
type salt [8]byte

func newSalt() (s salt) {
	_, _ = rand.Read(s[:]) // never fails: crypto/rand ends the process instead
	return s
}

// headerBytes: salt, length of the value, checksum of both, checksum of the value. The length has a checksum of its own
// so that a flipped bit in it is not taken for a write that was cut short.
const headerBytes = 8 + 4 + 4 + 4

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func (s salt) encode(to, value []byte) []byte {
	at := len(to)
	to = append(to, s[:]...)
	to = binary.LittleEndian.AppendUint32(to, uint32(len(value))) //nolint:gosec // bounded by Add
	to = binary.LittleEndian.AppendUint32(to, checksum(to[at:]))
	to = binary.LittleEndian.AppendUint32(to, checksum(value))
	return append(to, value...)
}

// header gives the length of the value of an entry that begins with data.
func (s salt) header(data []byte) (length int, ok bool) {
	if len(data) < headerBytes || !bytes.HasPrefix(data, s[:]) || binary.LittleEndian.Uint32(data[12:]) != checksum(data[:12]) {
		return 0, false
	}
	return int(binary.LittleEndian.Uint32(data[8:])), true
}

// entry gives the value of the entry that data begins with.
func (s salt) entry(data []byte) (value []byte, ok bool) {
	length, ok := s.header(data)
	if !ok || len(data)-headerBytes < length {
		return nil, false
	}
	value = data[headerBytes : headerBytes+length]
	return value, binary.LittleEndian.Uint32(data[16:]) == checksum(value)
}

// cutShort says that data is the beginning of an entry that a crash kept from being written, or was never written at all.
func (s salt) cutShort(data []byte) bool {
	if len(bytes.Trim(data, "\x00")) == 0 {
		return true // room that the file system had made
	}
	if len(data) < headerBytes {
		return bytes.HasPrefix(data, s[:min(len(s), len(data))])
	}
	length, ok := s.header(data)
	return ok && len(data)-headerBytes < length
}

// reading is what a file holds.
type reading struct {
	values  [][]byte
	end     int   // of what is whole
	damaged []gap // what is neither an entry nor cut short
}

type gap struct{ from, to int }

func (g gap) String() string { return fmt.Sprintf("bytes %d to %d", g.from, g.to) }

func (s salt) read(data []byte) (r reading) {
	for r.end < len(data) {
		rest := data[r.end:]
		if value, ok := s.entry(rest); ok {
			r.values = append(r.values, value)
			r.end += headerBytes + len(value)
			continue
		}
		next := s.next(rest)
		if next < 0 && s.cutShort(rest) {
			return r
		}
		if next < 0 {
			next = len(rest)
		}
		r.damaged = append(r.damaged, gap{r.end, r.end + next})
		r.end += next
	}
	return r
}

// next finds the first whole entry behind the beginning of data, or -1.
func (s salt) next(data []byte) int {
	for at := 1; at < len(data); at++ {
		k := bytes.Index(data[at:], s[:])
		if k < 0 {
			return -1
		}
		at += k
		if _, ok := s.entry(data[at:]); ok {
			return at
		}
	}
	return -1
}

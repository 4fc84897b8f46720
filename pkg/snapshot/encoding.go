package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
)

// A snapshot is magic, format, schema, then the fields in the order in which they are written here, then the SHA-256 of
// all of that. Numbers are varints, what has no fixed length bears its length before it.
const (
	magic  = "VIGIESNP"
	format = 2
)

// Slots of causes begin with what they are; from slotRefused on it is the place of the refusal's code in the order in
// which codes come first. A new one is spelt out behind its slot's kind.
const (
	slotEmpty = iota
	slotDone
	slotRefused
)

// perCause is what a remembered cause takes, about.
const perCause = 44

// Encode gives the bytes of a snapshot.
func Encode(room string, s *controlroom.Saved) ([]byte, error) {
	state, region, err := controlroom.EncodeState(s.State)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 1024+len(room)+len(state)+len(region)+40*len(s.Voids)+perCause*s.Causes.Len())
	b = append(b, magic...)
	b = binary.AppendUvarint(b, format)
	b = binary.AppendUvarint(b, controlroom.Schema)
	b = appendBlock(b, []byte(room))
	b = binary.AppendVarint(b, s.Next)
	b = append(b, s.Last[:]...)
	b = binary.AppendUvarint(b, s.Version)
	b = append(b, s.Hash[:]...)
	b = binary.AppendVarint(b, s.IntakeNext)
	b = binary.AppendVarint(b, s.At)
	b = binary.BigEndian.AppendUint32(b, s.Level)
	b = appendBlock(b, []byte(s.Author))
	b = append(b, s.Answered[:]...)
	b = binary.AppendVarint(b, s.HeadAt)
	b = binary.AppendUvarint(b, s.Reopened.Number)
	b = append(b, s.Reopened.Hash[:]...)
	b = appendBlock(b, []byte(controlroom.SavedHash(s)))
	b = appendBlock(b, state)
	b = appendBlock(b, region)
	b = appendVoids(b, s.Voids)
	b = appendCauses(b, &s.Causes)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

func appendBlock(b, block []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(block))), block...)
}

func appendVoids(b []byte, voids map[es.Hash]uint64) []byte {
	b = binary.AppendUvarint(b, uint64(len(voids)))
	for _, hash := range slices.SortedFunc(maps.Keys(voids), func(x, y es.Hash) int { return bytes.Compare(x[:], y[:]) }) {
		b = append(b, hash[:]...)
		b = binary.AppendUvarint(b, voids[hash])
	}
	return b
}

func appendCauses(b []byte, c *es.Causes) []byte {
	codes := map[string]uint64{}
	b = append(b, c.Digest[:]...)
	b = binary.AppendUvarint(b, uint64(c.Len())) //nolint:gosec // a length
	for slot := range c.All() {
		switch code, known := codes[slot.First.Code]; {
		case slot.Key == [16]byte{}:
			b = append(b, slotEmpty)
			continue
		case slot.First.Code == "":
			b = append(b, slotDone)
		case known:
			b = binary.AppendUvarint(b, slotRefused+code)
		default:
			code = uint64(len(codes))
			codes[slot.First.Code] = code
			b = binary.AppendUvarint(b, slotRefused+code)
			b = appendBlock(b, []byte(slot.First.Code))
		}
		b = append(b, slot.Key[:]...)
		b = append(b, slot.First.ContentHash[:]...)
		b = binary.AppendUvarint(b, slot.First.Version)
		b = binary.AppendVarint(b, slot.First.Offset)
	}
	return b
}

// Reasons for which a snapshot is not read.
var (
	errForeign = errors.New("it is no snapshot that this version reads")
	errDamaged = errors.New("it is damaged")
	errHash    = errors.New("its state does not have the hash that it says")
)

// Decode reads the bytes of a room's snapshot. What comes back has the state hash that was written.
func Decode(room string, data []byte) (controlroom.Saved, error) {
	end := len(data) - sha256.Size
	if end < len(magic) || string(data[:len(magic)]) != magic {
		return controlroom.Saved{}, errForeign
	}
	if sum := sha256.Sum256(data[:end]); string(sum[:]) != string(data[end:]) {
		return controlroom.Saved{}, fmt.Errorf("%w: its checksum does not match its bytes", errDamaged)
	}
	r := reader{left: data[len(magic):end]}
	if f, schema := r.uvarint(), r.uvarint(); f != format || schema != controlroom.Schema {
		return controlroom.Saved{}, fmt.Errorf("%w: format %d and schema %d, not %d and %d", errForeign, f, schema, format, controlroom.Schema)
	}
	if of := string(r.block()); of != room {
		return controlroom.Saved{}, fmt.Errorf("%w: it is of room %q", errForeign, of)
	}
	var s controlroom.Saved
	s.Next, s.Last = r.varint(), r.hash()
	s.Version, s.Hash, s.IntakeNext, s.At = r.uvarint(), r.hash(), r.varint(), r.varint()
	s.Level = r.uint32()
	s.Author, s.Answered = string(r.block()), r.hash()
	s.HeadAt = r.varint()
	s.Reopened.Number, s.Reopened.Hash = r.uvarint(), r.hash()
	hash, state, region := string(r.block()), r.block(), r.block()
	s.Voids = r.voids()
	r.causes(&s.Causes)
	if r.bad || len(r.left) > 0 {
		return controlroom.Saved{}, fmt.Errorf("%w: its fields do not fit", errDamaged)
	}
	var err error
	if s.State, err = controlroom.DecodeState(state, region); err != nil {
		return controlroom.Saved{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if controlroom.SavedHash(&s) != hash {
		return controlroom.Saved{}, errHash
	}
	return s, nil
}

// reader takes fields off the front. After one that is not there it is bad and gives zeros.
type reader struct {
	left []byte
	bad  bool
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.left)) {
		r.bad, r.left = true, nil
		return nil
	}
	taken := r.left[:n:n]
	r.left = r.left[n:]
	return taken
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.left)
	r.bad = r.bad || n <= 0
	r.left = r.left[max(n, 0):]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.left)
	r.bad = r.bad || n <= 0
	r.left = r.left[max(n, 0):]
	return v
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) block() []byte { return r.take(r.uvarint()) }

func (r *reader) hash() (h es.Hash) {
	copy(h[:], r.take(uint64(len(h))))
	return h
}

func (r *reader) key() (k [16]byte) {
	copy(k[:], r.take(uint64(len(k))))
	return k
}

func (r *reader) voids() map[es.Hash]uint64 {
	voids := map[es.Hash]uint64{}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		hash := r.hash()
		voids[hash] = r.uvarint()
	}
	return voids
}

func (r *reader) causes(c *es.Causes) {
	c.Digest = r.hash()
	var codes []string
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		var slot es.Slot
		switch kind := r.uvarint(); kind {
		case slotEmpty:
			c.Add(slot)
			continue
		case slotDone:
		default:
			k := kind - slotRefused
			if k == uint64(len(codes)) {
				codes = append(codes, string(r.block()))
			}
			slot.First.Code = r.code(codes, k)
		}
		slot.Key, slot.First.ContentHash = r.key(), r.key()
		slot.First.Version, slot.First.Offset = r.uvarint(), r.varint()
		c.Add(slot)
	}
}

func (r *reader) code(codes []string, k uint64) string {
	if k >= uint64(len(codes)) {
		r.bad = true
		return ""
	}
	return codes[k]
}

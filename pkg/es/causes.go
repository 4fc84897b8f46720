package es

import (
	"crypto/sha256"
	"encoding/binary"
)

// Remembered is how many intake positions a cause is remembered for. It is counted in positions, never in time, so that
// every node forgets alike.
const Remembered = 1_000_000

// First is the first outcome of a cause.
type First struct {
	Version     uint64
	Offset      int64
	ContentHash [16]byte
	// Code of the refusal, empty when it was done.
	Code string
}

// SameContent says whether a request with this content is a repeat, and not another use of the same id.
func (f First) SameContent(h Hash) bool { return f.ContentHash == short(h) }

// Slot is what is remembered of one intake position. Its key is 128 bits of SHA-256 (a million strings would take ten
// times the memory); a zero key says that nothing is.
type Slot struct {
	Key   [16]byte
	First First
}

// causes remembers the first outcome of each cause.
type causes struct {
	slots
	// keep is after how many positions a slot is taken again: position i is remembered in slot i modulo keep.
	keep int64
	// at gives the slot of a key.
	at     map[[16]byte]int
	digest Hash
}

func newCauses(keep int64) *causes { return &causes{keep: keep, at: map[[16]byte]int{}} }

func short(h Hash) [16]byte { return [16]byte(h[:16]) }

func (c Cause) key() [16]byte {
	buf := make([]byte, 0, len(c.Principal)+len(c.ID)+1)
	buf = append(buf, c.Principal...)
	buf = append(buf, 0)
	buf = append(buf, c.ID...)
	return short(sha256.Sum256(buf))
}

func (c *causes) lookup(cause Cause) (First, bool) {
	k, ok := c.at[cause.key()]
	if !ok {
		return First{}, false
	}
	return c.get(k).First, true
}

// remember is called once for every answered request, in order of intake. Repeats only take their slot.
func (c *causes) remember(intake int64, cause Cause, repeat bool, f First) {
	k := int(intake % c.keep)
	for c.n <= k {
		c.push(Slot{})
	}
	var none [16]byte
	if old := c.get(k).Key; old != none {
		delete(c.at, old)
	}
	var slot Slot
	if !repeat && cause != (Cause{}) {
		if key := cause.key(); !c.knows(key) {
			slot = Slot{Key: key, First: f}
			c.at[key] = k
		}
	}
	c.set(k, slot)
	if slot.Key != none {
		var buf [32 + 16 + 16 + 8]byte
		n := copy(buf[:], c.digest[:])
		n += copy(buf[n:], slot.Key[:])
		n += copy(buf[n:], f.ContentHash[:])
		binary.BigEndian.PutUint64(buf[n:], f.Version)
		c.digest = sha256.Sum256(buf[:])
	}
}

// pass remembers nothing of the positions from one up to another: their requests are gone.
func (c *causes) pass(from, to int64) {
	for k := max(from, to-c.keep); k < to; k++ {
		c.remember(k, Cause{}, false, First{})
	}
}

func (c *causes) knows(key [16]byte) bool {
	_, known := c.at[key]
	return known
}

// slots is a long list in pieces, so that a copy of it costs next to nothing: it shares the pieces, and whoever changes
// one first makes it its own.
type slots struct {
	pieces []*[piece]Slot
	// shared pieces are also held by a copy.
	shared []bool
	n      int
}

// piece is small enough to be copied between two decisions.
const piece = 1024

func (s *slots) get(k int) *Slot { return &s.pieces[k/piece][k%piece] }

func (s *slots) set(k int, v Slot) {
	p := k / piece
	if s.shared[p] {
		own := *s.pieces[p]
		s.pieces[p], s.shared[p] = &own, false
	}
	s.pieces[p][k%piece] = v
}

func (s *slots) push(v Slot) {
	if s.n%piece == 0 {
		s.pieces, s.shared = append(s.pieces, new([piece]Slot)), append(s.shared, false)
	}
	s.n++
	s.set(s.n-1, v)
}

// share gives a copy that is not changed by what is set later.
func (s *slots) share() slots {
	for p := range s.shared {
		s.shared[p] = true
	}
	return slots{pieces: append([]*[piece]Slot(nil), s.pieces...), shared: append([]bool(nil), s.shared...), n: s.n}
}

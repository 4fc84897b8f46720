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

// causes remembers the first outcome of each cause. Keys are 128 bits of SHA-256: a million strings would take ten times
// the memory.
type causes struct {
	first map[[16]byte]First
	// ring holds the key remembered at intake position i in slot i modulo Remembered.
	ring   [][16]byte
	digest Hash
}

func newCauses() *causes { return &causes{first: map[[16]byte]First{}} }

func short(h Hash) [16]byte { return [16]byte(h[:16]) }

func (c Cause) key() [16]byte {
	buf := make([]byte, 0, len(c.Principal)+len(c.ID)+1)
	buf = append(buf, c.Principal...)
	buf = append(buf, 0)
	buf = append(buf, c.ID...)
	return short(sha256.Sum256(buf))
}

func (c *causes) lookup(cause Cause) (First, bool) {
	f, ok := c.first[cause.key()]
	return f, ok
}

// remember is called once for every answered request, in order of intake. Repeats only take their slot.
func (c *causes) remember(intake int64, cause Cause, repeat bool, f First) {
	slot := int(intake % Remembered)
	for len(c.ring) <= slot {
		c.ring = append(c.ring, [16]byte{})
	}
	var none, key [16]byte
	if old := c.ring[slot]; old != none {
		delete(c.first, old)
	}
	if !repeat && cause != (Cause{}) {
		key = cause.key()
		if _, known := c.first[key]; known {
			key = none
		} else {
			c.first[key] = f
		}
	}
	c.ring[slot] = key
	if key != none {
		var buf [32 + 16 + 16 + 8]byte
		n := copy(buf[:], c.digest[:])
		n += copy(buf[n:], key[:])
		n += copy(buf[n:], f.ContentHash[:])
		binary.BigEndian.PutUint64(buf[n:], f.Version)
		c.digest = sha256.Sum256(buf[:])
	}
}

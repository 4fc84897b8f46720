package directory

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// The parameters OWASP recommends for argon2id: some 30 ms on one core.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	saltLen      = 16
	hashLen      = 32
)

// phc is a password hash in the PHC string format.
type phc struct {
	memory, time uint32
	threads      uint8
	salt, hash   []byte
}

// nobody is what an unknown account's password is compared with, so that the
// answer takes as long as for a known one.
func nobody() phc {
	return phc{argonMemory, argonTime, argonThreads, make([]byte, saltLen), make([]byte, hashLen)}
}

func hashPassword(password string) phc {
	p := nobody()
	_, _ = rand.Read(p.salt) // never fails: crypto/rand ends the process instead
	p.hash = p.of(password)
	return p
}

func (p phc) of(password string) []byte {
	return argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.threads, uint32(len(p.hash))) //nolint:gosec // at most 64 bytes, see parsePHC
}

func (p phc) matches(password string) bool {
	return subtle.ConstantTimeCompare(p.of(password), p.hash) == 1
}

func (p phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.threads,
		base64.RawStdEncoding.EncodeToString(p.salt), base64.RawStdEncoding.EncodeToString(p.hash))
}

var errBadPHC = errors.New("password hash is not readable: reset the password")

// parsePHC bounds every parameter: a damaged row must not cost a gigabyte.
func parsePHC(s string) (phc, error) {
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, errBadPHC
	}
	params := strings.Split(f[3], ",")
	if len(params) != 3 {
		return phc{}, errBadPHC
	}
	var p phc
	m, okM := phcNumber(params[0], "m=", 8, 256*1024)
	t, okT := phcNumber(params[1], "t=", 1, 16)
	n, okN := phcNumber(params[2], "p=", 1, 16)
	salt, errSalt := base64.RawStdEncoding.Strict().DecodeString(f[4])
	hash, errHash := base64.RawStdEncoding.Strict().DecodeString(f[5])
	if !okM || !okT || !okN || errSalt != nil || errHash != nil ||
		len(salt) < 8 || len(salt) > 64 || len(hash) < 16 || len(hash) > 64 {
		return phc{}, errBadPHC
	}
	p.memory, p.time, p.threads, p.salt, p.hash = m, t, uint8(n), salt, hash //nolint:gosec // n is at most 16
	return p, nil
}

func phcNumber(s, prefix string, low, high uint32) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || strconv.FormatUint(n, 10) != digits {
		return 0, false
	}
	v := uint32(n)
	return v, v >= low && v <= high
}

// hashing lets two computations run at a time, 19 MiB and a core each, and 64
// wait, which is a second's worth; more are told to come back.
type hashing struct {
	slots   chan struct{}
	waiting *atomic.Int32
}

const (
	maxHashing = 2
	maxWaiting = 64
)

func newHashing() hashing {
	return hashing{make(chan struct{}, maxHashing), new(atomic.Int32)}
}

func (h hashing) acquire(ctx context.Context) (release func(), err error) {
	if h.waiting.Add(1) > maxWaiting {
		h.waiting.Add(-1)
		return nil, &TriesError{RetryAfter: retryBusy}
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a password check: %w", ctx.Err())
	}
}

// newPassword has 100 bits, in base32, which has no 0 or 1 to be misheard.
func newPassword() string {
	t := strings.ToLower(rand.Text())
	return t[:5] + "-" + t[5:10] + "-" + t[10:15] + "-" + t[15:20]
}

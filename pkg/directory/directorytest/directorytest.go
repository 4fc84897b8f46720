// Package directorytest is the contract of a directory: one suite for every
// store behind it. The caller brings a way to open the directory that lives
// under a folder; the suite opens the same one several times, one after the
// other and at once, as restarts and as processes.
package directorytest

import (
	"context"
	"sync"
	"testing"
	"time"

	"vigie/pkg/authz"
	"vigie/pkg/directory"
)

// Open opens the directory of a folder, creating it the first time. The suite
// closes it.
type Open func(ctx context.Context, dir string, now func() time.Time) (*directory.Directory, error)

// Run runs the suite.
func Run(t *testing.T, open Open) {
	t.Helper()
	for name, test := range map[string]func(fixture){
		"an account signs in with its password and nothing else":      signIn,
		"the right password is refused after five wrong ones":         tooManyTries,
		"twenty sign in at once":                                      concurrentSignIn,
		"a reset password ends the old one and its sessions":          resetPassword,
		"grants are listed, replaced and followed by live sessions":   grantsChange,
		"names and grants that cannot be are refused":                 badNames,
		"a session ends an hour after its renewal, 12 h after all":    sessionEnds,
		"a revocation is seen by other processes within two seconds":  revocation,
		"a handheld acts for its team under a stable id":              deviceTokens,
		"what is no token is unauthenticated":                         badTokens,
		"a socket token opens sockets only and ends with its parent":  socketTokens,
		"a source is known by its key until it is revoked":            sources,
		"sources are served while the directory cannot be read":       sourcesUnreadable,
		"the first start fills an empty directory once":               bootstrap,
		"of two first starts at once one makes the accounts":          bootstrapRace,
		"a restart keeps everything":                                  restart,
		"a sealed field opens to what was sealed":                     sealRoundTrip,
		"the same text of the same request has the same bytes":        sealSameBytes,
		"a sealed field that was altered or moved is refused":         sealTampered,
		"a destroyed month opens no more and gets no new key":         destroyMonth,
		"a destroyed month is closed to other processes in a minute":  destroyElsewhere,
		"sealing at once for one subject makes one key":               sealConcurrently,
		"a request is sealed in a month that nobody has prepared yet": sealNewMonth,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(fixture{t: t, open: open, dir: t.TempDir(), clock: newClock()})
		})
	}
}

// fixture is one directory on its own.
type fixture struct {
	t     *testing.T
	open  Open
	dir   string
	clock *clock
}

// start opens the directory once more.
func (f fixture) start() *directory.Directory {
	f.t.Helper()
	d, err := f.open(f.t.Context(), f.dir, f.clock.now)
	must(f.t, err)
	f.t.Cleanup(func() { _ = d.Close() })
	return d
}

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex // guards at
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 9, 30, 20, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func grant(r authz.Role, s authz.Scope) authz.Grant { return authz.Grant{Role: r, Scope: s} }

// Package journal keeps a few values on this machine's disk until they have found their place elsewhere: what has been
// acknowledged while the log was away. It knows no network and no Kafka.
//
// Guarantees: an entry whose Wait has returned nil is synced, and every later Open of the directory gives it back, in the
// order of Add, until it was told Done; writes that gather share one sync; a write that a crash cut short is cut off; of
// a file that is damaged in its middle all that is readable is given back, and the file itself is set aside, never
// deleted. A value may be given back although it was told Done: what is done twice must do no harm.
//
// Callers owe: one Close, after which nothing is added; and Done for what has found its place, or the journal fills up.
package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// Errors of adding.
var (
	// ErrFull says that the journal holds as much as it may.
	ErrFull = errors.New("journal is full: see to it that what it holds can be stored, or give it more room")
	// ErrTooLarge says that a value is larger than any entry may be.
	ErrTooLarge = errors.New("too large for the journal")
	// ErrClosed says that the journal was closed before the value was on disk.
	ErrClosed = errors.New("journal is closed")
	// ErrInUse says that another process has the directory.
	ErrInUse = errors.New("another process uses this journal; stop it first, or give each process a directory of its own")
)

// Config of a journal.
type Config struct {
	Dir string
	// MaxBytes bounds all files together; MaxEntry one value; a file is followed by another at SegmentBytes.
	MaxBytes, SegmentBytes int64
	MaxEntry               int
	Logger                 *slog.Logger
}

// Default bounds a journal in dir to what a large group of hospitals says in some hours without Kafka.
func Default(dir string) Config {
	return Config{Dir: dir, MaxBytes: 64 << 20, SegmentBytes: 1 << 20, MaxEntry: 256 << 10, Logger: slog.New(slog.DiscardHandler)}
}

// Entry is a value in the journal.
type Entry struct {
	value  []byte
	synced chan struct{} // closed when the outcome is known
	err    error         // of the sync; set before synced is closed

	// What follows is guarded by the journal's lock.
	segment *segment
	done    bool
}

// Value is what was added. It is not to be changed.
func (e *Entry) Value() []byte { return e.value }

// Wait returns when the entry is on disk, will never be, or ctx ends.
func (e *Entry) Wait(ctx context.Context) error {
	select {
	case <-e.synced:
		return e.err
	case <-ctx.Done():
		return fmt.Errorf("journal: %w", ctx.Err())
	}
}

// Journal is a directory of entries. It is safe for concurrent use.
type Journal struct {
	cfg  Config
	lock *os.File
	wait sync.WaitGroup

	mu      sync.Mutex // guards what follows
	closed  bool
	writing bool     // a goroutine writes waiting
	waiting []*Entry // not yet written
	active  *segment // what is written to; nil: the next write begins one
	bytes   int64    // of all segments, and of what waits
	entries int      // synced and not done
	number  uint64   // of the latest segment
}

// Open reads what a directory holds, in order, and makes it when there is none.
func Open(cfg Config) (*Journal, []*Entry, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("journal: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, nil, fmt.Errorf("journal %s: %w", cfg.Dir, err)
	}
	j := &Journal{cfg: cfg, lock: lock}
	entries, err := j.recover()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("journal %s: %w", cfg.Dir, err), lock.Close())
	}
	return j, entries, nil
}

// Add takes a value, behind all that were added before. It does not wait: the entry is acknowledged by its Wait alone.
func (j *Journal) Add(value []byte) (*Entry, error) {
	if len(value) > j.cfg.MaxEntry {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(value), j.cfg.MaxEntry)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	size := int64(headerBytes + len(value))
	switch {
	case j.closed:
		return nil, ErrClosed
	case j.bytes+size > j.cfg.MaxBytes:
		return nil, ErrFull
	}
	e := &Entry{value: value, synced: make(chan struct{})}
	j.bytes += size
	j.waiting = append(j.waiting, e)
	if !j.writing {
		j.writing = true
		j.wait.Go(j.write)
	}
	return e, nil
}

// Done says that an entry has found its place; its file goes with the last of them.
func (j *Journal) Done(e *Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.done {
		return
	}
	e.done = true
	if e.segment != nil {
		e.segment.live--
		j.entries--
		j.dropLocked(e.segment)
	}
}

// Entries counts what is on disk and not done.
func (j *Journal) Entries() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.entries
}

// SetAside lists the damaged files of the directory: they hold what nobody could read. Whoever has looked at them moves
// them away.
func (j *Journal) SetAside() []string {
	files, err := filepath.Glob(filepath.Join(j.cfg.Dir, "*"+damagedSuffix))
	if err != nil {
		return nil // only a bad pattern fails
	}
	return files
}

// Close lets the writes under way end. What is not done stays for the next Open.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.wait.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	if s := j.active; s != nil {
		err = s.seal()
		j.active = nil
		j.dropLocked(s)
	}
	return errors.Join(err, j.lock.Close())
}

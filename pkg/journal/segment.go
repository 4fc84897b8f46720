package journal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	suffix        = ".journal"
	damagedSuffix = ".damaged"
)

// segment is one file, NUMBER-SALT.journal. It is written by one process only: the next one begins another.
type segment struct {
	path string
	salt salt
	file *os.File // while it is written to
	size int64
	live int // entries that are not done
}

func (s *segment) seal() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// begin makes the next segment. Its name is on disk when it returns.
func (j *Journal) begin(number uint64) (*segment, error) {
	s := newSalt()
	path := filepath.Join(j.cfg.Dir, fmt.Sprintf("%016d-%s%s", number, hex.EncodeToString(s[:]), suffix))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // in the operator's own directory
	if err != nil {
		return nil, err
	}
	if err := syncDir(j.cfg.Dir); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return &segment{path: path, salt: s, file: f}, nil
}

// write puts on disk what waits, batch by batch, until nothing does.
func (j *Journal) write() {
	for {
		j.mu.Lock()
		batch, s := j.waiting, j.active
		j.waiting = nil
		if len(batch) == 0 {
			j.writing = false
			if s != nil {
				j.dropLocked(s)
			}
			j.mu.Unlock()
			return
		}
		if s == nil {
			j.number++
		}
		number := j.number
		j.mu.Unlock()

		var err error
		if s == nil {
			s, err = j.begin(number)
		}
		if err == nil {
			err = s.append(batch)
		}
		j.settle(s, batch, err)
	}
}

// append writes a batch and syncs it.
func (s *segment) append(batch []*Entry) error {
	var block []byte
	for _, e := range batch {
		block = s.salt.encode(block, e.value)
	}
	if _, err := s.file.Write(block); err != nil {
		return err
	}
	return s.file.Sync()
}

// settle takes in how a batch went. After a failure nobody knows what is on disk of it: nothing more is written there.
func (j *Journal) settle(s *segment, batch []*Entry, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	size := int64(0)
	for _, e := range batch {
		size += int64(headerBytes + len(e.value))
	}
	if err != nil {
		err = fmt.Errorf("journal: %w", err)
		j.bytes -= size
		j.active = nil
		if s != nil {
			_ = os.Truncate(s.path, s.size) // else it is cut when it is read
			_ = s.seal()                    // it has failed already
			j.dropLocked(s)
		}
	} else {
		s.size += size
		j.active = s
	}
	for _, e := range batch {
		e.err = err
		if err == nil && !e.done {
			e.segment = s
			s.live++
			j.entries++
		}
		close(e.synced)
	}
	if err == nil && s.size >= j.cfg.SegmentBytes {
		_ = s.seal() // all of it is synced
		j.active = nil
		j.dropLocked(s)
	}
}

// dropLocked removes a segment of which every entry is done, unless it is about to be written to. j.mu is held.
func (j *Journal) dropLocked(s *segment) {
	if s.live > 0 || s == j.active && j.writing {
		return
	}
	if s == j.active {
		_ = s.seal() // nothing in it matters any more
		j.active = nil
	}
	j.bytes -= s.size
	s.size = 0
	_ = os.Remove(s.path) // one that stays is given back once more, which does no harm
}

// recover reads all segments of the directory.
func (j *Journal) recover() ([]*Entry, error) {
	names, err := filepath.Glob(filepath.Join(j.cfg.Dir, "*"+suffix+"*"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []*Entry
	for _, path := range names {
		number, salt, ok := parseName(filepath.Base(path))
		if !ok {
			continue
		}
		j.number = max(j.number, number)
		if !strings.HasSuffix(path, suffix) {
			continue // set aside
		}
		entries, err := j.recoverSegment(path, salt)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}

// parseName takes a file name apart, of a segment or of one that was set aside.
func parseName(name string) (number uint64, s salt, ok bool) {
	stem, _, _ := strings.Cut(name, ".")
	first, second, _ := strings.Cut(stem, "-")
	number, err := strconv.ParseUint(first, 10, 64)
	raw, errSalt := hex.DecodeString(second)
	if err != nil || errSalt != nil || len(raw) != len(s) {
		return 0, s, false
	}
	return number, salt(raw), true
}

func (j *Journal) recoverSegment(path string, salt salt) ([]*Entry, error) {
	data, err := os.ReadFile(path) //nolint:gosec // in the operator's own directory
	if err != nil {
		return nil, err
	}
	found := salt.read(data)
	if len(found.damaged) == 0 {
		s := &segment{path: path, salt: salt, size: int64(found.end)}
		if found.end < len(data) {
			j.cfg.Logger.Warn("journal: a write that was cut short is cut off", "file", path, "bytes", len(data)-found.end)
			if err := os.Truncate(path, s.size); err != nil {
				return nil, err
			}
		}
		return j.adopt(s, found.values), nil
	}
	j.cfg.Logger.Error("journal: a file is damaged and is set aside; what can be read of it goes on",
		"file", path+damagedSuffix, "damaged", fmt.Sprint(found.damaged), "readable", len(found.values))
	return j.rescue(path, found.values)
}

// adopt takes the entries of a segment for ours.
func (j *Journal) adopt(s *segment, values [][]byte) []*Entry {
	entries := make([]*Entry, len(values))
	synced := make(chan struct{})
	close(synced)
	for k, v := range values {
		entries[k] = &Entry{value: v, synced: synced, segment: s}
	}
	s.live = len(values)
	j.entries += len(values)
	j.bytes += s.size
	j.dropLocked(s)
	return entries
}

// rescue copies what is readable of a damaged segment, and then sets it aside: a crash in between leaves both. The copy
// takes its number, and with it its place in the order, and another salt.
func (j *Journal) rescue(path string, values [][]byte) ([]*Entry, error) {
	number, _, _ := parseName(filepath.Base(path))
	s := &segment{}
	if len(values) > 0 {
		var err error
		if s, err = j.begin(number); err != nil {
			return nil, err
		}
		batch := make([]*Entry, len(values))
		for k, v := range values {
			batch[k] = &Entry{value: v}
			s.size += int64(headerBytes + len(v))
		}
		if err := errors.Join(s.append(batch), s.seal()); err != nil {
			return nil, err
		}
	}
	if err := os.Rename(path, path+damagedSuffix); err != nil {
		return nil, err
	}
	if err := syncDir(j.cfg.Dir); err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, nil
	}
	return j.adopt(s, values), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator's own directory
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// lockDir keeps a second process out until the file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own directory
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrInUse
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// durableListener accepts connections whose answers wait for the disk. kfake
// itself ignores the errors of its syncs, and syncs one batch after the other;
// here one sync serves all answers that wait, and its error ends the broker.
type durableListener struct {
	net.Listener
	disk *disk
}

func (l durableListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return durableConn{Conn: c, disk: l.disk}, nil
}

type durableConn struct {
	net.Conn
	disk *disk
}

// Write sends an answer of the broker, which has written before what the
// answer speaks of. Fetches wait as well: nobody sees what a crash could undo.
func (c durableConn) Write(p []byte) (int, error) {
	if err := c.disk.barrier(); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// disk knows which of a broker's files are synced.
type disk struct {
	dir     string
	trouble *trouble

	mu   sync.Mutex // guards next
	next *round     // gathers those who wait for the sync after the one under way

	syncing    sync.Mutex // guards what follows
	partitions map[string]*partition
	topics     fs.FileInfo // of the list of topics, when its directory was last synced
}

// round is one sync and those who wait for it.
type round struct {
	done chan struct{}
	err  error
}

// partition is what is synced of one partition.
type partition struct {
	sizes map[string]int64 // by the name of the segment
	// active stays open: a file opened anew after a failed write-back may no
	// longer be told of it.
	active     *os.File
	activeName string
}

func newDisk(dir string, t *trouble) *disk {
	return &disk{dir: dir, trouble: t, partitions: make(map[string]*partition)}
}

// barrier returns once everything that was written before the call is on disk.
func (d *disk) barrier() error {
	d.mu.Lock()
	r := d.next
	lead := r == nil
	if lead {
		r = &round{done: make(chan struct{})}
		d.next = r
	}
	d.mu.Unlock()
	if !lead {
		<-r.done
		return r.err
	}
	d.syncing.Lock()
	d.mu.Lock()
	d.next = nil // whoever comes now may have written after this sync began
	d.mu.Unlock()
	r.err = d.sync()
	d.syncing.Unlock()
	close(r.done)
	return r.err
}

// sync brings to disk all that has changed. d.syncing is held.
func (d *disk) sync() error {
	// Before the broker's answer leaves: it may be to a write that failed.
	if err := d.trouble.err(); err != nil {
		return err
	}
	if err := d.syncAll(); err != nil {
		return d.trouble.fail(fmt.Errorf("sync: %w", err))
	}
	return d.trouble.err()
}

func (d *disk) syncAll() error {
	root := filepath.Join(d.dir, "partitions")
	dirs, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	grown := false
	for _, dir := range dirs {
		p := d.partitions[dir.Name()]
		if p == nil {
			p = &partition{sizes: make(map[string]int64)}
			d.partitions[dir.Name()] = p
			grown = true
		}
		if err := p.sync(filepath.Join(root, dir.Name())); err != nil {
			return err
		}
	}
	if grown {
		if err := syncDir(root); err != nil {
			return err
		}
	}
	return d.syncTopics(grown)
}

// syncTopics makes the renaming of the list of topics last.
func (d *disk) syncTopics(grown bool) error {
	topics, err := os.Stat(filepath.Join(d.dir, topicsFile))
	switch {
	case err != nil && !grown:
		return unlessGone(err)
	case !grown && d.topics != nil && os.SameFile(topics, d.topics):
		return nil
	}
	d.topics = topics
	return syncDir(d.dir)
}

func (p *partition) sync(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return unlessGone(err)
	}
	appeared := false
	seen := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), segmentSuffix) {
			continue
		}
		seen++
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		size, known := p.sizes[e.Name()]
		if known && size == info.Size() {
			continue
		}
		if err := p.syncSegment(dir, e.Name()); err != nil {
			return err
		}
		p.sizes[e.Name()] = info.Size() // from before the sync: what came later is next
		appeared = appeared || !known
	}
	if seen < len(p.sizes) {
		p.forget(entries)
	}
	if appeared {
		return syncDir(dir)
	}
	return nil
}

func (p *partition) syncSegment(dir, name string) error {
	if p.active == nil || p.activeName != name {
		f, err := os.Open(filepath.Join(dir, name)) //nolint:gosec // in the broker's own directory
		if err != nil {
			return unlessGone(err)
		}
		p.close()
		p.active, p.activeName = f, name
	}
	return p.active.Sync()
}

// unlessGone is err, unless retention deleted what was to be synced.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// forget drops the segments that are there no more: their names may come again.
func (p *partition) forget(entries []fs.DirEntry) {
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		there[e.Name()] = true
	}
	for name := range p.sizes {
		if !there[name] {
			delete(p.sizes, name)
		}
	}
	if !there[p.activeName] {
		p.close()
	}
}

func (p *partition) close() {
	if p.active != nil {
		_ = p.active.Close() // only ever read from and synced
		p.active, p.activeName = nil, ""
	}
}

func (d *disk) close() {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	for _, p := range d.partitions {
		p.close()
	}
}

// syncDir makes names in a directory last.
func syncDir(path string) error {
	f, err := os.Open(path) //nolint:gosec // in the broker's own directory
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

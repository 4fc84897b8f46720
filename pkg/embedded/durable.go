package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
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
	root       *directory // of the partitions; nil before there is any
	partitions map[string]*partition
	topics     fs.FileInfo // of the list of topics, when its directory was last synced
}

// round is one sync and those who wait for it.
type round struct {
	done chan struct{}
	err  error
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
	grown, err := d.list()
	if err != nil {
		return err
	}
	for _, p := range d.partitions {
		if err := p.sync(); err != nil {
			return err
		}
	}
	if grown {
		if err := d.root.sync(); err != nil {
			return err
		}
	}
	return d.syncTopics(grown)
}

// list takes in partitions that have come or gone; grown says that there are new ones.
func (d *disk) list() (grown bool, err error) {
	if d.root == nil {
		if d.root, err = openDirectory(filepath.Join(d.dir, "partitions")); err != nil {
			return false, unlessGone(err)
		}
	}
	names, err := d.root.changed()
	if err != nil || names == nil {
		return false, err
	}
	for name, p := range d.partitions {
		if !p.directory.isThere() {
			p.close()
			delete(d.partitions, name)
		}
	}
	for _, name := range names {
		if d.partitions[name] != nil {
			continue
		}
		dir, err := openDirectory(filepath.Join(d.root.path, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the next listing does not name it
		}
		if err != nil {
			return false, err
		}
		d.partitions[name] = &partition{directory: dir, synced: make(map[int64]fs.FileInfo)}
		grown = true
	}
	return grown, nil
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

func (d *disk) close() {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	for _, p := range d.partitions {
		p.close()
	}
	if d.root != nil {
		d.root.close()
	}
}

// unlessGone is err, unless retention deleted what was to be synced.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// ErrInUse says that another process has the directory.
var ErrInUse = errors.New("another process uses this directory; stop it first")

// lockDir keeps a second process out until the file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own directory
	if err != nil {
		return nil, fmt.Errorf("lock directory: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrInUse
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), f.Close())
	}
	return f, nil
}

// spaceEvery is how often free space is looked at. A second of alarms is far
// less than the reserve.
const spaceEvery = time.Second

// watchSpace stops the broker while there is still room to stop in order.
func (b *Broker) watchSpace() {
	tick := time.NewTicker(spaceEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := b.enoughSpace(); err != nil {
				_ = b.trouble.fail(err) // everybody learns it from there
				return
			}
		case <-b.trouble.failed:
			return
		case <-b.stop:
			return
		}
	}
}

func (b *Broker) enoughSpace() error {
	if b.cfg.MinFree == 0 {
		return nil
	}
	var s unix.Statfs_t
	if err := unix.Statfs(b.cfg.Dir, &s); err != nil {
		return fmt.Errorf("free space of %s: %w", b.cfg.Dir, err)
	}
	free := s.Bavail * uint64(s.Bsize) //nolint:gosec // a block has a size above zero
	if free < b.cfg.MinFree {
		return fmt.Errorf("%w: %s has %d MiB left and keeps %d MiB in reserve; make room or move the directory, then start again; nothing acknowledged is lost",
			ErrDiskFull, b.cfg.Dir, free>>20, b.cfg.MinFree>>20)
	}
	return nil
}

package background

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// cache keeps what was fetched as one file each, the least used going first. A nil one keeps nothing.
type cache struct {
	dir  string
	most int64

	mu    sync.Mutex // guards what follows, and the files
	size  int64
	order *list.List // of *kept, the last used in front
	files map[string]*list.Element
}

type kept struct {
	name string
	size int64
	at   time.Time
}

// openCache finds what an earlier run has kept.
func openCache(dir string, most int64) (*cache, error) {
	if dir == "" {
		return nil, nil //nolint:nilnil // a nil cache keeps nothing
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []*kept
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			found = append(found, &kept{name: e.Name(), size: info.Size(), at: info.ModTime()})
		}
	}
	slices.SortFunc(found, func(a, b *kept) int { return b.at.Compare(a.at) })
	c := &cache{dir: dir, most: most, order: list.New(), files: make(map[string]*list.Element)}
	for _, k := range found {
		c.files[k.name] = c.order.PushBack(k)
		c.size += k.size
	}
	return c, c.shrink()
}

func nameOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// get gives what is kept under a key and how old it is; nil when nothing is, or it cannot be read.
func (c *cache) get(key string) (*fetched, time.Duration) {
	if c == nil {
		return nil, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.files[nameOf(key)]
	if e == nil {
		return nil, 0
	}
	k, _ := e.Value.(*kept)
	raw, err := os.ReadFile(filepath.Join(c.dir, k.name))
	head, body, cut := bytes.Cut(raw, []byte("\n"))
	var f fetched
	if err != nil || !cut || json.Unmarshal(head, &f) != nil {
		_ = c.drop(e) // it is fetched again
		return nil, 0
	}
	c.order.MoveToFront(e)
	f.body = body
	return &f, time.Since(k.at)
}

func (c *cache) put(key string, f *fetched) error {
	if c == nil {
		return nil
	}
	head, err := json.Marshal(f)
	if err != nil {
		return err
	}
	raw := slices.Concat(head, []byte("\n"), f.body)
	c.mu.Lock()
	defer c.mu.Unlock()
	name := nameOf(key)
	if e := c.files[name]; e != nil {
		if err := c.drop(e); err != nil {
			return err
		}
	}
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, raw, 0o600); err != nil { //nolint:gosec // a name made of a hash
		return errors.Join(err, os.Remove(path)) //nolint:gosec // the same
	}
	c.files[name] = c.order.PushFront(&kept{name: name, size: int64(len(raw)), at: time.Now()})
	c.size += int64(len(raw))
	return c.shrink()
}

func (c *cache) shrink() error {
	for c.size > c.most && c.order.Len() > 0 {
		if err := c.drop(c.order.Back()); err != nil {
			return err
		}
	}
	return nil
}

func (c *cache) drop(e *list.Element) error {
	k, _ := c.order.Remove(e).(*kept)
	delete(c.files, k.name)
	c.size -= k.size
	if err := os.Remove(filepath.Join(c.dir, k.name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget a tile: %w", err)
	}
	return nil
}

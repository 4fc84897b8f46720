// Package feed holds the newest of each of many things for whoever follows them, each at its own pace: a follower pulls what
// has changed since it last did. A slow one costs the others nothing, and is told once of what has changed twice meanwhile.
// What is over is told to those who may know of it, and kept from those who come later.
package feed

import (
	"cmp"
	"container/list"
	"slices"
	"sync"
)

// Most bounds what is held, of what is open as of what is over: far above how many teams and open notices a room has.
const Most = 8192

// Feed is safe for concurrent use.
type Feed[T any] struct {
	mu         sync.RWMutex // guards what follows
	items      map[string]*list.Element
	open, over *list.List // of items, in the order in which they changed
	last       uint64     // number of the last change
	forgotten  uint64     // of the last end that is not held any more
	changed    chan struct{}
}

type item[T any] struct {
	key   string
	value T
	// at is the number of its last change, born that of its first.
	at, born uint64
	over     bool
}

// New returns a feed of nothing.
func New[T any]() *Feed[T] {
	return &Feed[T]{items: map[string]*list.Element{}, open: list.New(), over: list.New(), changed: make(chan struct{})}
}

// Put has a value take the place of what there was under a key. Of too many the one that has not changed for longest goes.
func (f *Feed[T]) Put(key string, value T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	it := f.take(key)
	if it == nil {
		it = &item[T]{key: key, born: f.last + 1}
	}
	f.enter(it, value, false)
}

// End says what there is to say of a key for the last time. Of what is not there it says nothing.
func (f *Feed[T]) End(key string, value T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at := f.items[key]; at == nil || of[T](at).over {
		return
	}
	f.enter(f.take(key), value, true)
}

// take removes an item, if it is there. f.mu is held.
func (f *Feed[T]) take(key string) *item[T] {
	at := f.items[key]
	if at == nil {
		return nil
	}
	delete(f.items, key)
	it := of[T](at)
	f.line(it.over).Remove(at)
	return it
}

// enter puts an item last. f.mu is held.
func (f *Feed[T]) enter(it *item[T], value T, over bool) {
	f.last++
	it.value, it.over, it.at = value, over, f.last
	line := f.line(over)
	f.items[it.key] = line.PushBack(it)
	if line.Len() > Most {
		oldest := f.take(of[T](line.Front()).key)
		if oldest.over {
			f.forgotten = oldest.at
		}
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *Feed[T]) line(over bool) *list.List {
	if over {
		return f.over
	}
	return f.open
}

func of[T any](at *list.Element) *item[T] {
	it, _ := at.Value.(*item[T])
	return it
}

// Last is where whoever wants to know only of what comes begins. Whoever wants to know of what is open begins at 0.
func (f *Feed[T]) Last() uint64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.last
}

// Changed is closed at the next change. Take it before Since.
func (f *Feed[T]) Changed() <-chan struct{} {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.changed
}

// Since gives all that has changed after a place, in order, and the place after it. It is false when something is over of
// which whoever is at that place cannot be told any more: let it begin again.
func (f *Feed[T]) Since(place uint64) (values []T, next uint64, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if place > 0 && place < f.forgotten {
		return nil, place, false
	}
	changed := after(after[T](nil, f.open, place), f.over, place)
	slices.SortFunc(changed, func(a, b *item[T]) int { return cmp.Compare(a.at, b.at) })
	for _, it := range changed {
		values = append(values, it.value)
	}
	return values, f.last, true
}

// after adds what has changed after a place, but for what has come and gone since.
func after[T any](found []*item[T], line *list.List, place uint64) []*item[T] {
	for at := line.Back(); at != nil && of[T](at).at > place; at = at.Prev() {
		if it := of[T](at); !it.over || it.born <= place {
			found = append(found, it)
		}
	}
	return found
}

// Package newest holds the newest of each of many things for whoever follows them, each at its own pace: a follower pulls what
// has changed since it last did. A slow one costs the others nothing, and is told once of what has changed twice meanwhile.
// What is over is told to those who may know of it, and kept from those who come later.
package newest

import (
	"cmp"
	"container/list"
	"slices"
	"sync"
)

// Most bounds what is held, of what is open as of what is over: far above how many teams and open notices a room has.
const Most = 8192

// Each is the newest of each. It is safe for concurrent use.
type Each[T any] struct {
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

// New returns the newest of nothing.
func New[T any]() *Each[T] {
	return &Each[T]{items: map[string]*list.Element{}, open: list.New(), over: list.New(), changed: make(chan struct{})}
}

// Put has a value take the place of what there was under a key. Of too many the one that has not changed for longest goes.
func (e *Each[T]) Put(key string, value T) {
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.take(key)
	if it == nil {
		it = &item[T]{key: key, born: e.last + 1}
	}
	e.enter(it, value, false)
}

// End says what there is to say of a key for the last time. Of what is not there it says nothing.
func (e *Each[T]) End(key string, value T) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if at := e.items[key]; at == nil || of[T](at).over {
		return
	}
	e.enter(e.take(key), value, true)
}

// take removes an item, if it is there. e.mu is held.
func (e *Each[T]) take(key string) *item[T] {
	at := e.items[key]
	if at == nil {
		return nil
	}
	delete(e.items, key)
	it := of[T](at)
	e.line(it.over).Remove(at)
	return it
}

// enter puts an item last. e.mu is held.
func (e *Each[T]) enter(it *item[T], value T, over bool) {
	e.last++
	it.value, it.over, it.at = value, over, e.last
	line := e.line(over)
	e.items[it.key] = line.PushBack(it)
	if line.Len() > Most {
		oldest := e.take(of[T](line.Front()).key)
		if oldest.over {
			e.forgotten = oldest.at
		}
	}
	close(e.changed)
	e.changed = make(chan struct{})
}

func (e *Each[T]) line(over bool) *list.List {
	if over {
		return e.over
	}
	return e.open
}

func of[T any](at *list.Element) *item[T] {
	it, _ := at.Value.(*item[T])
	return it
}

// Last is where whoever wants to know only of what comes begins. Whoever wants to know of what is open begins at 0.
func (e *Each[T]) Last() uint64 {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.last
}

// Changed is closed at the next change. Take it before Since.
func (e *Each[T]) Changed() <-chan struct{} {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.changed
}

// Since gives all that has changed after a place, in order, and the place after it. It is false when something is over of
// which whoever is at that place cannot be told any more: let it begin again.
func (e *Each[T]) Since(place uint64) (values []T, next uint64, ok bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if place > 0 && place < e.forgotten {
		return nil, place, false
	}
	changed := after(after[T](nil, e.open, place), e.over, place)
	slices.SortFunc(changed, func(a, b *item[T]) int { return cmp.Compare(a.at, b.at) })
	for _, it := range changed {
		values = append(values, it.value)
	}
	return values, e.last, true
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

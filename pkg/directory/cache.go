package directory

import "sync"

// maxCached bounds each cache: some megabytes, and more sessions or keys than
// a region has in use.
const maxCached = 20_000

// cache forgets an arbitrary entry when it is full: each can be read again.
type cache[K comparable, V any] struct {
	mu *sync.Mutex // guards m
	m  map[K]V
}

func newCache[K comparable, V any]() cache[K, V] {
	return cache[K, V]{mu: new(sync.Mutex), m: map[K]V{}}
}

func (c cache[K, V]) get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.m[k]
	return v, ok
}

func (c cache[K, V]) put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.m) >= maxCached {
		for old := range c.m {
			delete(c.m, old)
			break
		}
	}
	c.m[k] = v
}

func (c cache[K, V]) forget(k K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.m, k)
}

// forgetAll looks at every entry: for what happens a few times a day.
func (c cache[K, V]) forgetAll(match func(K, V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, v := range c.m {
		if match(k, v) {
			delete(c.m, k)
		}
	}
}

package kafkalog

import "sync"

// bells wake the tails of partitions that rest.
type bells struct {
	mu sync.Mutex
	of map[bell]chan struct{} // closed and replaced when it is rung
}

type bell struct {
	topic     string
	partition int
}

// listen gives what is closed when the bell is next rung.
func (b *bells) listen(of bell) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of[of] == nil {
		b.of[of] = make(chan struct{})
	}
	return b.of[of]
}

func (b *bells) ring(of bell) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if rung := b.of[of]; rung != nil {
		close(rung)
		delete(b.of, of)
	}
}

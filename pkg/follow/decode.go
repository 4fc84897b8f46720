package follow

import (
	"context"
	"runtime"
	"sync"

	"vigie/pkg/eventlog"
	"vigie/pkg/wire"
)

const (
	// perStretch records are decoded by one goroutine at a time, and so many stretches wait in line at most: about 2 MB.
	perStretch = 256
	inLine     = 8
	// decoders is how many processors may be busy for one room: several are read at once.
	decoders = 4
)

// stretch is some records in a row, decoded once done is closed.
type stretch struct {
	records []eventlog.Record
	decoded []wire.Stored
	done    chan struct{}
}

func newStretch() *stretch {
	return &stretch{records: make([]eventlog.Record, 0, perStretch), done: make(chan struct{})}
}

func (s *stretch) decode() {
	s.decoded = make([]wire.Stored, len(s.records))
	for k, r := range s.records {
		s.decoded[k] = wire.Decode(r.Offset, r.Value)
	}
	close(s.done)
}

// decodeAhead hands out what scan reads, in order, while what is behind is read and decoded: that takes four times as long as
// to fold it. What was read before an error is handed out before it is returned.
func decodeAhead(
	ctx context.Context, scan func(ctx context.Context, each func(eventlog.Record) error) error, deliver func(*wire.Stored) error,
) error {
	scanning, stop := context.WithCancel(ctx)
	defer stop()
	line, work := make(chan *stretch, inLine), make(chan *stretch, inLine)
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), decoders) {
		wait.Go(func() {
			for s := range work {
				s.decode()
			}
		})
	}
	var scanned error
	wait.Go(func() {
		defer close(line)
		defer close(work)
		s := newStretch()
		scanned = scan(scanning, func(r eventlog.Record) error {
			if s.records = append(s.records, r); len(s.records) == perStretch {
				line <- s // it is emptied to the last, whatever happens
				work <- s
				s = newStretch()
			}
			return nil
		})
		line <- s
		work <- s
	})
	var failed error
	for s := range line {
		<-s.done
		for k := range s.decoded {
			if failed != nil {
				break
			}
			if failed = ctx.Err(); failed == nil {
				failed = deliver(&s.decoded[k])
			}
		}
		if failed != nil {
			stop()
		}
	}
	wait.Wait()
	if failed != nil {
		return failed
	}
	return scanned
}

package kafkalog_test

import (
	"bytes"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"vigie/pkg/eventlog"
)

// TestATailStopsWhenWhatItHasReadWasLostAndWrittenOver: the new leader's log is whole, as long as the one that was read, and
// another; only who looks back can tell. One that lacks the last record alone ends where a look back begins, which is no error.
func TestATailStopsWhenWhatItHasReadWasLostAndWrittenOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after []string
		says  string
	}{
		"and the log is as long as before": {[]string{"a", "b", "x"}, "cut and written on"},
		"and the log is longer":            {[]string{"a", "b", "x", "y", "z"}, "cut and written on"},
		"and the log is one shorter":       {[]string{"a", "b"}, "the log ends at 2"},
		"and the log is much shorter":      {[]string{"a"}, "the log ends at 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRestartable(t)
			l := connect(t, b.cluster.ListenAddrs()...)
			create(t, l, topic)
			ctx := deadline(t)
			if _, err := l.Append(ctx, topic, 0, [][]byte{[]byte("a"), []byte("b"), []byte("c")}); err != nil {
				t.Fatal(err)
			}
			ready, tailed := make(chan struct{}), make(chan error, 1)
			go func() {
				read := 0
				tailed <- l.Tail(ctx, topic, 0, 0, func(records []eventlog.Record, _ int64) error {
					if read += len(records); read == 3 && len(records) > 0 {
						close(ready)
					}
					if read > 3 {
						return errEnough
					}
					return nil
				})
			}()
			<-ready
			b.cluster.Close()
			b.dir = t.TempDir()
			b.start()
			var written atomic.Bool
			b.cluster.ControlKey(keyFetch, func(kmsg.Request) (kmsg.Response, error, bool) {
				b.cluster.KeepControl()
				if written.Load() {
					return nil, nil, false
				}
				return nil, errEnough, true // the connection ends
			})
			again := connect(t, b.cluster.ListenAddrs()...)
			create(t, again, topic)
			values := make([][]byte, len(c.after))
			for k, v := range c.after {
				values[k] = []byte(v)
			}
			if _, err := again.Append(ctx, topic, 0, values); err != nil {
				t.Fatal(err)
			}
			written.Store(true)
			var damage *eventlog.DamageError
			if err := <-tailed; !errors.As(err, &damage) || !bytes.Contains([]byte(damage.Reason), []byte(c.says)) {
				t.Errorf("the tail ended with %v, want %q", err, c.says)
			}
		})
	}
}

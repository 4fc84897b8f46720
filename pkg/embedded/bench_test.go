package embedded_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

// BenchmarkDurableWrite is a request of 200 bytes until it is on disk.
func BenchmarkDurableWrite(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			r := start(b, config(b.TempDir(), "north"))
			defer r.stop(b)
			w, err := kafkalog.NewWriter(r.Log, kafkalog.DefaultWriter())
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			value := make([]byte, 200)
			tickets := make(chan struct{}, callers)
			var group sync.WaitGroup
			for range callers {
				group.Go(func() {
					for range tickets {
						if _, err := w.Write(context.Background(), eventlog.TopicIntake, 0, value); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ReportAllocs()
			for b.Loop() {
				tickets <- struct{}{}
			}
			close(tickets)
			group.Wait()
		})
	}
}

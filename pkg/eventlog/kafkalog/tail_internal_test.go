package kafkalog

import (
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"

	"vigie/pkg/eventlog"
)

// batches are an answer of so many records from an offset on, and what comes after them.
type batches struct {
	from, to int64
	then     error
	hole     int64
}

func (a *batches) ReadRecord() (*kafka.Record, error) {
	if a.from < a.to {
		a.from++
		return &kafka.Record{Offset: a.from - 1, Value: kafka.NewBytes([]byte{byte(a.from - 1)})}, nil
	}
	if a.hole > 0 {
		return &kafka.Record{Offset: a.hole, Value: kafka.NewBytes(nil)}, nil
	}
	return nil, a.then
}

// Given records that are whole and bytes behind them that are not, when a tail reads them, then it hands out the records
// and stops at the bytes, and passes over neither.
func TestWhatWasReadBeforeBadBytesIsHandedOut(t *testing.T) {
	t.Parallel()
	noise := errors.New("bad checksum")
	for name, bad := range map[string]func() kafka.RecordReader{
		"bytes that make no sense":   func() kafka.RecordReader { return &batches{from: 5, to: 5, then: noise} },
		"a batch from before them":   func() kafka.RecordReader { return &batches{from: 3, to: 5, then: noise} },
		"no more than its beginning": func() kafka.RecordReader { return &batches{from: 5, to: 5, then: io.ErrUnexpectedEOF} },
	} {
		tail := tail{topic: "log", next: 3}
		first, err := tail.collect(&batches{from: 3, to: 5, then: noise})
		if diff := cmp.Diff([]eventlog.Record{{Offset: 3, Value: []byte{3}}, {Offset: 4, Value: []byte{4}}}, first); diff != "" || err != nil || tail.next != 5 {
			t.Errorf("%s: (-want +got):\n%s\n%v, next %d", name, diff, err, tail.next)
		}
		// Once it may have been the wire; twice in a row it is what is stored.
		if records, err := tail.collect(bad()); len(records) != 0 || !errors.Is(err, errUnreadable) {
			t.Errorf("%s: %v, %v, want it to be read again", name, records, err)
		}
		var damage *eventlog.DamageError
		if records, err := tail.collect(bad()); len(records) != 0 || !errors.As(err, &damage) || damage.Offset != 5 {
			t.Errorf("%s: %v, %v, want damage at 5", name, records, err)
		}
	}
}

func TestWhatWasReadBeforeAHoleIsHandedOut(t *testing.T) {
	t.Parallel()
	tail := tail{topic: "log", next: 3}
	if records, err := tail.collect(&batches{from: 3, to: 5, hole: 9}); len(records) != 2 || err != nil {
		t.Errorf("%v, %v, want two records", records, err)
	}
	var damage *eventlog.DamageError
	if records, err := tail.collect(&batches{hole: 9}); len(records) != 0 || !errors.As(err, &damage) || damage.Offset != 5 {
		t.Errorf("%v, %v, want damage at 5", records, err)
	}
}

func TestAnAnswerThatEndsIsNoError(t *testing.T) {
	t.Parallel()
	tail := tail{topic: "log", next: 3, last: []byte{2}, held: true}
	if records, err := tail.collect(&batches{from: 2, to: 5, then: io.EOF}); len(records) != 2 || err != nil || tail.lookedBack.IsZero() {
		t.Errorf("%v, %v", records, err)
	}
	if records, err := tail.collect(&batches{then: io.EOF}); len(records) != 0 || err != nil || tail.unreadable != 0 {
		t.Errorf("%v, %v", records, err)
	}
}

package kafkalog_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

var errEnough = errors.New("enough")

// stored reads the values of partition 0.
func stored(ctx context.Context, tb testing.TB, l *kafkalog.Log) []string {
	tb.Helper()
	_, end, err := l.Bounds(ctx, topic, 0)
	if err != nil {
		tb.Fatalf("bounds: %v", err)
	}
	var got []string
	err = l.Scan(ctx, topic, 0, 0, end, func(r eventlog.Record) error {
		got = append(got, string(r.Value))
		return nil
	})
	if err != nil {
		tb.Fatalf("scan: %v", err)
	}
	return got
}

// refuse makes the broker answer the next n produces with e.
func refuse(c *kfake.Cluster, n int64, e *kerr.Error) {
	var done atomic.Int64
	c.ControlKey(keyProduce, func(r kmsg.Request) (kmsg.Response, error, bool) {
		if done.Add(1) > n {
			return nil, nil, false
		}
		c.KeepControl()
		req := r.(*kmsg.ProduceRequest)
		res := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, rt := range req.Topics {
			t := kmsg.NewProduceResponseTopic()
			t.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition, p.ErrorCode = rp.Partition, e.Code
				t.Partitions = append(t.Partitions, p)
			}
			res.Topics = append(res.Topics, t)
		}
		return res, nil, true
	})
}

func TestTheBrokersRefusalSaysWhatIsStored(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer *kerr.Error
		want   error
	}{
		{kerr.RequestTimedOut, eventlog.ErrUnknownOutcome},
		{kerr.NotEnoughReplicasAfterAppend, eventlog.ErrUnknownOutcome},
		{kerr.UnknownServerError, eventlog.ErrUnknownOutcome},
		{kerr.KafkaStorageError, eventlog.ErrUnknownOutcome},
		{kerr.NotLeaderForPartition, eventlog.ErrNotWritten},
		{kerr.LeaderNotAvailable, eventlog.ErrNotWritten},
		{kerr.NotEnoughReplicas, eventlog.ErrNotWritten},
		{kerr.CorruptMessage, eventlog.ErrNotWritten},
		{kerr.UnknownTopicOrPartition, eventlog.ErrNotWritten}, // a broker that has not yet heard of it
		{kerr.MessageTooLarge, eventlog.ErrRefused},
		{kerr.TopicAuthorizationFailed, eventlog.ErrRefused},
	} {
		t.Run(c.answer.Message, func(t *testing.T) {
			t.Parallel()
			cluster, l := single(t)
			refuse(cluster, 1, c.answer)
			_, err := l.Append(deadline(t), topic, 0, [][]byte{[]byte("x")})
			for _, outcome := range []error{eventlog.ErrUnknownOutcome, eventlog.ErrNotWritten, eventlog.ErrRefused} {
				if got, want := errors.Is(err, outcome), errors.Is(c.want, outcome); got != want {
					t.Errorf("%v: is %q: %v, want %v", err, outcome, got, want)
				}
			}
		})
	}
}

func TestATopicThatKafkaDoesNotHaveIsNotWritten(t *testing.T) {
	t.Parallel()
	_, l := single(t)
	for _, where := range []struct {
		topic     string
		partition int
	}{{"nowhere", 0}, {topic, 77}} {
		if _, err := l.Append(deadline(t), where.topic, where.partition, [][]byte{[]byte("x")}); !errors.Is(err, eventlog.ErrNotWritten) {
			t.Errorf("append to %s/%d: got %v, want ErrNotWritten", where.topic, where.partition, err)
		}
	}
}

func TestALostAnswerIsUnknownAndTheSameBytesAreStoredTwice(t *testing.T) {
	t.Parallel()
	l, answer := tampered(t)
	ctx := deadline(t)
	var lost atomic.Bool
	lose := func(key int16, _ []byte) bool { return key != keyProduce || lost.Swap(true) }
	answer.Store(&lose)
	value := [][]byte{[]byte("alarm")}
	if _, err := l.Append(ctx, topic, 0, value); !errors.Is(err, eventlog.ErrUnknownOutcome) {
		t.Fatalf("got %v, want ErrUnknownOutcome", err)
	}
	if offset, err := l.Append(ctx, topic, 0, value); err != nil || offset != 1 {
		t.Fatalf("the second try is at %d, %v; want 1", offset, err)
	}
	if diff := cmp.Diff([]string{"alarm", "alarm"}, stored(ctx, t, l)); diff != "" {
		t.Error(diff)
	}
}

func TestAWriterRepeatsALostWriteUntilItIsAnswered(t *testing.T) {
	t.Parallel()
	l, answer := tampered(t)
	ctx := deadline(t)
	var produces atomic.Int64
	lose := func(key int16, _ []byte) bool { return key != keyProduce || produces.Add(1) > 2 }
	answer.Store(&lose)
	offset, err := writer(t, l).Write(ctx, topic, 0, []byte("alarm"))
	if err != nil || offset != 2 {
		t.Fatalf("written at %d, %v; want 2, after two copies", offset, err)
	}
	if diff := cmp.Diff([]string{"alarm", "alarm", "alarm"}, stored(ctx, t, l)); diff != "" {
		t.Error(diff)
	}
}

func TestAWriterWaitsForALeader(t *testing.T) {
	t.Parallel()
	cluster, l := single(t)
	ctx := deadline(t)
	refuse(cluster, 3, kerr.LeaderNotAvailable)
	if offset, err := writer(t, l).Write(ctx, topic, 0, []byte("x")); err != nil || offset != 0 {
		t.Fatalf("written at %d, %v; want 0", offset, err)
	}
	if got := stored(ctx, t, l); len(got) != 1 {
		t.Errorf("stored %q, want one record", got)
	}
}

func TestATailReadsAgainWhatTheWireDamagedOnce(t *testing.T) {
	t.Parallel()
	l, answer := tampered(t)
	ctx := deadline(t)
	if _, err := l.Append(ctx, topic, 0, [][]byte{[]byte("marker")}); err != nil {
		t.Fatal(err)
	}
	var damaged atomic.Bool
	answer.Store(inFetch("marker", func(b []byte, at int) {
		if !damaged.Swap(true) {
			b[at] ^= 0x20
		}
	}))
	err := l.Tail(ctx, topic, 0, 0, func(records []eventlog.Record, _ int64) error {
		if len(records) == 0 {
			return nil
		}
		if got := string(records[0].Value); got != "marker" {
			t.Errorf("read %q", got)
		}
		return errEnough
	})
	if !errors.Is(err, errEnough) || !damaged.Load() {
		t.Errorf("tail: %v, damaged: %v", err, damaged.Load())
	}
}

func TestATailStopsAtBytesThatStayDamaged(t *testing.T) {
	t.Parallel()
	l, answer := tampered(t)
	ctx := deadline(t)
	for _, v := range []string{"good", "marker", "after"} {
		if _, err := l.Append(ctx, topic, 0, [][]byte{[]byte(v)}); err != nil {
			t.Fatal(err)
		}
	}
	answer.Store(inFetch("marker", func(b []byte, at int) { b[at] ^= 0x20 }))
	var got []string
	err := l.Tail(ctx, topic, 0, 0, func(records []eventlog.Record, _ int64) error {
		for _, r := range records {
			got = append(got, string(r.Value))
		}
		return nil
	})
	var damage *eventlog.DamageError
	if !errors.As(err, &damage) || damage.Offset != 1 {
		t.Errorf("got %v, want damage at 1", err)
	}
	if diff := cmp.Diff([]string{"good"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestATailNamesTheRecordThatHasGoneBadSinceItWasRead(t *testing.T) {
	t.Parallel()
	l, answer := tampered(t)
	ctx := deadline(t)
	for _, v := range []string{"good", "marker"} {
		if _, err := l.Append(ctx, topic, 0, [][]byte{[]byte(v)}); err != nil {
			t.Fatal(err)
		}
	}
	read := 0
	err := l.Tail(ctx, topic, 0, 0, func(records []eventlog.Record, _ int64) error {
		if read += len(records); read == 2 {
			answer.Store(inFetch("marker", func(b []byte, at int) { b[at] ^= 0x20 }))
		}
		return nil
	})
	var damage *eventlog.DamageError
	if !errors.As(err, &damage) || damage.Offset != 1 {
		t.Errorf("got %v, want damage at 1", err)
	}
}

// baseOffset finds the last byte of the base offset of a batch with one short
// record, from the first byte of its value: 61 bytes of batch header and 6 of
// the record's own, all of them varints below 64.
func baseOffset(at int) int { return at - 6 - 61 + 7 }

func TestReadersStopAtAHole(t *testing.T) {
	t.Parallel()
	l, answer := tampered(t)
	ctx := deadline(t)
	for _, v := range []string{"good", "marker"} {
		if _, err := l.Append(ctx, topic, 0, [][]byte{[]byte(v)}); err != nil {
			t.Fatal(err)
		}
	}
	answer.Store(inFetch("marker", func(b []byte, at int) { b[baseOffset(at)] += 3 }))
	for name, read := range map[string]func() error{
		"tail": func() error {
			return l.Tail(ctx, topic, 0, 0, func([]eventlog.Record, int64) error { return nil })
		},
		"scan": func() error {
			return l.Scan(ctx, topic, 0, 0, 2, func(eventlog.Record) error { return nil })
		},
	} {
		var damage *eventlog.DamageError
		if err := read(); !errors.As(err, &damage) || damage.Offset != 1 {
			t.Errorf("%s: got %v, want damage at 1", name, err)
		}
	}
}

// restartable is a broker that can be stopped and started again at the same
// address with the same records.
type restartable struct {
	tb      testing.TB
	dir     string
	port    int
	cluster *kfake.Cluster
}

func newRestartable(tb testing.TB) *restartable {
	tb.Helper()
	r := &restartable{tb: tb, dir: tb.TempDir()}
	r.start()
	_, port, err := net.SplitHostPort(r.cluster.ListenAddrs()[0])
	if err != nil {
		tb.Fatal(err)
	}
	if r.port, err = strconv.Atoi(port); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { r.cluster.Close() })
	return r
}

func (r *restartable) start() {
	r.tb.Helper()
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.DataDir(r.dir)}
	if r.port != 0 {
		opts = append(opts, kfake.Ports(r.port))
	}
	var err error
	if r.cluster, err = kfake.NewCluster(opts...); err != nil {
		r.tb.Fatalf("start broker: %v", err)
	}
}

func TestReadersAndWritersRideOutABrokerThatIsAway(t *testing.T) {
	t.Parallel()
	b := newRestartable(t)
	l := connect(t, b.cluster.ListenAddrs()...)
	create(t, l, topic)
	w := writer(t, l)
	ctx := deadline(t)
	if _, err := w.Write(ctx, topic, 0, []byte("before")); err != nil {
		t.Fatal(err)
	}
	var got []string
	ready, tailed := make(chan struct{}), make(chan error, 1)
	go func() {
		tailed <- l.Tail(ctx, topic, 0, 0, func(records []eventlog.Record, _ int64) error {
			for _, r := range records {
				if got = append(got, string(r.Value)); len(got) == 1 {
					close(ready)
				}
			}
			if len(got) > 1 {
				return errEnough
			}
			return nil
		})
	}()
	<-ready
	b.cluster.Close()
	written := make(chan error, 1)
	go func() {
		_, err := w.Write(ctx, topic, 0, []byte("after"))
		written <- err
	}()
	b.start()
	if err := <-written; err != nil {
		t.Errorf("write: %v", err)
	}
	if err := <-tailed; !errors.Is(err, errEnough) {
		t.Errorf("tail: %v", err)
	}
	if diff := cmp.Diff([]string{"before", "after"}, got[:2]); diff != "" {
		t.Error(diff)
	}
}

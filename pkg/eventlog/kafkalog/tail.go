package kafkalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"

	"vigie/pkg/eventlog"
)

const (
	fetchWait     = 250 * time.Millisecond // how long a broker holds an empty answer
	rest          = 250 * time.Millisecond // how far apart an unhurried tail asks
	fetchMaxBytes = 4 << 20
	// maxBlank answers without a record while the broker says that there are
	// some are taken for a batch that cannot be read: kafka-go drops a batch
	// whose length field is wrong without a word.
	maxBlank = 8
	// lookBackEvery is how often a tail looks again at the last record that it
	// has handed out.
	lookBackEvery = time.Second
)

// errUnreadable is an answer whose bytes fail Kafka's checksum or make no sense.
var errUnreadable = errors.New("answer cannot be read")

// Tail hands out every record from offset from on, for as long as ctx lives:
// in order, without a hole, in batches as they come. deliver is also called
// without records when nothing is new, so that it learns the high watermark.
// Tail returns when ctx ends, when deliver returns an error, with
// [eventlog.DamageError], or with [eventlog.ErrRefused] when reading is not
// allowed; brokers that are away it waits for. A broker that has lost what was
// handed out, and has something else in its place, is damage too: it is noticed
// within a second.
func (l *Log) Tail(ctx context.Context, topic string, partition int, from int64,
	deliver func(records []eventlog.Record, highWatermark int64) error,
) error {
	t := tail{log: l, client: l.client(topic), topic: topic, partition: partition, next: from}
	out := outage{log: l.log, attrs: []any{"topic", topic, "partition", partition}}
	for {
		var rung <-chan struct{}
		asked := time.Now()
		if l.unhurried {
			rung = l.bells.listen(bell{topic, partition}) // before asking: who rings wants what is asked afterwards
		}
		records, highWatermark, err := t.fetch(ctx)
		var damage *eventlog.DamageError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &damage):
			return err
		case err != nil && forbidden(err):
			return fmt.Errorf("read %s/%d: %w: %w", topic, partition, eventlog.ErrRefused, err)
		case errors.Is(err, errUnreadable):
			continue // once: t.fetch turns the second in a row into damage
		case err != nil:
			t.lookedBack = time.Time{}
			if err := out.pause(ctx, err); err != nil {
				return err
			}
			continue
		}
		out.over(ctx)
		if err := deliver(records, max(highWatermark, t.next)); err != nil {
			return err
		}
		if l.unhurried && t.next >= highWatermark {
			if err := awaitRing(ctx, rung, time.Until(asked.Add(rest))); err != nil {
				return err
			}
		}
	}
}

// awaitRing waits for a time, or until somebody is in a hurry.
func awaitRing(ctx context.Context, rung <-chan struct{}, longest time.Duration) error {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-rung:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

type tail struct {
	log        *Log
	client     *kafka.Client
	topic      string
	partition  int
	next       int64
	unreadable int // answers in a row that failed their checksum
	blank      int // answers in a row without the records they speak of

	// last is the value at next - 1, held says that there is one; lookedBack is when
	// it was last found there. Another leader may lack it, and the log as it is
	// now may be whole all the same.
	last       []byte
	held       bool
	lookedBack time.Time
	// lookingBack: what comes next is that record again.
	lookingBack bool
}

// fetch makes one request and returns the records from t.next on, which it
// moves past them.
func (t *tail) fetch(ctx context.Context) ([]eventlog.Record, int64, error) {
	from := t.next
	if t.lookingBack = t.held && time.Since(t.lookedBack) > lookBackEvery; t.lookingBack {
		from--
	}
	least := int64(1)
	if t.log.unhurried {
		least = 0 // an empty answer at once
	}
	res, err := t.client.Fetch(ctx, &kafka.FetchRequest{
		Topic: t.topic, Partition: t.partition, Offset: from, MinBytes: least, MaxBytes: fetchMaxBytes, MaxWait: fetchWait,
	})
	switch {
	case err != nil && passing(err):
		return nil, 0, err
	case err != nil:
		return nil, 0, t.bad(err)
	case errors.Is(res.Error, kafka.OffsetOutOfRange) && from < t.next:
		t.held = false // deleted by its age, or cut off: what follows says which
		return t.fetch(ctx)
	case errors.Is(res.Error, kafka.OffsetOutOfRange) || (res.Error == nil && res.LogStartOffset > t.next):
		return nil, 0, t.outOfRange(ctx)
	case errors.Is(res.Error, kafka.InvalidMessage): // the broker's own copy fails its checksum
		return nil, 0, t.bad(res.Error)
	case res.Error != nil:
		return nil, 0, res.Error
	}
	records, err := t.collect(res.Records)
	if err != nil {
		return nil, 0, err
	}
	t.unreadable = 0
	if t.lookingBack && res.HighWatermark < t.next {
		// The record is not shown. A leader that is new may not know yet that it may be; one that lacks it has a log that ends
		// there, and says so to the next request, which asks for what comes behind.
		t.lookedBack = time.Now()
	}
	if len(records) > 0 || res.HighWatermark <= t.next {
		t.blank = 0
	} else if t.blank++; t.blank > maxBlank {
		return nil, 0, t.damage(fmt.Sprintf("records up to %d are announced and none can be read", res.HighWatermark))
	}
	return records, res.HighWatermark, nil
}

// collect gives the records of an answer from t.next on, and moves past them.
// None that it has moved past is kept back for what is wrong behind it: the next
// fetch begins there, and meets that again.
func (t *tail) collect(reader kafka.RecordReader) ([]eventlog.Record, error) {
	var records []eventlog.Record
	var damage *eventlog.DamageError
	for {
		record, ok, err := t.following(reader)
		switch {
		case err == nil && ok:
			records = append(records, record)
			t.next++
			t.last, t.held = record.Value, true
		case err == nil, len(records) > 0:
			return records, nil
		case errors.As(err, &damage):
			return nil, err
		default:
			return nil, t.bad(err)
		}
	}
}

// following reads on to the record at t.next; false when the answer ends before.
func (t *tail) following(reader kafka.RecordReader) (record eventlog.Record, ok bool, err error) {
	for {
		rec, err := reader.ReadRecord()
		switch {
		case errors.Is(err, io.EOF):
			return record, false, nil
		case err != nil:
			return record, false, err
		}
		value, err := takeValue(rec)
		switch {
		case err != nil:
			return record, false, err
		case rec.Offset == t.next:
			return eventlog.Record{Offset: rec.Offset, Value: value}, true, nil
		case rec.Offset > t.next:
			return record, false, t.damage(fmt.Sprintf("hole: the next record has offset %d", rec.Offset))
		case rec.Offset == t.next-1 && t.held:
			if !bytes.Equal(value, t.last) {
				return record, false, t.damage(fmt.Sprintf("record %d is not the one that was read: the log was cut and written on", rec.Offset))
			}
			t.lookedBack, t.lookingBack = time.Now(), false
		}
		// A batch may begin before the offset that was asked for.
	}
}

func takeValue(rec *kafka.Record) ([]byte, error) {
	value, err := kafka.ReadAll(rec.Value)
	// Closing gives the pages behind the record back to kafka-go's pool.
	if rec.Key != nil {
		_ = rec.Key.Close()
	}
	if rec.Value != nil {
		_ = rec.Value.Close()
	}
	return value, err
}

// bad is an answer that cannot be read: the wire may have done it once, the
// second time in a row it is what is stored.
func (t *tail) bad(err error) error {
	if t.unreadable++; t.unreadable == 1 {
		return fmt.Errorf("%w: %w", errUnreadable, err)
	}
	damage := &eventlog.DamageError{Topic: t.topic, Partition: t.partition, Offset: t.next, Reason: err.Error()}
	if t.lookingBack { // it is what was read already that has gone bad
		damage.Offset--
	}
	return damage
}

// outOfRange says on which side of the log t.next lies.
func (t *tail) outOfRange(ctx context.Context) error {
	start, end, err := t.log.Bounds(ctx, t.topic, t.partition)
	if err != nil {
		return err
	}
	return outside(t.topic, t.partition, t.next, start, end)
}

func (t *tail) damage(reason string) error {
	return &eventlog.DamageError{Topic: t.topic, Partition: t.partition, Offset: t.next, Reason: reason}
}

// outside describes an offset that the broker says it does not have.
func outside(topic string, partition int, next, start, end int64) error {
	reason := fmt.Sprintf("the log ends at %d", end)
	if start > next {
		reason = fmt.Sprintf("the log now starts at %d", start)
	}
	return &eventlog.DamageError{Topic: topic, Partition: partition, Offset: next, Reason: reason}
}

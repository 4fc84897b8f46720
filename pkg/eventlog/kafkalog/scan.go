package kafkalog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/segmentio/kafka-go"

	"vigie/pkg/eventlog"
)

const (
	// An answer of 8 MB kept the embedded broker from everybody else for so long that an alarm beside a replay waited 40 ms;
	// this reads as fast.
	scanMaxBytes = 1 << 20
	// kafka-go reads its connection 4 KiB at a time otherwise.
	scanBuffer = 256 << 10
)

// Scan hands out the records [from, to) one by one, as fast as they can be
// read: in order, without a hole. Kafka's checksums are not verified on this
// path; whoever scans checks the bytes. An end that lies past the log, a
// start before it, or a hole is [eventlog.DamageError]. Brokers that are away
// are waited for until ctx ends.
func (l *Log) Scan(ctx context.Context, topic string, partition int, from, to int64,
	deliver func(eventlog.Record) error,
) error {
	s := scan{log: l, topic: topic, partition: partition, next: from, to: to, deliver: deliver}
	out := outage{log: l.log, attrs: []any{"topic", topic, "partition", partition}}
	for s.next < s.to {
		before := s.next
		err := s.run(ctx)
		var damage *eventlog.DamageError
		switch {
		case err == nil:
			continue
		case s.refused != nil:
			return s.refused
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &damage):
			return err
		case forbidden(err):
			return fmt.Errorf("read %s/%d: %w: %w", topic, partition, eventlog.ErrRefused, err)
		}
		switch {
		case s.next > before:
			out.over(ctx)
			s.unreadable = 0
		case !passing(err):
			if s.unreadable++; s.unreadable > 1 {
				return s.damage(err.Error())
			}
		}
		if err := out.pause(ctx, err); err != nil {
			return err
		}
	}
	return ctx.Err()
}

type scan struct {
	log        *Log
	topic      string
	partition  int
	next, to   int64
	deliver    func(eventlog.Record) error
	refused    error // what deliver returned
	blank      int   // answers in a row without a record
	unreadable int   // connections in a row that ended in bytes that make no sense
}

// run reads over one connection until the end of the range or an error.
func (s *scan) run(ctx context.Context) error {
	// Past the end kafka-go's batches fail in ways that cannot be told apart.
	start, end, err := s.log.Bounds(ctx, s.topic, s.partition)
	if err != nil {
		return err
	}
	switch {
	case start > s.next:
		return outside(s.topic, s.partition, s.next, start, end)
	case end < s.to:
		return outside(s.topic, s.partition, max(s.next, end), start, end)
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	for s.next < s.to && ctx.Err() == nil {
		if err := s.batch(conn); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// dial connects to the partition's leader.
func (s *scan) dial(ctx context.Context) (*kafka.Conn, error) {
	ctx, done := context.WithTimeout(ctx, s.log.cfg.RequestTimeout)
	defer done()
	dialer := &kafka.Dialer{
		ClientID: s.log.cfg.ClientID,
		Timeout:  s.log.cfg.DialTimeout,
		DialFunc: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := s.log.cfg.dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return bufferedConn{Conn: c, r: bufio.NewReaderSize(c, scanBuffer)}, nil
		},
	}
	var errs []error
	for _, broker := range s.log.brokers(s.topic) {
		conn, err := dialer.DialLeader(ctx, "tcp", broker, s.topic, s.partition)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// batch makes one request and delivers its records.
func (s *scan) batch(conn *kafka.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(s.log.cfg.RequestTimeout)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	if _, err := conn.Seek(s.next, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return fmt.Errorf("seek: %w", err)
	}
	batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: scanMaxBytes, MaxWait: fetchWait})
	before := s.next
	err := s.drain(batch)
	if closing := batch.Close(); err == nil {
		err = closing
	}
	switch {
	case errors.Is(err, kafka.OffsetOutOfRange):
		return s.damage("the broker does not have it")
	case err != nil && !errors.Is(err, kafka.RequestTimedOut): // that one only means: nothing came in time
		return err
	case s.next > before:
		s.blank = 0
	default:
		if s.blank++; s.blank > maxBlank {
			return s.damage(fmt.Sprintf("records up to %d are announced and none can be read", s.to))
		}
	}
	return nil
}

func (s *scan) drain(batch *kafka.Batch) error {
	for s.next < s.to {
		msg, err := batch.ReadMessage()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case msg.Offset < s.next:
			continue
		case msg.Offset > s.next:
			return s.damage(fmt.Sprintf("hole: the next record has offset %d", msg.Offset))
		}
		s.next++
		if err := s.deliver(eventlog.Record{Offset: msg.Offset, Value: msg.Value}); err != nil {
			s.refused = err
			return err
		}
	}
	return nil
}

func (s *scan) damage(reason string) error {
	return &eventlog.DamageError{Topic: s.topic, Partition: s.partition, Offset: s.next, Reason: reason}
}

// bufferedConn reads the connection in large pieces.
type bufferedConn struct {
	net.Conn
	r *bufio.Reader
}

func (c bufferedConn) Read(p []byte) (int, error) { return c.r.Read(p) }

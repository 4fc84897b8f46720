package projector

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"vigie/pkg/eventlog"
)

// Metadata of a message that carries records of one partition.
const (
	metaPartition = "partition"
	metaNext      = "next"   // the offset after its last record
	metaAtEnd     = "at_end" // when nothing more was seen to be there, in milliseconds
)

var errBatch = errors.New("not a batch of records")

// pack makes a message of records that follow one another, none of them too; next is the offset after the last.
func pack(partition int, records []eventlog.Record, next int64, atEnd time.Time) *message.Message {
	size := 0
	for _, r := range records {
		size += binary.MaxVarintLen64 + len(r.Value)
	}
	payload := make([]byte, 0, size)
	for _, r := range records {
		payload = binary.AppendUvarint(payload, uint64(len(r.Value)))
		payload = append(payload, r.Value...)
	}
	msg := message.NewMessage(watermill.NewUUID(), payload)
	msg.Metadata.Set(metaPartition, strconv.Itoa(partition))
	msg.Metadata.Set(metaNext, strconv.FormatInt(next, 10))
	if !atEnd.IsZero() {
		msg.Metadata.Set(metaAtEnd, strconv.FormatInt(atEnd.UnixMilli(), 10))
	}
	return msg
}

// batch is what such a message carries.
type batch struct {
	partition int
	records   []eventlog.Record
	atEnd     time.Time
}

func unpack(msg *message.Message) (b batch, err error) {
	if b.partition, err = strconv.Atoi(msg.Metadata.Get(metaPartition)); err != nil {
		return b, fmt.Errorf("%w: partition: %w", errBatch, err)
	}
	next, err := strconv.ParseInt(msg.Metadata.Get(metaNext), 10, 64)
	if err != nil {
		return b, fmt.Errorf("%w: offset: %w", errBatch, err)
	}
	if at := msg.Metadata.Get(metaAtEnd); at != "" {
		ms, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return b, fmt.Errorf("%w: time of the end: %w", errBatch, err)
		}
		b.atEnd = time.UnixMilli(ms)
	}
	for rest := []byte(msg.Payload); len(rest) > 0; {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest[n:])) {
			return b, fmt.Errorf("%w: it is cut", errBatch)
		}
		end := n + int(size) //nolint:gosec // not above the length of rest
		b.records = append(b.records, eventlog.Record{Value: rest[n:end:end]})
		rest = rest[end:]
	}
	for i := range b.records {
		b.records[i].Offset = next - int64(len(b.records)-i)
	}
	return b, nil
}

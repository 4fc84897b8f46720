// Package eventlog is the log as this project needs it: the topics, a record,
// and the few ways in which writing or reading can fail.
//
// A log is an ordered list of records per (topic, partition), with offsets
// that follow one another without a hole. Appending has three outcomes, not
// two: stored, not stored, and unknown. Callers owe the third one its due:
// after [ErrUnknownOutcome] the same bytes are sent again, never others, and
// what was stored is learned by reading.
package eventlog

import (
	"errors"
	"fmt"
)

// The topics. A room has the same partition number in intake, log and
// positions, for life; the table of rooms has one partition, and so has what
// was parked.
const (
	TopicRooms     = "vigie.rooms"
	TopicIntake    = "vigie.intake"
	TopicLog       = "vigie.log"
	TopicPositions = "vigie.positions"
	// TopicParked holds messages that their handler refused for good, for
	// people to look at: nothing waits for one, and nothing is decided by it.
	TopicParked = "vigie.parked"
)

// Record is one stored value. Its bytes are never changed by the reader that
// handed it out and may be kept.
type Record struct {
	Offset int64
	Value  []byte
}

// Sentinel errors of appending. Exactly one of them is in the chain of every
// error that an append returns.
var (
	// ErrUnknownOutcome says that the records may or may not be stored. Send
	// the same bytes again, or read the log to find out.
	ErrUnknownOutcome = errors.New("outcome of the append is unknown; send the same bytes again")
	// ErrNotWritten says that nothing was stored; the append may be repeated.
	ErrNotWritten = errors.New("not written; the append may be repeated")
	// ErrRefused says that nothing was stored and that repeating is useless:
	// too large, unknown topic or not authorised.
	ErrRefused = errors.New("refused by the log; repeating is useless")
)

// DamageError says that the log itself is not what it was: an offset is
// missing, the log ends before an offset that was already read, its start has
// moved, or stored bytes fail their checksum. A room whose log is damaged
// halts; nobody reads around it.
type DamageError struct {
	Topic     string
	Partition int
	Offset    int64 // the first offset that could not be read
	Reason    string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("log %s, partition %d, is damaged at offset %d: %s; stop writing to this room and compare the log with its copies",
		e.Topic, e.Partition, e.Offset, e.Reason)
}

// RoomEntry is one line of the table of rooms: where the room's records are,
// and the identity of its log.
type RoomEntry struct {
	Room      string
	Partition int
	LogID     string
}

// Package verify walks a room's log from its first record and says whether it is whole: every record's hash over its
// bytes, the chain from one effective record to the next, no offset missing, the log id of the room table, and that each
// decision answers the request that intake holds. It judges by the one effective rule, as every reader does.
package verify

import (
	"errors"
	"fmt"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/wire"
)

// Report is the result for all rooms.
type Report struct {
	OK    bool   `json:"ok"`
	Rooms []Room `json:"rooms"`
}

// NewReport sums rooms up.
func NewReport(rooms []Room) Report {
	r := Report{OK: true, Rooms: append([]Room{}, rooms...)}
	for _, room := range rooms {
		r.OK = r.OK && room.OK
	}
	return r
}

// Room is the result for one room.
type Room struct {
	Room      string `json:"room"`
	Records   int64  `json:"records"`
	Effective int64  `json:"effective"`
	Void      int64  `json:"void"`
	// Dead records count no more since the log was reopened, and Reopened says how often it was.
	Dead     int64  `json:"dead"`
	Reopened uint64 `json:"reopened"`
	// HeadOffset is that of the last effective record, -1 without any.
	HeadOffset int64  `json:"head_offset"`
	HeadHash   string `json:"head_hash"`
	IntakeNext int64  `json:"intake_next"`
	IntakeEnd  int64  `json:"intake_end"`
	// RequestsChecked counts decisions compared with the request in intake, where it is still kept.
	RequestsChecked int64 `json:"requests_checked"`
	OK              bool  `json:"ok"`
	FirstBad        *Bad  `json:"first_bad,omitempty"`
}

// Bad is the first record that cannot be trusted.
type Bad struct {
	Offset int64  `json:"offset"`
	Reason string `json:"reason"`
}

// Walk takes the records of one room's log in order.
type Walk struct {
	room   eventlog.RoomEntry
	fold   *controlroom.Fold
	result Room
	// looks on behind a bad record for one that reopens the log; stopped is one from which it may be reopened.
	looks, stopped bool
}

// NewWalk begins before the first record.
func NewWalk(room eventlog.RoomEntry) *Walk {
	return &Walk{room: room, fold: controlroom.NewFold(room.Room), result: Room{Room: room.Room, HeadOffset: -1}}
}

// Around begins before the first record of a log that may have been reopened, at one of the records expected or where it
// cannot be trusted: it looks on behind a bad record.
func Around(room eventlog.RoomEntry, expected []*wire.Stored) *Walk {
	w := NewWalk(room)
	w.fold.Expect(expected...)
	w.looks = true
	return w
}

// Records walks a room's log as pass gives its records, as often as it is called, with the end of its intake. What halts is
// gone around when the log was reopened behind it. The error is one of pass.
func Records(room eventlog.RoomEntry, pass func(each func(eventlog.Record) error) error, intakeEnd func() int64) (Room, error) {
	walk := func(w *Walk) (Room, error) {
		err := pass(func(r eventlog.Record) error {
			w.Read(r)
			if w.IsBad() && !w.looks {
				return errBad
			}
			return nil
		})
		if err != nil && !errors.Is(err, errBad) {
			return Room{}, err
		}
		return w.Finish(intakeEnd()), nil
	}
	first, err := walk(NewWalk(room))
	if err != nil || first.OK {
		return first, err
	}
	expected, err := follow.Reopenings(room.Room, pass)
	if err != nil {
		return first, err
	}
	again, err := walk(Around(room, expected))
	if err != nil || again.Reopened == first.Reopened && len(expected) == 0 {
		return first, err
	}
	return again, nil
}

// Next is the offset of the next record to read.
func (w *Walk) Next() int64 { return w.fold.Next }

// IsBad says that a bad record was met: nothing after it is looked at.
func (w *Walk) IsBad() bool { return w.result.FirstBad != nil }

// Bad notes what cannot be trusted; only the first counts.
func (w *Walk) Bad(offset int64, reason string) {
	if w.result.FirstBad == nil {
		w.result.FirstBad = &Bad{Offset: offset, Reason: reason}
	}
}

// Read takes the next record and returns it if it is effective, else nil.
func (w *Walk) Read(r eventlog.Record) *wire.Stored {
	if w.IsBad() && !w.looks {
		return nil
	}
	s := wire.Decode(r.Offset, r.Value)
	w.result.Records++
	known := w.fold.Reopened()
	j := w.fold.Read(&s)
	switch {
	case j.Verdict == es.Halting:
		w.stopped = w.stopped || !w.IsBad()
		w.Bad(r.Offset, j.Reason)
		w.result.Dead++
		return nil
	case j.Verdict == es.Void && w.fold.Skips():
		w.result.Dead++
		return nil
	case j.Verdict == es.Void:
		w.result.Void++
		return nil
	}
	if w.stopped && w.fold.Reopened().After(known) {
		w.result.FirstBad, w.stopped = nil, false
	}
	if s.Version == 1 && w.fold.State.LogID != w.room.LogID {
		w.Bad(r.Offset, fmt.Sprintf("the log id is %s, the room table says %s: this is another room's log", w.fold.State.LogID, w.room.LogID))
		return nil
	}
	w.result.Effective++
	w.result.HeadOffset = r.Offset
	return &s
}

// answered compares a decision with the request that intake holds.
func (w *Walk) answered(s *wire.Stored, value es.Hash) {
	w.result.RequestsChecked++
	if s.RequestHash != value {
		w.Bad(s.Offset, fmt.Sprintf("it answers request %d, and that is not what vigie.intake holds there: intake was rewritten", s.Intake))
	}
}

// Finish gives the result, with the end of the room's intake as fetched after the end of its log.
func (w *Walk) Finish(intakeEnd int64) Room {
	r := &w.result
	r.IntakeNext, r.IntakeEnd = w.fold.IntakeNext, intakeEnd
	if r.IntakeNext > intakeEnd {
		w.Bad(r.HeadOffset, fmt.Sprintf("vigie.intake ends at %d, and request %d was answered: intake was cut", intakeEnd, r.IntakeNext-1))
	}
	r.HeadHash, r.Reopened = controlroom.Hex(w.fold.Hash), w.fold.Reopened().Number
	r.OK = r.FirstBad == nil
	return *r
}

// Package line writes records of vigie.log as programs read them: one JSON object per record, the same from the command
// line and over HTTP. It guarantees stable bytes: fields in the order in which they are declared, numbers as numbers,
// bytes as hex, every field of an event present whatever its value; protojson promises none of this.
package line

import (
	"encoding/hex"
	"encoding/json"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/wire"
)

// Record is one record of a room's log.
type Record struct {
	Room    string `json:"room"`
	Offset  int64  `json:"offset"`
	Version uint64 `json:"version"`
	// Cause is empty when a deadline was answered.
	Cause    Cause  `json:"cause"`
	Intake   *int64 `json:"intake,omitempty" doc:"Offset in vigie.intake of the request it answers"`
	Deadline string `json:"deadline,omitempty" doc:"Id of the deadline it answers"`
	Decider  string `json:"decider"`
	At       string `json:"at" doc:"Domain time, RFC 3339"`
	// Effective records count, and no other.
	Effective  bool   `json:"effective"`
	VoidReason string `json:"void_reason,omitempty"`
	// Halts says why nothing after this record can be trusted.
	Halts    string            `json:"halts,omitempty" doc:"Why the log cannot be trusted from this record on"`
	Refusal  *Refusal          `json:"refusal,omitempty"`
	RepeatOf uint64            `json:"repeat_of,omitempty" doc:"Version of the first outcome of the same cause"`
	Events   []json.RawMessage `json:"events" doc:"Objects with a type and the fields of that event"`
	PrevHash string            `json:"prev_hash"`
	Hash     string            `json:"hash"`
	Raw      []byte            `json:"raw,omitempty" doc:"The stored value, base64"`
}

// Cause is who asked, under which id of theirs.
type Cause struct {
	Principal string `json:"principal"`
	ID        string `json:"id"`
}

// Refusal is an outcome too.
type Refusal struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Incident string `json:"incident,omitempty"`
	Mission  string `json:"mission,omitempty"`
	Team     string `json:"team,omitempty"`
	TakenBy  string `json:"taken_by,omitempty"`
}

// Of gives the record of a room's log that was judged so. Personal texts stay sealed.
func Of(room string, s *wire.Stored, j es.Judgement) Record {
	r := Record{
		Room: room, Offset: s.Offset, Version: s.Version, Cause: Cause{s.Cause.Principal, s.Cause.ID},
		Deadline: s.Deadline, Decider: s.Decider, At: controlroom.Instant(s.At), Effective: j.Verdict == es.Effective,
		Refusal: RefusalOf(s.Refusal), RepeatOf: s.RepeatOf, Events: Events(s.Events, Sealed),
		PrevHash: hex.EncodeToString(s.PrevHash[:]), Hash: hex.EncodeToString(s.Hash[:]),
	}
	if s.Intake != es.NoIntake && s.Damage == "" {
		r.Intake = &s.Intake
	}
	switch j.Verdict {
	case es.Effective:
	case es.Void:
		r.VoidReason = j.Reason
	case es.Halting:
		r.Halts = j.Reason
	}
	return r
}

// RefusalOf gives the refusal of a decision, or nil.
func RefusalOf(r *es.Refusal) *Refusal {
	if r == nil {
		return nil
	}
	return &Refusal{Code: r.Code, Message: r.Message, Incident: r.Incident, Mission: r.Mission, Team: r.Team, TakenBy: r.TakenBy}
}

// Page is a part of a room's log, as GET /v1/rooms/{room}/log gives it.
type Page struct {
	Records []Record `json:"records"`
	Next    int64    `json:"next" doc:"from of the next page"`
	End     int64    `json:"end" doc:"Offset that the next record of the log will get"`
	// IntakeEnd is read after the records: what they answer is below it.
	IntakeEnd *int64 `json:"intake_end,omitempty" doc:"Offset that the next request will get; with raw only"`
}

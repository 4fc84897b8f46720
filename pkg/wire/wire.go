// Package wire turns decisions and requests into the bytes that are stored, and back. A decision travels as its own bytes
// with a hash beside them, SHA-256(previous hash || decision), always over the bytes as stored and never over a
// re-encoding: protobuf has no canonical form across versions (protocol §1). Old messages are brought up to today's here,
// so that the domain sees today's events only.
package wire

import (
	"crypto/sha256"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

type (
	// Decision is the kernel's with Vigie's events.
	Decision = es.Decision[*logv1.Event]
	// Stored is a decision as read from the log.
	Stored = es.Stored[*logv1.Event]
	// Request is the kernel's with Vigie's requests.
	Request = es.Request[*intakev1.Request]
)

// Encode gives the stored value of a decision and its hash.
func Encode(d *Decision) (value []byte, hash es.Hash) {
	m := &logv1.Decision{
		Room: d.Room, Version: d.Version, Decider: d.Decider, AtMs: d.At, Level: d.Level,
		Actor: d.Actor, Role: d.Role, Traceparent: d.Traceparent,
		DeviceAtMs: d.DeviceAt, ReceivedAtMs: d.ReceivedAt, Events: d.Events, RepeatOf: d.RepeatOf,
	}
	if d.Version > 1 {
		m.PrevHash = d.PrevHash[:]
	}
	if d.Intake == es.NoIntake {
		m.Answers = &logv1.Decision_Deadline{Deadline: d.Deadline}
	} else {
		m.Answers = &logv1.Decision_Intake{Intake: d.Intake}
		m.Cause = &logv1.Cause{Principal: d.Cause.Principal, Id: d.Cause.ID}
		m.RequestHash, m.ContentHash = d.RequestHash[:], d.ContentHash[:]
	}
	if r := d.Refusal; r != nil {
		m.Refusal = &logv1.Refusal{Code: r.Code, Message: r.Message, Incident: r.Incident, Mission: r.Mission, Team: r.Team, TakenBy: r.TakenBy}
	}
	decision, err := proto.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("a decision of checked strings cannot fail to encode: %v", err))
	}
	hash = chain(d.PrevHash, decision)
	// Record{decision = 1, hash = 2}, written by hand: the decision is the larger part and would be copied twice.
	value = make([]byte, 0, len(decision)+len(hash)+10)
	value = protowire.AppendTag(value, 1, protowire.BytesType)
	value = protowire.AppendBytes(value, decision)
	value = protowire.AppendTag(value, 2, protowire.BytesType)
	value = protowire.AppendBytes(value, hash[:])
	return value, hash
}

func chain(prev es.Hash, decision []byte) es.Hash {
	var buf [1024]byte // most decisions fit, and then nothing is allocated
	return sha256.Sum256(append(append(buf[:0], prev[:]...), decision...))
}

// Decode reads a stored value. It does not fail: what cannot be trusted or understood comes back with its Damage, on
// which every reader halts.
func Decode(offset int64, value []byte) Stored {
	s := Stored{Offset: offset}
	stored, hash, err := record(value)
	if err != nil {
		s.Damage = fmt.Sprintf("the record is not a decision: %v", err)
		return s
	}
	var m logv1.Decision
	if err := proto.Unmarshal(stored, &m); err != nil {
		s.Damage = fmt.Sprintf("the decision cannot be decoded: %v", err)
		return s
	}
	prev, prevOK := hashOf(m.GetPrevHash())
	s.Hash, _ = hashOf(hash)
	if s.Hash != chain(prev, stored) || !prevOK || len(hash) != len(s.Hash) {
		s.Damage = "the hash of the record does not match its bytes"
		return s
	}
	s.Decision = decision(&m, prev)
	s.Damage = notUnderstood(&m)
	return s
}

// record gives the two fields of a Record, as proto.Unmarshal would but where they lie: every reader reads every record, and
// the decision would be copied once more.
func record(value []byte) (decision, hash []byte, err error) {
	for len(value) > 0 {
		field, kind, n := protowire.ConsumeTag(value)
		if n < 0 {
			return nil, nil, protowire.ParseError(n)
		}
		value = value[n:]
		if kind != protowire.BytesType || field > 2 {
			if n = protowire.ConsumeFieldValue(field, kind, value); n < 0 {
				return nil, nil, protowire.ParseError(n)
			}
			value = value[n:]
			continue
		}
		var content []byte
		if content, n = protowire.ConsumeBytes(value); n < 0 {
			return nil, nil, protowire.ParseError(n)
		}
		if field == 1 {
			decision = content
		} else {
			hash = content
		}
		value = value[n:]
	}
	return decision, hash, nil
}

func decision(m *logv1.Decision, prev es.Hash) Decision {
	d := Decision{
		Room: m.GetRoom(), Version: m.GetVersion(), Intake: es.NoIntake, Deadline: m.GetDeadline(),
		Decider: m.GetDecider(), At: m.GetAtMs(), Level: m.GetLevel(), PrevHash: prev, RepeatOf: m.GetRepeatOf(),
	}
	d.Cause = es.Cause{Principal: m.GetCause().GetPrincipal(), ID: m.GetCause().GetId()}
	d.Actor, d.Role, d.Traceparent = m.GetActor(), m.GetRole(), m.GetTraceparent()
	d.DeviceAt, d.ReceivedAt = m.GetDeviceAtMs(), m.GetReceivedAtMs()
	d.RequestHash, _ = hashOf(m.GetRequestHash())
	d.ContentHash, _ = hashOf(m.GetContentHash())
	d.Events = m.GetEvents()
	if a, ok := m.GetAnswers().(*logv1.Decision_Intake); ok {
		d.Intake = a.Intake
	}
	if r := m.GetRefusal(); r != nil {
		d.Refusal = &es.Refusal{
			Code: r.GetCode(), Message: r.GetMessage(), Incident: r.GetIncident(), Mission: r.GetMission(), Team: r.GetTeam(), TakenBy: r.GetTakenBy(),
		}
	}
	return d
}

// notUnderstood: an event that decodes as unset is of a type that this binary does not know, and is never skipped.
func notUnderstood(m *logv1.Decision) string {
	if m.GetAnswers() == nil {
		return "the decision answers nothing that this version knows: run a newer version"
	}
	for k, e := range m.GetEvents() {
		if e.GetBody() == nil {
			return fmt.Sprintf("event %d of the decision is of a type that this version does not know: run a newer version", k)
		}
	}
	return ""
}

// hashOf reads 32 bytes, or none for the zero hash.
func hashOf(b []byte) (es.Hash, bool) {
	switch len(b) {
	case 0:
		return es.Hash{}, true
	case len(es.Hash{}):
		return es.Hash(b), true
	}
	return es.Hash{}, false
}

package archive

import (
	"context"
	"errors"
	"fmt"

	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/follow/past"
	"vigie/pkg/wire"
)

// Entry is one record with what the room says of it.
type Entry struct {
	wire.Stored
	Judgement es.Judgement
	Value     []byte
}

// judgement of a record, by the index.
func (r *Room) judgement(offset int64) es.Judgement {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if reason, void := r.index.voids[offset]; void {
		return es.Judgement{Verdict: es.Void, Reason: reason}
	}
	if offset >= r.fold.Next && r.halted != nil {
		return es.Judgement{Verdict: es.Halting, Reason: r.halted.Error()}
	}
	return es.Judgement{Verdict: es.Effective}
}

// Page gives up to limit records from an offset on, and the offset at which the log ends for this reader. Of a halted
// room the record that halted it is the last.
func (g *Reading) Page(ctx context.Context, room *Room, from int64, limit int) (records []Entry, end int64, err error) {
	leave, err := g.turn(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	end = room.Read()
	halted := room.Halted()
	if halted != nil {
		_, stored, err := room.log.Bounds(ctx, eventlog.TopicLog, room.Partition)
		if err != nil {
			return nil, 0, fmt.Errorf("end of the log: %w", err)
		}
		end = min(end+1, stored)
	}
	switch {
	case from > end:
		return nil, 0, &past.BeyondEndError{Offset: from, End: end}
	case from == end:
		return nil, end, halted
	}
	err = g.scan(ctx, room, from, min(from+int64(limit), end), func(e Entry) { records = append(records, e) })
	if len(records) > 0 && errors.Is(err, follow.ErrHalted) {
		err = nil // the next page says so
	}
	return records, end, err
}

// End is the offset that the room's next record will get; the room is read up to there at once.
func (r *Room) End(ctx context.Context) (int64, error) { return follow.End(ctx, r.log, r.RoomEntry) }

// IntakeEnd is the offset that the room's next request will get.
func (r *Room) IntakeEnd(ctx context.Context) (int64, error) {
	_, end, err := r.log.Bounds(ctx, eventlog.TopicIntake, r.Partition)
	if err != nil {
		return 0, fmt.Errorf("end of intake: %w", err)
	}
	return end, nil
}

func (g *Reading) scan(ctx context.Context, r *Room, from, to int64, each func(Entry)) error {
	p := g.newPace(ctx)
	read := func(record eventlog.Record) error {
		if err := p.step(); err != nil {
			return err
		}
		each(Entry{wire.Decode(record.Offset, record.Value), r.judgement(record.Offset), record.Value})
		return nil
	}
	if r.wasReopened() { // what cannot be read is dead
		return follow.Through(ctx, r.log, r.Partition, from, to, read)
	}
	err := r.log.Scan(ctx, eventlog.TopicLog, r.Partition, from, to, read)
	var damage *eventlog.DamageError
	if errors.As(err, &damage) {
		return fmt.Errorf("%w: %w", follow.ErrHalted, err)
	}
	return err
}

func (r *Room) wasReopened() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.halted == nil && r.fold.Reopened().Number > 0
}

// Incident says at which site an incident is, if there ever was such an incident.
func (r *Room) Incident(id string) (site string, known bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s, known := r.index.spans[id]
	if !known {
		return "", false
	}
	return s.site, true
}

// Timeline gives every record that concerns an incident, in order: effective, void and refused.
func (g *Reading) Timeline(ctx context.Context, room *Room, incident string) ([]Entry, error) {
	room.mu.RLock()
	known, ok := room.index.spans[incident]
	var s span
	if ok {
		s = *known
	}
	room.mu.RUnlock()
	if !ok {
		return nil, nil
	}
	leave, err := g.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	t := story{names: map[string]bool{incident: true}, incident: incident, versions: map[uint64]bool{}}
	err = g.scan(ctx, room, s.first, s.last+1, t.read)
	return t.entries, err
}

// story picks what concerns one incident.
type story struct {
	incident string
	// names are the incident and its missions.
	names    map[string]bool
	versions map[uint64]bool
	entries  []Entry
}

func (t *story) read(e Entry) {
	effective := e.Judgement.Verdict == es.Effective
	if effective {
		t.learnMissions(e)
	}
	concerned := e.RepeatOf != 0 && t.versions[e.RepeatOf]
	for _, name := range about(&e.Stored) {
		concerned = concerned || t.names[name]
	}
	if !concerned {
		return
	}
	t.entries = append(t.entries, e)
	if effective {
		t.versions[e.Version] = true
	}
}

func (t *story) learnMissions(e Entry) {
	for _, event := range e.Events {
		if m := event.GetMissionOffered(); m.GetIncident() == t.incident {
			t.names[m.GetMission()] = true
		}
		if m := event.GetLateAnswerHonoured(); m.GetIncident() == t.incident {
			t.names[m.GetMission()] = true
		}
	}
}

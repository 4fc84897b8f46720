package estest

import (
	"fmt"

	"vigie/pkg/es"
)

// Race is several deciders of one room over one log in memory. Every step is chosen from outside.
type Race[S, E, R, F any] struct {
	Room     string
	Domain   *es.Domain[S, E, R, F]
	Encode   func(*es.Decision[E]) ([]byte, es.Hash)
	Decode   func(offset int64, value []byte) es.Stored[E]
	Facts    F
	Limits   es.Limits
	Deciders []*Decider[S, E, R, F]
	// Intake and Log are the two topics.
	Intake []es.Request[R]
	Log    [][]byte
	// Now is the time that all agree on but for their Skew.
	Now int64

	// written says at which time each request came.
	written []int64
	late    [][][]byte
}

// Decider is one writer with its clock and what is under way for it.
type Decider[S, E, R, F any] struct {
	*es.Writer[S, E, R, F]
	Name string
	Skew int64

	intakeRead int64
	flight     [][]byte
	asked      bool
	voids      int
}

// Start adds the deciders; skew is what each clock shows beside the time.
func (r *Race[S, E, R, F]) Start(skews ...int64) {
	if r.Limits == (es.Limits{}) {
		r.Limits = es.DefaultLimits()
	}
	for k, skew := range skews {
		name := fmt.Sprintf("d%d", k)
		r.Deciders = append(r.Deciders, &Decider[S, E, R, F]{
			Name: name, Skew: skew, Writer: es.NewWriter(r.Room, name, r.Domain, r.Limits, r.Encode),
		})
	}
}

// Ask puts a request into intake.
func (r *Race[S, E, R, F]) Ask(q es.Request[R]) {
	q.Offset = int64(len(r.Intake))
	r.Intake = append(r.Intake, q)
	r.written = append(r.written, r.Now)
}

func (r *Race[S, E, R, F]) tick(d *Decider[S, E, R, F]) es.Tick {
	return es.Tick{Now: r.Now + d.Skew, Mono: r.Now + 1}
}

// Fates of an append that is under way.
const (
	fateWritten = iota
	fateWrittenUnheard
	fateLost
	fateLate
	fateTwice
	fates
)

// Step lets one thing happen: choose picks a number below n.
func (r *Race[S, E, R, F]) Step(choose func(n int) int) error {
	d := r.Deciders[choose(len(r.Deciders))]
	switch choose(8) {
	case 0, 1:
		return r.read(d)
	case 2:
		r.takeIn(d)
	case 3, 4:
		r.step(d)
	case 5:
		r.settle(d, choose(fates))
	case 6:
		r.answerWatermark(d)
		r.caughtUp(d)
	case 7:
		r.writeLate(choose)
	}
	return nil
}

// read lets a decider read one record.
func (r *Race[S, E, R, F]) read(d *Decider[S, E, R, F]) error {
	if d.Next >= int64(len(r.Log)) {
		return nil
	}
	s := r.Decode(d.Next, r.Log[d.Next])
	switch j := d.Read(&s); j.Verdict {
	case es.Halting:
		return fmt.Errorf("%s halts at record %d: %s", d.Name, s.Offset, j.Reason)
	case es.Void:
		d.voids++
	case es.Effective:
	}
	return nil
}

func (r *Race[S, E, R, F]) takeIn(d *Decider[S, E, R, F]) {
	if d.intakeRead < int64(len(r.Intake)) {
		d.Request(r.Intake[d.intakeRead])
		d.intakeRead++
	}
}

func (r *Race[S, E, R, F]) step(d *Decider[S, E, R, F]) {
	if d.flight != nil {
		return
	}
	s := d.Step(r.tick(d), r.Facts)
	d.flight = s.Batch
	d.asked = d.asked || s.AskWatermark
}

func (r *Race[S, E, R, F]) settle(d *Decider[S, E, R, F], fate int) {
	if d.flight == nil {
		return
	}
	batch, answer := d.flight, es.Unsettled
	d.flight = nil
	switch fate {
	case fateWritten:
		r.Log, answer = append(r.Log, batch...), es.Written
	case fateWrittenUnheard:
		r.Log = append(r.Log, batch...)
	case fateLost:
	case fateLate:
		r.late = append(r.late, batch)
	case fateTwice:
		r.Log, answer = append(append(r.Log, batch...), batch...), es.Written
	}
	d.Appended(answer, r.tick(d))
}

func (r *Race[S, E, R, F]) answerWatermark(d *Decider[S, E, R, F]) {
	if d.asked {
		d.asked = false
		d.Watermark(int64(len(r.Intake)))
	}
}

func (r *Race[S, E, R, F]) caughtUp(d *Decider[S, E, R, F]) {
	if d.Next == int64(len(r.Log)) {
		d.CaughtUp(r.tick(d))
	}
}

func (r *Race[S, E, R, F]) writeLate(choose func(n int) int) {
	if len(r.late) == 0 {
		return
	}
	k := choose(len(r.late))
	r.Log = append(r.Log, r.late[k]...)
	r.late = append(r.late[:k:k], r.late[k+1:]...)
}

// Settle makes the schedule fair until every decider has read everything and nothing that is due now is left, and gives an
// error when that does not come: a room that does not move is as bad as a wrong one.
func (r *Race[S, E, R, F]) Settle() error {
	for len(r.late) > 0 {
		r.writeLate(func(int) int { return 0 })
	}
	for range 400 {
		before := len(r.Log)
		for _, d := range r.Deciders {
			for d.intakeRead < int64(len(r.Intake)) {
				r.takeIn(d)
			}
			for d.Next < int64(len(r.Log)) {
				if err := r.read(d); err != nil {
					return err
				}
			}
			r.settle(d, fateWritten)
			r.answerWatermark(d)
			r.caughtUp(d)
			r.step(d)
		}
		if before == len(r.Log) && r.quiet() {
			return nil
		}
		r.Now += 50 // resends and read-backs wait for so long; skews pass
	}
	return fmt.Errorf("after a fair schedule %d of %d requests are answered", r.Deciders[0].IntakeNext, len(r.Intake))
}

func (r *Race[S, E, R, F]) quiet() bool {
	for _, d := range r.Deciders {
		if d.Next < int64(len(r.Log)) || d.flight != nil || d.asked || d.IntakeNext < int64(len(r.Intake)) || d.Backlog() > 0 {
			return false
		}
		if due, ok := d.NextDue(); ok && due <= r.Now+d.Skew {
			return false
		}
	}
	return true
}

// Told is the log as an independent reader has folded it.
type Told[S, E, R, F any] struct {
	*es.Fold[S, E, R, F]
	Effective []es.Stored[E]
	Voids     int
}

// Check reads the log from its beginning and gives an error when it breaks the protocol: one outcome for each request and
// in order, versions without a gap, the same answer to the same cause, no expiry before what had come in time.
func (r *Race[S, E, R, F]) Check() (Told[S, E, R, F], error) {
	told := Told[S, E, R, F]{Fold: es.NewFold(r.Room, r.Domain)}
	first := map[es.Cause]es.Stored[E]{}
	for k, value := range r.Log {
		s := r.Decode(int64(k), value)
		expiry := r.expiry(told.State, s.Deadline)
		switch j := told.Read(&s); j.Verdict {
		case es.Halting:
			return told, fmt.Errorf("record %d halts: %s", k, j.Reason)
		case es.Void:
			told.Voids++
			continue
		case es.Effective:
		}
		told.Effective = append(told.Effective, s)
		if n := uint64(len(told.Effective)); s.Version != n {
			return told, fmt.Errorf("record %d has version %d and is the %d. effective one", k, s.Version, n)
		}
		if err := r.answered(&s, first); err != nil {
			return told, fmt.Errorf("record %d: %w", k, err)
		}
		if expiry != nil {
			if err := r.overtakes(&s, *expiry, told.IntakeNext); err != nil {
				return told, fmt.Errorf("record %d: %w", k, err)
			}
		}
	}
	return told, nil
}

func (r *Race[S, E, R, F]) answered(s *es.Stored[E], first map[es.Cause]es.Stored[E]) error {
	if s.Intake == es.NoIntake {
		return nil
	}
	q := r.Intake[s.Intake]
	if s.Cause != q.Cause || s.RequestHash != q.ValueHash {
		return fmt.Errorf("it answers request %d with what another has asked", s.Intake)
	}
	if s.Cause == (es.Cause{}) {
		return nil
	}
	v, known := first[s.Cause]
	// What cannot be read is kept and shown under whatever cause it bears, and some is heard under a used one.
	heard := q.Unreadable != "" || r.Domain.Heard != nil && r.Domain.Heard(q.Body) && q.ContentHash != v.ContentHash
	if known && s.RepeatOf != v.Version && s.Refusal == nil && !heard {
		return fmt.Errorf("request %d was decided twice: first as version %d", s.Intake, v.Version)
	} else if !known {
		first[s.Cause] = *s
	}
	return nil
}

func (r *Race[S, E, R, F]) expiry(state S, id string) *es.Deadline {
	var found *es.Deadline
	r.Domain.Deadlines(state, func(d es.Deadline) {
		if d.ID == id && d.Expiry {
			found = &d
		}
	})
	return found
}

// overtakes: a request that was in intake before the deadline fell due, by the clock of whoever decided, is answered first.
func (r *Race[S, E, R, F]) overtakes(s *es.Stored[E], due es.Deadline, intakeNext int64) error {
	if intakeNext >= int64(len(r.Intake)) {
		return nil
	}
	for _, d := range r.Deciders {
		if d.Name == s.Decider && r.written[intakeNext]+d.Skew < due.Due {
			return fmt.Errorf("%s expired at %d before request %d was answered, which had come at %d", due.ID, due.Due, intakeNext, r.written[intakeNext]+d.Skew)
		}
	}
	return nil
}

package es_test

import (
	"testing"

	"vigie/pkg/es"
)

// chain makes records that follow one another; change alters a decision before it is encoded.
type chain struct {
	records []toyStored
	head    es.Head
}

func (c *chain) add(change func(*toyDecision)) *chain {
	d := toyDecision{
		Room: room, Version: c.head.Version + 1, Intake: es.NoIntake, Decider: "d", At: 1000 * int64(c.head.Version+1), Level: 1,
		PrevHash: c.head.Hash, Outcome: es.Outcome[event]{Events: []event{{Kind: "gold", N: 1}}},
	}
	if d.Version == 1 {
		d.Deadline = "open"
	} else {
		d.Intake = c.head.IntakeNext
	}
	change(&d)
	value, hash := encode(&d)
	c.records = append(c.records, decode(int64(len(c.records)), value))
	c.head.Version, c.head.Hash = d.Version, hash
	if d.Intake != es.NoIntake {
		c.head.IntakeNext++
	}
	return c
}

func asItIs(*toyDecision) {}

// fork goes on from an earlier head, as a writer that has not read the latest record.
func (c *chain) fork(from es.Head) *chain {
	c.head = from
	return c
}

func TestEveryRecordIsJudgedByTheRule(t *testing.T) {
	t.Parallel()
	start := func() *chain { return new(chain).add(asItIs).add(asItIs) }
	for name, c := range map[string]struct {
		records []toyStored
		want    es.Judgement
	}{
		"the next record is effective":              {start().add(asItIs).records, es.Judgement{Verdict: es.Effective}},
		"a record of another room is void":          {start().add(func(d *toyDecision) { d.Room = "chest" }).records, es.Judgement{Verdict: es.Void, Reason: "wrong_room"}},
		"a level above the room's is void":          {start().add(func(d *toyDecision) { d.Level = 2 }).records, es.Judgement{Verdict: es.Void, Reason: "level_too_high"}},
		"a time before the last one is void":        {start().add(func(d *toyDecision) { d.At = 1999 }).records, es.Judgement{Verdict: es.Void, Reason: "time_goes_back"}},
		"a request out of turn is void":             {start().add(func(d *toyDecision) { d.Intake = 7 }).records, es.Judgement{Verdict: es.Void, Reason: "not_the_next_request"}},
		"a request that was answered is void":       {start().add(func(d *toyDecision) { d.Intake = 0 }).records, es.Judgement{Verdict: es.Void, Reason: "not_the_next_request"}},
		"a deadline that is not open is void":       {start().add(func(d *toyDecision) { d.Intake, d.Deadline = es.NoIntake, "open" }).records, es.Judgement{Verdict: es.Void, Reason: "deadline_not_open"}},
		"a version above the next is void":          {start().add(func(d *toyDecision) { d.Version = 9 }).records, es.Judgement{Verdict: es.Void, Reason: "stale_version"}},
		"a version that is taken is void":           {start().fork(es.Head{}).add(asItIs).records, es.Judgement{Verdict: es.Void, Reason: "stale_version"}},
		"a record that follows nothing known halts": {start().add(func(d *toyDecision) { d.PrevHash[0]++ }).records, es.Judgement{Verdict: es.Halting, Reason: "version 3 follows a record that is not in this log: the log was cut or rewritten"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := es.NewFold(room, toy())
			got := es.Judgement{}
			for k := range c.records {
				got = f.Read(&c.records[k])
			}
			if got != c.want {
				t.Errorf("want %v, got %v", c.want, got)
			}
		})
	}
}

func TestADeadlineIsNotAnsweredBeforeItIsDue(t *testing.T) {
	t.Parallel()
	for at, want := range map[int64]string{8999: "deadline_not_due", 9000: ""} {
		c := new(chain).add(asItIs).add(func(d *toyDecision) {
			d.Events = []event{{Kind: "promised", ID: "p", Promise: Promise{Due: 9000}}}
		}).add(func(d *toyDecision) { d.Intake, d.Deadline, d.At = es.NoIntake, "p", at })
		if _, got := readAll(c.records); got.Reason != want {
			t.Errorf("at %d: want %q, got %v", at, want, got)
		}
	}
}

func readAll(records []toyStored) (*toyFold, es.Judgement) {
	f, last := es.NewFold(room, toy()), es.Judgement{}
	for k := range records {
		if last = f.Read(&records[k]); last.Verdict == es.Halting {
			break
		}
	}
	return f, last
}

func TestTheDiscardedChainOfALostRaceIsVoidHoweverLongItIs(t *testing.T) {
	t.Parallel()
	c := new(chain).add(asItIs)
	lost := c.head
	c.add(asItIs)
	won := c.head
	c.fork(lost)
	for range 5 { // versions 2 to 6 of the loser
		c.add(func(d *toyDecision) { d.Decider = "loser" })
	}
	loser := c.head
	c.fork(won).add(asItIs)
	winner := c.head
	c.fork(loser).add(asItIs)
	f, last := readAll(c.records)
	if last.Verdict != es.Void || f.Hash != winner.Hash || f.Version != 3 {
		t.Errorf("want the chain of the winner at version 3 and a void record, got version %d and %v", f.Version, last)
	}
}

func TestWhatWasCutOrRewrittenHaltsForGood(t *testing.T) {
	t.Parallel()
	whole := new(chain).add(asItIs).add(asItIs).add(asItIs).add(asItIs).records
	flipped := append([]toyStored(nil), whole...)
	flipped[2].Damage = "the hash of the record does not match its bytes"
	twice := append(append([]toyStored(nil), whole[:3]...), whole[2])
	for name, records := range map[string][]toyStored{
		"an offset is missing":            {whole[0], whole[1], whole[3]},
		"the beginning is missing":        whole[1:],
		"a record is damaged":             flipped,
		"a record comes twice to readers": twice,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, last := readAll(records)
			if last.Verdict != es.Halting || f.Halted() == "" {
				t.Fatalf("want a halt, got %v", last)
			}
			before := f.Head
			next := new(chain).fork(f.Head).add(asItIs).records[0]
			next.Offset = f.Next
			if again := f.Read(&next); again != last || f.Head != before {
				t.Errorf("a halted fold went on: %v", again)
			}
		})
	}
}

func TestACauseIsRememberedWithItsFirstOutcome(t *testing.T) {
	t.Parallel()
	as := func(r toyRequest, change func(*toyDecision)) func(*toyDecision) {
		return func(d *toyDecision) {
			d.Origin = r.Origin
			change(d)
		}
	}
	one, other := ask(1, order{N: 1}), ask(1, order{N: 2})
	c := new(chain).add(asItIs).
		add(as(one, func(d *toyDecision) { d.Outcome = es.Outcome[event]{Refusal: &es.Refusal{Code: "poor"}} })).
		add(as(one, func(d *toyDecision) { d.Outcome, d.RepeatOf = es.Outcome[event]{}, 2 })).
		add(as(other, func(d *toyDecision) { d.Outcome = es.Outcome[event]{Refusal: &es.Refusal{Code: "id_reused"}} }))
	f, _ := readAll(c.records)
	first, known := f.Outcome(one.Cause)
	if !known || first.Version != 2 || first.Offset != 1 || first.Code != "poor" {
		t.Errorf("want the refusal of version 2, got %+v", first)
	}
	if !first.SameContent(one.ContentHash) || first.SameContent(other.ContentHash) {
		t.Error("the content of the first use is not told from that of another")
	}
	if _, known := f.Outcome(es.Cause{Principal: "owner", ID: "9"}); known {
		t.Error("a cause is known that was never there")
	}
}

package es_test

import (
	"fmt"
	"strings"
	"testing"

	"vigie/pkg/es"
)

// desk is one writer, the log it writes to and its clock.
type desk struct {
	t *testing.T
	*toyWriter
	log [][]byte
	now int64
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, toyWriter: newWriter("d")}
	d.commit() // opens the log
	return d
}

func (d *desk) tick() es.Tick { return es.Tick{Now: d.now, Mono: d.now + 1} }

func (d *desk) ask(cause int, o order) {
	r := ask(cause, o)
	r.Offset = d.IntakeNext + int64(d.Backlog())
	d.Request(r)
}

// commit steps, writes and reads back; it gives what was decided.
func (d *desk) commit() []toyDecision {
	d.t.Helper()
	s := d.Step(d.tick(), 0)
	from := len(d.log)
	d.log = append(d.log, s.Batch...)
	if s.Batch != nil {
		d.Appended(es.Written, d.tick())
	}
	d.readBack()
	var decided []toyDecision
	for k, value := range d.log[from:] {
		decided = append(decided, decode(int64(from+k), value).Decision)
	}
	return decided
}

func (d *desk) readBack() {
	d.t.Helper()
	for d.Next < int64(len(d.log)) {
		s := decode(d.Next, d.log[d.Next])
		if j := d.Read(&s); j.Verdict == es.Halting {
			d.t.Fatal(j.Reason)
		}
	}
}

func TestAWriterDecidesOnItsOwnDecisionsBeforeTheyComeBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ask(1, order{Kind: "earn", N: 5})
	d.ask(2, order{Kind: "spend", N: 3})
	d.ask(3, order{Kind: "spend", N: 3})
	got := d.commit()
	if len(got) != 3 || got[1].Refusal != nil || got[2].Refusal == nil || d.State.Gold != 2 {
		t.Errorf("want one of two expenses refused and 2 left, got %d left and %+v", d.State.Gold, got)
	}
}

func TestOneAppendIsUnderWayAtATime(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ask(1, order{N: 1})
	first := d.Step(d.tick(), 0)
	d.ask(2, order{N: 2})
	if again := d.Step(d.tick(), 0); again.Batch != nil {
		t.Fatal("a second batch went out before the first was answered")
	}
	d.Appended(es.Written, d.tick())
	second := d.Step(d.tick(), 0)
	if len(first.Batch) != 1 || len(second.Batch) != 1 {
		t.Fatalf("want one decision in each batch, got %d and %d", len(first.Batch), len(second.Batch))
	}
	d.log = append(append(d.log, first.Batch...), second.Batch...)
	d.readBack()
	if d.State.Gold != 3 || d.Backlog() != 0 {
		t.Errorf("want both folded and nothing left, got %d gold, backlog %d", d.State.Gold, d.Backlog())
	}
}

func TestAnUnknownOutcomeIsTriedAgainWithTheSameBytes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ask(1, order{N: 1})
	sent := d.Step(d.tick(), 0).Batch
	d.Appended(es.Unsettled, d.tick())
	d.ask(2, order{N: 2})
	if early := d.Step(d.tick(), 0); early.Batch != nil {
		t.Fatal("it went out again at once")
	}
	d.now += 60
	again := d.Step(d.tick(), 0).Batch
	if fmt.Sprint(again) != fmt.Sprint(sent) {
		t.Fatal("other bytes went out")
	}
	d.log = append(append(d.log, sent...), again...) // both arrived
	d.Appended(es.Written, d.tick())
	d.readBack()
	d.commit()
	if d.State.Gold != 3 || d.Version != 3 {
		t.Errorf("want 3 gold at version 3, got %d at %d", d.State.Gold, d.Version)
	}
}

func TestReadingSettlesWhatTheAppendDidNotTell(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ask(1, order{N: 1})
	d.log = append(d.log, d.Step(d.tick(), 0).Batch...)
	d.Appended(es.Unsettled, d.tick())
	d.readBack()
	d.now += 60
	if s := d.Step(d.tick(), 0); s.Batch != nil {
		t.Error("what has been read came out again")
	}
}

func TestALostRaceIsDecidedAgainUnderTheSameCause(t *testing.T) {
	t.Parallel()
	d, rival := newDesk(t), newWriter("rival")
	opened := decode(0, d.log[0])
	rival.Read(&opened)
	r := ask(1, order{N: 1})
	rival.Request(r)
	d.Request(r)
	d.ask(2, order{N: 2})
	mine := d.Step(d.tick(), 0).Batch
	d.log = append(append(d.log, rival.Step(d.tick(), 0).Batch...), mine...)
	d.Appended(es.Written, d.tick())
	d.readBack()
	if d.State.Gold != 1 || d.Backlog() != 1 {
		t.Fatalf("want the rival's decision and one request left, got %d gold, backlog %d", d.State.Gold, d.Backlog())
	}
	if got := d.commit(); len(got) != 1 || got[0].Cause.ID != "2" || d.State.Gold != 3 {
		t.Errorf("want the second request decided again, got %+v", got)
	}
}

func TestARepeatGetsTheFirstOutcomeAndAnotherUseOfTheIDIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ask(1, order{N: 1})
	d.ask(1, order{N: 1}) // in the same batch
	d.commit()
	d.ask(1, order{N: 1}) // and after it was read back
	d.ask(1, order{N: 7})
	got := d.commit()
	if d.State.Gold != 1 {
		t.Errorf("a repeat was carried out: %d gold", d.State.Gold)
	}
	if got[0].RepeatOf != 2 || got[1].Refusal == nil || got[1].Refusal.Code != "id_reused" {
		t.Errorf("want a repeat of 2 and id_reused, got %+v", got)
	}
}

func TestWhatIsToBeHeardIsDecidedUnderAUsedID(t *testing.T) {
	t.Parallel()
	domain := toy()
	domain.Heard = func(o order) bool { return o.N > 1 }
	d := &desk{t: t, toyWriter: es.NewWriter(room, "d", domain, es.DefaultLimits(), encode)}
	d.commit() // opens the log
	d.ask(1, order{N: 1})
	d.ask(1, order{N: 7}) // in the same batch
	d.commit()
	d.ask(1, order{N: 20}) // and after it was read back
	d.ask(1, order{N: 0})
	d.ask(1, order{N: 1})
	got := d.commit()
	if d.State.Gold != 28 || got[0].Refusal != nil || got[0].RepeatOf != 0 {
		t.Errorf("%d gold, %+v", d.State.Gold, got[0])
	}
	if got[1].Refusal == nil || got[1].Refusal.Code != "id_reused" {
		t.Errorf("what need not be heard: %+v", got[1])
	}
	if got[2].RepeatOf != 2 {
		t.Errorf("the id belongs to its first use: %+v", got[2])
	}
}

func TestARequestCannotStopTheRoom(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ask(1, order{Kind: "break"})
	d.Request(toyRequest{Offset: 1, Unreadable: "it is noise"})
	d.Request(toyRequest{Offset: 2, Unreadable: "it is noise"})
	last := ask(2, order{N: 1})
	last.Offset = 3
	d.Request(last)
	var whys []string
	for _, decided := range d.commit() {
		if decided.Events[0].Kind == "undecidable" {
			whys = append(whys, decided.Events[0].ID)
		}
	}
	if want := "the rules failed on it: the purse has a hole, it is noise, it is noise"; strings.Join(whys, ", ") != want || d.State.Gold != 1 {
		t.Errorf("want %q, got %q", want, whys)
	}
}

func TestARepeatOfAnUnreadableRequestIsARepeat(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	r := ask(1, order{})
	r.Unreadable = "it asks for something new"
	d.Request(r)
	r.Offset = 1
	d.Request(r)
	if got := d.commit(); len(got) != 2 || got[1].RepeatOf != got[0].Version {
		t.Errorf("want one outcome and a repeat of it, got %+v", got)
	}
}

func TestADeadlineOnWhichTheRulesFailHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ask(1, order{Kind: "promise", ID: "broken"})
	d.ask(2, order{Kind: "promise", ID: "kept"})
	s := d.Step(d.tick(), 0)
	if len(s.Faults) != 1 || len(s.Batch) != 3 {
		t.Fatalf("want one fault and three decisions, got %v and %d", s.Faults, len(s.Batch))
	}
	d.log = append(d.log, s.Batch...)
	d.Appended(es.Written, d.tick())
	d.readBack()
	if again := d.Step(d.tick(), 0); len(again.Faults) != 0 {
		t.Error("the fault was tried again at once")
	}
	d.now += 31_000
	if again := d.Step(d.tick(), 0); len(again.Faults) != 1 {
		t.Error("the fault was not tried again after a while")
	}
}

func TestDeadlinesAreAnsweredByRankThenTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for k, p := range []Promise{{Due: 10, Rank: 3}, {Due: 30, Rank: 1}, {Due: 20, Rank: 1}, {Due: 99, Rank: 0}} {
		d.ask(k, order{Kind: "promise", ID: fmt.Sprint("p", k), Promise: p})
	}
	d.commit()
	d.now = 50
	d.commit()
	if got := strings.Join(d.State.Fired, " "); got != "open p2 p1 p0" {
		t.Errorf("want open p2 p1 p0, got %s", got)
	}
	if due, ok := d.NextDue(); !ok || due != 99 {
		t.Errorf("want the next at 99, got %d", due)
	}
}

func TestAChoiceDoesNotWaitForAClockThatIsBehind(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.now = 1000
	d.ask(1, order{N: 1})
	d.commit()
	d.now = 700 // another decider's clock, behind that of the last author
	d.ask(2, order{Kind: "promise", ID: "choice", Promise: Promise{Due: 1000}})
	d.ask(3, order{Kind: "promise", ID: "expiry", Promise: Promise{Due: 1000, Expiry: true}})
	d.commit()
	d.Watermark(3)
	d.commit()
	if got := strings.Join(d.State.Fired, " "); got != "open choice" {
		t.Errorf("want the choice only, got %s", got)
	}
}

func TestAnExpiryWaitsForTheIntakeBelowAnEndFetchedAfterItWasDue(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ask(1, order{Kind: "promise", ID: "x", Promise: Promise{Due: 100, Expiry: true}})
	d.commit()
	d.now = 100
	if s := d.Step(d.tick(), 0); !s.AskWatermark || s.Batch != nil {
		t.Fatalf("want the end of intake asked for and nothing decided, got %+v", s)
	}
	if s := d.Step(d.tick(), 0); s.AskWatermark {
		t.Fatal("it asked twice")
	}
	d.Watermark(3) // two requests are on their way here
	if got := d.commit(); len(got) != 0 {
		t.Fatalf("it expired before what was in intake: %+v", got)
	}
	d.ask(2, order{N: 1})
	d.commit()
	d.ask(3, order{N: 1})
	d.commit()
	if got := strings.Join(d.State.Fired, " "); got != "open x" {
		t.Errorf("want it expired after both, got %s", got)
	}
}

func TestSteadyLoadDoesNotKeepAnExpiryWaiting(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for k := range 5 {
		d.ask(k, order{Kind: "promise", ID: fmt.Sprint("x", k), Promise: Promise{Due: 100 + int64(k), Expiry: true}})
	}
	d.commit()
	d.now = 100
	end, asked := int64(5), false
	for range 20 { // one request is decided in each round while two more come in, and each millisecond another falls due
		s := d.Step(d.tick(), 0)
		d.log = append(d.log, s.Batch...)
		if s.Batch != nil {
			d.Appended(es.Written, d.tick())
		}
		d.readBack()
		end += 2
		if asked {
			d.Watermark(end)
		}
		asked = s.AskWatermark
		d.ask(int(end), order{N: 1})
		d.now++
	}
	if len(d.State.Fired) < 6 {
		t.Errorf("want all five expired, got %v", d.State.Fired)
	}
}

func TestAnEndFetchedBeforeTheClockWentBackIsNotTrusted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ask(1, order{Kind: "promise", ID: "x", Promise: Promise{Due: 100, Expiry: true}})
	d.ask(2, order{Kind: "promise", ID: "y", Promise: Promise{Due: 200, Expiry: true}})
	d.commit()
	d.now = 150
	d.Step(d.tick(), 0)
	d.now = 250
	if s := d.Step(d.tick(), 0); s.AskWatermark {
		t.Fatal("two ends were asked for at once")
	}
	d.Watermark(2)
	if got := d.commit(); len(got) != 1 || got[0].Deadline != "x" {
		t.Fatalf("want x, for which the end was fetched late enough, got %+v", got)
	}
	d.now = 140
	d.Step(d.tick(), 0)
	d.now = 249
	if got := d.commit(); len(got) != 0 {
		t.Errorf("y expired on an old end: %+v", got)
	}
}

func TestAHaltedWriterSendsNothingMore(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ask(1, order{N: 1})
	d.Step(d.tick(), 0)
	d.Appended(es.Unsettled, d.tick())
	if j := d.Read(&toyStored{Offset: d.Next, Damage: "it was burnt"}); j.Verdict != es.Halting {
		t.Fatalf("want a halt, got %v", j)
	}
	d.now += 1000
	if s := d.Step(d.tick(), 0); s.Batch != nil || s.AskWatermark {
		t.Error("a halted writer goes on writing")
	}
}

func TestAWriterThatDoesNotReadItselfStopsUntilItHasCaughtUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ask(1, order{N: 1})
	lost := d.Step(d.tick(), 0).Batch
	d.Appended(es.Written, d.tick()) // said the broker, and then forgot it
	d.ask(2, order{N: 2})
	d.now += 2001
	if s := d.Step(d.tick(), 0); s.Batch != nil {
		t.Fatal("it writes although it has not read itself for 2 s")
	}
	d.CaughtUp(d.tick())
	d.commit()
	d.log = append(d.log, lost...) // comes late after all
	d.readBack()
	if d.State.Gold != 3 || d.Backlog() != 0 {
		t.Errorf("want both decided once, got %d gold, backlog %d", d.State.Gold, d.Backlog())
	}
}

func TestABatchIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits es.Limits
		want   int
		raw    int
	}{
		"by requests":                    {es.Limits{Requests: 3, Deadlines: 9, Bytes: 1 << 20, ReadBack: 2000}, 3, 0},
		"by bytes":                       {es.Limits{Requests: 9, Deadlines: 9, Bytes: 1, ReadBack: 2000}, 1, 0},
		"by what the next one would add": {es.Limits{Requests: 9, Deadlines: 1, Bytes: 5000, ReadBack: 2000}, 1, 4900},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &desk{t: t, toyWriter: es.NewWriter(room, "d", toy(), c.limits, encode)}
			for k := range 6 {
				r := ask(k, order{N: 1})
				r.Offset, r.Raw = int64(k), make([]byte, c.raw)
				d.Request(r)
			}
			if opened := d.commit(); len(opened) != 1 || opened[0].Deadline != "open" {
				t.Fatalf("the log is not opened before anything is answered: %+v", opened)
			}
			if s := d.Step(es.Tick{Mono: 1}, 0); len(s.Batch) != c.want {
				t.Errorf("want %d, got %d", c.want, len(s.Batch))
			}
		})
	}
}

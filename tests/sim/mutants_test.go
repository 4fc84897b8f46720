package sim_test

import (
	"testing"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	"vigie/pkg/wire"
)

type wireEvent = logv1.Event

// broken are rules that are not kept, so that the simulator is seen to notice; its zero value keeps all.
type broken struct {
	// change changes the rules of the domain.
	change func(*controlroom.Domain)
	// faults adds to those of the seed.
	faults func(*faults)
	// alters what a reader sees of a record.
	alters func(f *controlroom.Fold, s *wire.Stored)

	trustsTheBroker, repeatsRecords, neverWaits, forgetsVoids, trustsItsClock, takesUnknownForWritten, answersVoids bool
}

func (b *broken) rules() *controlroom.Domain {
	d := controlroom.Rules()
	if b.change != nil {
		b.change(d)
	}
	return d
}

func (b *broken) record(f *controlroom.Fold, s *wire.Stored) *wire.Stored {
	if b.alters != nil {
		b.alters(f, s)
	}
	return s
}

// TestBrokenRulesAreNoticed runs the simulator on rules that are not kept: each must be caught within some seeds.
func TestBrokenRulesAreNoticed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		broken broken
	}{
		{"a reader that does not look at the hash before", broken{alters: func(f *controlroom.Fold, s *wire.Stored) {
			if s.Version == f.Version+1 {
				s.PrevHash = f.Hash
			}
		}, faults: func(f *faults) {
			f.slowEvery, f.log.slow, f.alarmEvery = second, 0.3, 500
		}}},
		{"an expiry that does not wait for intake", broken{change: func(d *controlroom.Domain) {
			each := d.Deadlines
			d.Deadlines = func(s controlroom.State, yield func(es.Deadline)) {
				each(s, func(l es.Deadline) {
					l.Expiry = false
					yield(l)
				})
			}
		}}},
		{"a room that remembers causes for too short a while", broken{change: func(d *controlroom.Domain) { d.Remembered = 1 }}},
		{"a state that not all fold alike", broken{change: func(d *controlroom.Domain) {
			evolve, n := d.Evolve, 0
			d.Evolve = func(s controlroom.State, at int64, e *logv1.Event) controlroom.State {
				if n++; n%50 == 0 {
					at++
				}
				return evolve(s, at, e)
			}
		}}},
		{"a snapshot without the hashes of void records", broken{forgetsVoids: true, faults: func(f *faults) {
			f.slowEvery, f.log.slow, f.alarmEvery = second, 0.3, 500
		}}},
		{"a decider that trusts its clock", broken{trustsItsClock: true, faults: func(f *faults) { f.skews = true }}},
		{"a decider that takes an unknown outcome for written", broken{takesUnknownForWritten: true}},
		{"a gateway that answers what is void", broken{answersVoids: true, faults: func(f *faults) {
			f.stopEvery, f.log.slow = 3*second, 0.3
		}}},
		{"a reader that does not look again, after an outage, at what it has read", broken{
			trustsTheBroker: true, faults: func(f *faults) { f.cuts = true },
		}},
		{"a reader that passes records on twice", broken{repeatsRecords: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(400) {
				if failed := play(t, seed+1, c.broken, false).failed; failed != nil {
					t.Logf("seed %d: %v", seed+1, failed)
					return
				}
			}
			t.Error("400 seeds have not noticed")
		})
	}
}

package follow

import (
	"context"
	"errors"
	"testing"

	"vigie/pkg/eventlog"
	"vigie/pkg/wire"
)

// some records are more than wait in line at a time, and no whole number of stretches.
const some = (2*inLine+1)*perStretch + 7

// scanning reads some records, which are no decisions, and ends as it is told.
func scanning(end error) func(context.Context, func(eventlog.Record) error) error {
	return func(ctx context.Context, each func(eventlog.Record) error) error {
		for k := range int64(some) {
			if err := errors.Join(ctx.Err(), each(eventlog.Record{Offset: k, Value: []byte("x")})); err != nil {
				return err
			}
		}
		return end
	}
}

func TestWhatIsDecodedAheadIsHandedOutInOrderUpToWhereReadingFailed(t *testing.T) {
	t.Parallel()
	damage := &eventlog.DamageError{Offset: some}
	for _, end := range []error{nil, damage} {
		next := int64(0)
		err := decodeAhead(t.Context(), scanning(end), func(s *wire.Stored) error {
			if s.Offset != next || s.Damage == "" {
				t.Fatalf("offset %d (%q) instead of %d", s.Offset, s.Damage, next)
			}
			next++
			return nil
		})
		if !errors.Is(err, end) || next != some {
			t.Errorf("%v after %d records", err, next)
		}
	}
}

func TestNothingIsHandedOutAfterARefusalOrTheEnd(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for _, at := range []int64{0, perStretch - 1, perStretch, some - 1} {
		last := int64(-1)
		ctx, stop := context.WithCancel(t.Context())
		refuse := func(s *wire.Stored) error {
			if last = s.Offset; last == at {
				return boom
			}
			return nil
		}
		if err := decodeAhead(ctx, scanning(nil), refuse); !errors.Is(err, boom) || last != at {
			t.Errorf("refused at %d: %v, last %d", at, err, last)
		}
		halt := func(s *wire.Stored) error {
			if last = s.Offset; last == at {
				stop()
			}
			return nil
		}
		if err := decodeAhead(ctx, scanning(nil), halt); at != some-1 && !errors.Is(err, context.Canceled) || last != at {
			t.Errorf("ended at %d: %v, last %d", at, err, last)
		}
		stop()
	}
}

package projectiontest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"vigie/pkg/eventlog"
	"vigie/pkg/geo"
	"vigie/pkg/projection"
)

// Run holds projections in a kind of Redis to their contract (I22, F11). Each test gets a server of its own.
func Run(t *testing.T, open func(testing.TB) Server) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*world)
	}{
		{"a table is the fold of its topic", follows},
		{"an empty topic makes an empty table and not a cold one", empty},
		{"what is missing or has never been whole is cold", cold},
		{"a change made for another state is not made", guarded},
		{"after FLUSHALL the table is folded again", flushed},
		{"after a restart with nothing the table is folded again", restarted},
		{"after a fail-over that lost the tail it goes on from what is left", reverted},
		{"while Redis is cut off nobody waits, and afterwards all is there", func(w *world) { away(w, 20, w.relay.Cut) }},
		{"while Redis takes two seconds nobody waits, and afterwards all is there", func(w *world) { away(w, 2, func() { w.relay.Slow(2 * time.Second) }) }},
		{"while Redis is half open nobody waits, and afterwards all is there", func(w *world) { away(w, 2, w.relay.HalfOpen) }},
		{"while answers are lost what was asked is done once", func(w *world) { away(w, 2, w.relay.Mute) }},
		{"connections that end now and then lose nothing and double nothing", dropped},
		{"two that project the same room write one story", together},
		{"one who was away goes on from what the other wrote", inTurn},
		{"entries that somebody took away make it cold, and it is folded again", torn},
		{"a table of another story is begun anew", foreign},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(begin(t, open(t)))
		})
	}
}

func follows(w *world) {
	w.writes(500)
	w.project()
	w.whole()
	end := w.watch()
	for range 20 {
		w.writes(25)
		w.whole()
	}
	end()
}

func empty(w *world) {
	w.project()
	Await(w.tb, "the table is there", func() bool {
		_, err := w.table.All(Bound(w.tb))
		return err == nil
	})
	s, hits, err := w.table.Near(Bound(w.tb), geo.FromDegrees(48.85, 2.35), 100_000)
	if err != nil || s.Offset != -1 || len(s.Entries) != 0 || len(hits) != 0 || s.AtEnd.IsZero() {
		w.tb.Errorf("%+v, %v, %v", s, hits, err)
	}
	w.writes(3)
	w.whole()
}

func cold(w *world) {
	isCold := func(when string) {
		w.tb.Helper()
		_, err := w.table.All(Bound(w.tb))
		_, _, near := w.table.Near(Bound(w.tb), geo.FromDegrees(48.85, 2.35), 1000)
		if !errors.Is(err, projection.ErrCold) || !errors.Is(near, projection.ErrCold) {
			w.tb.Errorf("%s: %v, %v", when, err, near)
		}
	}
	isCold("nothing is stored")
	at := projection.Mark{Offset: 7, Hash: "h"}
	change := projection.Changes{}
	change.Put(projection.Entry{Name: "a", Value: []byte("1")})
	w.applies(projection.Batch{To: at, Changes: change}, nil)
	isCold("the end has not been reached")
	if s, err := w.table.Load(Bound(w.tb)); err != nil || s.Mark != at || string(s.Entries["a"]) != "1" {
		w.tb.Errorf("for the one who writes it: %+v, %v", s, err)
	}
	w.applies(projection.Batch{After: &at, To: at, AtEnd: time.Now()}, nil)
	if s, err := w.table.All(Bound(w.tb)); err != nil || s.Mark != at {
		w.tb.Errorf("at its end: %+v, %v", s, err)
	}
	if err := w.table.Clear(Bound(w.tb)); err != nil {
		w.tb.Fatal(err)
	}
	isCold("it was taken away")
}

func (w *world) applies(b projection.Batch, want error) {
	w.tb.Helper()
	if err := w.table.Apply(Bound(w.tb), b); !errors.Is(err, want) {
		w.tb.Errorf("change from %v to %v: %v, want %v", b.After, b.To, err, want)
	}
}

func guarded(w *world) {
	mark := func(offset int64, hash string) projection.Mark { return projection.Mark{Offset: offset, Hash: hash} }
	first, second, third := mark(10, "a"), mark(20, "b"), mark(30, "c")
	put := func(value string) projection.Changes {
		c := projection.Changes{}
		c.Put(projection.Entry{Name: "x", Value: []byte(value)})
		return c
	}
	w.applies(projection.Batch{After: &first, To: second, AtEnd: time.Now(), Changes: put("of nothing")}, projection.ErrMoved)
	w.applies(projection.Batch{To: first, AtEnd: time.Now(), Changes: put("1")}, nil)
	w.applies(projection.Batch{To: first, AtEnd: time.Now(), Changes: put("from the start again")}, projection.ErrMoved)
	w.applies(projection.Batch{After: &first, To: second, AtEnd: time.Now(), Changes: put("2")}, nil)
	w.applies(projection.Batch{After: &first, To: second, AtEnd: time.Now(), Changes: put("late")}, projection.ErrMoved)
	w.applies(projection.Batch{After: &first, To: third, AtEnd: time.Now(), Changes: put("over a hole")}, projection.ErrMoved)
	other := mark(20, "another story")
	w.applies(projection.Batch{After: &other, To: third, AtEnd: time.Now(), Changes: put("foreign")}, projection.ErrMoved)
	s, err := w.table.All(Bound(w.tb))
	if err != nil || s.Mark != second || string(s.Entries["x"]) != "2" {
		w.tb.Errorf("%+v, %v", s, err)
	}
}

func flushed(w *world) {
	w.project()
	w.writes(300)
	w.whole()
	defer w.watch()()
	for range 3 {
		w.server.Flush(w.tb)
		w.writes(40)
		w.whole()
	}
	w.server.Flush(w.tb)
	w.whole() // though nothing new is written
}

func restarted(w *world) {
	w.project()
	w.writes(300)
	w.whole()
	defer w.watch()()
	for range 2 {
		w.server.Restart(w.tb)
		w.writes(40)
		w.whole()
	}
}

func reverted(w *world) {
	stop := w.project()
	w.writes(200)
	w.whole()
	stop() // so that what is kept is one moment
	w.server.Keep(w.tb)
	w.project()
	w.writes(200)
	w.whole()
	defer w.watch()()
	w.server.Revert(w.tb)
	w.writes(10)
	w.whole()
	w.server.Revert(w.tb)
	w.whole() // though nothing new is written
}

// away: whoever asks learns so, and after the first none of them asks Redis; the projector goes on where it was.
func away(w *world, attempts int, hurt func()) {
	impatient := Config(w.relay.Addr())
	impatient.IO, impatient.Wait = 500*time.Millisecond, time.Second
	w.client = Open(w.tb, impatient)
	w.project()
	w.writes(100)
	w.whole()
	cfg := Config(w.relay.Addr())
	cfg.IO, cfg.Wait = 100*time.Millisecond, 200*time.Millisecond
	cfg.RestMin, cfg.RestMax = time.Hour, time.Hour
	people := Open(w.tb, cfg).Table(schema, w.room)
	defer w.watch()()
	hurt()
	w.relay.Drop() // the connections that were made before
	w.writes(100)
	ctx := Bound(w.tb)
	if _, err := people.All(ctx); !errors.Is(err, projection.ErrAway) {
		w.tb.Errorf("got %v", err)
	}
	for range 1000 {
		if _, err := people.All(ctx); !errors.Is(err, projection.ErrAway) {
			w.tb.Fatalf("got %v", err)
		}
	}
	if ctx.Err() != nil {
		w.tb.Error("those who came after the first waited, too")
	}
	before := w.interruptions()
	Await(w.tb, "the projector has tried some more times", func() bool { return w.interruptions() >= before+attempts })
	if told := w.logged.count("projection interrupted"); told > 3 {
		w.tb.Errorf("the operators were told %d times", told)
	}
	w.relay.Heal()
	w.relay.Drop()
	w.writes(100)
	w.whole()
}

func dropped(w *world) {
	w.project()
	defer w.watch()()
	for range 30 {
		w.writes(20)
		w.relay.Drop()
	}
	w.whole()
}

func together(w *world) {
	w.project()
	w.project()
	defer w.watch()()
	for range 30 {
		w.writes(20)
	}
	w.whole()
}

func inTurn(w *world) {
	for range 3 {
		stop := w.project()
		w.writes(50)
		w.whole()
		stop()
	}
	if n := w.logged.count("projection begun anew"); n > 0 {
		w.tb.Errorf("begun anew %d times", n)
	}
}

func torn(w *world) {
	w.project()
	w.writes(200)
	w.whole()
	for _, part := range []string{"data", "geo"} {
		w.loses(part)
		w.whole()
	}
}

// loses takes a key away behind the back of the one who projects, as a Redis that evicts does.
func (w *world) loses(part string) {
	w.tb.Helper()
	Direct(w.tb, w.server, func(ctx context.Context, c *redis.Client) error {
		keys, err := c.Keys(ctx, "proj:{"+room+"}:*:"+part).Result()
		if err != nil || len(keys) != 1 {
			w.tb.Errorf("keys of %s: %v, %v", part, keys, err)
		}
		return c.Del(ctx, keys...).Err()
	})
}

func foreign(w *world) {
	w.writes(100)
	var fifty []byte
	err := w.log().Scan(Bound(w.tb), topic, w.room.Partition, 50, 51, func(r eventlog.Record) error {
		fifty = r.Value
		return nil
	})
	if err != nil {
		w.tb.Fatal(err)
	}
	junk := projection.Changes{}
	junk.Put(projection.Entry{Name: "ghost", Value: []byte(`{"n":1,"text":"of another story"}`)})
	unreadable := projection.Changes{}
	unreadable.Put(projection.Entry{Name: "ghost", Value: []byte("not made by this fold")})
	for _, b := range []projection.Batch{
		{To: projection.Mark{Offset: 5000, Hash: "beyond the end"}, Changes: junk},
		{To: projection.Mark{Offset: 50, Hash: "another record"}, Changes: junk},
		{To: projection.Mark{Offset: 50}, Changes: junk},
		{To: projection.Mark{Offset: 50, Hash: projection.Digest(fifty)}, Changes: unreadable},
	} {
		if err := w.table.Clear(Bound(w.tb)); err != nil {
			w.tb.Fatal(err)
		}
		w.applies(b, nil)
		stop := w.project()
		w.whole()
		stop()
	}
}

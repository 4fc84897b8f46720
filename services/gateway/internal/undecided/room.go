package undecided

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/domain/controlroom"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/notice"
)

// room is what has no outcome in one. Intake holds all of it: what finds no place here is counted, and read again once
// there is one. The lock of the watch guards it.
type room struct {
	Config
	name  string
	lines [controlroom.Urgencies]line
	known map[int64]struct{} // offsets of what the lines hold
	// read is up to where intake was read, next up to where it is decided as of the last look.
	read, next int64
	// reopened says that decisions were undone.
	reopened bool
	// more is what was told last of how many are not shown.
	more *watchv1.Notice
}

// line is what is open of one urgency.
type line struct {
	open []open // in order of offsets, but for what came late
	// passed is how many found no place, from the first of them on.
	passed int
	from   int64
}

// open is an alarm or SOS without an outcome.
type open struct {
	notice *watchv1.Notice
	since  time.Time
	told   bool
}

func newRoom(c Config, name string) *room {
	return &room{Config: c, name: name, known: map[int64]struct{}{}, more: notice.More(notice.Undecided, name, 0, false)}
}

// enter takes in a request, of which there may be nothing to tell.
func (r *room) enter(offset int64, n *watchv1.Notice, urgency controlroom.Urgency, now time.Time) {
	if offset < r.read {
		now = time.Time{} // it was read before, and has waited since
	}
	r.read = max(r.read, offset+1)
	if _, known := r.known[offset]; known || n == nil {
		return
	}
	l := &r.lines[urgency]
	if l.passed > 0 || len(l.open) >= r.Bounds.Held {
		if l.passed == 0 {
			l.from = offset
		}
		l.passed++
		return
	}
	r.known[offset] = struct{}{}
	l.open = append(l.open, open{notice: n, since: now})
}

// anew says where to read again. After a reopening all is read that has no outcome any more, for the first time.
func (r *room) anew(next int64) int64 {
	if r.reopened {
		r.reopened = false
		for u := range r.lines {
			for _, o := range r.lines[u].open {
				r.over(o)
			}
		}
		clear(r.known)
		r.lines, r.read = [controlroom.Urgencies]line{}, next
		return next
	}
	from := r.read
	for u := range r.lines {
		if l := &r.lines[u]; l.passed > 0 {
			from, l.passed = min(from, l.from), 0
		}
	}
	return max(from, next)
}

func (r *room) over(o open) {
	if o.told {
		r.Notify(notice.Over(o.notice))
	}
}

// settle forgets what has been answered and tells what is to be told now, the most urgent first. It says whether intake
// is to be read again.
func (r *room) settle(next int64, now time.Time) (again bool) {
	r.reopened = r.reopened || next < r.next
	again, r.next = r.reopened, next
	hidden := 0
	for u := len(r.lines) - 1; u >= 0; u-- {
		l := &r.lines[u]
		l.open = slices.DeleteFunc(l.open, func(o open) bool {
			if o.notice.GetOffset() >= next {
				return false
			}
			delete(r.known, o.notice.GetOffset())
			r.over(o)
			return true
		})
		hidden += r.tell(l, now)
		again = again || l.passed > 0 && len(l.open) <= r.Bounds.Held/2
	}
	if more := notice.More(notice.Undecided, r.name, hidden, false); !proto.Equal(more, r.more) {
		r.more = more
		r.Notify(more)
	}
	return again
}

// tell tells what is due of a line, as far as it is shown, and says how many more are due.
func (r *room) tell(l *line, now time.Time) (hidden int) {
	due := 0
	for k := range l.open {
		o := &l.open[k]
		if now.Sub(o.since) < After {
			continue
		}
		due++
		if k >= r.Bounds.Shown {
			hidden++
		} else if !o.told {
			o.told = true
			r.Notify(o.notice)
		}
	}
	if due == len(l.open) {
		hidden += l.passed // they came after all that are held
	}
	return hidden
}

// told counts what is.
func (r *room) told() (n int) {
	for _, l := range r.lines {
		for _, o := range l.open {
			if o.told {
				n++
			}
		}
	}
	return n
}

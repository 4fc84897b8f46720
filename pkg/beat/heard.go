package beat

import (
	"math"
	"slices"
	"sync"
	"time"

	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
)

// Services that others act upon.
const (
	Dispatch  = "dispatch"
	Gateway   = "gateway"
	Positions = "positions"
)

// Heard is the latest beat of each process of one room. Times that it is given are real; it is safe for concurrent use.
type Heard struct {
	rate  int64
	since time.Time

	mu     sync.RWMutex // guards latest
	latest map[string]heard
}

type heard struct {
	*positionsv1.Beat
	at time.Time
	// since is when it began to be heard without a gap longer than [gap].
	since time.Time
	// said are what the clock showed in the beats heard of late.
	said []reading
}

type reading struct {
	clock int64
	at    time.Time
}

// clock is what that of a process shows at now. A beat comes late and never early: of those heard of late the one that
// says most came fastest. A telemetry that hesitates for some seconds makes nobody's clock look wrong.
func (h *Heard) clock(of heard, now time.Time) int64 {
	shown := int64(math.MinInt64)
	for _, s := range of.said {
		if passed := now.Sub(s.at); passed <= SilentAfter {
			shown = max(shown, s.clock+passed.Milliseconds()*h.rate)
		}
	}
	return shown
}

// NewHeard returns a table that has heard nobody since now; rate is that of the domain clock.
func NewHeard(rate int, now time.Time) *Heard {
	return &Heard{rate: int64(rate), since: now, latest: map[string]heard{}}
}

// Take enters a beat that was read at now.
func (h *Heard) Take(b *positionsv1.Beat, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.latest[b.GetProcess()]
	since := before.since
	if now.Sub(before.at) > gap {
		since = now
	}
	said := slices.DeleteFunc(before.said, func(r reading) bool { return now.Sub(r.at) > SilentAfter })
	h.latest[b.GetProcess()] = heard{Beat: b, at: now, since: since, said: append(said, reading{b.GetClockMs(), now})}
	for process, last := range h.latest {
		if now.Sub(last.at) > 10*SilentAfter {
			delete(h.latest, process)
		}
	}
}

// Agreed is the median of what the clocks of all processes heard of late show at now, one's own included; of an even number
// the lower. Times are domain milliseconds. others says whether another process of the service was heard.
func (h *Heard) Agreed(process, service string, own int64, now time.Time) (agreed int64, others bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	clocks := []int64{own}
	for name, last := range h.latest {
		if name == process || now.Sub(last.at) > SilentAfter {
			continue
		}
		others = others || last.GetService() == service
		clocks = append(clocks, h.clock(last, now))
	}
	slices.Sort(clocks)
	return clocks[(len(clocks)-1)/2], others
}

// Knows says whether process can tell by now who else is there: it has heard itself beat and beat again, which gave each of
// the others a turn, or it has listened in vain for as long as one must be silent to count as gone.
func (h *Heard) Knows(process string, now time.Time) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	self := h.latest[process]
	return now.Sub(h.since) > SilentAfter || self.at.Sub(self.since) > Every/2
}

// Silent says whether a process has not been heard for so long that it counts as gone. One that was never heard counts as
// gone once this table has listened for that long.
func (h *Heard) Silent(process string, now time.Time) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	last, ok := h.latest[process]
	if !ok {
		return now.Sub(h.since) > SilentAfter
	}
	return now.Sub(last.at) > SilentAfter
}

// gap is how far apart the beats of a process may come for the hearing to be whole: when telemetry is away for no longer,
// none of those who beat seems to be silent.
const gap = Every + Every/2

// Level is the highest level that every process heard of late reads, own the one of this process. Until this process has
// been listening for as long as another may be silent, which is when it has heard its own beats for so long, it does not
// know who is there: the level stays what it is.
func (h *Heard) Level(process string, own, current uint32, now time.Time) uint32 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	self, ok := h.latest[process]
	if !ok || now.Sub(self.at) > gap || self.at.Sub(self.since) < SilentAfter {
		return current
	}
	for _, last := range h.latest {
		if now.Sub(last.at) <= SilentAfter {
			own = min(own, last.GetLevel())
		}
	}
	return own
}

// Processes gives the processes of a service that were heard of late.
func (h *Heard) Processes(service string, now time.Time) []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var names []string
	for name, last := range h.latest {
		if last.GetService() == service && now.Sub(last.at) <= SilentAfter {
			names = append(names, name)
		}
	}
	return names
}

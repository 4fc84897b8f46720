package beat

import (
	"time"

	intakev1 "vigie/pkg/gen/vigie/intake/v1"
)

const (
	// clockOff is how far, in real time, a clock may be from the agreed one.
	clockOff = time.Second
	// stepAfter is how far, in real time, the agreed time may lie behind the last decision.
	stepAfter = 5 * time.Second
	// lookEvery is how often a decider looks around, and askEvery how long it leaves alone what it has asked for.
	lookEvery = time.Second
	askEvery  = 10 * time.Second
)

// Company is what one decider makes of the beats that it hears (protocol §3, §4): whether its clock is to be trusted,
// whether the room's is far ahead of what all agree on, and whose links are gone. It has no clock and does no I/O: the own
// domain time in milliseconds and the real time come in. It is for one goroutine.
type Company struct {
	heard   *Heard
	decider string

	lookedAt time.Time
	asked    map[string]time.Time
}

// NewCompany returns the company of a decider that has asked for nothing yet.
func NewCompany(heard *Heard, decider string) *Company {
	return &Company{heard: heard, decider: decider, asked: map[string]time.Time{}}
}

// Trust is what the own clock is good for.
type Trust struct {
	// Write says that decisions may be written, Expire that they may take something away.
	Write, Expire bool
	// Off is how far the clock is from the agreed time, in real time, and Wrong whether that is too far.
	Off   time.Duration
	Wrong bool
	// Others says whether another decider is heard, or may be there unheard as yet.
	Others bool
}

// Trust judges the own clock. A wrong one keeps a decider from writing while another is there; alone it goes on with
// requests, since an alarm does not wait for a clock, but lets nothing expire. One that has just started, and cannot tell yet
// who is there, lets nothing expire either: its clock may be an hour ahead, and nobody has said so.
func (c *Company) Trust(own int64, now time.Time) Trust {
	agreed, others := c.heard.Agreed(c.decider, Dispatch, own, now)
	knows := c.heard.Knows(c.decider, now)
	t := Trust{Off: c.real(max(own-agreed, agreed-own)), Others: others || !knows}
	t.Wrong = t.Off > clockOff
	t.Write = !t.Wrong || !t.Others
	t.Expire = !t.Wrong && knows
	return t
}

// real is the duration of domain milliseconds, never less.
func (c *Company) real(ms int64) time.Duration {
	return time.Duration((ms+c.heard.rate-1)/c.heard.rate) * time.Millisecond
}

// Room is what a room, as it is folded, says to its decider.
type Room struct {
	// First says that the decider acts at once.
	First bool
	// At of the last effective decision, and how often the room's clock was set back.
	At         int64
	ClockSteps uint64
	// Gateways by which a team is linked.
	Gateways []string
}

// Due says whether it is time to look around.
func (c *Company) Due(now time.Time) bool { return now.Sub(c.lookedAt) >= lookEvery }

// Asks gives the bodies of what only a request can change: a clock that was set back, a gateway that is gone. The first
// decider asks for all; another asks when it has not, for it may have died with the gateway that is gone.
func (c *Company) Asks(r Room, own int64, now time.Time) []*intakev1.Request {
	if !c.Due(now) {
		return nil
	}
	c.lookedAt = now
	if c.heard.Silent(c.decider, now) {
		return nil // not even itself is heard: it is the telemetry that is away, not the others
	}
	var asks []*intakev1.Request
	ask := func(about string, q *intakev1.Request) {
		last, noticed := c.asked[about]
		if noticed && now.Sub(last) < askEvery {
			return
		}
		c.asked[about] = now
		if noticed || r.First {
			asks = append(asks, q)
		}
	}
	// By a wrong clock the room would be as far ahead after the step as before, and its deadlines moved all the same.
	agreed, _ := c.heard.Agreed(c.decider, Dispatch, own, now)
	if c.Trust(own, now).Expire && agreed < r.At-stepAfter.Milliseconds()*c.heard.rate {
		ask("clock", &intakev1.Request{Body: &intakev1.Request_StepClock{StepClock: &intakev1.StepClock{
			DeltaMs: agreed - r.At, Step: r.ClockSteps + 1,
		}}})
	}
	for _, gateway := range r.Gateways {
		if c.heard.Silent(gateway, now) {
			ask("gateway/"+gateway, &intakev1.Request{Body: &intakev1.Request_GatewayLost{GatewayLost: &intakev1.GatewayLost{Gateway: gateway}}})
		}
	}
	return asks
}

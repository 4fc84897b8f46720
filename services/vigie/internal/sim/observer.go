package sim

import (
	"maps"
	"slices"
	"sync"
	"time"

	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/vigie/internal/sim/audit"
)

// observer gathers what clients see, for the audit and the progress line. It is safe for concurrent use.
type observer struct {
	mu        sync.Mutex // guards everything
	connected map[teamKey][]audit.Span
	onDuty    map[teamKey]bool
	refused   map[string]int // "mission.accept stand_down" → times
	began     map[string]*watchv1.Cursor
	live      map[string]int
	stays     map[string]time.Duration // alarm id → known time on scene
	alarmOf   map[string]string        // room/incident → the first alarm heard of it
	raised    map[string]map[string]bool
	reports   map[string][]string
	offers    map[string]map[string]bool // room → missions whose offer a handheld has got
	sent      int
	accepted  int
	changed   chan struct{}
}

type teamKey struct{ room, team string }

func newObserver() *observer {
	return &observer{
		connected: map[teamKey][]audit.Span{}, onDuty: map[teamKey]bool{}, refused: map[string]int{},
		began: map[string]*watchv1.Cursor{}, live: map[string]int{}, stays: map[string]time.Duration{}, alarmOf: map[string]string{},
		raised: map[string]map[string]bool{}, reports: map[string][]string{}, offers: map[string]map[string]bool{}, changed: make(chan struct{}, 1),
	}
}

// tell wakes whoever waits for a change.
func (o *observer) tell() {
	select {
	case o.changed <- struct{}{}:
	default: // woken already
	}
}

func (o *observer) Linked(room, team string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k := teamKey{room, team}
	o.connected[k] = append(o.connected[k], audit.Span{From: now})
}

func (o *observer) Unlinked(room, team string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if spans := o.connected[teamKey{room, team}]; len(spans) > 0 {
		spans[len(spans)-1].To = now
	}
}

func (o *observer) Offered(room, mission string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.offers[room] == nil {
		o.offers[room] = map[string]bool{}
	}
	o.offers[room][mission] = true
}

func (o *observer) Refused(_, _, command, code string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused[command+" "+code]++
}

func (o *observer) OnDuty(room, team string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.onDuty[teamKey{room, team}] = true
	o.tell()
}

func (o *observer) Began(room string, at *watchv1.Cursor) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.began[room] = at
	o.tell()
}

func (o *observer) Alarm(room, incident, alarm string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if k := room + "/" + incident; o.alarmOf[k] == "" {
		o.alarmOf[k] = alarm
	}
}

func (o *observer) Opened(room, command string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reports[room] = append(o.reports[room], command)
}

func (o *observer) Live(room string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.live[room] = n
	if n == 0 {
		o.tell()
	}
}

// stay is the time on scene that is known of an incident.
func (o *observer) stay(room, incident string) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stays[o.alarmOf[room+"/"+incident]]
}

// alarmAnswered counts an alarm that is durable: once, however often it was sent.
func (o *observer) alarmAnswered(room, key, id string, restore bool, stay time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.raised[room] == nil {
		o.raised[room] = map[string]bool{}
	}
	o.raised[room][key] = restore
	o.accepted++
	if stay > 0 {
		o.stays[id] = stay
	}
}

func (o *observer) alarmSent() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent++
}

// figures are for the progress line.
type figures struct{ sent, accepted, live, onDuty, connected, began int }

func (o *observer) figures() figures {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := figures{sent: o.sent, accepted: o.accepted, onDuty: len(o.onDuty), began: len(o.began)}
	for _, n := range o.live {
		f.live += n
	}
	for _, spans := range o.connected {
		if spans[len(spans)-1].To.IsZero() {
			f.connected++
		}
	}
	return f
}

// evidence is what is known of a room; the clients must have ended.
func (o *observer) evidence(room string) (e audit.Evidence, from int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e = audit.Evidence{
		Alarms: maps.Clone(o.raised[room]), Reports: slices.Clone(o.reports[room]), Offers: maps.Clone(o.offers[room]),
		Connected: map[string][]audit.Span{},
	}
	for k, spans := range o.connected {
		if k.room == room {
			e.Connected[k.team] = slices.Clone(spans)
		}
	}
	return e, o.began[room].GetOffset()
}

func (o *observer) refusals() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.refused)
}

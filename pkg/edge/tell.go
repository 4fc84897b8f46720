package edge

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/domain/controlroom"
	peerv1 "vigie/pkg/gen/vigie/peer/v1"
	"vigie/pkg/peer"
)

// TellProvisional is the name of the call by which gateways are told; its body is a [peerv1.Provisional].
const TellProvisional = "provisional"

const (
	// tellBound is for one call: nobody waits for it but the next.
	tellBound = time.Second
	// A gateway that does not answer is called again after longer and longer.
	tellAgainMin = 100 * time.Millisecond
	tellAgainMax = 2 * time.Second
	// tellAnew is how often everything is said again, for a gateway that has started meanwhile.
	tellAnew = 10 * time.Second
	// atOnce and atOnceBytes bound one call.
	atOnce      = 256
	atOnceBytes = 1 << 20
	// atMost bounds what is told of one room and urgency at a time: what waits behind it is told as they go.
	atMost = 4000
)

// teller tells every gateway what waits in the journal, for as long as it does. A nil one tells nobody.
type teller struct {
	client *peer.Client
	log    *slog.Logger
	stop   context.CancelFunc
	wait   sync.WaitGroup

	mu      sync.Mutex // guards what follows
	number  uint64
	lines   []*line // the most urgent first
	changed chan struct{}
}

// line is what waits of one room and urgency. A flood in it delays no other.
type line struct {
	room    string
	urgency controlroom.Urgency
	open    []told // in order of numbers
}

type told struct {
	number uint64
	value  []byte
}

// place is where something told stands; without a line it stands nowhere.
type place struct {
	*line
	number uint64
}

// known is up to where a gateway knows of each line.
type known map[*line]uint64

func newTeller(ctx context.Context, s Settings, log *slog.Logger) (*teller, error) {
	client, err := peer.NewClient(s.Credentials, peer.Gateway)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	t := &teller{client: client, log: log, stop: stop, changed: make(chan struct{})}
	for _, gateway := range s.Gateways {
		t.wait.Go(func() { t.keepTelling(ctx, gateway) })
	}
	return t, nil
}

func (t *teller) close() {
	if t == nil {
		return
	}
	t.stop()
	t.wait.Wait()
	t.client.Close()
}

// add has a value told from now on, and gives what it is dropped by. What nobody runs to is told to nobody.
func (t *teller) add(room string, urgency controlroom.Urgency, value []byte) *place {
	if t == nil || urgency == controlroom.UrgencyNone {
		return &place{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.line(room, urgency)
	t.number++
	l.open = append(l.open, told{t.number, value})
	t.announce()
	return &place{l, t.number}
}

// line finds one, or begins it. t.mu is held.
func (t *teller) line(room string, urgency controlroom.Urgency) *line {
	before := 0
	for _, l := range t.lines {
		if l.room == room && l.urgency == urgency {
			return l
		}
		if l.urgency >= urgency {
			before++
		}
	}
	l := &line{room: room, urgency: urgency}
	t.lines = slices.Insert(t.lines, before, l)
	return l
}

// announce wakes whoever tells. t.mu is held.
func (t *teller) announce() {
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *teller) drop(p *place) {
	if p.line == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := slices.BinarySearchFunc(p.open, p.number, func(o told, n uint64) int { return cmp.Compare(o.number, n) })
	switch {
	case !ok:
		return
	case k == 0: // mostly: they go in the order in which they came
		p.open = p.open[1:]
	default:
		p.open = slices.Delete(p.open, k, k+1)
	}
	if k < atMost && len(p.open) >= atMost {
		t.announce() // one that was too far behind is told now
	}
}

// after gives what is open and not known, the most urgent first, a call's worth; what is known with it; and a signal of more.
func (t *teller) after(before known) (values [][]byte, now known, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now = maps.Clone(before)
	size := 0
	for _, l := range t.lines {
		window := l.open[:min(len(l.open), atMost)]
		first, _ := slices.BinarySearchFunc(window, before[l]+1, func(o told, n uint64) int { return cmp.Compare(o.number, n) })
		for _, o := range window[first:] {
			size += len(o.value)
			if len(values) == atOnce || len(values) > 0 && size > atOnceBytes {
				return values, now, t.changed
			}
			values, now[l] = append(values, o.value), o.number
		}
	}
	return values, now, t.changed
}

// keepTelling tells one gateway. Another that is slow or away delays it in nothing.
func (t *teller) keepTelling(ctx context.Context, gateway string) {
	anew := time.NewTicker(tellAnew)
	defer anew.Stop()
	before, wait := known{}, time.Duration(0)
	for {
		values, now, changed := t.after(before)
		var again <-chan time.Time
		if len(values) > 0 {
			err := t.tell(ctx, gateway, values)
			if err == nil {
				before, wait = now, 0
				continue
			}
			if ctx.Err() == nil && wait == 0 {
				t.log.WarnContext(ctx, "gateway not told of what waits in the journal, trying again", "gateway", gateway, "err", err)
			}
			wait = min(max(2*wait, tellAgainMin), tellAgainMax)
			changed, again = nil, time.After(wait)
		}
		select {
		case <-changed:
		case <-again:
		case <-anew.C:
			before = known{}
		case <-ctx.Done():
			return
		}
	}
}

func (t *teller) tell(ctx context.Context, gateway string, values [][]byte) error {
	body, err := proto.Marshal(&peerv1.Provisional{Requests: values})
	if err != nil {
		return err
	}
	ctx, done := context.WithTimeout(ctx, tellBound)
	defer done()
	_, err = t.client.Call(ctx, gateway, TellProvisional, body)
	return err
}

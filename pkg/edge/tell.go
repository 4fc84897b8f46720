package edge

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

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
	// atOnce bounds one call, atMost what is told at all: a room with more open alarms needs no list to know.
	atOnce = 256
	atMost = 1000
)

// teller tells every gateway what waits in the journal, for as long as it does. A nil one tells nobody.
type teller struct {
	client *peer.Client
	log    *slog.Logger
	stop   context.CancelFunc
	wait   sync.WaitGroup

	mu      sync.Mutex // guards what follows
	number  uint64
	open    []told // in order of numbers
	changed chan struct{}
}

type told struct {
	number uint64
	value  []byte
}

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

// add has a value told from now on, and gives what it is dropped by.
func (t *teller) add(value []byte) uint64 {
	if t == nil {
		return 1 // whatever: it counts as told
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.number++
	t.open = append(t.open, told{t.number, value})
	close(t.changed)
	t.changed = make(chan struct{})
	return t.number
}

func (t *teller) drop(number uint64) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := slices.BinarySearchFunc(t.open, number, func(o told, n uint64) int { return int(o.number) - int(n) }) //nolint:gosec // small numbers
	switch {
	case !ok:
	case k == 0: // mostly: they go in the order in which they came
		t.open = t.open[1:]
	default:
		t.open = slices.Delete(t.open, k, k+1)
	}
}

// after gives what is open and was numbered after a number, a call's worth, and a signal of more.
func (t *teller) after(number uint64) (values [][]byte, last uint64, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last = number
	for _, o := range t.open[:min(len(t.open), atMost)] {
		if o.number > number && len(values) < atOnce {
			values, last = append(values, o.value), o.number
		}
	}
	return values, last, t.changed
}

// keepTelling tells one gateway. Another that is slow or away delays it in nothing.
func (t *teller) keepTelling(ctx context.Context, gateway string) {
	anew := time.NewTicker(tellAnew)
	defer anew.Stop()
	known, wait := uint64(0), time.Duration(0)
	for {
		values, last, changed := t.after(known)
		var again <-chan time.Time
		if len(values) > 0 {
			err := t.tell(ctx, gateway, values)
			if err == nil {
				known, wait = last, 0
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
			known = 0
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

// Package receiver takes positions of guards from the OwnTracks apps and from whatever speaks OsmAnd's protocol, Traccar
// Client for one, and stores them as telemetry. Who sends is a handheld that was signed on: its token says for which team,
// whatever else a message claims. Positions are kept on shift only; what is not kept is answered as if it were, since a
// tracker sends what was refused again, for ever, and nothing that comes after it.
package receiver

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/edge"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
)

// Config of a receiver.
type Config struct {
	Rooms     *follow.Rooms
	Positions *kafkalog.Writer
	Edge      *edge.Edge
	Directory *directory.Directory
	Clock     *clock.Clock
	Logger    *slog.Logger
}

// Receiver takes positions.
type Receiver struct {
	Config
	received *prometheus.CounterVec
}

// New returns a receiver.
func New(c Config) *Receiver {
	return &Receiver{Config: c, received: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "vigie_positions_received_total", Help: "Positions received, by protocol and what became of them.",
	}, []string{"source", "outcome"})}
}

// Metrics are those of this receiver.
func (r *Receiver) Metrics() prometheus.Collector { return r.received }

// What becomes of a position.
const (
	kept       = "kept"
	offDuty    = "off_duty"
	noPlace    = "no_place"
	nullIsland = "null_island"
	future     = "future"
	old        = "old"
	unreadable = "unreadable"
)

const (
	// ahead is how far a device's clock may be ahead of ours, by the domain clock: its position counts as measured now.
	ahead = 2 * time.Minute
	// oldest positions are kept for so long at all (domain §7).
	oldest = 24 * time.Hour
	// storeBound is how long what one message holds may take to be stored.
	storeBound = 5 * time.Second
)

// errNotStored says that the same message is to be sent again.
var errNotStored = errors.New("positions not stored")

// take stores what a message holds, in order. An error means that the message is to be sent again, and may bring some of it
// twice, which nobody minds.
func (r *Receiver) take(ctx context.Context, source string, p authz.Principal, board *follow.Board, reports []report) error {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), storeBound)
	defer done()
	raised, away := false, false
	for k := range reports {
		if reports[k].sos {
			// First and by itself: it is heard off duty too, and whatever its place is worth.
			provisional, err := r.raise(ctx, source, p, board, &reports[k])
			if err != nil {
				return err
			}
			raised, away = true, away || provisional
		}
	}
	if away {
		// Whoever has called for help is answered at once: its positions, if Kafka does not take them either, are let go.
		ctx, done = context.WithTimeout(ctx, edge.After)
		defer done()
	}
	err := r.keepAll(ctx, source, p, board, reports)
	if err == nil {
		return nil
	}
	r.Logger.WarnContext(ctx, "positions not stored", "room", board.Room.Room, "err", err)
	if raised {
		return nil // the same message again may be another SOS
	}
	return errors.Join(errNotStored, err)
}

// keepAll has all positions under way before it waits for the first: a telephone that had no network for a while sends hundreds.
func (r *Receiver) keepAll(ctx context.Context, source string, p authz.Principal, board *follow.Board, reports []report) error {
	var sent []*kafkalog.Pending
	var failed error
	caughtUp := false
	for k := range reports {
		outcome, pending, err := r.keep(source, p, board, &reports[k])
		if outcome == offDuty && !caughtUp {
			// A team that has just come on duty says so and where it is in the same second; the room is read in no hurry.
			caughtUp = true
			if board.CatchUp(ctx) == nil {
				outcome, pending, err = r.keep(source, p, board, &reports[k])
			}
		}
		if err != nil {
			failed = err
			break
		}
		if pending != nil {
			sent = append(sent, pending)
			continue
		}
		r.received.WithLabelValues(source, outcome).Inc()
	}
	for _, pending := range sent {
		if _, err := pending.Wait(ctx); err != nil {
			failed = err
			continue
		}
		r.received.WithLabelValues(source, kept).Inc()
	}
	return failed
}

// keep has one position stored, if it is one to be kept; of one that is not it says why.
func (r *Receiver) keep(source string, p authz.Principal, board *follow.Board, one *report) (string, *kafkalog.Pending, error) {
	now := r.Clock.Now()
	at := one.when(now)
	switch {
	case !one.located:
		return noPlace, nil, nil
	case !one.at.Valid():
		return nullIsland, nil, nil // what a receiver says that has no fix
	case at.After(now.Add(ahead)):
		return future, nil, nil
	case at.Before(now.Add(-oldest)):
		return old, nil, nil
	}
	if err := board.Ready(); err != nil {
		return "", nil, err // who is on duty is not known yet, or not any more
	}
	if !onDuty(board, p.Team, min(at.UnixMilli(), now.UnixMilli())) {
		return offDuty, nil, nil
	}
	value, err := proto.Marshal(&positionsv1.Telemetry{Room: board.Room.Room, Body: &positionsv1.Telemetry_Fix{Fix: &positionsv1.Fix{
		Team: p.Team, Device: p.ID, LatE7: one.at.LatE7, LonE7: one.at.LonE7, AccuracyM: int32(one.accuracyM + 0.5),
		AtMs: min(at.UnixMilli(), now.UnixMilli()), ReceivedAtMs: now.UnixMilli(), Source: source,
		Mock: one.mock, SpeedMmS: int32(one.speed * 1000),
	}}})
	if err != nil {
		return "", nil, err
	}
	pending, err := r.Positions.Send(eventlog.TopicPositions, board.Room.Partition, value)
	return kept, pending, err
}

// when is the time of a report by the domain clock, which is that of the trackers (as in all that comes in).
func (r *report) when(now time.Time) time.Time {
	if r.measured.IsZero() {
		return now
	}
	return r.measured
}

// onDuty says whether a team was on duty at a time, in the shift that it is in now.
func onDuty(board *follow.Board, team string, at int64) (on bool) {
	board.Look(func(f *controlroom.Fold) {
		t := f.State.Teams[team]
		on = t != nil && t.OnDuty && at >= t.Since
	})
	return on
}

// trace is that of the HTTP request, or a new one.
func trace(ctx context.Context) string {
	t := app.TraceFrom(ctx)
	if t == (app.Trace{}) {
		t = app.NewTrace()
	}
	return t.String()
}

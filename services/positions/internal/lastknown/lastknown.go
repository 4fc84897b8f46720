// Package lastknown keeps where each team was last in Redis, for maps and lists: the projection of telemetry. What is chosen and
// decided does not come from here.
//
// Of each team it holds the fix that was measured last, whenever it came, for as long as its room has heard of somebody within
// a day of it; what no map of Redis can hold, or is no telemetry of the room, is passed over. A place that a device calls
// simulated is kept and shown, and found near nothing.
//
// Callers owe: a router that runs, and answers without positions while there are none (the errors of package projection).
package lastknown

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/pkg/geo"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projector"
)

// schema names the fold below: another fold is another number.
const schema = "positions.1"

// handler is for people.
const handler = "positions.lastknown"

// ErrUnknownRoom says that the table of rooms has no such room, or has not been read yet.
var ErrUnknownRoom = errors.New("there is no such room")

// Config says what is projected, and with what.
type Config struct {
	Store  *projection.Client
	Log    *kafkalog.Log
	Logger *slog.Logger
	// Add gives records to a handler: (*app.Router).AddConsumerHandler.
	Add func(name, topic string, sub message.Subscriber, handle message.NoPublishHandlerFunc) error
}

// Projection is the last positions of all rooms. It is safe for concurrent use. As a prometheus.Collector it tells how far it
// has come.
type Projection struct{ *projector.Projector }

// New returns a projection that begins and ends with the router.
func New(cfg Config) (*Projection, error) {
	c := projector.Default()
	c.Client, c.Log, c.Logger = cfg.Store, cfg.Log, cfg.Logger
	c.Topic, c.Schema, c.NewFold = eventlog.TopicPositions, schema, newFold
	p := projector.New(c)
	if err := cfg.Add(handler, c.Topic, p, p.Handle); err != nil {
		return nil, fmt.Errorf("last positions: %w", err)
	}
	return &Projection{p}, nil
}

// Team is the last fix of a team.
type Team struct {
	*positionsv1.Fix
	// DistanceM is how far it is from the place that was asked about.
	DistanceM float64
}

// Answer is what is known of a room as of a record of its telemetry.
type Answer struct {
	LogID  string
	Offset int64
	// AsOf is when, by the machine's clock, the topic was last seen to hold nothing newer.
	AsOf  time.Time
	Teams []Team
}

// Last gives all teams of a room, in no order.
func (p *Projection) Last(ctx context.Context, room string) (Answer, error) {
	table := p.Table(room)
	if table == nil {
		return Answer{}, ErrUnknownRoom
	}
	s, err := table.All(ctx)
	if err != nil {
		return Answer{}, err
	}
	teams := make([]Team, 0, len(s.Entries))
	for name, value := range s.Entries {
		fix, err := decode(name, value)
		if err != nil {
			return Answer{}, err
		}
		teams = append(teams, Team{Fix: fix})
	}
	return Answer{LogID: table.LogID(), Offset: s.Offset, AsOf: s.AtEnd, Teams: teams}, nil
}

// Near gives the teams within a radius of a place, nearest first.
func (p *Projection) Near(ctx context.Context, room string, at geo.Point, radiusM int64) (Answer, error) {
	table := p.Table(room)
	if table == nil {
		return Answer{}, ErrUnknownRoom
	}
	s, hits, err := table.Near(ctx, at, radiusM)
	if err != nil {
		return Answer{}, err
	}
	teams := make([]Team, 0, len(hits))
	for _, h := range hits {
		fix, err := decode(h.Name, h.Value)
		if err != nil {
			return Answer{}, err
		}
		teams = append(teams, Team{Fix: fix, DistanceM: h.DistanceM})
	}
	return Answer{LogID: table.LogID(), Offset: s.Offset, AsOf: s.AtEnd, Teams: teams}, nil
}

func decode(team string, value []byte) (*positionsv1.Fix, error) {
	var fix positionsv1.Fix
	if err := proto.Unmarshal(value, &fix); err != nil {
		return nil, fmt.Errorf("last position of %s: %w", team, err)
	}
	return &fix, nil
}

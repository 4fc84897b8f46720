// Package command takes what people and devices ask from the edge to its outcome: who may ask it, the request that it
// becomes, and the answer once the log has it. It says "done" only for what its own fold has read back as effective.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/edge"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/wire"
)

// Errors of commands, beside refusals, which are outcomes.
var (
	// ErrInvalid wraps what is wrong with the command as it was sent.
	ErrInvalid = errors.New("invalid command")
	// ErrForbidden: the principal may not ask this.
	ErrForbidden = errors.New("your role does not allow this command here")
	// ErrNotDurable: it is not known to be stored; the same id may be sent again.
	ErrNotDurable = errors.New("the command could not be stored: send it again with the same id")
	// ErrReused: the id was used for another SOS, on which nobody has decided yet.
	ErrReused = errors.New("the id was used before for something else: use a new id")
	// ErrUnknownOutcome: it is stored and has no outcome yet; the same id may be sent again.
	ErrUnknownOutcome = errors.New("the command is stored and has no outcome yet: send it again with the same id to learn it")
)

// Desk takes commands for all rooms. It is safe for concurrent use.
type Desk struct {
	Rooms  *follow.Rooms
	Log    *kafkalog.Log
	Intake *kafkalog.Writer
	// Edge takes what must not be lost while Kafka is away; it writes through Intake.
	Edge      *edge.Edge
	Directory *directory.Directory
	Clock     *clock.Clock
}

const (
	// storeBound is how long a request may take to be durable.
	storeBound = 5 * time.Second
	// outcomeBound is how long a durable request may take to be decided and read back.
	outcomeBound = 10 * time.Second
	// validFor is how long a command that directs others may wait for its turn, in real time (protocol §7).
	validFor = 30 * time.Second
)

// Sender is who asks, and by how much their clock is behind the room's.
type Sender struct {
	authz.Principal
	// ClockOffset is added to the times that the sender says.
	ClockOffset time.Duration
}

// Outcome of a command, read back from the log.
type Outcome struct {
	// Provisional says that there is none yet: it is kept on disk while Kafka is away, and will not be lost.
	Provisional bool

	Refusal *es.Refusal
	Room    string
	Offset  int64
	Version uint64
}

// Do takes a command to its outcome. The same id may be sent any number of times.
func (d *Desk) Do(ctx context.Context, from Sender, room string, c *watchv1.Command) (Outcome, error) {
	board := d.Rooms.Board(room)
	if board == nil {
		return Outcome{}, fmt.Errorf("%w: there is no room %q", ErrInvalid, room)
	}
	request, err := d.request(ctx, from, board, c)
	if err != nil {
		return Outcome{}, err
	}
	return d.Submit(ctx, board, request)
}

// Submit stores a request and waits for its outcome.
func (d *Desk) Submit(ctx context.Context, board *follow.Board, request *intakev1.Request) (Outcome, error) {
	value, err := wire.EncodeRequest(request)
	if err != nil {
		return Outcome{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	cause := es.Cause{Principal: request.GetPrincipal(), ID: request.GetId()}
	if first, known := outcome(board, cause); known {
		return d.answer(ctx, board, first, request)
	}
	storing, stored := context.WithTimeout(ctx, storeBound)
	defer stored()
	provisional, err := d.store(storing, board, request, value)
	if err != nil {
		return Outcome{}, err
	}
	if provisional {
		return Outcome{Provisional: true, Room: board.Room.Room}, nil
	}
	waiting, done := context.WithTimeout(ctx, outcomeBound)
	defer done()
	var first es.First
	err = board.Await(waiting, func(f *controlroom.Fold) (known bool) {
		first, known = f.Outcome(cause)
		return known
	})
	if err != nil {
		return Outcome{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	return d.answer(ctx, board, first, request)
}

// store puts a request into intake. An SOS that Kafka does not take goes into the journal; whatever else is asked is not
// worth more than its answer in time.
func (d *Desk) store(ctx context.Context, board *follow.Board, request *intakev1.Request, value []byte) (provisional bool, err error) {
	if request.GetRaiseSos() == nil {
		if _, err := d.Intake.Write(ctx, eventlog.TopicIntake, board.Room.Partition, value); err != nil {
			return false, fmt.Errorf("%w: %w", ErrNotDurable, err)
		}
		return false, nil
	}
	receipt, err := d.Edge.Write(ctx, request, value)
	switch {
	case errors.Is(err, edge.ErrReused):
		return false, ErrReused
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrNotDurable, err)
	}
	return receipt.Provisional, nil
}

func outcome(board *follow.Board, cause es.Cause) (first es.First, known bool) {
	board.Look(func(f *controlroom.Fold) { first, known = f.Outcome(cause) })
	return first, known
}

// answer tells the outcome that a cause has had.
func (d *Desk) answer(ctx context.Context, board *follow.Board, first es.First, request *intakev1.Request) (Outcome, error) {
	o := Outcome{Room: board.Room.Room, Offset: first.Offset, Version: first.Version}
	if !first.SameContent(es.Hash(request.GetContentHash())) {
		o.Refusal = &es.Refusal{Code: "id_reused", Message: fmt.Sprintf(
			"The id %s was used before for something else (decision %d): use a new id.", request.GetId(), first.Version)}
		return o, nil
	}
	s, err := d.record(ctx, board, first.Offset)
	if err != nil {
		return Outcome{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	o.Refusal = s.Refusal
	if slices.ContainsFunc(s.Events, func(e *logv1.Event) bool { return e.GetRequestUndecidable() != nil }) {
		o.Refusal = &es.Refusal{Code: "undecidable", Message: "The rules failed on this command: it is on record in the room and was not carried out as asked."}
	}
	return o, nil
}

// record gives the decision at an offset: mostly one of the last, seldom one to be read from the log.
func (d *Desk) record(ctx context.Context, board *follow.Board, offset int64) (*wire.Stored, error) {
	if s := board.Recent(offset); s != nil {
		return s, nil
	}
	var found wire.Stored
	err := d.Log.Scan(ctx, eventlog.TopicLog, board.Room.Partition, offset, offset+1, func(r eventlog.Record) error {
		found = wire.Decode(r.Offset, r.Value)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read decision: %w", err)
	}
	return &found, nil
}

// request makes the request that a command becomes, if its sender may ask it.
func (d *Desk) request(ctx context.Context, from Sender, board *follow.Board, c *watchv1.Command) (*intakev1.Request, error) {
	id, err := uuid.Parse(c.GetId())
	if err != nil {
		return nil, fmt.Errorf("%w: the id must be a UUID", ErrInvalid)
	}
	kind, ok := kinds()[c.GetType()]
	if !ok {
		return nil, fmt.Errorf("%w: there is no command %q", ErrInvalid, c.GetType())
	}
	if err := kind.check(c); err != nil {
		return nil, err
	}
	on := kind.object(board, c)
	if !authz.Allow(from.Principal, kind.action, on) {
		return nil, ErrForbidden
	}
	if err := kind.recorded(from.Principal, c, on); err != nil {
		return nil, err
	}
	now, trace := d.Clock.Now(), app.TraceFrom(ctx)
	if trace == (app.Trace{}) {
		trace = app.NewTrace() // by a socket, whose commands are causes of their own
	}
	q := &intakev1.Request{
		Room: board.Room.Room, Principal: string(from.Kind) + "/" + from.ID, Id: id.String(),
		ReceivedAtMs: now.UnixMilli(), Epoch: c.GetEpoch(), Traceparent: trace.String(),
		Actor: actor(from.Principal, kind.action, on), ByRadio: c.GetByRadio(),
	}
	if t := c.GetAt(); t != nil {
		q.DeviceAtMs = t.AsTime().Add(from.ClockOffset).UnixMilli()
	}
	if kind.directs {
		q.ValidUntilMs = now.Add(d.Clock.Domain(validFor)).UnixMilli()
		if t := c.GetValidUntil(); t != nil {
			q.ValidUntilMs = t.AsTime().Add(from.ClockOffset).UnixMilli()
		}
	}
	f, err := d.words(ctx, q, kind, c)
	if err != nil {
		return nil, err
	}
	f.sender = from.Principal
	kind.fill(q, c, f)
	d.sealPosition(ctx, q, c, from)
	return q, nil
}

// recorded says whether a command may be one that was heard by radio: those who send a team may record what it said.
func (k kind) recorded(p authz.Principal, c *watchv1.Command, on authz.Object) error {
	switch {
	case !c.GetByRadio():
		return nil
	case !k.heard:
		return fmt.Errorf("%w: %s is not something that is heard by radio", ErrInvalid, c.GetType())
	case p.Kind == authz.KindDevice:
		return fmt.Errorf("%w: a handheld says it itself: leave out by_radio", ErrInvalid)
	case !authz.Allow(p, authz.CommandMission, on):
		return ErrForbidden
	}
	return nil
}

// actor is who acted: the guard behind a device, the account behind a session, with the role that allows it there.
func actor(p authz.Principal, a authz.Action, on authz.Object) *intakev1.Actor {
	id := p.ID
	if p.Kind == authz.KindDevice {
		id = p.Guard
	}
	return &intakev1.Actor{Id: id, Role: string(authz.RoleFor(p, a, on))}
}

// object is what a command touches, taken from the room and not from what the command claims beside it.
func (k kind) object(board *follow.Board, c *watchv1.Command) authz.Object {
	on := authz.Object{Room: board.Room.Room}
	board.Look(func(f *controlroom.Fold) {
		site := func(incident string) string {
			if i := f.State.Incidents[incident]; i != nil {
				return i.Site
			}
			return ""
		}
		switch k.needs[0] {
		case "site":
			on.Site = c.GetSite()
		case "incident":
			on.Site = site(c.GetIncident())
		case "team":
			on.Team, on.Site = c.GetTeam(), f.State.Region().Team(c.GetTeam()).GetHomeSite()
		case "mission":
			on.Team = c.GetTeam() // of a mission that nobody knows: it is refused as unknown, not as forbidden
			if m := f.State.Missions[c.GetMission()]; m != nil {
				on.Team, on.Site = m.Team, site(m.Incident)
			}
		}
	})
	return on
}

// sealPosition puts an SOS's coordinates under the key of its guard. An SOS is not kept back for want of a key, nor for a
// receiver that says nonsense.
func (d *Desk) sealPosition(ctx context.Context, q *intakev1.Request, c *watchv1.Command, from Sender) {
	sos := q.GetRaiseSos()
	if sos == nil || c.GetLat() == 0 && c.GetLon() == 0 {
		return
	}
	where, err := json.Marshal(map[string]float64{"lat": c.GetLat(), "lon": c.GetLon()})
	if err != nil {
		return
	}
	subject := from.Guard
	if subject == "" {
		subject = from.ID
	}
	if key, sealed, err := d.Directory.SealForSubject(ctx, subject, time.UnixMilli(q.GetReceivedAtMs()), string(where)); err == nil {
		sos.Position = &personalv1.SealedText{Key: key, Sealed: sealed}
	}
}

func millis(t *timestamppb.Timestamp) int64 {
	if t == nil {
		return 0
	}
	return t.AsTime().UnixMilli()
}

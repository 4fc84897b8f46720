// Package receiver takes alarms over HTTP. The cause of an alarm is (source, idempotency key): the same key and body get
// the same answer, another body a refusal, for as long as the room remembers causes. The last 24 hours are known from a fold
// of intake, decided or not, what is older from the room. What slips past both, two processes at once say, is settled in the
// room, where an alarm is heard all the same (ADR 10).
package receiver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/singleflight"

	"vigie/pkg/access"
	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/edge"
	"vigie/pkg/es"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	"vigie/pkg/wire"
)

// Config of a receiver.
type Config struct {
	Rooms     *follow.Rooms
	Log       *kafkalog.Log
	Edge      *edge.Edge
	Directory *directory.Directory
	// RoomOf gives the room that a site was last known to belong to, or "": for while the rooms cannot be read.
	RoomOf func(site string) string
	Clock  *clock.Clock
	Logger *slog.Logger
}

// Receiver takes alarms.
type Receiver struct {
	Config
	taken  *taken
	flight singleflight.Group
}

// New returns a receiver that knows of no alarm yet.
func New(c Config) *Receiver { return &Receiver{Config: c, taken: newTaken(c)} }

// Start begins to fold intake; the rooms have been started.
func (r *Receiver) Start(ctx context.Context) { r.taken.start(ctx) }

// Stop ends the folding and waits for it.
func (r *Receiver) Stop() { r.taken.close() }

// Stored notes where an alarm of the journal is in intake.
func (r *Receiver) Stored(q *intakev1.Request, offset int64) {
	r.taken.put(q.GetPrincipal(), q.GetId(), entry{
		content: [32]byte(q.GetContentHash()), offset: offset, receivedAt: q.GetReceivedAtMs(),
	})
}

// Ready is nil once the alarms of the last day are known.
func (r *Receiver) Ready(ctx context.Context) error {
	if err := r.Rooms.Ready(ctx); err != nil {
		return err
	}
	return r.taken.ready()
}

// Alarm is what a source says.
type Alarm struct {
	Code       string `json:"code" minLength:"1" maxLength:"64" doc:"the source's own code; one that nobody knows is kept as unclassified"`
	Site       string `json:"site" minLength:"1" maxLength:"64"`
	Zone       string `json:"zone,omitempty" maxLength:"64" doc:"zone of the site; left out when the source does not know it"`
	Category   string `json:"category,omitempty" maxLength:"64" doc:"when left out, the code decides"`
	Text       string `json:"text,omitempty" maxLength:"4096" doc:"stored encrypted; no names of patients"`
	DeviceTime string `json:"device_time,omitempty" maxLength:"64" doc:"RFC 3339, by the clock of the source; one that cannot be read is left out, not the alarm"`
	Restore    bool   `json:"restore,omitempty" doc:"the alarm is over"`
	ClipURL    string `json:"clip_url,omitempty" maxLength:"2048" format:"uri"`
	// A source that says more than we know is heard all the same.
	_ struct{} `additionalProperties:"true"`
}

// Taken is the acknowledgement: the alarm is durable, in intake or in the journal.
type Taken struct {
	AlarmID   string `json:"alarm_id"`
	RequestID string `json:"request_id" doc:"the idempotency key"`
	Room      string `json:"room"`
	Offset    *int64 `json:"offset,omitempty" doc:"in vigie.intake; left out while it is provisional"`
	// Provisional alarms are on disk and not in intake yet.
	Provisional bool `json:"provisional,omitempty" doc:"Kafka is away: the alarm is kept on disk, shown in the room, and decided when Kafka answers again; the same key gives its offset then"`
}

// Add registers the operation.
func (r *Receiver) Add(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "send-alarm", Method: http.MethodPost, Path: "/v1/alarms", Tags: []string{"alarms"}, DefaultStatus: http.StatusAccepted,
		Summary:     "Send an alarm",
		Description: "Answered when the alarm is durable, not before. Without an answer send it again with the same key: it counts once.",
		Security:    []map[string][]string{{app.BearerAuth: {}}},
		Errors: []int{
			http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable,
		},
	}, r.take)
}

type input struct {
	Authorization string `header:"Authorization" doc:"Bearer KEY of the source"`
	Key           string `header:"Idempotency-Key" required:"true" minLength:"1" maxLength:"128" doc:"names this alarm among those of the source"`
	Traceparent   string `header:"Traceparent"`
	Body          Alarm
}

// storeBound is how long an alarm may take to be durable.
const storeBound = 5 * time.Second

func (r *Receiver) take(ctx context.Context, in *input) (*struct{ Body Taken }, error) {
	source, err := r.Directory.Source(ctx, access.Bearer(in.Authorization))
	if err != nil {
		return nil, access.Problem(err)
	}
	board, err := r.boardOf(in.Body.Site)
	if err != nil { // of what may be known by now
		r.catchUp(ctx)
		if board, err = r.boardOf(in.Body.Site); err != nil {
			return nil, err
		}
	}
	if !authz.Allow(source, authz.SendAlarm, authz.Object{Room: board.Room.Room, Site: in.Body.Site}) {
		return nil, access.Forbidden()
	}
	stored, known := r.first(ctx, board, cause(source, in.Key))
	request := r.request(ctx, source, board, in, stored.receivedAt)
	value, err := wire.EncodeRequest(request) // also fills in the hash of what this one says, which is compared below
	if err != nil {
		return nil, app.Problem(http.StatusUnprocessableEntity, "invalid_request", "the alarm cannot be stored: "+err.Error())
	}
	if !known {
		if stored, err = r.once(ctx, request, value); err != nil {
			return nil, err
		}
	}
	if stored.content != [32]byte(request.GetContentHash()) {
		return nil, reused()
	}
	body := Taken{AlarmID: request.GetRaiseAlarm().GetAlarmId(), RequestID: in.Key, Room: board.Room.Room, Provisional: stored.provisional}
	if !stored.provisional {
		body.Offset = &stored.offset
	}
	return &struct{ Body Taken }{body}, nil
}

// once stores an alarm, one at a time per cause: two tries at once become one record.
func (r *Receiver) once(ctx context.Context, q *intakev1.Request, value []byte) (entry, error) {
	answer, err, _ := r.flight.Do(q.GetPrincipal()+"\x00"+q.GetId(), func() (any, error) {
		return r.store(context.WithoutCancel(ctx), q, value)
	})
	if err != nil {
		return entry{}, err
	}
	stored, ok := answer.(entry)
	if !ok {
		return entry{}, errors.New("an entry was stored")
	}
	return stored, nil
}

func reused() error {
	return app.Problem(http.StatusConflict, "id_reused", "this Idempotency-Key was used for another alarm: use a new key for each alarm")
}

// catchUp waits until the rooms are known as they are now, or as far as they can be while Kafka is away: no site is called
// unknown because a room has only just been told of it.
func (r *Receiver) catchUp(ctx context.Context) {
	for _, b := range r.Rooms.All() {
		if b.Halted() == "" && b.CatchUp(ctx) != nil {
			return // with what is known
		}
	}
}

func (r *Receiver) boardOf(site string) (*follow.Board, error) {
	configured := true
	for _, b := range r.Rooms.All() {
		found := false
		b.Look(func(f *controlroom.Fold) {
			found = f.State.Region().Site(site) != nil
			configured = configured && f.State.RegionHash != ""
		})
		if found {
			return b, nil
		}
	}
	if !configured {
		if b := r.Rooms.Board(r.RoomOf(site)); b != nil {
			return b, nil
		}
		return nil, app.Problem(http.StatusServiceUnavailable, "not_durable", "the rooms are still starting: send the alarm again with the same key")
	}
	return nil, app.Problem(http.StatusUnprocessableEntity, "unknown_site", fmt.Sprintf("no room has the site %q: GET /v1/rooms lists them", site))
}

func cause(source authz.Principal, key string) es.Cause {
	return es.Cause{Principal: string(authz.KindSource) + "/" + source.ID, ID: key}
}

// request is the alarm as it is stored; first is when its cause was first received, if that is known.
func (r *Receiver) request(ctx context.Context, source authz.Principal, board *follow.Board, in *input, first int64) *intakev1.Request {
	now := r.Clock.Now()
	trace, ok := app.ParseTrace(in.Traceparent)
	if !ok {
		trace = app.NewTrace()
	}
	principal := cause(source, in.Key).Principal
	alarm := &intakev1.RaiseAlarm{
		AlarmId: alarmID(principal, in.Key), Source: source.ID, Protocol: "http",
		Code: in.Body.Code, Site: in.Body.Site, Zone: in.Body.Zone, ClipUrl: in.Body.ClipURL, Restore: in.Body.Restore,
	}
	if slices.Contains(controlroom.Categories(), in.Body.Category) {
		alarm.Category = in.Body.Category
	}
	q := &intakev1.Request{
		Room: board.Room.Room, Principal: principal, Id: in.Key, ReceivedAtMs: now.UnixMilli(), Traceparent: trace.Child().String(),
		Actor: &intakev1.Actor{Id: source.ID, Role: string(authz.Source)}, Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: alarm},
	}
	if t, err := time.Parse(time.RFC3339Nano, in.Body.DeviceTime); err == nil {
		q.DeviceAtMs = t.UnixMilli()
	}
	if in.Body.Text != "" {
		// A retry is sealed under the month of the first try, so that its bytes are the same.
		at := now
		if first != 0 {
			at = time.UnixMilli(first)
		} else if first := r.Edge.Find(board.Room.Room, principal, in.Key); first != nil {
			at = time.UnixMilli(first.GetReceivedAtMs())
		}
		key, sealed, err := r.Directory.SealForRequest(ctx, principal, in.Key, at, in.Body.Text)
		if err != nil {
			// The alarm goes on without its text: late words are worth less than a heard alarm.
			r.Logger.ErrorContext(ctx, "text of an alarm not sealed and left out", "err", err)
		} else {
			alarm.Text = &personalv1.SealedText{Key: key, Sealed: sealed}
		}
	}
	return q
}

func alarmID(principal, key string) string {
	sum := sha256.Sum256([]byte(principal + "\x00" + key))
	return "a-" + hex.EncodeToString(sum[:12])
}

func (r *Receiver) store(ctx context.Context, q *intakev1.Request, value []byte) (entry, error) {
	if first, known := r.taken.get(q.GetPrincipal(), q.GetId()); known {
		return first, nil
	}
	ctx, done := context.WithTimeout(ctx, storeBound)
	defer done()
	receipt, err := r.Edge.Write(ctx, q, value)
	if errors.Is(err, edge.ErrReused) {
		return entry{}, reused()
	}
	if err != nil {
		r.Logger.ErrorContext(ctx, "alarm not stored", "room", q.GetRoom(), "err", err)
		return entry{}, app.Problem(http.StatusServiceUnavailable, "not_durable", "the alarm could not be stored: send it again with the same key")
	}
	e := entry{
		content: [32]byte(q.GetContentHash()), offset: receipt.Offset, receivedAt: q.GetReceivedAtMs(), provisional: receipt.Provisional,
	}
	if !e.provisional {
		r.taken.put(q.GetPrincipal(), q.GetId(), e)
	}
	return e, nil
}

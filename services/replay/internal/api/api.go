// Package api is what replay serves over HTTP: the state of a room now and at any past moment, the timeline of an
// incident, and the log itself. Every answer is for somebody whose grants allow it, asked anew at each request.
package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"vigie/pkg/access"
	"vigie/pkg/app"
	"vigie/pkg/directory"
	"vigie/pkg/follow"
	"vigie/pkg/follow/past"
	"vigie/pkg/projection"
	"vigie/services/replay/internal/archive"
)

// Rooms gives the room of a name, or nil.
type Rooms func(name string) *archive.Room

// API answers. Its fields do not change once it serves.
type API struct {
	Rooms     Rooms
	Reading   *archive.Reading
	Directory *directory.Directory
	// Projections hold the summaries.
	Projections *projection.Client
}

// answerBound leaves a margin within the minute that the server grants an answer.
const answerBound = 50 * time.Second

// Add adds the operations.
func (a *API) Add(api huma.API) {
	huma.Register(api, stateOperation(api), bounded(a.state))
	huma.Register(api, huma.Operation{
		OperationID: "incident-timeline", Method: http.MethodGet, Path: "/v1/rooms/{room}/incidents/{incident}/timeline",
		Summary: "All that the log holds about one incident, in order: void and refused records too",
		Tags:    []string{"history"}, Security: bearer(),
	}, bounded(a.timeline))
	huma.Register(api, huma.Operation{
		OperationID: "room-log", Method: http.MethodGet, Path: "/v1/rooms/{room}/log",
		Summary: "Records of a room's log, as vigie log tail prints them",
		Tags:    []string{"history"}, Security: bearer(),
	}, bounded(a.page))
	huma.Register(api, huma.Operation{
		OperationID: "room-summary", Method: http.MethodGet, Path: "/v1/rooms/{room}/summary",
		Summary: "Teams, open incidents and active missions of a room now, for displays that ask often",
		Description: "From a projection: offset and hash say as of which record, age_ms how long ago that was the last one. " +
			"503 cold while it is folded again, redis_away and no_redis where there is nothing to ask; the state endpoint answers all the same.",
		Tags: []string{"history"}, Security: bearer(),
	}, bounded(a.summary))
}

func bearer() []map[string][]string { return []map[string][]string{{app.BearerAuth: {}}} }

func (a *API) guard() access.Guard { return access.Guard{Directory: a.Directory} }

// room finds the room; ask it only for whoever may know.
func (a *API) room(name string) (*archive.Room, error) {
	room := a.Rooms(name)
	if room == nil {
		return nil, app.Problem(http.StatusNotFound, "unknown_room", fmt.Sprintf("there is no room %q: GET /v1/rooms lists them", name))
	}
	return room, nil
}

// roomNow is the room with all that was decided before the request.
func (a *API) roomNow(ctx context.Context, name string) (*archive.Room, error) {
	room, err := a.room(name)
	if err == nil {
		room.CatchUp(ctx)
	}
	return room, err
}

// bounded gives a handler its deadline and its errors their problems.
func bounded[I, O any](handle func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		ctx, done := context.WithTimeout(ctx, answerBound)
		defer done()
		out, err := handle(ctx, in)
		if err != nil {
			return nil, problem(err)
		}
		return out, nil
	}
}

// problem is the one map of errors to the outside.
func problem(err error) error {
	var beyond *past.BeyondEndError
	switch {
	case errors.As(err, &beyond):
		return app.Problem(http.StatusRequestedRangeNotSatisfiable, "beyond_end",
			fmt.Sprintf("%v: ask for less, or again later", err))
	case errors.Is(err, follow.ErrHalted):
		return app.Problem(http.StatusServiceUnavailable, "halted",
			fmt.Sprintf("%v: nothing after it can be trusted; run vigie log verify", err))
	case errors.Is(err, archive.ErrBusy):
		return app.Problem(http.StatusServiceUnavailable, "busy", err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return app.Problem(http.StatusGatewayTimeout, "too_long",
			"this takes longer than an answer may: ask again, it goes on from where it was, or use vigie replay on the node")
	}
	return err
}

func invalid(format string, args ...any) error {
	return app.Problem(http.StatusUnprocessableEntity, "invalid_request", fmt.Sprintf(format, args...))
}

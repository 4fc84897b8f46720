package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/follow/past"
	"vigie/services/replay/internal/archive"
)

// catchUp is how long min_offset is waited for, in real time.
const catchUp = 5 * time.Second

func stateOperation(api huma.API) huma.Operation {
	view := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[controlroom.View](), true, "RoomState")
	return huma.Operation{
		OperationID: "room-state", Method: http.MethodGet, Path: "/v1/rooms/{room}/state",
		Summary:     "A room now, as of an offset of its log, or as of an instant",
		Description: "The bytes are those of vigie replay: one line of JSON, its end included.",
		Tags:        []string{"history"}, Security: bearer(),
		Responses: map[string]*huma.Response{"200": {
			Description: "The room", Content: map[string]*huma.MediaType{"application/json": {Schema: view}},
		}},
	}
}

// The numbers are text here because nothing and 0 differ.
type stateInput struct {
	Authorization string `header:"Authorization"`
	Room          string `path:"room"`
	Offset        string `query:"offset" pattern:"^[0-9]{1,18}$" doc:"As of this record of the log, included"`
	At            string `query:"at" doc:"As of this instant of domain time, RFC 3339: every record not later than it"`
	MinOffset     string `query:"min_offset" pattern:"^[0-9]{1,18}$" doc:"Now, but not before this record has been read: waits up to 5 s"`
}

type stateOutput struct {
	ContentType string `header:"Content-Type"`
	// Bytes as they are: another encoder might write the same state otherwise.
	Body []byte
}

func (a *API) state(ctx context.Context, in *stateInput) (*stateOutput, error) {
	if _, err := a.guard().Require(ctx, in.Authorization, authz.ReadHistory, authz.Object{Room: in.Room}); err != nil {
		return nil, err
	}
	room, err := a.roomNow(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	view, err := a.view(ctx, room, in)
	if err != nil {
		return nil, err
	}
	body, err := past.Encode(view)
	if err != nil {
		return nil, err
	}
	return &stateOutput{ContentType: "application/json", Body: body}, nil
}

func (a *API) view(ctx context.Context, room *archive.Room, in *stateInput) (controlroom.View, error) {
	given := 0
	for _, s := range []string{in.Offset, in.At, in.MinOffset} {
		if s != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return controlroom.View{}, invalid("offset, at and min_offset contradict each other: give one of them")
	case in.Offset != "":
		offset, err := strconv.ParseInt(in.Offset, 10, 64)
		if err != nil {
			return controlroom.View{}, invalid("offset %q is not an offset: give a whole number from 0", in.Offset)
		}
		return a.Reading.State(ctx, room, past.AtOffset(offset))
	case in.At != "":
		at, err := past.ParseInstant(in.At)
		if err != nil {
			return controlroom.View{}, invalid("at: %v", err)
		}
		return a.Reading.State(ctx, room, past.AtInstant(at))
	case in.MinOffset != "":
		if err := awaitOffset(ctx, room, in.MinOffset); err != nil {
			return controlroom.View{}, err
		}
	}
	return room.Live()
}

func awaitOffset(ctx context.Context, room *archive.Room, text string) error {
	offset, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return invalid("min_offset %q is not an offset: give a whole number from 0", text)
	}
	waiting, done := context.WithTimeout(ctx, catchUp)
	defer done()
	err = room.Await(waiting, offset)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return app.Problem(http.StatusPreconditionFailed, "not_yet",
			fmt.Sprintf("record %d has not been read here after %v: the last one is %d; ask again", offset, catchUp, room.Read()-1))
	}
	return err
}

// Package api is the gateway's REST: signing in, rooms, commands, handhelds. Every operation says who may call it and is
// described at /openapi.json from this code.
package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"vigie/pkg/access"
	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/follow"
	"vigie/services/gateway/internal/command"
)

// API of the gateway.
type API struct {
	Access    access.Guard
	Directory *directory.Directory
	Rooms     *follow.Rooms
	Desk      *command.Desk
	Clock     *clock.Clock
}

// Bearer is the header by which callers say who they are.
type Bearer struct {
	Authorization string `header:"Authorization" doc:"Bearer TOKEN"`
}

// Add registers all operations.
func (a *API) Add(api huma.API) {
	signedIn := []map[string][]string{{app.BearerAuth: {}}}
	a.addSessions(api, signedIn)
	huma.Register(api, huma.Operation{
		OperationID: "issue-device-token", Method: http.MethodPost, Path: "/v1/device-tokens", Tags: []string{"handhelds"}, DefaultStatus: http.StatusCreated,
		Summary: "Sign a handheld on for a team", Security: signedIn,
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity},
	}, a.issueDeviceToken)
	huma.Register(api, huma.Operation{
		OperationID: "list-rooms", Method: http.MethodGet, Path: "/v1/rooms", Tags: []string{"rooms"},
		Summary: "List the rooms with their sites, zones and teams", Security: signedIn, Errors: []int{http.StatusUnauthorized},
	}, a.rooms)
	huma.Register(api, huma.Operation{
		OperationID: "put-command", Method: http.MethodPut, Path: "/v1/rooms/{room}/commands/{id}", Tags: []string{"commands"},
		Summary: "Ask for a decision",
		Description: "The answer comes when the decision has been read back from the log. Send the same id again whenever the " +
			"answer is missing: it is carried out once. While Kafka is away an SOS is kept on disk and answered with 202 and the " +
			"outcome provisional.",
		Security: signedIn,
		Errors: []int{
			http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity,
			http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		},
	}, a.command)
	huma.Register(api, huma.Operation{
		OperationID: "raise-level", Method: http.MethodPut, Path: "/v1/rooms/{room}/level", Tags: []string{"rooms"},
		Summary: "Raise the level of a room's log",
		Description: "For administrators, after an upgrade: from then on the room may use what older programs do not read. Refused " +
			"(level_unread) until every process has been heard to read it. There is no way back.",
		Security: signedIn,
		Errors: []int{
			http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity,
			http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		},
	}, a.raiseLevel)
}

// DeviceToken is a handheld signed on.
type DeviceToken struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
	Device    string    `json:"device" doc:"pseudonymous id by which the log knows it"`
}

func (a *API) issueDeviceToken(ctx context.Context, in *struct {
	Bearer
	Body struct {
		Room  string `json:"room,omitempty" maxLength:"64" doc:"may be left out: a team is in one room"`
		Team  string `json:"team" maxLength:"64"`
		Guard string `json:"guard" maxLength:"64" doc:"pseudonymous id"`
		TTL   int    `json:"ttl_s,omitempty" minimum:"0" maximum:"86400" doc:"seconds; twelve hours when left out"`
	}
},
) (*struct{ Body DeviceToken }, error) {
	room, ok := a.roomOfTeam(in.Body.Team, in.Body.Room)
	if _, err := a.Access.Require(ctx, in.Authorization, authz.IssueDeviceToken, authz.Object{Room: room, Team: in.Body.Team}); err != nil {
		return nil, err
	}
	if !ok {
		return nil, app.Problem(http.StatusUnprocessableEntity, "unknown_team", "no room has that team: GET /v1/rooms lists them")
	}
	t, err := a.Directory.NewDeviceToken(ctx, room, in.Body.Team, in.Body.Guard, time.Duration(in.Body.TTL)*time.Second)
	if err != nil {
		return nil, access.Problem(err)
	}
	return &struct{ Body DeviceToken }{DeviceToken{Token: t.Token, ExpiresAt: t.ExpiresAt, Device: t.Device}}, nil
}

// problem maps an error of a command outward.
func problem(err error) error {
	var status int
	switch {
	case errors.Is(err, command.ErrInvalid):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, command.ErrForbidden):
		status = http.StatusForbidden
	case errors.Is(err, command.ErrNotDurable):
		status = http.StatusServiceUnavailable
	case errors.Is(err, command.ErrUnknownOutcome):
		status = http.StatusGatewayTimeout
	case errors.Is(err, command.ErrReused):
		status = http.StatusConflict
	default:
		return err
	}
	return app.Problem(status, command.Code(err), command.Sentence(err))
}

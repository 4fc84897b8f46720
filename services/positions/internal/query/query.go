// Package query answers where the teams of a room were last, to those who may see it. Each look is noted in the log of the
// process, without what was seen. Only teams on duty are shown, and of them nothing from before their shift.
package query

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"vigie/pkg/access"
	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/clock"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/follow"
	"vigie/pkg/geo"
	"vigie/services/positions/internal/lastknown"
)

// API answers.
type API struct {
	Access access.Guard
	Rooms  *follow.Rooms
	Known  *lastknown.Projection
	Clock  *clock.Clock
	Logger *slog.Logger
}

// Add registers the operation.
func (a *API) Add(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "last-positions", Method: http.MethodGet, Path: "/v1/rooms/{room}/positions", Tags: []string{"positions"},
		Summary: "Where the teams on duty were last, all or those near a place",
		Description: "From a projection, for maps and lists: what a choice went by is in its decision. Positions that a device calls " +
			"simulated are marked mock and send nobody anywhere.",
		Security: []map[string][]string{{app.BearerAuth: {}}},
		Errors: []int{
			http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable,
		},
	}, a.last)
}

// Position is where a team was last.
type Position struct {
	Team      string    `json:"team"`
	CallSign  string    `json:"call_sign"`
	Lat       float64   `json:"lat"`
	Lon       float64   `json:"lon"`
	AccuracyM int32     `json:"accuracy_m" doc:"0: not said"`
	At        time.Time `json:"at" doc:"when it was measured"`
	AgeMS     int64     `json:"age_ms"`
	Source    string    `json:"source" doc:"handheld, owntracks or osmand"`
	Mock      bool      `json:"mock" doc:"the device says itself that the place is simulated"`
	DistanceM *float64  `json:"distance_m,omitempty" doc:"from the place asked about"`
}

// Positions are those of a room.
type Positions struct {
	Room      string     `json:"room"`
	At        time.Time  `json:"at"`
	Positions []Position `json:"positions"`
}

type input struct {
	Authorization string `header:"Authorization" doc:"Bearer TOKEN"`
	Room          string `path:"room"`
	Near          string `query:"near" maxLength:"64" doc:"lat,lon in degrees"`
	RadiusM       int64  `query:"radius_m" minimum:"1" maximum:"100000" default:"1000"`
}

func (a *API) last(ctx context.Context, in *input) (*struct{ Body Positions }, error) {
	p, err := a.Access.Require(ctx, in.Authorization, authz.ReadPositions, authz.Object{Room: in.Room})
	if err != nil {
		return nil, err
	}
	board := a.Rooms.Board(in.Room)
	if board == nil {
		return nil, app.Problem(http.StatusNotFound, "unknown_room", fmt.Sprintf("there is no room %q: GET /v1/rooms lists them", in.Room))
	}
	var known lastknown.Answer
	if in.Near == "" {
		known, err = a.Known.Last(ctx, in.Room)
	} else {
		at, wrong := place(in.Near)
		if wrong != nil {
			return nil, wrong
		}
		known, err = a.Known.Near(ctx, in.Room, at, in.RadiusM)
	}
	if err != nil {
		return nil, app.ProjectionProblem(err)
	}
	_ = board.CatchUp(ctx) // who is on duty now; while Kafka is away, who is known to be
	out := Positions{Room: in.Room, At: a.Clock.Now(), Positions: []Position{}}
	board.Look(func(f *controlroom.Fold) {
		out.Positions = append(out.Positions, shown(f.State, known.Teams, out.At, in.Near != "")...)
	})
	// Every look at where people are has somebody who looked (invariant I24).
	a.Logger.InfoContext(ctx, "positions read", "audit", true, "principal", string(p.Kind)+"/"+p.ID, "room", in.Room,
		"near", in.Near != "", "teams", len(out.Positions), "request_id", app.RequestID(ctx))
	return &struct{ Body Positions }{out}, nil
}

// shown are the positions that may be: of teams on duty, in this shift.
func shown(s controlroom.State, known []lastknown.Team, now time.Time, near bool) []Position {
	var list []Position
	for _, k := range known {
		t := s.Teams[k.GetTeam()]
		if t == nil || !t.OnDuty || k.GetAtMs() < t.Since {
			continue
		}
		lat, lon := geo.Point{LatE7: k.GetLatE7(), LonE7: k.GetLonE7()}.Degrees()
		at := time.UnixMilli(k.GetAtMs()).UTC()
		one := Position{
			Team: t.ID, CallSign: s.Region().Team(t.ID).GetCallSign(), Lat: lat, Lon: lon, AccuracyM: k.GetAccuracyM(),
			At: at, AgeMS: max(0, now.Sub(at).Milliseconds()), Source: k.GetSource(), Mock: k.GetMock(),
		}
		if near {
			one.DistanceM = &k.DistanceM
		}
		list = append(list, one)
	}
	if !near {
		slices.SortFunc(list, func(a, b Position) int { return cmp.Compare(a.Team, b.Team) })
	}
	return list
}

func place(s string) (geo.Point, error) {
	wrong := app.Problem(http.StatusUnprocessableEntity, "invalid_request", "near is lat,lon in degrees, such as near=48.85,2.35")
	latText, lonText, ok := strings.Cut(s, ",")
	lat, errLat := strconv.ParseFloat(strings.TrimSpace(latText), 64)
	lon, errLon := strconv.ParseFloat(strings.TrimSpace(lonText), 64)
	if !ok || errLat != nil || errLon != nil || !(lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180) {
		return geo.Point{}, wrong
	}
	return geo.FromDegrees(lat, lon), nil
}

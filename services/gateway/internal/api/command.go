package api

import (
	"context"
	"net/http"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/command"
)

// CommandBody is a command as JSON. Fields that a type does not need are left out.
type CommandBody struct {
	Type        string     `json:"type" example:"incident.open" doc:"incident.open|claim|release|control|close|cancel|note|propose, sos, mission.assign|cancel|delivered|seen|accept|decline|en_route|on_scene|clear|backup, team.on_duty|off_duty"`
	At          *time.Time `json:"at,omitempty" doc:"when the person acted, where that is not now"`
	ValidUntil  *time.Time `json:"valid_until,omitempty" doc:"commands that direct others: not carried out later than this"`
	Epoch       uint64     `json:"epoch,omitempty" doc:"authority of the site as last seen"`
	Incident    string     `json:"incident,omitempty" maxLength:"64"`
	Mission     string     `json:"mission,omitempty" maxLength:"64"`
	Team        string     `json:"team,omitempty" maxLength:"64"`
	Site        string     `json:"site,omitempty" maxLength:"64"`
	Zone        string     `json:"zone,omitempty" maxLength:"64"`
	Category    string     `json:"category,omitempty" maxLength:"64"`
	Priority    int32      `json:"priority,omitempty" minimum:"0" maximum:"3"`
	Text        string     `json:"text,omitempty" maxLength:"4096" doc:"stored encrypted"`
	Reason      string     `json:"reason,omitempty" maxLength:"256" doc:"a known code, as nearest, busy, recalled or test; whatever else is said is stored encrypted, with the code other"`
	Disposition string     `json:"disposition,omitempty" maxLength:"64" doc:"genuine|false_alarm|duplicate|test|police|fire_brigade|other; whatever else is said is stored encrypted, with the code other"`
	Guards      []string   `json:"guards,omitempty" maxItems:"32" doc:"pseudonymous ids, never names"`
	Until       *time.Time `json:"until,omitempty" doc:"end of duty; the planned shift's when left out"`
	Silent      bool       `json:"silent,omitempty"`
	Lat         float64    `json:"lat,omitempty" minimum:"-90" maximum:"90"`
	Lon         float64    `json:"lon,omitempty" minimum:"-180" maximum:"180"`
	ByRadio     bool       `json:"by_radio,omitempty" doc:"recorded by a dispatcher or chief for a team that said so by radio; at is when it was heard"`
	MoreGuards  int32      `json:"more_guards,omitempty" minimum:"0" maximum:"10" doc:"of mission.backup; one more team when left out"`
}

// CommandOutcome is the answer to a command.
type CommandOutcome struct {
	Outcome string `json:"outcome" enum:"done,refused,provisional"`
	Code    string `json:"code,omitempty" doc:"of a refusal; stable"`
	Message string `json:"message,omitempty" doc:"of a refusal, or of an SOS that waits; a sentence for a person"`
	Room    string `json:"room"`
	// A provisional one has neither of these yet.
	Offset  *int64  `json:"offset,omitempty" doc:"of the decision in vigie.log"`
	Version *uint64 `json:"version,omitempty"`
	// Of a refusal, where known.
	Incident string `json:"incident,omitempty"`
	Mission  string `json:"mission,omitempty" doc:"what it is about; with continue the one to go on with"`
	Team     string `json:"team,omitempty"`
	TakenBy  string `json:"taken_by,omitempty" doc:"the team that has the incident"`
}

type commandAnswer struct {
	Status int
	Body   CommandOutcome
}

func (a *API) command(ctx context.Context, in *struct {
	Bearer
	Room string `path:"room" maxLength:"64"`
	ID   string `path:"id" format:"uuid"`
	Body CommandBody
},
) (*commandAnswer, error) {
	p, err := a.Access.Principal(ctx, in.Authorization)
	if err != nil {
		return nil, err
	}
	if a.Rooms.Board(in.Room) == nil {
		return nil, unknownRoom()
	}
	b := in.Body
	o, err := a.Desk.Do(ctx, command.Sender{Principal: p}, in.Room, &watchv1.Command{
		Id: in.ID, Type: b.Type, At: timestamp(b.At), ValidUntil: timestamp(b.ValidUntil), Epoch: b.Epoch,
		Incident: b.Incident, Mission: b.Mission, Team: b.Team, Site: b.Site, Zone: b.Zone,
		Category: b.Category, Priority: b.Priority, Text: b.Text, Reason: b.Reason, Disposition: b.Disposition,
		Guards: b.Guards, Until: timestamp(b.Until), Silent: b.Silent, Lat: b.Lat, Lon: b.Lon, ByRadio: b.ByRadio, MoreGuards: b.MoreGuards,
	})
	if err != nil {
		return nil, problem(err)
	}
	if o.Provisional {
		return &commandAnswer{http.StatusAccepted, CommandOutcome{
			Outcome: command.CodeProvisional, Code: command.CodeProvisional, Message: command.ProvisionalMessage, Room: o.Room,
		}}, nil
	}
	return &commandAnswer{http.StatusOK, decided(o)}, nil
}

func decided(o command.Outcome) CommandOutcome {
	out := CommandOutcome{Outcome: "done", Room: o.Room, Offset: &o.Offset, Version: &o.Version}
	if r := o.Refusal; r != nil {
		out.Outcome, out.Code, out.Message = "refused", r.Code, r.Message
		out.Incident, out.Mission, out.Team, out.TakenBy = r.Incident, r.Mission, r.Team, r.TakenBy
	}
	return out
}

func (a *API) raiseLevel(ctx context.Context, in *struct {
	Bearer
	Room string `path:"room" maxLength:"64"`
	Body struct {
		Level uint32 `json:"level" minimum:"1"`
	}
},
) (*struct{ Body CommandOutcome }, error) {
	p, err := a.Access.Require(ctx, in.Authorization, authz.Administer, authz.Object{Room: in.Room})
	if err != nil {
		return nil, err
	}
	if a.Rooms.Board(in.Room) == nil {
		return nil, unknownRoom()
	}
	o, err := a.Desk.RaiseLevel(ctx, command.Sender{Principal: p}, in.Room, in.Body.Level)
	if err != nil {
		return nil, problem(err)
	}
	return &struct{ Body CommandOutcome }{decided(o)}, nil
}

func unknownRoom() error {
	return app.Problem(http.StatusNotFound, "unknown_room", "there is no such room: GET /v1/rooms lists them")
}

func timestamp(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

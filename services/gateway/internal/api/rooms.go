package api

import (
	"context"
	"time"

	"vigie/pkg/authz"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/follow"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
	"vigie/pkg/geo"
)

// RoomList is what there is.
type RoomList struct {
	Rooms []Room `json:"rooms"`
	Clock Clock  `json:"clock"`
}

// Clock is the domain clock.
type Clock struct {
	Now  time.Time `json:"now"`
	Rate int       `json:"rate" doc:"domain seconds in a real one"`
}

// Room is one control room with what it knows of its region.
type Room struct {
	Room      string `json:"room"`
	Name      string `json:"name"`
	Partition int    `json:"partition"`
	LogID     string `json:"log_id"`
	Timezone  string `json:"timezone"`
	Halted    string `json:"halted,omitempty" doc:"why the room has stopped"`
	Sites     []Site `json:"sites"`
	Teams     []Team `json:"teams"`
	Codes     []Code `json:"codes"`
	Bounds    Bounds `json:"bounds"`
}

// Bounds are how long what may take before it is late; index 0, 1, 2 is P1, P2, P3.
type Bounds struct {
	AcceptS  []int32 `json:"accept_s" doc:"until a team has accepted, from the receipt of the alarm, seconds"`
	OnSceneS []int32 `json:"on_scene_s" doc:"until a team is on scene, from the same, seconds"`
}

// Site is one hospital.
type Site struct {
	Site              string     `json:"site"`
	Name              string     `json:"name"`
	Address           string     `json:"address"`
	Entrances         []Entrance `json:"entrances"`
	Zones             []Zone     `json:"zones"`
	YearlyVisits      int32      `json:"yearly_visits"`
	P1PerThousandDays int32      `json:"p1_per_thousand_days"`
}

// Entrance of a site, in degrees.
type Entrance struct {
	ID    string  `json:"id"`
	Label string  `json:"label"`
	Lat   float64 `json:"lat"`
	Lon   float64 `json:"lon"`
}

// Zone of a site.
type Zone struct {
	Code        string `json:"code"`
	Label       string `json:"label"`
	Building    string `json:"building"`
	Floor       string `json:"floor"`
	Sensitivity string `json:"sensitivity"`
	IndoorWalkS int32  `json:"indoor_walk_s"`
	AccessNotes string `json:"access_notes"`
	Hazards     string `json:"hazards"`
}

// Team of a room.
type Team struct {
	Team         string   `json:"team"`
	CallSign     string   `json:"call_sign"`
	HomeSite     string   `json:"home_site"`
	Capabilities []string `json:"capabilities"`
	Transport    string   `json:"transport"`
	Guards       int32    `json:"guards"`
	Shifts       []Shift  `json:"shifts"`
}

// Shift in minutes of the local day; an end before the start is on the next day.
type Shift struct {
	StartMinute int32 `json:"start_minute"`
	EndMinute   int32 `json:"end_minute"`
}

// Code of an alarm.
type Code struct {
	Code     string `json:"code"`
	Category string `json:"category"`
	Priority int32  `json:"priority"`
	Label    string `json:"label"`
}

func (a *API) rooms(ctx context.Context, in *Bearer) (*struct{ Body RoomList }, error) {
	p, err := a.Access.Principal(ctx, in.Authorization)
	if err != nil {
		return nil, err
	}
	out := RoomList{Rooms: []Room{}, Clock: Clock{Now: a.Clock.Now(), Rate: a.Clock.Rate()}}
	for _, b := range a.Rooms.All() {
		// Where sites are is no secret among accounts; a handheld needs no room but its own.
		if p.Kind == authz.KindAccount || p.Room == b.Room.Room {
			out.Rooms = append(out.Rooms, roomOf(b))
		}
	}
	return &struct{ Body RoomList }{out}, nil
}

func roomOf(b *follow.Board) Room {
	conf := configuration(b)
	r := Room{
		Room: b.Room.Room, Name: conf.GetName(), Partition: b.Room.Partition, LogID: b.Room.LogID,
		Timezone: conf.GetTimezone(), Halted: b.Halted(), Sites: []Site{}, Teams: []Team{}, Codes: []Code{},
		Bounds: Bounds{
			AcceptS:  append([]int32{}, conf.GetParameters().GetNeglectS()...),
			OnSceneS: append([]int32{}, conf.GetParameters().GetTargetS()...),
		},
	}
	for _, s := range conf.GetSites() {
		r.Sites = append(r.Sites, siteOf(s))
	}
	for _, t := range conf.GetTeams() {
		team := Team{
			Team: t.GetId(), CallSign: t.GetCallSign(), HomeSite: t.GetHomeSite(), Transport: t.GetTransport(),
			Capabilities: append([]string{}, t.GetCapabilities()...), Guards: t.GetGuards(), Shifts: []Shift{},
		}
		for _, s := range t.GetShifts() {
			team.Shifts = append(team.Shifts, Shift{StartMinute: s.GetStartMinute(), EndMinute: s.GetEndMinute()})
		}
		r.Teams = append(r.Teams, team)
	}
	for _, c := range conf.GetCodes() {
		r.Codes = append(r.Codes, Code{Code: c.GetCode(), Category: c.GetCategory(), Priority: c.GetPriority(), Label: c.GetLabel()})
	}
	return r
}

func siteOf(s *regionv1.Site) Site {
	site := Site{
		Site: s.GetId(), Name: s.GetName(), Address: s.GetAddress(), Entrances: []Entrance{}, Zones: []Zone{},
		YearlyVisits: s.GetYearlyVisits(), P1PerThousandDays: s.GetP1PerThousandDays(),
	}
	for _, e := range s.GetEntrances() {
		lat, lon := geo.Point{LatE7: e.GetLatE7(), LonE7: e.GetLonE7()}.Degrees()
		site.Entrances = append(site.Entrances, Entrance{ID: e.GetId(), Label: e.GetLabel(), Lat: lat, Lon: lon})
	}
	for _, z := range s.GetZones() {
		site.Zones = append(site.Zones, Zone{
			Code: z.GetCode(), Label: z.GetLabel(), Building: z.GetBuilding(), Floor: z.GetFloor(), Sensitivity: z.GetSensitivity(),
			IndoorWalkS: z.GetIndoorWalkS(), AccessNotes: z.GetAccessNotes(), Hazards: z.GetHazards(),
		})
	}
	return site
}

func configuration(b *follow.Board) (conf *regionv1.RoomConfiguration) {
	b.Look(func(f *controlroom.Fold) { conf = f.State.Region().RoomConfiguration })
	return conf
}

// roomOfTeam finds the room of a team, in that room alone when one is named.
func (a *API) roomOfTeam(team, room string) (string, bool) {
	for _, b := range a.Rooms.All() {
		if room != "" && b.Room.Room != room {
			continue
		}
		known := false
		b.Look(func(f *controlroom.Fold) { known = f.State.Region().Team(team) != nil })
		if known {
			return b.Room.Room, true
		}
	}
	return room, false
}

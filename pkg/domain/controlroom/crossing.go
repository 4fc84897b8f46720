package controlroom

import (
	"fmt"
	"slices"

	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// Place is a site, or a zone of one.
type Place struct {
	Site string `json:"site"`
	Zone string `json:"zone"`
}

// Confirmed says what has confirmed the place of a team.
type Confirmed string

// What confirms a place: an arrival on scene, or the fence of a site or of an outdoor zone.
const (
	ByScene   Confirmed = "scene"
	ByEntered Confirmed = "entered"
	ByLeft    Confirmed = "left"
)

func (t *Team) confirm(p Place, by Confirmed, at int64) {
	t.PlaceSite, t.PlaceZone, t.PlaceBy, t.PlaceAt = p.Site, p.Zone, by, at
}

// reportCrossing: the positions of a team have settled on one side of a fence. It is a fact about a shift: of a team off
// duty, or of a time before its shift, nothing is kept (domain §1). What is known already is not told twice, whoever has
// told it first, and what is older than the last crossing says nothing of where the team is.
func (d *decider) reportCrossing(q *intakev1.Request, b *intakev1.ReportCrossing) Outcome {
	t := d.Teams[b.GetTeam()]
	place := Place{b.GetSite(), b.GetZone()}
	switch {
	case t == nil:
		return unknown(CodeUnknownTeam, "team", b.GetTeam())
	case !d.region.has(place):
		return refused(&es.Refusal{Code: CodeUnknownSite, Team: t.ID, Message: fmt.Sprintf(
			"The place %q of site %q is not one of this room: whoever follows the positions has another region.", place.Zone, place.Site)})
	}
	at := q.GetDeviceAtMs()
	if at == 0 || at > d.at {
		at = d.at
	}
	switch {
	case !t.OnDuty, at < t.Since, at < t.CrossedAt, slices.Contains(t.Inside, place) == b.GetEntered():
	case b.GetEntered():
		d.emit(&logv1.Event{Body: &logv1.Event_PlaceEntered{PlaceEntered: &logv1.PlaceEntered{
			Team: t.ID, Site: place.Site, Zone: place.Zone, AtMs: at,
		}}})
	default:
		d.emit(&logv1.Event{Body: &logv1.Event_PlaceLeft{PlaceLeft: &logv1.PlaceLeft{
			Team: t.ID, Site: place.Site, Zone: place.Zone, AtMs: at,
		}}})
	}
	return d.done()
}

func (r *Region) has(p Place) bool {
	return r.Site(p.Site) != nil && (p.Zone == "" || r.Zone(p.Site, p.Zone) != nil)
}

func (s *State) placeEntered(e *logv1.PlaceEntered) {
	t, place := s.team(e.GetTeam()), Place{e.GetSite(), e.GetZone()}
	t.Crossings, t.CrossedAt = t.Crossings+1, e.GetAtMs()
	t.Inside = append(t.Inside, place)
	if e.GetAtMs() >= t.PlaceAt {
		t.confirm(place, ByEntered, e.GetAtMs())
	}
}

// placeLeft: a team that was taken to be at the place is now where else it is inside, or on its way out.
func (s *State) placeLeft(e *logv1.PlaceLeft) {
	t, place := s.team(e.GetTeam()), Place{e.GetSite(), e.GetZone()}
	t.Crossings, t.CrossedAt = t.Crossings+1, e.GetAtMs()
	t.Inside = slices.DeleteFunc(t.Inside, func(p Place) bool { return p == place })
	there := t.PlaceSite == place.Site && (place.Zone == "" || place.Zone == t.PlaceZone)
	if !there || e.GetAtMs() < t.PlaceAt {
		return
	}
	if n := len(t.Inside); n > 0 {
		t.confirm(t.Inside[n-1], ByEntered, e.GetAtMs())
		return
	}
	t.confirm(Place{Site: place.Site}, ByLeft, e.GetAtMs())
}

// forgetPlaces lets nobody be inside what the region no longer has: no fix would ever show them leaving.
func (s *State) forgetPlaces() {
	for _, t := range s.Teams {
		t.Inside = slices.DeleteFunc(t.Inside, func(p Place) bool { return !s.region.has(p) })
	}
}

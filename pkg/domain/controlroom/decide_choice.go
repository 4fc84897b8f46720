package controlroom

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"vigie/pkg/domain/controlroom/choose"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// rank ranks the teams of the room for the guards that an incident still wants.
func (d *decider) rank(i *Incident) choose.Result { return d.rankFor(i, i.GuardsWanted-d.committed(i)) }

func (d *decider) rankFor(i *Incident, wanted int) choose.Result {
	travel := choose.NewTravel(d.region.RoomConfiguration, d.facts.MinuteOfDay)
	return choose.Rank(travel, choose.Incident{
		Site: i.Site, Zone: i.Zone, Priority: i.Priority, Capabilities: i.Capabilities, OwnSiteOnly: i.OwnSiteOnly,
		Waited: max(0, d.at-i.ReceivedAt), Wanted: wanted,
	}, d.teams(i), d.at)
}

func (d *decider) teams(i *Incident) []choose.Team {
	teams, danger := make([]choose.Team, 0, len(d.Teams)), d.inDanger()
	for _, id := range sortedKeys(d.Teams) {
		t, conf := d.Teams[id], d.region.Team(id)
		if conf == nil {
			continue // no longer in the region: it cannot be sent
		}
		team := choose.Team{
			Team: conf, Guards: guardsOf(t, conf), OnDuty: t.OnDuty, Reachable: t.Reachable(), Busy: t.Mission != "",
			Tried: d.hasHadItsTurn(i, id), Served: d.hasServed(i, id), InDanger: danger[id],
			Confirmed: choose.Place{Site: t.PlaceSite, Zone: t.PlaceZone, At: t.PlaceAt}, ConfirmedBy: string(t.PlaceBy),
		}
		if f, ok := d.facts.Positions[id]; ok {
			team.Fix = &f
		}
		teams = append(teams, team)
	}
	return teams
}

// hasHadItsTurn: a team that was asked and did not accept is not asked again while others are left. One whose offer went
// with its link was not asked: once it is back it is as near as before.
func (d *decider) hasHadItsTurn(i *Incident, team string) bool {
	if !slices.Contains(i.Tried, team) {
		return false
	}
	for _, id := range slices.Backward(i.Missions) {
		if m := d.Missions[id]; m.Team == team {
			return !m.missed()
		}
	}
	return true
}

// hasServed: a team that was on scene and has cleared counts among the guards already; it would count twice.
func (d *decider) hasServed(i *Incident, team string) bool {
	return slices.ContainsFunc(i.Missions, func(id string) bool {
		m := d.Missions[id]
		return m.Team == team && m.State == MissionCleared && m.OnSceneAt != 0
	})
}

// guardsOf counts who signed on; a team that did not say has its planned strength.
func guardsOf(t *Team, conf *regionv1.Team) int {
	if len(t.Guards) > 0 {
		return len(t.Guards)
	}
	return max(1, int(conf.GetGuards()))
}

// inDanger: whoever has raised an SOS that is not over is not sent anywhere by itself.
func (d *decider) inDanger() map[string]bool {
	teams := map[string]bool{}
	for i := range d.Live() {
		if i.InDanger != "" && i.State != IncidentControlled {
			teams[i.InDanger] = true
		}
	}
	return teams
}

// choose answers the deadline by which teams are to be chosen. Guards on site and reinforcement go in parallel; what is
// still wanting is tried again when a team frees, and after a while.
func (d *decider) choose(i *Incident, propose bool) {
	r := d.rank(i)
	switch {
	case len(r.Chosen) == 0:
		d.nobody(i, r)
		return
	case propose:
		d.propose(i, r, automatic, d.waitsUntil(i))
		return
	}
	sent := d.committed(i)
	for _, c := range r.Chosen {
		sent += c.Guards
	}
	e := d.chosen(i, r, automatic)
	if sent < i.GuardsWanted {
		e.AgainAtMs = d.at + d.region.chooseAgainAfter()
	}
	for _, c := range r.Chosen {
		d.offer(i, c, r.Chosen, automatic, "")
	}
}

// automatic is who chooses when nobody does.
const automatic = "automatic"

func (d *decider) chosen(i *Incident, r choose.Result, by string) *logv1.TeamsChosen {
	e := &logv1.TeamsChosen{
		Incident: i.ID, By: by, GuardsWanted: int32(i.GuardsWanted), GuardsCommitted: int32(d.committed(i)), //nolint:gosec // a handful
		Candidates: candidates(r), Exclusions: exclusions(r), Chosen: ids(r.Chosen), RegionHash: d.RegionHash,
	}
	d.emit(&logv1.Event{Body: &logv1.Event_TeamsChosen{TeamsChosen: e}})
	return e
}

// offer sends a team, and tells it who else goes: those already on the incident, and those chosen with it.
func (d *decider) offer(i *Incident, c choose.Candidate, together []choose.Candidate, by, reason string) *logv1.MissionOffered {
	e := &logv1.MissionOffered{
		Mission: d.nextMission(), Incident: i.ID, Team: c.Team.GetId(), Guards: int32(c.Guards), //nolint:gosec // a handful
		Site: i.Site, Zone: i.Zone, Category: i.Category, Priority: int32(i.Priority), Text: i.Text, //nolint:gosec // 1 to 3
		By: by, Reason: reason, ArrivalMs: c.Arrival, ArrivalEarlyMs: c.Early, ArrivalLateMs: c.Late,
		CallSign: d.CallSign(c.Team.GetId()), Premises: d.region.premises(i),
		DeliverByMs: d.at + d.region.deliverWithin(), AnswerByMs: d.at + d.region.answerWithin(i.Priority),
	}
	for _, id := range i.Missions {
		if m := d.Missions[id]; m.Active() {
			e.WithTeams = append(e.WithTeams, m.Team)
		}
	}
	for _, other := range together {
		if other.Team.GetId() != c.Team.GetId() {
			e.WithTeams = append(e.WithTeams, other.Team.GetId())
		}
	}
	d.emit(&logv1.Event{Body: &logv1.Event_MissionOffered{MissionOffered: e}})
	return e
}

// assign sends a team by hand. An excluded one may go with a reason; one with an active mission never (domain §3).
func (d *decider) assign(q *intakev1.Request, b *intakev1.AssignMission) Outcome {
	i, no := d.live(b.GetIncident())
	if no != nil {
		return refused(no)
	}
	t, conf := d.Teams[b.GetTeam()], d.region.Team(b.GetTeam())
	if t == nil || conf == nil {
		return unknown(CodeUnknownTeam, "team", b.GetTeam())
	}
	if m := d.Missions[t.Mission]; m != nil {
		return refused(&es.Refusal{
			Code: CodeTeamBusy, Team: t.ID, Mission: m.ID, Incident: m.Incident,
			Message: fmt.Sprintf("Team %s has mission %s for incident %s: recall it first, or choose another team.", t.ID, m.ID, m.Incident),
		})
	}
	r := d.rank(i)
	k := slices.IndexFunc(r.Candidates, func(c choose.Candidate) bool { return c.Team.GetId() == t.ID })
	why := ""
	if k >= 0 {
		r.Chosen = r.Candidates[k : k+1]
		if i.Proposal.waits() && !slices.Contains(i.Proposal.Proposed, t.ID) {
			why = "is not one of those proposed"
		}
	} else {
		x := r.Exclusions[slices.IndexFunc(r.Exclusions, func(x choose.Exclusion) bool { return x.Team == t.ID })]
		why = fmt.Sprintf("is excluded (%s)", x.Reason)
		r.Chosen = []choose.Candidate{{Team: &choose.Team{Team: conf}, Guards: guardsOf(t, conf), Journey: x.Journey}}
	}
	if why != "" && b.GetReason() == "" {
		return refused(&es.Refusal{
			Code: CodeReasonNeeded, Team: t.ID, Incident: i.ID,
			Message: fmt.Sprintf("Team %s %s: send it all the same by giving a reason.", t.ID, why),
		})
	}
	by := q.GetActor().GetId()
	e := d.chosen(i, r, by)
	e.Overruled, e.AgainAtMs = why != "", d.chooseNext(i)
	e.Reason, e.ReasonText = b.GetReason(), b.GetReasonText()
	d.offer(i, r.Chosen[0], nil, by, b.GetReason()).ReasonText = b.GetReasonText()
	return d.done()
}

// chooseNext is when the guards that a choice by hand leaves wanting are looked for: at once where a person is waiting for
// the next proposal, else when it would have been.
func (d *decider) chooseNext(i *Incident) int64 {
	if i.Proposal.waits() {
		return d.at
	}
	return d.Deadlines[timerID(timerChoose, i.ID)].Due
}

func exclusions(r choose.Result) []*logv1.Exclusion {
	out := make([]*logv1.Exclusion, 0, len(r.Exclusions))
	for _, x := range r.Exclusions {
		out = append(out, &logv1.Exclusion{Team: x.Team, Reason: string(x.Reason), Detail: x.Detail})
	}
	return out
}

func candidates(r choose.Result) []*logv1.Candidate {
	out := make([]*logv1.Candidate, 0, len(r.Candidates))
	for _, c := range r.Candidates {
		out = append(out, candidate(c))
	}
	return out
}

func candidate(c choose.Candidate) *logv1.Candidate {
	place := c.Place.Site
	if c.Place.Zone != "" {
		place += "/" + c.Place.Zone
	}
	return &logv1.Candidate{
		Team: c.Team.GetId(), Place: place, PlaceSource: c.Source, PlaceAgeMs: c.Age, Estimated: c.Estimated,
		TurnoutMs: c.Turnout, ToEntranceMs: c.ToEntrance, BetweenSitesMs: c.BetweenSites, IndoorMs: c.Indoor,
		ArrivalMs: c.Arrival, ArrivalEarlyMs: c.Early, ArrivalLateMs: c.Late,
		LatePermille: int32(c.LatePermille), Lateness: c.Lateness, Uncovered: c.Uncovered, Score: c.Score, //nolint:gosec // 0 to 1000
		Guards: int32(c.Guards), CrossesSites: c.Crosses, LeftAtSite: int32(c.LeftAtSite), //nolint:gosec // a handful
		Nearest: c.Nearest, Behind: string(c.Behind),
	}
}

// shiftLeft is how long the shift of this hour still lasts; without one a team stays on for twelve hours.
func shiftLeft(shifts []*regionv1.Shift, minute int32) int64 {
	const day = 24 * 60
	left := int32(0)
	for _, s := range shifts {
		if s.GetEndMinute()-s.GetStartMinute() == day {
			continue // manned at all hours: nobody works a day and a night on end
		}
		if inBand(minute, s.GetStartMinute(), s.GetEndMinute()) {
			left = max(left, cmp.Or((s.GetEndMinute()-minute+day)%day, day))
		}
	}
	if left == 0 {
		left = 12 * 60
	}
	return int64(left) * 60 * second
}

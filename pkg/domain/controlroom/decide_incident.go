package controlroom

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
)

// heard says what is decided although its id was used before for something else: whoever sent it may have been told already
// that it will be acted on, and a person in danger does not number their calls (ADR 10).
func heard(q *intakev1.Request) bool { return q.GetRaiseAlarm() != nil || q.GetRaiseSos() != nil }

// numbered gives an alarm whose id belongs to another one an id of its own.
func numbered(a *intakev1.RaiseAlarm, r Request) *intakev1.RaiseAlarm {
	if r.Reuses == 0 {
		return a
	}
	a = proto.CloneOf(a)
	a.AlarmId = fmt.Sprintf("%s-%d", a.GetAlarmId(), r.Offset)
	return a
}

// raiseAlarm never refuses: an alarm joins the open incident of its chain, or opens one.
func (d *decider) raiseAlarm(q *intakev1.Request, a *intakev1.RaiseAlarm) Outcome {
	if a.GetRestore() {
		return d.restore(q, a)
	}
	category, priority := d.region.classify(a.GetCode(), a.GetCategory())
	plan := d.region.plan(category, a.GetSite(), a.GetZone(), d.facts.MinuteOfDay)
	if plan.GetPriority() != 0 {
		priority = int(plan.GetPriority())
	}
	incident := d.joins(a, category, priority)
	e := &logv1.AlarmReceived{
		Alarm: a.GetAlarmId(), Source: a.GetSource(), Protocol: a.GetProtocol(), Account: a.GetAccount(), Code: a.GetCode(),
		Site: a.GetSite(), Zone: a.GetZone(), Category: category, Priority: int32(priority), //nolint:gosec // 1 to 3
		Text: a.GetText(), ClipUrl: a.GetClipUrl(), DeviceAtMs: q.GetDeviceAtMs(), ReceivedAtMs: q.GetReceivedAtMs(),
		Joined: incident != nil,
	}
	if incident == nil {
		e.Incident = d.open(opening{
			site: a.GetSite(), zone: a.GetZone(), category: category, priority: priority, by: "alarm", text: a.GetText(),
		}, q)
	} else {
		e.Incident = incident.ID
	}
	d.emit(&logv1.Event{Body: &logv1.Event_AlarmReceived{AlarmReceived: e}})
	if incident != nil && priority < incident.Priority {
		d.emit(&logv1.Event{Body: &logv1.Event_IncidentAggravated{IncidentAggravated: &logv1.IncidentAggravated{
			Incident: incident.ID, Priority: int32(priority), Category: category, BecauseOfAlarm: a.GetAlarmId(), //nolint:gosec // 1 to 3
			GuardsWanted: max(plan.GetGuardsWanted(), int32(incident.GuardsWanted)), Capabilities: plan.GetCapabilities(), //nolint:gosec // a handful
			Mode: plan.GetMode(), Plan: plan.GetId(), OwnSiteOnly: plan.GetOwnSiteOnly(),
		}}})
	}
	return d.done()
}

// joins gives the open incident that this alarm belongs to: same zone, same category or same source, within the window.
func (d *decider) joins(a *intakev1.RaiseAlarm, category string, priority int) *Incident {
	var found *Incident
	for i := range d.Live() {
		if i.Site != a.GetSite() || i.Zone != a.GetZone() || d.at >= i.JoinUntil || !d.underWay(i) {
			continue
		}
		if i.State == IncidentControlled && priority < i.Priority {
			continue // nobody would be sent for what is graver than what is under control
		}
		sameSource := slices.ContainsFunc(i.Alarms, func(c AlarmChain) bool { return c.Source == a.GetSource() && c.Code == a.GetCode() })
		if (i.Category == category || sameSource) && (found == nil || compareIDs(i.ID, found.ID) < 0) {
			found = i
		}
	}
	return found
}

// underWay says whether somebody is being looked for or is at it. What happens after the last guard has left is not known
// to anybody, and does not join: it would be an alarm that nobody goes to.
func (d *decider) underWay(i *Incident) bool {
	return i.State == IncidentOpen || slices.ContainsFunc(i.Missions, func(id string) bool {
		return d.Missions[id].Active()
	})
}

// compareIDs orders ids as they were given: I9 before I10.
func compareIDs(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

func (d *decider) restore(q *intakev1.Request, a *intakev1.RaiseAlarm) Outcome {
	e := &logv1.AlarmRestored{
		Alarm: a.GetAlarmId(), Source: a.GetSource(), Code: a.GetCode(), Site: a.GetSite(), Zone: a.GetZone(),
		DeviceAtMs: q.GetDeviceAtMs(), ReceivedAtMs: q.GetReceivedAtMs(),
	}
	for i := range d.Live() {
		raised := i.Site == a.GetSite() && slices.ContainsFunc(i.Alarms, func(c AlarmChain) bool {
			return c.Source == a.GetSource() && c.Code == a.GetCode() && c.Zone == a.GetZone()
		})
		if raised && (e.GetIncident() == "" || compareIDs(i.ID, e.GetIncident()) < 0) {
			e.Incident = i.ID
		}
	}
	d.emit(&logv1.Event{Body: &logv1.Event_AlarmRestored{AlarmRestored: e}})
	return d.done()
}

type opening struct {
	site, zone, category string
	priority             int
	by                   string
	text                 *personalv1.SealedText
}

// open opens an incident under the plan of its place and hour, and gives its id.
func (d *decider) open(o opening, q *intakev1.Request) string {
	plan := d.region.plan(o.category, o.site, o.zone, d.facts.MinuteOfDay)
	id := d.nextIncident()
	d.emit(&logv1.Event{Body: &logv1.Event_IncidentOpened{IncidentOpened: &logv1.IncidentOpened{
		Incident: id, Site: o.site, Zone: o.zone, Category: o.category, Priority: int32(o.priority), //nolint:gosec // 1 to 3
		OpenedBy: o.by, Plan: plan.GetId(), GuardsWanted: plan.GetGuardsWanted(), Capabilities: plan.GetCapabilities(),
		Mode: plan.GetMode(), OwnSiteOnly: plan.GetOwnSiteOnly(), Text: o.text,
		JoinUntilMs:   d.at + int64(plan.GetJoinWindowS())*second,
		NeglectedAtMs: d.at + d.region.neglectedAfter(o.priority),
		ReceivedAtMs:  q.GetReceivedAtMs(), Epoch: q.GetEpoch(),
	}}})
	return id
}

func (d *decider) openByPerson(q *intakev1.Request, b *intakev1.OpenIncident) Outcome {
	if d.region.Site(b.GetSite()) == nil {
		return refused(&es.Refusal{Code: CodeUnknownSite, Message: fmt.Sprintf("The site %q is not one of this room: choose one of its sites.", b.GetSite())})
	}
	if said := b.GetCategory(); said != "" && !slices.Contains(Categories(), said) {
		// No plan would fit a word that nobody knows, and what is not to be offered by itself would be.
		return refused(&es.Refusal{Code: CodeUnknownCategory, Message: fmt.Sprintf(
			"There is no category %q: use one of %s.", said, strings.Join(Categories(), ", "))})
	}
	category, priority := d.region.classify("", b.GetCategory())
	if plan := d.region.plan(category, b.GetSite(), b.GetZone(), d.facts.MinuteOfDay); plan.GetPriority() != 0 {
		priority = int(plan.GetPriority())
	}
	if p := int(b.GetPriority()); p >= 1 && p <= 3 {
		priority = p
	}
	d.open(opening{site: b.GetSite(), zone: b.GetZone(), category: category, priority: priority, by: "person", text: b.GetText()}, q)
	return d.done()
}

// raiseSOS opens a P1 at the team's place, or adds to the one that help is on its way for. It is a fact: never refused.
func (d *decider) raiseSOS(q *intakev1.Request, b *intakev1.RaiseSos) Outcome {
	e := &logv1.SosRaised{
		Team: b.GetTeam(), Guard: b.GetGuard(), Silent: b.GetSilent(), Position: b.GetPosition(), Site: b.GetSite(), Zone: b.GetZone(),
		DeviceAtMs: d.words.at, ReceivedAtMs: q.GetReceivedAtMs(), ByRadio: d.words.byRadio, RecordedBy: d.words.recordedBy,
	}
	if e.GetSite() == "" {
		e.Site, e.Zone = d.lastPlace(b.GetTeam())
	}
	for i := range d.Live() {
		same := b.GetTeam() != "" && i.InDanger == b.GetTeam() && i.State != IncidentControlled && d.underWay(i)
		if same && (e.GetIncident() == "" || compareIDs(i.ID, e.GetIncident()) < 0) {
			e.Incident = i.ID
		}
	}
	if e.GetIncident() == "" {
		e.Incident = d.open(opening{site: e.GetSite(), zone: e.GetZone(), category: "lone_worker", priority: 1, by: "sos"}, q)
	}
	d.emit(&logv1.Event{Body: &logv1.Event_SosRaised{SosRaised: e}})
	return d.done()
}

// lastPlace is where a team is taken to be: the scene of its mission, its last confirmed place, its home.
func (d *decider) lastPlace(team string) (site, zone string) {
	t := d.Teams[team]
	if t != nil {
		if m := d.Missions[t.Mission]; m != nil && m.State == MissionOnScene {
			if i := d.Incidents[m.Incident]; i != nil {
				return i.Site, i.Zone
			}
		}
		if t.PlaceSite != "" {
			return t.PlaceSite, t.PlaceZone
		}
	}
	return d.region.Team(team).GetHomeSite(), ""
}

// live gives an incident that has not ended, or the refusal that says why not.
func (d *decider) live(id string) (*Incident, *es.Refusal) {
	i := d.Incidents[id]
	if i == nil {
		return nil, unknown(CodeUnknownIncident, "incident", id).Refusal
	}
	if !i.Live() {
		return nil, &es.Refusal{Code: CodeIncidentEnded, Incident: id, Message: fmt.Sprintf("Incident %s is already %s: open a new one if there is more to do.", id, i.State)}
	}
	return i, nil
}

func (d *decider) claim(q *intakev1.Request, id string) Outcome {
	i, no := d.live(id)
	by, role := q.GetActor().GetId(), q.GetActor().GetRole()
	switch {
	case no != nil:
		return refused(no)
	case i.ClaimedBy == by:
		return d.done()
	case i.ClaimedBy != "" && role != "chief":
		return refused(&es.Refusal{Code: CodeClaimed, Incident: id, Message: fmt.Sprintf("%s leads incident %s: ask for its release, or a chief takes it over.", i.ClaimedBy, id)})
	}
	d.emit(&logv1.Event{Body: &logv1.Event_IncidentClaimed{IncidentClaimed: &logv1.IncidentClaimed{Incident: id, By: by, TakenFrom: i.ClaimedBy}}})
	return d.done()
}

func (d *decider) release(q *intakev1.Request, id string) Outcome {
	i, no := d.live(id)
	by, role := q.GetActor().GetId(), q.GetActor().GetRole()
	switch {
	case no != nil:
		return refused(no)
	case i.ClaimedBy == "":
		return refused(&es.Refusal{Code: CodeNotClaimed, Incident: id, Message: fmt.Sprintf("Nobody leads incident %s: there is nothing to release.", id)})
	case i.ClaimedBy != by && role != "chief":
		return refused(&es.Refusal{Code: CodeClaimed, Incident: id, Message: fmt.Sprintf("%s leads incident %s: only they or a chief can release it.", i.ClaimedBy, id)})
	}
	d.emit(&logv1.Event{Body: &logv1.Event_IncidentReleased{IncidentReleased: &logv1.IncidentReleased{Incident: id, By: by}}})
	return d.done()
}

// control recalls the reinforcement that has not arrived: it is not wanted any more (domain §2).
func (d *decider) control(q *intakev1.Request, id string) Outcome {
	i, no := d.live(id)
	if no != nil {
		return refused(no)
	}
	if i.State == IncidentControlled {
		return d.done()
	}
	by := q.GetActor().GetId()
	d.emit(&logv1.Event{Body: &logv1.Event_IncidentControlled{IncidentControlled: &logv1.IncidentControlled{Incident: id, By: by}}})
	for _, m := range i.Missions {
		if m := d.Missions[m]; m.Active() && m.State != MissionOnScene {
			d.cancel(m, "controlled", by)
		}
	}
	return d.done()
}

func (d *decider) closeIncident(q *intakev1.Request, b *intakev1.CloseIncident) Outcome {
	i, no := d.live(b.GetIncident())
	if no != nil {
		return refused(no)
	}
	if b.GetDisposition() == "" {
		return refused(&es.Refusal{Code: CodeDispositionNeeded, Incident: i.ID, Message: "Closing needs a disposition: say how it ended (genuine, false_alarm, duplicate, test, police, fire_brigade, other)."})
	}
	for _, m := range i.Missions {
		if m := d.Missions[m]; m.Active() {
			return refused(&es.Refusal{
				Code: CodeMissionsActive, Incident: i.ID, Mission: m.ID, Team: m.Team,
				Message: fmt.Sprintf("Team %s is still on mission %s: wait until it has cleared, or recall it first.", m.Team, m.ID),
			})
		}
	}
	d.emit(&logv1.Event{Body: &logv1.Event_IncidentClosed{IncidentClosed: &logv1.IncidentClosed{
		Incident: i.ID, Disposition: b.GetDisposition(), DispositionText: b.GetDispositionText(), By: q.GetActor().GetId(), Note: b.GetNote(),
	}}})
	return d.done()
}

func (d *decider) cancelIncident(q *intakev1.Request, b *intakev1.CancelIncident) Outcome {
	i, no := d.live(b.GetIncident())
	if no != nil {
		return refused(no)
	}
	if b.GetReason() == "" {
		return refused(&es.Refusal{Code: CodeReasonNeeded, Incident: i.ID, Message: "Cancelling needs a reason: it stays in the main courante."})
	}
	by := q.GetActor().GetId()
	d.emit(&logv1.Event{Body: &logv1.Event_IncidentCancelled{IncidentCancelled: &logv1.IncidentCancelled{
		Incident: i.ID, Reason: b.GetReason(), ReasonText: b.GetReasonText(), By: by,
	}}})
	for _, m := range i.Missions {
		if m := d.Missions[m]; m.Active() {
			d.cancel(m, "incident_cancelled", by)
		}
	}
	return d.done()
}

func (d *decider) neglected(i *Incident) {
	if i == nil || !i.Live() || i.State == IncidentControlled || i.Neglected >= 2 {
		return
	}
	e := &logv1.IncidentNeglected{Incident: i.ID, WaitedMs: d.at - i.ReceivedAt, Step: int32(i.Neglected) + 1} //nolint:gosec // 0 or 1
	if e.GetStep() == 1 {
		e.NextAtMs = d.at + d.region.neglectedAfter(i.Priority)
	}
	d.emit(&logv1.Event{Body: &logv1.Event_IncidentNeglected{IncidentNeglected: e}})
}

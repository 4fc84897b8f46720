package command

import (
	"fmt"
	"slices"
	"strings"

	"vigie/pkg/authz"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// kind is one type of command: who may send it, what it must say, and the request it becomes.
type kind struct {
	action authz.Action
	// directs others: refused when it is carried out too late (protocol §7). What a guard did is a fact and never is.
	directs bool
	// needs are the fields it cannot do without. The first is what it touches: by that alone its sender is judged, whatever
	// else the command says.
	needs []string
	// says are its words that are part of the request: text, reason, disposition. Each is free text, but for codes.
	says []string
	// heard says that a person of the room may record it for a team that said so by radio. A receipt is a device's alone.
	heard bool
	// spelt says what is wrong with the words of a command whose fields are all there.
	spelt func(*watchv1.Command) error
	fill  func(*intakev1.Request, *watchv1.Command, filling)
}

// saying is k with words.
func saying(k kind, words ...string) kind {
	k.says = words
	return k
}

type filling struct {
	text                *personalv1.SealedText
	reason, disposition word
	sender              authz.Principal
}

func (k kind) check(c *watchv1.Command) error {
	said := map[string]string{
		"incident": c.GetIncident(), "mission": c.GetMission(), "team": c.GetTeam(), "site": c.GetSite(),
		"category": c.GetCategory(), "reason": strings.TrimSpace(c.GetReason()), "text": strings.TrimSpace(c.GetText()),
	}
	for _, field := range k.needs {
		if said[field] == "" {
			return fmt.Errorf("%w: %s needs %s", ErrInvalid, c.GetType(), field)
		}
	}
	if err := bounded(c); err != nil {
		return err
	}
	if k.spelt == nil {
		return nil
	}
	return k.spelt(c)
}

// spelling is k with a check of its words.
func spelling(k kind, spelt func(*watchv1.Command) error) kind {
	k.spelt = spelt
	return k
}

// knownCategory: no plan fits a word that nobody knows, and what is not to be offered by itself would be.
func knownCategory(c *watchv1.Command) error {
	if !slices.Contains(controlroom.Categories(), c.GetCategory()) {
		return fmt.Errorf("%w: there is no category %q: use one of %s", ErrInvalid, c.GetCategory(), strings.Join(controlroom.Categories(), ", "))
	}
	return nil
}

// mostGuards is how many a team may be.
const mostGuards = 32

// pseudonyms: the log is kept for ever and knows no names, and who signs on twice is not two guards.
func pseudonyms(c *watchv1.Command) error {
	if n := len(c.GetGuards()); n > mostGuards {
		return fmt.Errorf("%w: %d guards are more than a team: name at most %d", ErrInvalid, n, mostGuards)
	}
	for k, id := range c.GetGuards() {
		switch {
		case !directory.ValidID(id):
			return fmt.Errorf("%w: guards are named by their pseudonymous ids (letters, digits, \"._:-\", at most 64), never by name", ErrInvalid)
		case slices.Contains(c.GetGuards()[:k], id):
			return fmt.Errorf("%w: guard %s is named twice", ErrInvalid, id)
		}
	}
	return nil
}

// kinds are the commands of interface.md.
func kinds() map[string]kind {
	incident := func(fill func(*intakev1.Request, *watchv1.Command, filling), needs ...string) kind {
		return kind{action: authz.CommandIncident, directs: true, needs: needs, fill: fill}
	}
	receipt := func(fill func(*intakev1.Request, *watchv1.Command, filling), needs ...string) kind {
		return kind{action: authz.ActAsTeam, needs: needs, fill: fill}
	}
	act := func(fill func(*intakev1.Request, *watchv1.Command, filling), needs ...string) kind {
		return kind{action: authz.ActAsTeam, needs: needs, fill: fill, heard: true}
	}
	return map[string]kind{
		"incident.open": spelling(saying(incident(func(q *intakev1.Request, c *watchv1.Command, f filling) {
			q.Body = &intakev1.Request_OpenIncident{OpenIncident: &intakev1.OpenIncident{
				Site: c.GetSite(), Zone: c.GetZone(), Category: c.GetCategory(), Priority: c.GetPriority(), Text: f.text,
			}}
		}, "site", "category"), "text"), knownCategory),
		"incident.claim": incident(func(q *intakev1.Request, c *watchv1.Command, _ filling) {
			q.Body = &intakev1.Request_ClaimIncident{ClaimIncident: &intakev1.ClaimIncident{Incident: c.GetIncident()}}
		}, "incident"),
		"incident.release": incident(func(q *intakev1.Request, c *watchv1.Command, _ filling) {
			q.Body = &intakev1.Request_ReleaseIncident{ReleaseIncident: &intakev1.ReleaseIncident{Incident: c.GetIncident()}}
		}, "incident"),
		"incident.control": incident(func(q *intakev1.Request, c *watchv1.Command, _ filling) {
			q.Body = &intakev1.Request_ControlIncident{ControlIncident: &intakev1.ControlIncident{Incident: c.GetIncident()}}
		}, "incident"),
		"incident.close": saying(incident(func(q *intakev1.Request, c *watchv1.Command, f filling) {
			q.Body = &intakev1.Request_CloseIncident{CloseIncident: &intakev1.CloseIncident{
				Incident: c.GetIncident(), Disposition: f.disposition.code, DispositionText: f.disposition.text, Note: f.text,
			}}
		}, "incident"), "text", "disposition"),
		"incident.cancel": saying(incident(func(q *intakev1.Request, c *watchv1.Command, f filling) {
			q.Body = &intakev1.Request_CancelIncident{CancelIncident: &intakev1.CancelIncident{
				Incident: c.GetIncident(), Reason: f.reason.code, ReasonText: f.reason.text,
			}}
		}, "incident"), "reason"),
		"incident.propose": incident(func(q *intakev1.Request, c *watchv1.Command, _ filling) {
			q.Body = &intakev1.Request_AskProposal{AskProposal: &intakev1.AskProposal{Incident: c.GetIncident()}}
		}, "incident"),
		"incident.note": {
			action: authz.CommandIncident, needs: []string{"incident", "text"}, says: []string{"text"},
			fill: func(q *intakev1.Request, c *watchv1.Command, f filling) {
				q.Body = &intakev1.Request_AddNote{AddNote: &intakev1.AddNote{Incident: c.GetIncident(), Text: f.text}}
			},
		},
		"sos": act(func(q *intakev1.Request, c *watchv1.Command, f filling) {
			q.Body = &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{
				Team: c.GetTeam(), Guard: guard(f.sender, c), Silent: c.GetSilent(), Site: named(c.GetSite()), Zone: named(c.GetZone()),
			}}
		}, "team"),
		"mission.assign": {
			action: authz.CommandMission, directs: true, needs: []string{"incident", "team"}, says: []string{"reason"},
			fill: func(q *intakev1.Request, c *watchv1.Command, f filling) {
				q.Body = &intakev1.Request_AssignMission{AssignMission: &intakev1.AssignMission{
					Incident: c.GetIncident(), Team: c.GetTeam(), Reason: f.reason.code, ReasonText: f.reason.text,
				}}
			},
		},
		"mission.cancel": {
			action: authz.CommandMission, directs: true, needs: []string{"mission"}, says: []string{"reason"},
			fill: func(q *intakev1.Request, c *watchv1.Command, f filling) {
				q.Body = &intakev1.Request_CancelMission{CancelMission: &intakev1.CancelMission{
					Mission: c.GetMission(), Reason: f.reason.code, ReasonText: f.reason.text,
				}}
			},
		},
		"mission.delivered": receipt(func(q *intakev1.Request, c *watchv1.Command, f filling) {
			q.Body = &intakev1.Request_ReportDelivered{ReportDelivered: &intakev1.ReportDelivered{Mission: c.GetMission(), Device: device(f.sender)}}
		}, "mission"),
		"mission.seen": receipt(func(q *intakev1.Request, c *watchv1.Command, f filling) {
			q.Body = &intakev1.Request_ReportSeen{ReportSeen: &intakev1.ReportSeen{Mission: c.GetMission(), Device: device(f.sender)}}
		}, "mission"),
		"mission.accept": act(func(q *intakev1.Request, c *watchv1.Command, _ filling) {
			q.Body = &intakev1.Request_AcceptMission{AcceptMission: &intakev1.AcceptMission{Mission: c.GetMission()}}
		}, "mission"),
		"mission.decline": saying(act(func(q *intakev1.Request, c *watchv1.Command, f filling) {
			q.Body = &intakev1.Request_DeclineMission{DeclineMission: &intakev1.DeclineMission{
				Mission: c.GetMission(), Reason: f.reason.code, ReasonText: f.reason.text,
			}}
		}, "mission", "reason"), "reason"),
		"mission.en_route": act(func(q *intakev1.Request, c *watchv1.Command, _ filling) {
			q.Body = &intakev1.Request_ReportEnRoute{ReportEnRoute: &intakev1.ReportEnRoute{Mission: c.GetMission()}}
		}, "mission"),
		"mission.on_scene": act(func(q *intakev1.Request, c *watchv1.Command, _ filling) {
			q.Body = &intakev1.Request_ReportOnScene{ReportOnScene: &intakev1.ReportOnScene{Mission: c.GetMission()}}
		}, "mission"),
		"mission.clear": act(func(q *intakev1.Request, c *watchv1.Command, _ filling) {
			q.Body = &intakev1.Request_ClearMission{ClearMission: &intakev1.ClearMission{Mission: c.GetMission()}}
		}, "mission"),
		"mission.backup": saying(act(func(q *intakev1.Request, c *watchv1.Command, f filling) {
			q.Body = &intakev1.Request_RequestBackup{RequestBackup: &intakev1.RequestBackup{
				Mission: c.GetMission(), Guards: c.GetMoreGuards(), Text: f.text,
			}}
		}, "mission"), "text"),
		"team.on_duty": spelling(act(func(q *intakev1.Request, c *watchv1.Command, _ filling) {
			q.Body = &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{Team: c.GetTeam(), Guards: c.GetGuards(), UntilMs: millis(c.GetUntil())}}
		}, "team"), pseudonyms),
		"team.off_duty": act(func(q *intakev1.Request, c *watchv1.Command, _ filling) {
			q.Body = &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: c.GetTeam()}}
		}, "team"),
	}
}

// guard is who is in danger: the one behind the device, or whom a person names who has heard it. Where that is no id it is
// left out: an SOS is not kept back for it, and a name does not reach the log.
func guard(p authz.Principal, c *watchv1.Command) string {
	if p.Kind != authz.KindDevice && len(c.GetGuards()) > 0 && directory.ValidID(c.GetGuards()[0]) {
		return c.GetGuards()[0]
	}
	return p.Guard
}

// device is the id of the handheld that says so; a person may say it for a team without one.
func device(p authz.Principal) string {
	if p.Kind == authz.KindDevice {
		return p.ID
	}
	return ""
}

package controlroom

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"vigie/pkg/domain/controlroom/choose"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// Proposal is a choice that waits for a person (domain §3).
type Proposal struct {
	At int64  `json:"at"`
	By string `json:"by"`
	// Until is when the room decides by itself; 0: it does not.
	Until int64 `json:"until"`
	// Proposed are the teams to choose from, First those of them that would go together.
	Proposed []string `json:"proposed"`
	First    []string `json:"first"`
	// Candidates are those proposed, and the nearest where it is not among them.
	Candidates []*logv1.Candidate `json:"candidates"`
	Exclusions []*logv1.Exclusion `json:"exclusions"`
}

// proposedAtOnce is how many teams a person is shown to choose from.
const proposedAtOnce = 3

// waits says that the room decides by itself when no person does; another was asked for and is there to be looked at.
func (p *Proposal) waits() bool { return p != nil && p.Until != 0 }

// waitsUntil is when the room decides by itself. A proposal that takes the place of another does not begin the wait anew:
// the incident has waited all the while.
func (d *decider) waitsUntil(i *Incident) int64 {
	until := d.at + d.region.proposalWaits(i.Priority)
	if i.Proposal.waits() {
		until = min(until, i.Proposal.Until)
	}
	return until
}

// askProposal shows who could go now, for a choice by hand: also where nobody is wanted, and where nobody fits.
func (d *decider) askProposal(q *intakev1.Request, id string) Outcome {
	i, no := d.live(id)
	if no != nil {
		return refused(no)
	}
	until := int64(0)
	if i.Proposal.waits() {
		until = d.waitsUntil(i)
	}
	d.propose(i, d.rankFor(i, max(1, i.GuardsWanted-d.committed(i))), q.GetActor().GetId(), until)
	return d.done()
}

func (d *decider) propose(i *Incident, r choose.Result, by string, until int64) {
	e := &logv1.TeamsProposed{
		Incident: i.ID, GuardsWanted: int32(i.GuardsWanted), GuardsCommitted: int32(d.committed(i)), //nolint:gosec // a handful
		Candidates: candidates(r), Exclusions: exclusions(r), First: ids(r.Chosen),
		Proposed: ids(r.Candidates[:min(len(r.Candidates), max(proposedAtOnce, len(r.Chosen)))]),
		UntilMs:  until, RegionHash: d.RegionHash, By: by,
	}
	d.emit(&logv1.Event{Body: &logv1.Event_TeamsProposed{TeamsProposed: e}})
}

// nobody says that no team fits, and in full only when the reasons are not those told before.
func (d *decider) nobody(i *Incident, r choose.Result) {
	e := &logv1.NoTeamFound{
		Incident: i.ID, Exclusions: exclusions(r), GuardsWanted: int32(i.GuardsWanted), //nolint:gosec // a handful
		GuardsCommitted: int32(d.committed(i)), AgainAtMs: d.at + d.region.chooseAgainAfter(), //nolint:gosec // a handful
	}
	if i.NoTeam && i.NoTeamWhy == reasons(e) {
		d.emit(&logv1.Event{Body: &logv1.Event_StillNoTeam{StillNoTeam: &logv1.StillNoTeam{
			Incident: i.ID, SinceMs: i.NoTeamSince, AgainAtMs: e.GetAgainAtMs(),
		}}})
		return
	}
	d.emit(&logv1.Event{Body: &logv1.Event_NoTeamFound{NoTeamFound: e}})
}

// reasons is a digest of why nobody was found.
func reasons(e *logv1.NoTeamFound) string {
	told := fmt.Appendf(nil, "%d %d\n", e.GetGuardsWanted(), e.GetGuardsCommitted())
	for _, x := range e.GetExclusions() {
		told = fmt.Appendf(told, "%s %s %s\n", x.GetTeam(), x.GetReason(), x.GetDetail())
	}
	sum := sha256.Sum256(told)
	return hex.EncodeToString(sum[:8])
}

func ids(list []choose.Candidate) []string {
	out := make([]string, len(list))
	for k, c := range list {
		out[k] = c.Team.GetId()
	}
	return out
}

func (s *State) teamsProposed(at int64, e *logv1.TeamsProposed) {
	s.onIncident(e.GetIncident(), func(i *Incident) {
		p := &Proposal{
			At: at, By: e.GetBy(), Until: e.GetUntilMs(), Proposed: e.GetProposed(), First: e.GetFirst(), Exclusions: e.GetExclusions(),
		}
		for k, c := range e.GetCandidates() {
			if k < len(p.Proposed) || c.GetNearest() {
				p.Candidates = append(p.Candidates, c)
			}
		}
		s.withdraw(i)
		i.Proposal = p
		if p.waits() {
			i.NoTeam = false
			s.disarm(timerChoose, i.ID)
			s.arm(timerProposal, i.ID, p.Until, i.Priority)
		}
	})
}

func (s *State) noTeamFound(at int64, e *logv1.NoTeamFound) {
	s.onIncident(e.GetIncident(), func(i *Incident) {
		i.NoTeam, i.NoTeamWhy, i.NoTeamSince, i.Tried = true, reasons(e), at, nil
		s.withdraw(i)
		s.chooseAgain(i, e.GetAgainAtMs())
	})
}

// withdraw takes a proposal away: it was decided, or nobody is wanted any more.
func (s *State) withdraw(i *Incident) {
	i.Proposal = nil
	s.disarm(timerProposal, i.ID)
}

// unavailable makes the choice due again where a team is proposed that cannot be sent any more.
func (s *State) unavailable(team string, at int64) {
	for _, timer := range s.Deadlines {
		i := s.Incidents[timer.About]
		if timer.Kind == timerProposal && i != nil && i.Proposal.waits() && slices.Contains(i.Proposal.Proposed, team) {
			s.chooseAgain(i, at)
		}
	}
}

// ProposalView is a proposal as a person reads it.
type ProposalView struct {
	At string `json:"at"`
	// By is automatic, or who has asked.
	By string `json:"by"`
	// Until is when those who rank first by then are sent; empty: nobody is by itself.
	Until string `json:"until"`
	// Proposed are the teams to choose from without a reason, First those of them that are sent together without a choice.
	Proposed   []string        `json:"proposed"`
	First      []string        `json:"first"`
	Candidates []CandidateView `json:"candidates"`
	Exclusions []ExclusionView `json:"exclusions"`
}

// CandidateView is one team of a choice. Times are milliseconds.
type CandidateView struct {
	Team           string `json:"team"`
	CallSign       string `json:"call_sign"`
	Place          string `json:"place"`
	PlaceSource    string `json:"place_source"`
	PlaceAgeMs     int64  `json:"place_age_ms"`
	Estimated      bool   `json:"estimated"`
	ArrivalMs      int64  `json:"arrival_ms"`
	ArrivalEarlyMs int64  `json:"arrival_early_ms"`
	ArrivalLateMs  int64  `json:"arrival_late_ms"`
	LatePermille   int32  `json:"late_permille"`
	Lateness       int64  `json:"lateness"`
	Uncovered      int64  `json:"uncovered"`
	Score          int64  `json:"score"`
	Guards         int32  `json:"guards"`
	CrossesSites   bool   `json:"crosses_sites"`
	LeftAtSite     int32  `json:"left_at_site"`
	Nearest        bool   `json:"nearest"`
	Behind         string `json:"behind"`
}

// ExclusionView is one team that may not go by itself.
type ExclusionView struct {
	Team     string `json:"team"`
	CallSign string `json:"call_sign"`
	Reason   string `json:"reason"`
	Detail   string `json:"detail"`
}

func (s State) showProposal(p *Proposal) *ProposalView {
	if p == nil {
		return nil
	}
	v := &ProposalView{
		At: Instant(p.At), By: p.By, Until: Instant(p.Until), Proposed: append([]string{}, p.Proposed...), First: append([]string{}, p.First...),
	}
	v.Candidates, v.Exclusions = s.showChoice(p.Candidates, p.Exclusions)
	return v
}

func (s State) showChoice(from []*logv1.Candidate, without []*logv1.Exclusion) ([]CandidateView, []ExclusionView) {
	candidates, exclusions := make([]CandidateView, len(from)), make([]ExclusionView, len(without))
	for k, c := range from {
		candidates[k] = CandidateView{
			Team: c.GetTeam(), CallSign: s.CallSign(c.GetTeam()), Place: c.GetPlace(), PlaceSource: c.GetPlaceSource(),
			PlaceAgeMs: c.GetPlaceAgeMs(), Estimated: c.GetEstimated(), ArrivalMs: c.GetArrivalMs(),
			ArrivalEarlyMs: c.GetArrivalEarlyMs(), ArrivalLateMs: c.GetArrivalLateMs(), LatePermille: c.GetLatePermille(),
			Lateness: c.GetLateness(), Uncovered: c.GetUncovered(), Score: c.GetScore(), Guards: c.GetGuards(),
			CrossesSites: c.GetCrossesSites(), LeftAtSite: c.GetLeftAtSite(), Nearest: c.GetNearest(), Behind: c.GetBehind(),
		}
	}
	for k, x := range without {
		exclusions[k] = ExclusionView{Team: x.GetTeam(), CallSign: s.CallSign(x.GetTeam()), Reason: x.GetReason(), Detail: x.GetDetail()}
	}
	return candidates, exclusions
}

// CallSign is what the radio calls a team.
func (s State) CallSign(team string) string {
	return cmp.Or(s.region.Team(team).GetCallSign(), team)
}

package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"vigie/pkg/app"
	"vigie/pkg/wait"
	"vigie/services/vigie/internal/sim/audit"
	"vigie/services/vigie/internal/sim/client"
)

// InTime is a share of incidents.
type InTime struct {
	N   int     `json:"n"`
	Pct float64 `json:"pct"`
}

// Result is the last line.
type Result struct {
	AlarmsIn      int               `json:"alarms_in"`
	Accepted      int               `json:"accepted"`
	Incidents     int               `json:"incidents"`
	Missions      int               `json:"missions"`
	AcrossSites   int               `json:"across_sites"`
	Declined      int               `json:"declined"`
	Expired       int               `json:"expired"`
	OnScene       int               `json:"on_scene"`
	OnSceneInTime map[string]InTime `json:"on_scene_in_time"`
	Lost          int               `json:"lost"`
	Duplicated    int               `json:"duplicated"`
	Neglected     int               `json:"neglected"`
	CheckedBy     string            `json:"checked_by"`
	WallS         float64           `json:"wall_s"`
	DomainS       float64           `json:"domain_s"`

	sums     audit.Sums
	findings []audit.Finding
	refused  map[string]int
}

// pageSize is the most records that the server gives at once.
const pageSize = 1000

// audit reads the log of every room and makes the result.
func (s *simulation) audit(ctx context.Context, until time.Time) (*Result, error) {
	who, err := s.accounts.WithRole("auditor", "supervisor", "dispatcher", "chief")
	if err != nil {
		return nil, err
	}
	auditor := s.api.SignIn(who)
	sent := s.observer.figures()
	r := &Result{
		AlarmsIn: sent.sent, Accepted: sent.accepted, CheckedBy: audit.CheckedBy, OnSceneInTime: map[string]InTime{},
		DomainS: max(0, until.Sub(s.start).Seconds()), refused: s.observer.refusals(),
	}
	for i := range s.rooms {
		sums, findings, err := s.auditRoom(ctx, auditor, &s.rooms[i], until)
		if err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
		r.sums.Add(sums)
		r.findings = append(r.findings, findings...)
	}
	r.fill()
	r.WallS = time.Since(s.began).Seconds()
	return r, nil
}

func (s *simulation) auditRoom(ctx context.Context, auditor *client.Account, room *client.Room, until time.Time) (audit.Sums, []audit.Finding, error) {
	evidence, from := s.observer.evidence(room.Room)
	evidence.Until, evidence.Slack, evidence.Home = until, s.clock.Domain(slack), map[string]string{}
	for _, t := range room.Teams {
		evidence.Home[t.Team] = t.HomeSite
	}
	r := audit.NewRoom(room.Room)
	for {
		page, err := auditor.Log(ctx, room.Room, from, pageSize)
		if err != nil {
			return audit.Sums{}, nil, err
		}
		for _, raw := range page {
			offset, err := r.Read(raw)
			if err != nil {
				return audit.Sums{}, nil, err
			}
			from = offset + 1
		}
		if len(page) == 0 {
			break
		}
	}
	sums, findings := r.Check(evidence)
	return sums, findings, nil
}

// slack is what networks and deciders may take, in real time.
const slack = 2 * time.Second

func (r *Result) fill() {
	s := r.sums
	r.Incidents, r.Missions, r.AcrossSites, r.Declined, r.Expired = s.Incidents, s.Missions, s.AcrossSites, s.Declined, s.Expired
	r.OnScene, r.Neglected = s.OnScene, s.Neglected
	for p := 1; p <= 3; p++ {
		in := InTime{N: s.Wanted[p]}
		if in.N > 0 {
			in.Pct = float64(int(1000*float64(s.InTime[p])/float64(in.N)+0.5)) / 10
		}
		r.OnSceneInTime[fmt.Sprintf("P%d", p)] = in
	}
	for _, f := range r.findings {
		switch f.Kind {
		case audit.Lost:
			r.Lost++
		case audit.Duplicated:
			r.Duplicated++
		}
	}
}

// errFound says that the checks failed.
var errFound = errors.New("the simulation found what must never happen")

// print writes the table and, on the last line of out, the object; it gives an error if the checks failed.
func (r *Result) print(table, out io.Writer) error {
	if err := r.table(table); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if err := json.NewEncoder(out).Encode(r); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if r.Lost+r.Duplicated > 0 {
		return app.Exit(app.CheckFailed, fmt.Errorf("%w: %d lost, %d duplicated", errFound, r.Lost, r.Duplicated))
	}
	return nil
}

// mostFindings are written out; a broken night has thousands.
const mostFindings = 20

func (r *Result) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name string, value any, more string) { _, _ = fmt.Fprintf(t, "  %s\t%v\t%s\n", name, value, more) } // Flush tells
	_, _ = fmt.Fprintln(t)
	row("alarms", r.AlarmsIn, fmt.Sprintf("%d answered", r.Accepted))
	row("incidents", r.Incidents, fmt.Sprintf("%d still open, %d neglected, %d found no team at some time", r.sums.Open, r.Neglected, r.sums.NoTeam))
	row("missions", r.Missions, fmt.Sprintf("%d across sites, %d declined, %d expired", r.AcrossSites, r.Declined, r.Expired))
	row("on scene", r.OnScene, "")
	for _, p := range slices.Sorted(maps.Keys(r.OnSceneInTime)) {
		v := r.OnSceneInTime[p]
		row(p+" in time", fmt.Sprintf("%.1f %%", v.Pct), fmt.Sprintf("of %d", v.N))
	}
	for _, leg := range []struct {
		name  string
		times []time.Duration
	}{
		{"alarm to offer", r.sums.Legs.Offer},
		{"offer to receipt", r.sums.Legs.Deliver},
		{"offer to yes", r.sums.Legs.Answer},
		{"yes to leaving", r.sums.Legs.Turnout},
		{"travel", r.sums.Legs.Travel},
		{"on scene", r.sums.Legs.Stay},
	} {
		row(leg.name, quantile(leg.times, 0.5), fmt.Sprintf("median; %v at 90 %% of %d", quantile(leg.times, 0.9), len(leg.times)))
	}
	row("lost", r.Lost, "")
	row("duplicated", r.Duplicated, "")
	row("refused commands", total(r.refused), strings.Join(refusalLines(r.refused), ", "))
	row("took", (time.Duration(r.WallS) * time.Second).String(), (time.Duration(r.DomainS)*time.Second).String()+" of the domain clock")
	for _, f := range r.findings[:min(len(r.findings), mostFindings)] {
		_, _ = fmt.Fprintf(t, "  %s\n", f)
	}
	if more := len(r.findings) - mostFindings; more > 0 {
		_, _ = fmt.Fprintf(t, "  and %d more\n", more)
	}
	return t.Flush()
}

func total(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

func refusalLines(refused map[string]int) []string {
	out := make([]string, 0, len(refused))
	for _, k := range slices.Sorted(maps.Keys(refused)) {
		out = append(out, fmt.Sprintf("%s %d", k, refused[k]))
	}
	return out
}

func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(times))
	return s[min(int(q*float64(len(s))), len(s)-1)].Round(100 * time.Millisecond)
}

// tell writes a line every few seconds, or every domain minute where that is longer, until ctx ends.
func (s *simulation) tell(ctx context.Context) error {
	every := max(3*time.Second, s.clock.Real(time.Minute))
	for wait.For(ctx, every) == nil {
		f := s.observer.figures()
		passed := s.clock.Now().Sub(s.start).Round(time.Second)
		state := ""
		if passed > s.length {
			state = "  waiting for open incidents to end"
		}
		_, _ = fmt.Fprintf(s.progress, "%s of %v  alarms %d  incidents open %d  handhelds connected %d%s\n",
			clockFace(passed), s.length, f.sent, f.live, f.connected, state) // of no consequence
	}
	return nil
}

func clockFace(d time.Duration) string {
	d = max(d, 0)
	return fmt.Sprintf("%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

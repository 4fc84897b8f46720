package app

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/fx"
)

// Check tells whether a part is ready: Ready returns nil, or why not. It must return soon after its context ends.
type Check struct {
	Name  string
	Ready func(context.Context) error
	// Degraded, where there is one, says what an operator has to know although the part is ready, or nothing.
	Degraded func() string
}

// AsCheck provides the Check that constructor returns: fx.Provide(app.AsCheck(newCheck)).
func AsCheck(constructor any) any {
	return fx.Annotate(constructor, fx.ResultTags(`group:"checks"`))
}

// checkBound is for all checks together: less than a probe's usual second of patience.
const checkBound = 900 * time.Millisecond

type readiness struct {
	checks   []Check
	stopping atomic.Bool
}

type checksIn struct {
	fx.In
	Checks []Check `group:"checks"`
}

func newReadiness(in checksIn) *readiness {
	checks := slices.Clone(in.Checks)
	slices.SortFunc(checks, func(a, b Check) int { return strings.Compare(a.Name, b.Name) })
	return &readiness{checks: checks}
}

type checkResult struct {
	Name   string `json:"name"`
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty"`
	// Degraded takes nothing away from being ready.
	Degraded string `json:"degraded,omitempty"`
}

type readyResult struct {
	Ready  bool          `json:"ready"`
	Reason string        `json:"reason,omitempty"`
	Checks []checkResult `json:"checks"`
}

func (r *readiness) ask(ctx context.Context) readyResult {
	ctx, done := context.WithTimeout(ctx, checkBound)
	defer done()
	res := readyResult{Ready: true, Checks: make([]checkResult, len(r.checks))}
	var wg sync.WaitGroup
	for i, c := range r.checks {
		wg.Go(func() {
			res.Checks[i] = checkResult{Name: c.Name, Ready: true}
			if err := c.Ready(ctx); err != nil {
				res.Checks[i] = checkResult{Name: c.Name, Reason: err.Error()}
			}
			if c.Degraded != nil {
				res.Checks[i].Degraded = c.Degraded()
			}
		})
	}
	wg.Wait()
	for _, c := range res.Checks {
		res.Ready = res.Ready && c.Ready
	}
	if r.stopping.Load() {
		res.Ready, res.Reason = false, "stopping"
	}
	return res
}

func (r *readiness) serve(w http.ResponseWriter, req *http.Request) {
	res := r.ask(req.Context())
	status := http.StatusOK
	if !res.Ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, "application/json", res)
}

func live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, "application/json", map[string]bool{"live": true})
}

// Package estest tests domains of the kernel. [Run] states rules as sentences with what was given, what was asked and what
// came of it; [Race] lets several writers loose on one log that loses, delays and repeats appends, and says what of the
// protocol did not hold. Chance comes in as a function, so that a property test can draw, shrink and replay it.
package estest

import (
	"testing"

	"vigie/pkg/es"
)

// Fact is an event that has happened, and when.
type Fact[E any] struct {
	At    int64
	Event E
}

// Case is one rule: Given these facts, When a request comes or a deadline falls Due, Then these events or this Refusal.
type Case[E, R, F any] struct {
	// Name is a sentence.
	Name  string
	Given []Fact[E]
	When  es.Request[R]
	// Due is the id of the deadline that is answered, instead of When.
	Due     string
	At      int64
	Facts   F
	Then    []E
	Refusal string
}

// Run checks every case as a test of its own. diff says how the events differ from those wanted, or "".
func Run[S, E, R, F any](t *testing.T, domain *es.Domain[S, E, R, F], cases []Case[E, R, F], diff func(want, got []E) string) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			out := outcome(t, domain, &c)
			code := ""
			if out.Refusal != nil {
				code = out.Refusal.Code
				if out.Refusal.Message == "" {
					t.Errorf("the refusal %s does not say what to do", code)
				}
			}
			if code != c.Refusal {
				t.Errorf("refusal: want %q, got %q", c.Refusal, code)
			}
			if d := diff(c.Then, out.Events); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
		})
	}
}

func outcome[S, E, R, F any](t *testing.T, domain *es.Domain[S, E, R, F], c *Case[E, R, F]) es.Outcome[E] {
	t.Helper()
	state := domain.Initial()
	for _, fact := range c.Given {
		state = domain.Evolve(state, fact.At, fact.Event)
	}
	if c.Due == "" {
		return domain.Decide(state, c.When, c.At, c.Facts)
	}
	due, open := domain.Open(state, c.Due)
	switch {
	case !open:
		t.Fatalf("the deadline %s is not open", c.Due)
	case due > c.At:
		t.Fatalf("the deadline %s is due at %d, not at %d", c.Due, due, c.At)
	}
	return domain.DecideDue(state, es.Deadline{ID: c.Due, Due: due}, c.At, c.Facts)
}

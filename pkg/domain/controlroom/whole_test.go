package controlroom_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

func TestEvolveHandlesEveryEvent(t *testing.T) {
	t.Parallel()
	handled := cases(t, "evolve.go", "Evolve")
	for _, name := range bodies(&logv1.Event{}) {
		if !slices.Contains(handled, "Event_"+name) {
			t.Errorf("Evolve does not handle %s", name)
		}
	}
}

func TestDecideHandlesEveryRequest(t *testing.T) {
	t.Parallel()
	handled := cases(t, "decide.go", "Decide")
	for _, name := range bodies(&intakev1.Request{}) {
		if !slices.Contains(handled, "Request_"+name) {
			t.Errorf("Decide does not handle %s", name)
		}
	}
}

// cases gives the types that the type switch of a function names.
func cases(t *testing.T, file, function string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != function {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if c, ok := n.(*ast.CaseClause); ok {
				for _, expr := range c.List {
					if star, ok := expr.(*ast.StarExpr); ok {
						named = append(named, star.X.(*ast.SelectorExpr).Sel.Name)
					}
				}
			}
			return true
		})
	}
	return named
}

// bodies gives the Go names of the oneof "body" of a message.
func bodies(m proto.Message) []string {
	fields := m.ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	var names []string
	for k := range fields.Len() {
		var name strings.Builder
		for word := range strings.SplitSeq(string(fields.Get(k).Name()), "_") {
			name.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
		names = append(names, name.String())
	}
	return names
}

func canonical(t *testing.T, s controlroom.State) string {
	t.Helper()
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// busyNight is a state in which everything has something in it.
func busyNight(t *testing.T) *night {
	t.Helper()
	n := staffed(t, "N1", "N2", "S1")
	n.alarm("A1", "BA", "NORD", "archive")
	n.said(seen("M1"))
	n.alarm("A2", "PA", "NORD", "emergency")
	n.said(accept("M2"))
	n.said(decline("M3", "busy"))
	n.alarm("A3", "TR", "SUD", "archive")
	n.ask(cancelling("I3", "a test"))
	n.sos("S1", "", "")
	n.advance(40)
	return n.skip()
}

func TestDecidingTouchesNothing(t *testing.T) {
	t.Parallel()
	n := busyNight(t)
	before := canonical(t, n.state)
	for _, q := range everything() {
		r := controlroom.Request{Body: q}
		q.Room = room
		controlroom.Decide(n.state, r, n.now, n.facts)
		controlroom.Undecidable(n.state, r, n.now, "why")
		if after := canonical(t, n.state); after != before {
			t.Fatalf("%v changed the state:\n%s\n%s", q, before, after)
		}
	}
	controlroom.EachDeadline(n.state, func(d es.Deadline) {
		controlroom.DecideDue(n.state, d, d.Due, n.facts)
		if after := canonical(t, n.state); after != before {
			t.Fatalf("%s changed the state:\n%s\n%s", d.ID, before, after)
		}
	})
}

// everything is one request of each kind about each thing there is in a busy night.
func everything() []*intakev1.Request {
	all := []*intakev1.Request{
		alarmOf("A9", "panel-NORD", "PA", "NORD", "archive"), open("NORD", "", "access", 1), configure(configuration(), "h9"),
		{Body: &intakev1.Request_GatewayLost{GatewayLost: &intakev1.GatewayLost{Gateway: "gw"}}},
	}
	for _, id := range []string{"I1", "I2", "I3", "I4"} {
		all = append(all, claim(id), release(id), control(id), closing(id, "test"), cancelling(id, "test"), assign(id, "N1", "x"), assign(id, "L1", "x"), note(id, nil), propose(id))
	}
	for _, id := range []string{"M1", "M2", "M3"} {
		all = append(all, delivered(id), seen(id), accept(id), decline(id, "x"), enRoute(id), onScene(id), cleared(id), recall(id, "x"), backup(id, 1), heard(accept(id), 0))
	}
	for _, id := range []string{"N1", "N2", "S1", "L1"} {
		all = append(all,
			&intakev1.Request{Body: &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{Team: id}}},
			&intakev1.Request{Body: &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{Team: id}}},
			&intakev1.Request{Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: id}}},
			&intakev1.Request{Body: &intakev1.Request_LinkBack{LinkBack: &intakev1.LinkBack{Team: id, Device: "new"}}},
			&intakev1.Request{Body: &intakev1.Request_LinkLost{LinkLost: &intakev1.LinkLost{Team: id, Device: "hand-" + id, Gateway: "gw", Session: "s-hand-" + id}}})
	}
	return all
}

func TestACloneSharesNothingThatChanges(t *testing.T) {
	t.Parallel()
	n := busyNight(t)
	original := n.state
	before := canonical(t, original)
	for _, q := range everything() {
		n.state = controlroom.Clone(original)
		if got := canonical(t, n.state); got != before {
			t.Fatalf("a clone is not the same:\n%s\n%s", before, got)
		}
		n.ask(q)
		n.advance(3600)
		if after := canonical(t, original); after != before {
			t.Fatalf("what followed %v on a clone changed the original:\n%s\n%s", q, before, after)
		}
	}
}

func TestEvolveDoesNotFailOnAFactAboutSomethingForgotten(t *testing.T) {
	t.Parallel()
	fields := (&logv1.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for k := range fields.Len() {
		e := &logv1.Event{}
		body := e.ProtoReflect().Mutable(fields.Get(k)).Message()
		for j := range body.Descriptor().Fields().Len() {
			if f := body.Descriptor().Fields().Get(j); f.Kind() == protoreflect.StringKind && !f.IsList() {
				body.Set(f, protoreflect.ValueOfString("gone"))
			}
		}
		controlroom.Evolve(controlroom.Initial(), 1000, e)
		controlroom.Evolve(busyNight(t).state, 1000, e)
		for id := range busyNight(t).state.Incidents { // one that has ended among them
			if f := body.Descriptor().Fields().ByName("incident"); f != nil {
				body.Set(f, protoreflect.ValueOfString(id))
				knowsWhoLives(t, controlroom.Evolve(busyNight(t).state, 1000, e))
			}
		}
	}
	controlroom.Evolve(controlroom.Initial(), 1000, &logv1.Event{})
}

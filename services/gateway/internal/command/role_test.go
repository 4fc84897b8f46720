package command_test

import (
	"testing"

	"vigie/pkg/authz"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/command"
)

// Given a dispatcher of this room who is chief of another, when they act here, then it is as a dispatcher.
func TestTheRoleInTheLogIsTheOneHeldHere(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	dora := account(authz.Dispatcher, authz.RoomScope("north"))
	dora.ID = "dora"
	alice := command.Sender{Principal: authz.Principal{ID: "alice", Kind: authz.KindAccount, Grants: []authz.Grant{
		{Role: authz.Chief, Scope: authz.RoomScope("south")},
		{Role: authz.Dispatcher, Scope: authz.RoomScope("north")},
		{Role: authz.Chief, Scope: authz.SiteScope("north-2")},
	}}}
	for _, site := range []string{"north-1", "north-2"} {
		if o, _, err := w.do(dora, &watchv1.Command{Type: "incident.open", Site: site, Category: "assistance"}); err != nil || o.Refusal != nil {
			t.Fatalf("%+v, %v", o, err)
		}
	}
	for _, id := range []string{"I1", "I2"} {
		if o, _, err := w.do(dora, &watchv1.Command{Type: "incident.claim", Incident: id}); err != nil || o.Refusal != nil {
			t.Fatalf("%+v, %v", o, err)
		}
	}
	o, q, err := w.do(alice, &watchv1.Command{Type: "incident.claim", Incident: "I1"})
	if err != nil || o.Refusal == nil || o.Refusal.Code != "claimed" || q.GetActor().GetRole() != "dispatcher" {
		t.Errorf("the chief of another room takes over: %+v, %v, %v", o, q.GetActor(), err)
	}
	o, q, err = w.do(alice, &watchv1.Command{Type: "incident.claim", Incident: "I2"})
	if err != nil || o.Refusal != nil || q.GetActor().GetRole() != "chief" {
		t.Errorf("the chief of the site takes over: %+v, %v, %v", o, q.GetActor(), err)
	}
}

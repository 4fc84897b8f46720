package authz_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vigie/pkg/authz"
)

// reference is written from the design pages, not from the package: rows of
// actions with the letters of the roles that hold them.
func reference(p authz.Principal, a authz.Action, on authz.Object) bool {
	letters := map[authz.Action]string{
		"read_room": "dcsri", "read_positions": "dcs", "command_incident": "dc", "command_mission": "dc", "act_as_team": "dcg",
		"read_history": "dcsru", "read_log_raw": "ua", "issue_device_token": "csa",
		"administer": "a", "send_alarm": "o", "configure_region": "ia",
	}
	letter := map[authz.Role]string{
		"dispatcher": "d", "chief": "c", "supervisor": "s", "region": "r", "integrator": "i",
		"auditor": "u", "admin": "a", "guard": "g", "source": "o",
	}
	return slices.ContainsFunc(p.Grants, func(g authz.Grant) bool {
		l, known := letter[g.Role]
		inScope := g.Scope == "region" || on.Room != "" && string(g.Scope) == "room/"+on.Room ||
			on.Site != "" && string(g.Scope) == "site/"+on.Site
		person := p.Kind == "account" || p.Kind == "service"
		fits := l == "g" && p.Kind == "device" && p.Guard != "" && on.Team != "" && p.Team == on.Team && p.Room == on.Room ||
			l == "o" && p.Kind == "source" && on.Room != "" && p.Room == on.Room ||
			l != "g" && l != "o" && person
		return known && inScope && fits && strings.Contains(letters[a], l)
	})
}

func TestAllow_agrees_with_the_reference_model(t *testing.T) {
	t.Parallel()
	id := rapid.SampledFrom([]string{"", "a", "b"})
	grant := rapid.Custom(func(t *rapid.T) authz.Grant {
		return authz.Grant{
			Role: rapid.SampledFrom(append(authz.AccountRoles(), "guard", "source", "", "root")).Draw(t, "role"),
			Scope: rapid.SampledFrom([]authz.Scope{
				"region", "room/a", "room/b", "site/a", "site/b", "room/", "site/", "", "region/a", "a",
			}).Draw(t, "scope"),
		}
	})
	var allowed, denied int
	rapid.Check(t, func(t *rapid.T) {
		p := authz.Principal{
			ID:     "p",
			Kind:   rapid.SampledFrom([]authz.Kind{"account", "account", "device", "source", "service", ""}).Draw(t, "kind"),
			Grants: rapid.SliceOfN(grant, 0, 3).Draw(t, "grants"),
			Room:   id.Draw(t, "room"), Team: id.Draw(t, "team"), Guard: id.Draw(t, "guard"),
		}
		on := authz.Object{Room: id.Draw(t, "on room"), Site: id.Draw(t, "on site"), Team: id.Draw(t, "on team")}
		for _, a := range append(authz.Actions(), "", "anything") {
			got, want := authz.Allow(p, a, on), reference(p, a, on)
			if got != want {
				t.Fatalf("Allow(%+v, %q, %+v) = %v, the reference says %v", p, a, on, got, want)
			}
			if got {
				allowed++
			} else {
				denied++
			}
		}
	})
	if allowed == 0 || denied == 0 {
		t.Fatalf("the property saw %d allowed and %d denied: it proves nothing", allowed, denied)
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	account := func(r authz.Role, s authz.Scope) authz.Principal {
		return authz.Principal{ID: "x", Kind: authz.KindAccount, Grants: []authz.Grant{{Role: r, Scope: s}}}
	}
	handheld := authz.Principal{
		ID: "dev-1", Kind: authz.KindDevice, Room: "paris", Team: "alpha", Guard: "g1",
		Grants: []authz.Grant{{Role: authz.Guard, Scope: authz.RoomScope("paris")}},
	}
	panel := authz.Principal{
		ID: "paris-panel", Kind: authz.KindSource, Room: "paris",
		Grants: []authz.Grant{{Role: authz.Source, Scope: authz.RoomScope("paris")}},
	}
	tests := []struct {
		name string
		who  authz.Principal
		does authz.Action
		on   authz.Object
		want bool
	}{
		{"nobody may do nothing", authz.Principal{}, authz.ReadRoom, authz.Object{Room: "paris"}, false},
		{"a dispatcher commands in the room", account(authz.Dispatcher, "room/paris"), authz.CommandIncident, authz.Object{Room: "paris", Site: "s"}, true},
		{"and not in another", account(authz.Dispatcher, "room/paris"), authz.CommandIncident, authz.Object{Room: "lyon"}, false},
		{"a dispatcher records by radio for any team", account(authz.Dispatcher, "room/paris"), authz.ActAsTeam, authz.Object{Room: "paris", Team: "bravo"}, true},
		{"a supervisor does not command", account(authz.Supervisor, "region"), authz.CommandMission, authz.Object{Room: "paris"}, false},
		{"a site's chief commands at the site", account(authz.Chief, "site/s"), authz.CommandIncident, authz.Object{Room: "paris", Site: "s"}, true},
		{"and does not read the room", account(authz.Chief, "site/s"), authz.ReadRoom, authz.Object{Room: "paris"}, false},
		{"a handheld acts for its team", handheld, authz.ActAsTeam, authz.Object{Room: "paris", Team: "alpha"}, true},
		{"and for no other", handheld, authz.ActAsTeam, authz.Object{Room: "paris", Team: "bravo"}, false},
		{"nor for its namesake in another room", handheld, authz.ActAsTeam, authz.Object{Room: "lyon", Team: "alpha"}, false},
		{"a handheld does not read the room", handheld, authz.ReadRoom, authz.Object{Room: "paris"}, false},
		{"a source sends alarms to its room", panel, authz.SendAlarm, authz.Object{Room: "paris", Site: "s"}, true},
		{"and to no other", panel, authz.SendAlarm, authz.Object{Room: "lyon"}, false},
		{"a chief is no source", account(authz.Chief, "region"), authz.SendAlarm, authz.Object{Room: "paris"}, false},
		{"an admin makes accounts", account(authz.Admin, "region"), authz.Administer, authz.Object{}, true},
		{"an admin of a room does not make the region's", account(authz.Admin, "room/paris"), authz.Administer, authz.Object{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := authz.Allow(tt.who, tt.does, tt.on); got != tt.want {
				t.Errorf("Allow(%+v, %s, %+v) = %v, want %v", tt.who, tt.does, tt.on, got, tt.want)
			}
		})
	}
}

func TestRoleFor(t *testing.T) {
	t.Parallel()
	in := func(r authz.Role, s authz.Scope) authz.Grant { return authz.Grant{Role: r, Scope: s} }
	paris, lyon := authz.Object{Room: "paris", Site: "s"}, authz.Object{Room: "lyon", Site: "t"}
	handheld := authz.Principal{
		ID: "dev-1", Kind: authz.KindDevice, Room: "paris", Team: "alpha", Guard: "g1",
		Grants: []authz.Grant{in(authz.Chief, "region"), in(authz.Guard, "room/paris")},
	}
	person := func(grants ...authz.Grant) authz.Principal {
		return authz.Principal{ID: "x", Kind: authz.KindAccount, Grants: grants}
	}
	tests := []struct {
		name string
		who  authz.Principal
		does authz.Action
		on   authz.Object
		want authz.Role
	}{
		{"the chief of one room is dispatcher in another", person(in("chief", "room/paris"), in("dispatcher", "room/lyon")), authz.CommandIncident, lyon, "dispatcher"},
		{"and chief in their own", person(in("chief", "room/paris"), in("dispatcher", "room/lyon")), authz.CommandIncident, paris, "chief"},
		{"and nothing in a third", person(in("chief", "room/paris"), in("dispatcher", "room/lyon")), authz.CommandIncident, authz.Object{Room: "nice"}, ""},
		{"of two roles the higher", person(in("dispatcher", "room/paris"), in("chief", "room/paris")), authz.CommandIncident, paris, "chief"},
		{"whatever their order", person(in("chief", "room/paris"), in("dispatcher", "room/paris")), authz.CommandIncident, paris, "chief"},
		{"the chief of one site is dispatcher at another", person(in("dispatcher", "region"), in("chief", "site/s")), authz.CommandIncident, lyon, "dispatcher"},
		{"and chief there", person(in("dispatcher", "region"), in("chief", "site/s")), authz.CommandIncident, paris, "chief"},
		{"a role that may not do it lends nothing", person(in("admin", "region"), in("dispatcher", "region")), authz.CommandIncident, paris, "dispatcher"},
		{"a handheld is a guard, whatever strayed into its grants", handheld, authz.ActAsTeam, authz.Object{Room: "paris", Team: "alpha"}, "guard"},
		{"and nothing to another team", handheld, authz.ActAsTeam, authz.Object{Room: "paris", Team: "bravo"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := authz.RoleFor(tt.who, tt.does, tt.on); got != tt.want {
				t.Errorf("RoleFor(%+v, %s, %+v) = %q, want %q", tt.who, tt.does, tt.on, got, tt.want)
			}
		})
	}
}

// A role in the log is one that its holder has there, and adding or shuffling grants never lowers it.
func TestRoleFor_is_a_role_that_allows_it_alone(t *testing.T) {
	t.Parallel()
	grant := rapid.Custom(func(t *rapid.T) authz.Grant {
		return authz.Grant{
			Role:  rapid.SampledFrom(authz.AccountRoles()).Draw(t, "role"),
			Scope: rapid.SampledFrom([]authz.Scope{"region", "room/a", "room/b", "site/a", "site/b"}).Draw(t, "scope"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		grants := rapid.SliceOfN(grant, 1, 4).Draw(t, "grants")
		on := authz.Object{
			Room: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "room"), Site: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "site"),
		}
		as := func(g ...authz.Grant) authz.Principal {
			return authz.Principal{ID: "p", Kind: authz.KindAccount, Grants: g}
		}
		for _, a := range authz.Actions() {
			role := authz.RoleFor(as(grants...), a, on)
			if (role != "") != reference(as(grants...), a, on) {
				t.Fatalf("RoleFor(%v, %s, %+v) = %q, and the reference says otherwise", grants, a, on, role)
			}
			if role != "" && !slices.ContainsFunc(grants, func(g authz.Grant) bool { return g.Role == role && reference(as(g), a, on) }) {
				t.Fatalf("RoleFor(%v, %s, %+v) = %q, which no grant gives there", grants, a, on, role)
			}
			if other := authz.RoleFor(as(rapid.Permutation(grants).Draw(t, "shuffled")...), a, on); other != role {
				t.Fatalf("the order of %v decides between %q and %q", grants, role, other)
			}
		}
	})
}

func TestGrant_Validate_refuses_what_no_account_can_hold(t *testing.T) {
	t.Parallel()
	for _, g := range []authz.Grant{
		{},
		{"chief", ""},
		{"chief", "room/"},
		{"chief", "site"},
		{"chief", "room/a/b"},
		{"chief", "region/a"},
		{"guard", "region"},
		{"source", "room/a"},
		{"root", "region"},
	} {
		if err := g.Validate(); !errors.Is(err, authz.ErrBadGrant) {
			t.Errorf("Validate(%+v) = %v, want ErrBadGrant", g, err)
		}
	}
	for _, g := range []authz.Grant{{"chief", "region"}, {"auditor", "room/a"}, {"dispatcher", "site/s-1"}} {
		if err := g.Validate(); err != nil {
			t.Errorf("Validate(%+v) = %v", g, err)
		}
	}
}

package directorytest

import (
	"errors"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/authz"
	"vigie/pkg/directory"
)

func signIn(f fixture) {
	t := f.t
	d := f.start()
	chief := grant(authz.Chief, authz.RoomScope("paris"))
	password, err := d.CreateAccount(t.Context(), "anne", chief)
	must(t, err)
	got, err := d.Authenticate(t.Context(), "anne", password)
	must(t, err)
	want := authz.Principal{ID: "anne", Kind: authz.KindAccount, Grants: []authz.Grant{chief}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("principal (-want +got):\n%s", diff)
	}
	for _, c := range []struct{ account, password string }{
		{"anne", password + "x"}, {"anne", ""}, {"bob", password}, {"Anne", password}, {"", ""}, {"anne", string(make([]byte, 1<<20))},
	} {
		if _, err := d.Authenticate(t.Context(), c.account, c.password); !errors.Is(err, directory.ErrBadCredentials) {
			t.Errorf("Authenticate(%q, %d bytes) = %v, want ErrBadCredentials", c.account, len(c.password), err)
		}
	}
	if _, err := d.CreateAccount(t.Context(), "anne"); !errors.Is(err, directory.ErrExists) {
		t.Errorf("a second anne: %v, want ErrExists", err)
	}
}

func tooManyTries(f fixture) {
	t := f.t
	d := f.start()
	password, err := d.CreateAccount(t.Context(), "anne")
	must(t, err)
	// Unknown accounts are slowed down alike, or the limit would tell who exists.
	for _, account := range []string{"anne", "nobody"} {
		for range 5 {
			if _, err := d.Authenticate(t.Context(), account, "wrong"); !errors.Is(err, directory.ErrBadCredentials) {
				t.Fatalf("a wrong password of %s: %v, want ErrBadCredentials", account, err)
			}
			f.clock.advance(time.Second)
		}
		_, err = d.Authenticate(t.Context(), account, password)
		tries, ok := errors.AsType[*directory.TriesError](err)
		if !ok || !errors.Is(err, directory.ErrTooManyTries) || tries.RetryAfter != 55*time.Second {
			t.Fatalf("the sixth try of %s: %v, want ErrTooManyTries for 55 s", account, err)
		}
		f.clock.advance(-5 * time.Second)
	}
	f.clock.advance(time.Minute)
	if _, err := d.Authenticate(t.Context(), "anne", password); err != nil {
		t.Errorf("the right password a minute later: %v", err)
	}
}

func concurrentSignIn(f fixture) {
	t := f.t
	d := f.start()
	password, err := d.CreateAccount(t.Context(), "anne", grant(authz.Dispatcher, authz.RegionScope))
	must(t, err)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := d.Authenticate(t.Context(), "anne", password); err != nil {
				t.Errorf("authenticate: %v", err)
				return
			}
			s, err := d.NewSession(t.Context(), "anne")
			if err != nil {
				t.Errorf("session: %v", err)
				return
			}
			if _, _, err := d.Principal(t.Context(), s.Token); err != nil {
				t.Errorf("principal: %v", err)
			}
		})
	}
	wg.Wait()
}

func resetPassword(f fixture) {
	t := f.t
	d := f.start()
	old, err := d.CreateAccount(t.Context(), "anne")
	must(t, err)
	s, err := d.NewSession(t.Context(), "anne")
	must(t, err)
	fresh, err := d.ResetPassword(t.Context(), "anne")
	must(t, err)
	if _, err := d.Authenticate(t.Context(), "anne", old); !errors.Is(err, directory.ErrBadCredentials) {
		t.Errorf("the old password: %v, want ErrBadCredentials", err)
	}
	if _, err := d.Authenticate(t.Context(), "anne", fresh); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if _, _, err := d.Principal(t.Context(), s.Token); !errors.Is(err, directory.ErrRevoked) {
		t.Errorf("the old session: %v, want ErrRevoked", err)
	}
	if _, err := d.ResetPassword(t.Context(), "bob"); !errors.Is(err, directory.ErrNoAccount) {
		t.Errorf("a reset of nobody: %v, want ErrNoAccount", err)
	}
}

func grantsChange(f fixture) {
	t := f.t
	d, other := f.start(), f.start()
	chief, auditor := grant(authz.Chief, "room/paris"), grant(authz.Auditor, authz.RegionScope)
	_, err := d.CreateAccount(t.Context(), "bob")
	must(t, err)
	_, err = d.CreateAccount(t.Context(), "anne", chief, auditor, chief)
	must(t, err)
	got, err := d.Accounts(t.Context())
	must(t, err)
	want := []directory.Account{
		{Account: "anne", Grants: []authz.Grant{auditor, chief}, CreatedAt: f.clock.now()},
		{Account: "bob", CreatedAt: f.clock.now()},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	s, err := d.NewSession(t.Context(), "anne")
	must(t, err)
	if diff := cmp.Diff([]authz.Grant{auditor, chief}, s.Grants); diff != "" {
		t.Errorf("grants of the session (-want +got):\n%s", diff)
	}
	_, _, err = other.Principal(t.Context(), s.Token)
	must(t, err)
	must(t, d.SetGrants(t.Context(), "anne", auditor))
	f.clock.advance(2 * time.Second)
	for name, d := range map[string]*directory.Directory{"here": d, "elsewhere": other} {
		p, _, err := d.Principal(t.Context(), s.Token)
		must(t, err)
		if diff := cmp.Diff([]authz.Grant{auditor}, p.Grants); diff != "" {
			t.Errorf("grants %s (-want +got):\n%s", name, diff)
		}
	}
	if err := d.SetGrants(t.Context(), "eve", auditor); !errors.Is(err, directory.ErrNoAccount) {
		t.Errorf("grants of nobody: %v, want ErrNoAccount", err)
	}
}

func badNames(f fixture) {
	t := f.t
	d := f.start()
	for _, name := range []string{"", "Anne", "a b", "a/b", "-a", "a\x00", "é", string(make([]byte, 65))} {
		if _, err := d.CreateAccount(t.Context(), name); !errors.Is(err, directory.ErrBadName) {
			t.Errorf("CreateAccount(%q) = %v, want ErrBadName", name, err)
		}
	}
	for _, id := range []string{"", "a b", "a/b", ".a", "a\x00"} {
		if _, err := d.AddSource(t.Context(), id, "paris"); !errors.Is(err, directory.ErrBadID) {
			t.Errorf("AddSource(%q) = %v, want ErrBadID", id, err)
		}
		if _, err := d.NewDeviceToken(t.Context(), "paris", "alpha", id, 0); !errors.Is(err, directory.ErrBadID) {
			t.Errorf("NewDeviceToken(%q) = %v, want ErrBadID", id, err)
		}
		if _, _, err := d.SealForSubject(t.Context(), id, f.clock.now(), "x"); !errors.Is(err, directory.ErrBadID) {
			t.Errorf("SealForSubject(%q) = %v, want ErrBadID", id, err)
		}
	}
	if _, err := d.CreateAccount(t.Context(), "eve", grant(authz.Guard, authz.RegionScope)); !errors.Is(err, authz.ErrBadGrant) {
		t.Errorf("an account granted guard: %v, want ErrBadGrant", err)
	}
}

func bootstrap(f fixture) {
	t := f.t
	d := f.start()
	first, err := d.Bootstrap(t.Context(), []string{"paris", "lyon"})
	must(t, err)
	if len(first.Accounts) != len(authz.AccountRoles()) || len(first.Sources) != 2 {
		t.Fatalf("%d accounts and %d sources, want %d and 2", len(first.Accounts), len(first.Sources), len(authz.AccountRoles()))
	}
	for _, a := range first.Accounts {
		p, err := d.Authenticate(t.Context(), a.Account, a.Password)
		must(t, err)
		if diff := cmp.Diff([]authz.Grant{{Role: a.Role, Scope: a.Scope}}, p.Grants); diff != "" || a.Account != string(a.Role) {
			t.Errorf("grants of %s (-want +got):\n%s", a.Account, diff)
		}
	}
	p, err := d.Source(t.Context(), first.Sources[1].Key)
	must(t, err)
	if p.ID != "lyon-panel" || p.Room != "lyon" || first.Sources[1].Source != "lyon-panel" {
		t.Errorf("source %+v, want lyon-panel of lyon", p)
	}
	again, err := d.Bootstrap(t.Context(), []string{"paris"})
	must(t, err)
	if again != nil {
		t.Errorf("a second first start made %+v", again)
	}
}

func bootstrapRace(f fixture) {
	t := f.t
	made := make(chan *directory.FirstAccounts, 2)
	var wg sync.WaitGroup
	for _, d := range []*directory.Directory{f.start(), f.start()} {
		wg.Go(func() {
			first, err := d.Bootstrap(t.Context(), []string{"paris"})
			if err != nil {
				t.Errorf("bootstrap: %v", err)
			}
			made <- first
		})
	}
	wg.Wait()
	if a, b := <-made, <-made; (a == nil) == (b == nil) {
		t.Errorf("first starts made %v and %v, want exactly one", a, b)
	}
}

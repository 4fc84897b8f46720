package directorytest

import (
	"errors"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/authz"
	"vigie/pkg/directory"
)

func sessionEnds(f fixture) {
	t := f.t
	d := f.start()
	_, err := d.CreateAccount(t.Context(), "anne")
	must(t, err)
	s, err := d.NewSession(t.Context(), "anne")
	must(t, err)
	signedIn := f.clock.now()
	if !s.ExpiresAt.Equal(signedIn.Add(time.Hour)) {
		t.Errorf("expires %v, want an hour after %v", s.ExpiresAt, signedIn)
	}
	for range 13 { // every 59 min: the last renewal reaches 12 h
		f.clock.advance(59 * time.Minute)
		renewed, err := d.RenewSession(t.Context(), s.Token)
		if f.clock.now().Sub(signedIn) >= 12*time.Hour {
			if !errors.Is(err, directory.ErrExpired) {
				t.Fatalf("renewal after 12 h: %v, want ErrExpired", err)
			}
			break
		}
		must(t, err)
		want := min(f.clock.now().Add(time.Hour).Sub(signedIn), 12*time.Hour)
		if got := renewed.ExpiresAt.Sub(signedIn); got != want || renewed.Token != s.Token {
			t.Fatalf("renewed to %v after the sign-in, want %v", got, want)
		}
		_, expires, err := d.Principal(t.Context(), s.Token)
		must(t, err)
		if !expires.Equal(renewed.ExpiresAt) {
			t.Fatalf("Principal says %v, the renewal said %v", expires, renewed.ExpiresAt)
		}
	}
	if _, _, err := d.Principal(t.Context(), s.Token); !errors.Is(err, directory.ErrExpired) {
		t.Errorf("a session after 12 h: %v, want ErrExpired", err)
	}
	if _, err := d.NewSession(t.Context(), "bob"); !errors.Is(err, directory.ErrNoAccount) {
		t.Errorf("a session of nobody: %v, want ErrNoAccount", err)
	}
}

func revocation(f fixture) {
	t := f.t
	d, other := f.start(), f.start()
	_, err := d.CreateAccount(t.Context(), "anne")
	must(t, err)
	var tokens []string
	for range 3 {
		s, err := d.NewSession(t.Context(), "anne")
		must(t, err)
		tokens = append(tokens, s.Token)
	}
	dev, err := d.NewDeviceToken(t.Context(), "paris", "alpha", "g1", 0)
	must(t, err)
	lost, err := d.NewDeviceToken(t.Context(), "paris", "alpha", "g2", 0)
	must(t, err)
	tokens = append(tokens, dev.Token, lost.Token)
	check := func(d *directory.Directory, token string, want error) {
		t.Helper()
		if _, _, err := d.Principal(t.Context(), token); !errors.Is(err, want) {
			t.Errorf("Principal = %v, want %v", err, want)
		}
	}
	for _, token := range tokens {
		check(d, token, nil)
		check(other, token, nil)
	}
	must(t, d.Revoke(t.Context(), tokens[0]))
	must(t, d.Revoke(t.Context(), dev.Token))
	must(t, d.RevokeDevice(t.Context(), lost.Device))
	check(other, tokens[0], nil) // from memory, for 2 s
	f.clock.advance(2 * time.Second)
	for _, token := range []string{tokens[0], dev.Token, lost.Token} {
		check(d, token, directory.ErrRevoked)
		check(other, token, directory.ErrRevoked)
	}
	check(other, tokens[1], nil)
	must(t, d.RevokeAccount(t.Context(), "anne"))
	f.clock.advance(2 * time.Second)
	for _, token := range tokens[:3] {
		check(d, token, directory.ErrRevoked)
		check(other, token, directory.ErrRevoked)
	}
	if _, err := d.RenewSession(t.Context(), tokens[1]); !errors.Is(err, directory.ErrRevoked) {
		t.Errorf("renewal of a revoked session: %v, want ErrRevoked", err)
	}
	must(t, d.Revoke(t.Context(), "vgs_nothing"))
}

func deviceTokens(f fixture) {
	t := f.t
	d := f.start()
	a, err := d.NewDeviceToken(t.Context(), "paris", "alpha", "g1", 0)
	must(t, err)
	got, expires, err := d.Principal(t.Context(), a.Token)
	must(t, err)
	want := authz.Principal{
		ID: a.Device, Kind: authz.KindDevice, Room: "paris", Team: "alpha", Guard: "g1",
		Grants: []authz.Grant{grant(authz.Guard, "room/paris")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("principal (-want +got):\n%s", diff)
	}
	if !expires.Equal(f.clock.now().Add(12*time.Hour)) || !expires.Equal(a.ExpiresAt) {
		t.Errorf("expires %v, want 12 h from %v", expires, f.clock.now())
	}
	if !authz.Allow(got, authz.ActAsTeam, authz.Object{Room: "paris", Team: "alpha"}) {
		t.Error("the handheld may not act for its team")
	}
	b, err := d.NewDeviceToken(t.Context(), "paris", "alpha", "g1", time.Minute)
	must(t, err)
	if b.Device != a.Device || b.Token == a.Token {
		t.Errorf("device %s, then %s: want one id and two tokens", a.Device, b.Device)
	}
	other, err := d.NewDeviceToken(t.Context(), "paris", "alpha", "g2", 0)
	must(t, err)
	if other.Device == a.Device {
		t.Error("two guards share a device id")
	}
	f.clock.advance(time.Minute)
	if _, _, err := d.Principal(t.Context(), b.Token); !errors.Is(err, directory.ErrExpired) {
		t.Errorf("the short token: %v, want ErrExpired", err)
	}
	if _, err := d.RenewSession(t.Context(), a.Token); !errors.Is(err, directory.ErrUnauthenticated) {
		t.Errorf("renewal of a device token: %v, want ErrUnauthenticated", err)
	}
}

func badTokens(f fixture) {
	t := f.t
	d := f.start()
	_, err := d.CreateAccount(t.Context(), "anne")
	must(t, err)
	s, err := d.NewSession(t.Context(), "anne")
	must(t, err)
	key, err := d.AddSource(t.Context(), "panel", "paris")
	must(t, err)
	for _, token := range []string{
		"", "vgs_", s.Token[4:], s.Token + "A", s.Token[:len(s.Token)-1], " " + s.Token, s.Token + "\n",
		"vgd_" + s.Token[4:], "vgs_" + strings.Repeat("A", 43), strings.ToUpper(s.Token), key, "vgs_" + key[4:],
	} {
		if _, _, err := d.Principal(t.Context(), token); !errors.Is(err, directory.ErrUnauthenticated) {
			t.Errorf("Principal(%q) = %v, want ErrUnauthenticated", token, err)
		}
		if token == key {
			continue
		}
		if _, err := d.Source(t.Context(), token); !errors.Is(err, directory.ErrUnauthenticated) {
			t.Errorf("Source(%q) = %v, want ErrUnauthenticated", token, err)
		}
	}
}

func sources(f fixture) {
	t := f.t
	d, other := f.start(), f.start()
	key, err := d.AddSource(t.Context(), "paris-panel", "paris")
	must(t, err)
	want := authz.Principal{
		ID: "paris-panel", Kind: authz.KindSource, Room: "paris",
		Grants: []authz.Grant{grant(authz.Source, "room/paris")},
	}
	for name, d := range map[string]*directory.Directory{"here": d, "elsewhere": other} {
		got, err := d.Source(t.Context(), key)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("source %s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := d.AddSource(t.Context(), "paris-panel", "lyon"); !errors.Is(err, directory.ErrExists) {
		t.Errorf("a second source of the name: %v, want ErrExists", err)
	}
	f.clock.advance(31 * time.Second) // other has the key in its table
	_, err = other.Source(t.Context(), key)
	must(t, err)
	must(t, d.RevokeSource(t.Context(), "paris-panel"))
	if _, err := d.Source(t.Context(), key); !errors.Is(err, directory.ErrUnauthenticated) {
		t.Errorf("a revoked key here: %v, want ErrUnauthenticated", err)
	}
	f.clock.advance(time.Minute)
	if _, err := other.Source(t.Context(), key); !errors.Is(err, directory.ErrUnauthenticated) {
		t.Errorf("a revoked key elsewhere after a minute: %v, want ErrUnauthenticated", err)
	}
	if err := d.RevokeSource(t.Context(), "nothing"); !errors.Is(err, directory.ErrNoSource) {
		t.Errorf("a revocation of nothing: %v, want ErrNoSource", err)
	}
}

func sourcesUnreadable(f fixture) {
	t := f.t
	d := f.start()
	key, err := d.AddSource(t.Context(), "paris-panel", "paris")
	must(t, err)
	f.clock.advance(31 * time.Second)
	_, err = d.Source(t.Context(), key)
	must(t, err)
	must(t, d.Close())
	for range 14 {
		f.clock.advance(time.Minute)
		if _, err := d.Source(t.Context(), key); err != nil {
			t.Fatalf("a known key while the directory cannot be read: %v", err)
		}
		if _, _, err := d.SealForRequest(t.Context(), "paris-panel", "r1", f.clock.now(), "text"); err != nil {
			t.Fatalf("an alarm's text while the directory cannot be read: %v", err)
		}
	}
	f.clock.advance(2 * time.Minute)
	if _, err := d.Source(t.Context(), key); err == nil || errors.Is(err, directory.ErrUnauthenticated) {
		t.Errorf("after a quarter of an hour: %v, want an error that does not blame the key", err)
	}
}

func restart(f fixture) {
	t := f.t
	d := f.start()
	password, err := d.CreateAccount(t.Context(), "anne", grant(authz.Chief, "room/paris"))
	must(t, err)
	s, err := d.NewSession(t.Context(), "anne")
	must(t, err)
	dev, err := d.NewDeviceToken(t.Context(), "paris", "alpha", "g1", 0)
	must(t, err)
	key, err := d.AddSource(t.Context(), "panel", "paris")
	must(t, err)
	id, sealed, err := d.SealForSubject(t.Context(), "g1", f.clock.now(), "Anne")
	must(t, err)
	must(t, d.DestroyMonth(t.Context(), directory.RequestKeys, "2025-09"))
	must(t, d.Close())

	d = f.start()
	_, err = d.Authenticate(t.Context(), "anne", password)
	must(t, err)
	_, _, err = d.Principal(t.Context(), s.Token)
	must(t, err)
	p, _, err := d.Principal(t.Context(), dev.Token)
	must(t, err)
	again, err := d.NewDeviceToken(t.Context(), "paris", "alpha", "g1", 0)
	must(t, err)
	if p.ID != dev.Device || again.Device != dev.Device {
		t.Errorf("device %s became %s and %s", dev.Device, p.ID, again.Device)
	}
	_, err = d.Source(t.Context(), key)
	must(t, err)
	plain, err := d.OpenSealed(t.Context(), id, sealed)
	must(t, err)
	if plain != "Anne" {
		t.Errorf("opened %q, want Anne", plain)
	}
	old := f.clock.now().AddDate(-1, 0, 0)
	if _, _, err := d.SealForRequest(t.Context(), "panel", "r", old, "x"); !errors.Is(err, directory.ErrKeyDestroyed) {
		t.Errorf("sealing in a destroyed month: %v, want ErrKeyDestroyed", err)
	}
}

func socketTokens(f fixture) {
	t := f.t
	d, other := f.start(), f.start()
	_, err := d.CreateAccount(t.Context(), "anne", grant(authz.Chief, authz.RegionScope))
	must(t, err)
	session, err := d.NewSession(t.Context(), "anne")
	must(t, err)
	handheld, err := d.NewDeviceToken(t.Context(), "paris", "alpha", "g1", 0)
	must(t, err)
	for _, parent := range []string{session.Token, handheld.Token} {
		want, expires, err := d.Principal(t.Context(), parent)
		must(t, err)
		socket, until, err := d.NewSocketToken(t.Context(), parent)
		must(t, err)
		for _, dir := range []*directory.Directory{d, other} {
			got, at, err := dir.SocketPrincipal(t.Context(), socket)
			must(t, err)
			if got.ID != want.ID || got.Kind != want.Kind || len(got.Grants) != 1 || !at.Equal(expires) || !until.Equal(expires) {
				t.Errorf("the socket of %v is %v until %v and %v", want, got, until, at)
			}
			if _, _, err := dir.Principal(t.Context(), socket); !errors.Is(err, directory.ErrUnauthenticated) {
				t.Errorf("a socket token for something else: %v, want ErrUnauthenticated", err)
			}
		}
		if got, _, err := d.SocketPrincipal(t.Context(), parent); err != nil || got.ID != want.ID {
			t.Errorf("the parent opens sockets, too: %v, %v", got, err)
		}
		if _, _, err := d.NewSocketToken(t.Context(), socket); !errors.Is(err, directory.ErrUnauthenticated) {
			t.Errorf("a socket token of a socket token: %v, want ErrUnauthenticated", err)
		}
		must(t, d.Revoke(t.Context(), parent))
		f.clock.advance(2 * time.Second)
		for _, dir := range []*directory.Directory{d, other} {
			if _, _, err := dir.SocketPrincipal(t.Context(), socket); !errors.Is(err, directory.ErrRevoked) {
				t.Errorf("after the parent's end: %v, want ErrRevoked", err)
			}
		}
	}
	again, err := d.NewSession(t.Context(), "anne")
	must(t, err)
	socket, _, err := d.NewSocketToken(t.Context(), again.Token)
	must(t, err)
	f.clock.advance(50 * time.Minute)
	_, err = d.RenewSession(t.Context(), again.Token)
	must(t, err)
	f.clock.advance(50 * time.Minute)
	if _, _, err := d.SocketPrincipal(t.Context(), socket); err != nil {
		t.Errorf("a renewed session ends its sockets: %v", err)
	}
	f.clock.advance(11 * time.Minute)
	if _, _, err := d.SocketPrincipal(t.Context(), socket); !errors.Is(err, directory.ErrExpired) {
		t.Errorf("a session that has expired: %v, want ErrExpired", err)
	}
}

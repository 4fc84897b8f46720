package directorytest

import (
	"bytes"
	"errors"
	"sync"
	"time"

	"vigie/pkg/directory"
)

func sealRoundTrip(f fixture) {
	t := f.t
	d, other := f.start(), f.start()
	at := f.clock.now()
	for _, plain := range []string{"", "x", "une bagarre aux urgences, salle 3", "\x00\xff", string(make([]byte, 1<<16))} {
		subject, bySubject, err := d.SealForSubject(t.Context(), "g-17", at, plain)
		must(t, err)
		request, byRequest, err := d.SealForRequest(t.Context(), "paris-panel", "r/1 \x00", at, plain)
		must(t, err)
		if subject != "subject/g-17/2026-09" {
			t.Errorf("key id %s, want subject/g-17/2026-09", subject)
		}
		for id, sealed := range map[string][]byte{subject: bySubject, request: byRequest} {
			if len(plain) > 1 && bytes.Contains(sealed, []byte(plain)) {
				t.Errorf("%s: the text stands in the sealed field", id)
			}
			got, err := other.OpenSealed(t.Context(), id, sealed)
			must(t, err)
			if got != plain {
				t.Errorf("%s: opened %q, want %q", id, got, plain)
			}
		}
	}
}

func sealSameBytes(f fixture) {
	t := f.t
	d, other := f.start(), f.start()
	type sealing struct {
		principal, request string
		at                 time.Time
		plain              string
	}
	seal := func(d *directory.Directory, s sealing) (string, []byte) {
		t.Helper()
		id, sealed, err := d.SealForRequest(t.Context(), s.principal, s.request, s.at, s.plain)
		must(t, err)
		return id, sealed
	}
	first := sealing{"panel", "r1", f.clock.now(), "fumée au 2e"}
	id, sealed := seal(d, first)
	later := first
	later.at = first.at.Add(time.Hour)
	for name, d := range map[string]*directory.Directory{"here": d, "in another process": other} {
		if id2, sealed2 := seal(d, later); id2 != id || !bytes.Equal(sealed2, sealed) {
			t.Errorf("the request sent again %s differs", name)
		}
	}
	nonces := map[string]sealing{string(sealed[1:13]): first}
	for _, s := range []sealing{
		{"panel", "r2", first.at, first.plain},
		{"pane", "lr1", first.at, first.plain},
		{"panel2", "r1", first.at, first.plain},
		{"panel", "r1", first.at.AddDate(0, 1, 0), first.plain},
		{"panel", "r1", first.at, first.plain + "."},
		{"panel", "r1", first.at, ""},
	} {
		id2, sealed2 := seal(d, s)
		if twin, ok := nonces[string(sealed2[1:13])]; ok {
			t.Errorf("%+v and %+v share a nonce", s, twin)
		}
		nonces[string(sealed2[1:13])] = s
		if s.plain == first.plain && id2 == id {
			t.Errorf("%+v has the key of %+v", s, first)
		}
	}
}

func sealTampered(f fixture) {
	t := f.t
	d := f.start()
	id, sealed, err := d.SealForRequest(t.Context(), "panel", "r1", f.clock.now(), "text")
	must(t, err)
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if _, err := d.OpenSealed(t.Context(), id, altered); !errors.Is(err, directory.ErrTampered) {
			t.Errorf("byte %d altered: %v, want ErrTampered", i, err)
		}
	}
	for n := range sealed {
		if _, err := d.OpenSealed(t.Context(), id, sealed[:n]); !errors.Is(err, directory.ErrTampered) {
			t.Errorf("cut to %d bytes: %v, want ErrTampered", n, err)
		}
	}
	moved, _, err := d.SealForRequest(t.Context(), "panel", "r2", f.clock.now(), "text")
	must(t, err)
	if _, err := d.OpenSealed(t.Context(), moved, sealed); !errors.Is(err, directory.ErrTampered) {
		t.Errorf("under another request's key: %v, want ErrTampered", err)
	}
	for _, id := range []string{
		"", "subject/g1", "subject/g1/2026-09", "subject/g1/2026-13", "subject//2026-09", "request/zz/2026-09",
		"request/00112233445566778899aabbccddeeff/1999-01", "other/g1/2026-09", id + "/", id[:len(id)-1],
	} {
		if _, err := d.OpenSealed(t.Context(), id, sealed); !errors.Is(err, directory.ErrNoKey) {
			t.Errorf("under key %q: %v, want ErrNoKey", id, err)
		}
	}
}

func destroyMonth(f fixture) {
	t := f.t
	d := f.start()
	at := f.clock.now()
	subject, bySubject, err := d.SealForSubject(t.Context(), "g1", at, "text")
	must(t, err)
	request, byRequest, err := d.SealForRequest(t.Context(), "panel", "r1", at, "text")
	must(t, err)
	next, byNext, err := d.SealForRequest(t.Context(), "panel", "r1", at.AddDate(0, 1, 0), "text")
	must(t, err)

	must(t, d.DestroyMonth(t.Context(), directory.SubjectKeys, "2026-09"))
	if _, err := d.OpenSealed(t.Context(), subject, bySubject); !errors.Is(err, directory.ErrKeyDestroyed) {
		t.Errorf("a subject's field: %v, want ErrKeyDestroyed", err)
	}
	if _, err := d.OpenSealed(t.Context(), request, byRequest); err != nil {
		t.Errorf("a request's field after the subjects' month: %v", err)
	}
	for range 2 { // again is no error
		must(t, d.DestroyMonth(t.Context(), directory.RequestKeys, "2026-09"))
	}
	if _, err := d.OpenSealed(t.Context(), request, byRequest); !errors.Is(err, directory.ErrKeyDestroyed) {
		t.Errorf("a request's field: %v, want ErrKeyDestroyed", err)
	}
	if _, err := d.OpenSealed(t.Context(), next, byNext); err != nil {
		t.Errorf("a field of the next month: %v", err)
	}
	for _, subject := range []string{"g1", "g2"} {
		if _, _, err := d.SealForSubject(t.Context(), subject, at, "text"); !errors.Is(err, directory.ErrKeyDestroyed) {
			t.Errorf("sealing for %s in the destroyed month: %v, want ErrKeyDestroyed", subject, err)
		}
	}
	if err := d.DestroyMonth(t.Context(), directory.RequestKeys, "2026"); err == nil {
		t.Error("a month that is none was destroyed")
	}
	if err := d.DestroyMonth(t.Context(), "all", "2026-09"); err == nil {
		t.Error("a kind that is none was destroyed")
	}
}

func destroyElsewhere(f fixture) {
	t := f.t
	d, other := f.start(), f.start()
	id, sealed, err := d.SealForSubject(t.Context(), "g1", f.clock.now(), "text")
	must(t, err)
	_, err = other.OpenSealed(t.Context(), id, sealed)
	must(t, err)
	must(t, d.DestroyMonth(t.Context(), directory.SubjectKeys, "2026-09"))
	f.clock.advance(time.Minute)
	if _, err := other.OpenSealed(t.Context(), id, sealed); !errors.Is(err, directory.ErrKeyDestroyed) {
		t.Errorf("a minute later: %v, want ErrKeyDestroyed", err)
	}
}

func sealConcurrently(f fixture) {
	t := f.t
	var mu sync.Mutex // guards seen
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for _, d := range []*directory.Directory{f.start(), f.start()} {
		for range 8 {
			wg.Go(func() {
				_, sealed, err := d.SealForSubject(t.Context(), "g1", f.clock.now(), "text")
				if err != nil {
					t.Errorf("seal: %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				seen[string(sealed)] = true
			})
		}
	}
	wg.Wait()
	if len(seen) != 1 {
		t.Errorf("%d different sealings, want 1", len(seen))
	}
}

func sealNewMonth(f fixture) {
	t := f.t
	d, other := f.start(), f.start()
	at := f.clock.now().AddDate(3, 0, 0)
	id, sealed, err := d.SealForRequest(t.Context(), "panel", "r1", at, "text")
	must(t, err)
	id2, sealed2, err := other.SealForRequest(t.Context(), "panel", "r1", at, "text")
	must(t, err)
	if id != id2 || !bytes.Equal(sealed, sealed2) {
		t.Error("two processes have two secrets for one month")
	}
	if _, _, err := d.SealForRequest(t.Context(), "panel", "r1", time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC), "x"); err == nil {
		t.Error("a month that no key id can spell was sealed")
	}
}

package directory

import (
	"strings"
	"testing"
	"time"
)

func FuzzParsePHC(f *testing.F) {
	f.Add(nobody().String())
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=4294967295,t=2,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=+8,t=2,p=1$$")
	f.Add("$2b$12$")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(s)
		if err != nil {
			return
		}
		if p.memory > 256*1024 || p.time > 16 || p.threads > 16 || len(p.hash) > 64 {
			t.Fatalf("parsePHC(%q) lets %+v through", s, p)
		}
		if strings.ContainsAny(s, "\r\n") {
			return // base64 skips them
		}
		if got := p.String(); got != s {
			t.Fatalf("parsePHC(%q) prints as %q", s, got)
		}
	})
}

func FuzzTokenHash(f *testing.F) {
	for _, prefix := range []string{sessionPrefix, devicePrefix, sourcePrefix} {
		token, _ := newToken(prefix)
		f.Add(token)
	}
	f.Add("vgs_")
	f.Add("vgs_" + strings.Repeat("\n", 43))
	f.Fuzz(func(t *testing.T, s string) {
		var known int
		for _, prefix := range []string{sessionPrefix, devicePrefix, sourcePrefix} {
			hash, ok := tokenHash(prefix, s)
			if !ok {
				continue
			}
			known++
			if len(s) != len(prefix)+43 || len(hash) != 64 {
				t.Fatalf("tokenHash(%q) = %q", s, hash)
			}
		}
		if known > 1 {
			t.Fatalf("%q is a token of two kinds", s)
		}
	})
}

func FuzzParseKeyID(f *testing.F) {
	f.Add("subject/g1/2026-09")
	f.Add("request/00112233445566778899aabbccddeeff/2026-09")
	f.Add("request/00112233445566778899AABBCCDDEEFF/2026-9")
	f.Fuzz(func(t *testing.T, s string) {
		if k, ok := parseKeyID(s); ok && k.String() != s {
			t.Fatalf("parseKeyID(%q) prints as %q", s, k)
		}
	})
}

func TestParsePHC_reads_what_was_written(t *testing.T) {
	t.Parallel()
	p, err := parsePHC(hashPassword("secret").String())
	if err != nil {
		t.Fatal(err)
	}
	if !p.matches("secret") || p.matches("Secret") || p.matches("") {
		t.Error("the hash does not tell the password from others")
	}
}

func TestTries_are_forgotten_by_the_minute(t *testing.T) {
	t.Parallel()
	tr := tries{failed: map[string][]time.Time{}}
	at := time.Unix(1_000_000, 0)
	const perWindow = 1000
	for i := range 10 * perWindow {
		tr.fail(time.Duration(i).String(), at)
		at = at.Add(failureWindow / perWindow)
		if len(tr.failed) > 2*perWindow+1 {
			t.Fatalf("%d accounts remembered after %d failures, want at most two minutes' worth", len(tr.failed), i+1)
		}
	}
}

package front_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"vigie/tests/front"
)

func TestASourceStaysWithOneProcessAndAllOthersTakeTurns(t *testing.T) {
	t.Parallel()
	var hosts []string
	for k := range 3 {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, k) }))
		t.Cleanup(s.Close)
		hosts = append(hosts, strings.TrimPrefix(s.URL, "http://"))
	}
	f, err := front.Open(t.Context(), "127.0.0.1:0", func(string) []string { return hosts })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	answers := func(path, token string) map[string]bool {
		t.Helper()
		by := map[string]bool{}
		for range 12 {
			q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL()+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			q.Header.Set("Authorization", "Bearer "+token)
			a, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(a.Body)
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
			by[string(body)] = true
		}
		return by
	}
	all := map[string]bool{}
	// Ports are drawn, and with them who answers whom: of twelve sources none was with one of the three in 2 of 100 runs.
	for source := range 100 {
		by := answers("/v1/alarms", fmt.Sprint("key-", source))
		if len(by) != 1 {
			t.Errorf("source %d is with %v", source, by)
		}
		for process := range by {
			all[process] = true
		}
	}
	if len(all) != len(hosts) {
		t.Errorf("all sources together are with %v", all)
	}
	if by := answers("/v1/rooms", "token"); len(by) != len(hosts) {
		t.Errorf("rooms are told by %v", by)
	}
}

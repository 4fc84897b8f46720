package client_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vigie/services/vigie/internal/sim/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, handle http.HandlerFunc) *client.API {
	t.Helper()
	s := httptest.NewServer(handle)
	api := client.New(s.URL + "/")
	t.Cleanup(func() {
		api.Close()
		s.Close()
	})
	return api
}

func answer(t *testing.T, w http.ResponseWriter, status int, v any) {
	t.Helper()
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Error(err)
	}
}

func TestAnAlarmCarriesItsKeyAndGetsItsId(t *testing.T) {
	t.Parallel()
	api := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		if r.URL.Path != "/v1/alarms" || r.Header.Get("Authorization") != "Bearer key" || r.Header.Get("Idempotency-Key") != "k1" || body["code"] != "PANIC" {
			t.Errorf("%s %v %v", r.URL, r.Header, body)
		}
		answer(t, w, http.StatusAccepted, map[string]any{"alarm_id": "a1", "room": "alpha"})
	})
	id, err := api.Raise(t.Context(), "key", "k1", client.Alarm{Code: "PANIC", Site: "north", Zone: "ED"})
	if id != "a1" || err != nil {
		t.Errorf("id %q, err %v", id, err)
	}
}

func TestARefusalIsFinalAndATroubleIsNot(t *testing.T) {
	t.Parallel()
	for status, final := range map[int]bool{
		http.StatusUnauthorized: true, http.StatusUnprocessableEntity: true, http.StatusConflict: true,
		http.StatusTooManyRequests: false, http.StatusServiceUnavailable: false, http.StatusBadGateway: false,
	} {
		api := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			answer(t, w, status, map[string]any{"code": "some_code", "detail": "do this", "status": status})
		})
		_, err := api.Raise(t.Context(), "key", "k1", client.Alarm{})
		if err == nil || client.Final(err) != final || !strings.Contains(err.Error(), "do this") || !strings.Contains(err.Error(), "some_code") {
			t.Errorf("%d: %v, final %v", status, err, client.Final(err))
		}
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	if _, err := client.New(gone.URL).Raise(t.Context(), "key", "k1", client.Alarm{}); err == nil || client.Final(err) {
		t.Errorf("a server that is away: %v", err)
	}
}

func TestAnAccountSignsInAgainWhenItsSessionHasEnded(t *testing.T) {
	t.Parallel()
	var signIns atomic.Int32
	api := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v1/sessions":
			token := map[int32]string{1: "old", 2: "new"}[signIns.Add(1)]
			answer(t, w, http.StatusCreated, map[string]any{"token": token, "expires_at": time.Now().Add(time.Hour)})
		case r.Header.Get("Authorization") != "Bearer new":
			answer(t, w, http.StatusUnauthorized, map[string]any{"code": "unauthenticated"})
		default:
			answer(t, w, http.StatusOK, map[string]any{
				"rooms": []any{map[string]any{"room": "alpha", "timezone": "Europe/Paris"}},
				"clock": map[string]any{"now": "2026-03-03T12:00:00Z", "rate": 60},
			})
		}
	})
	rooms, clock, err := api.SignIn(client.Credentials{Account: "auditor", Password: "p"}).Rooms(t.Context())
	if err != nil || len(rooms) != 1 || rooms[0].Room != "alpha" || signIns.Load() != 2 {
		t.Fatalf("rooms %v, err %v, signed in %d times", rooms, err, signIns.Load())
	}
	noon := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	if now := clock.Now(); now.Before(noon) || now.After(noon.Add(10*time.Minute)) || clock.Rate() != 60 {
		t.Errorf("clock says %v at rate %v", now, clock.Rate())
	}
	if clock.Real(time.Minute) != time.Second || clock.Domain(time.Second) != time.Minute || clock.Until(noon.Add(-time.Hour)) != 0 {
		t.Error("the clock does not convert")
	}
}

func TestAnAccountsFileSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "first-accounts.json")
	if _, err := client.ReadAccounts(path); err == nil {
		t.Error("read a file that is not there")
	}
	content := `{"accounts":[{"account":"chief","password":"p","role":"chief","scope":"region"}],"sources":[{"source":"alpha-panel","key":"k"}]}`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := client.ReadAccounts(path)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := a.WithRole("dispatcher", "chief"); err != nil || c.Account != "chief" {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := a.WithRole("auditor"); err == nil || !strings.Contains(err.Error(), "auditor") {
		t.Errorf("err = %v", err)
	}
	if k, err := a.Key("alpha"); err != nil || k != "k" {
		t.Errorf("%q, %v", k, err)
	}
	if _, err := a.Key("bravo"); err == nil || !strings.Contains(err.Error(), "bravo-panel") {
		t.Errorf("err = %v", err)
	}
}

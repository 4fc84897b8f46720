package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"vigie/pkg/authz"
	"vigie/pkg/follow/livetest"
)

// browser is a page of a web app: it keeps cookies, and says where it comes from as browsers do.
type browser struct {
	*world
	app     string
	cookies map[string]string
}

func (b *browser) call(method, path, site, body string) livetest.Answer {
	b.t.Helper()
	header := map[string]string{"X-Vigie-App": b.app, "Sec-Fetch-Site": site}
	if body != "" {
		header["Content-Type"] = "application/json"
	}
	var kept []string
	for name, value := range b.cookies {
		kept = append(kept, name+"="+value)
	}
	if len(kept) > 0 {
		header["Cookie"] = strings.Join(kept, "; ")
	}
	a := livetest.Call(b.t, method, b.url+path, header, body)
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/v1/" {
			b.t.Errorf("a cookie that scripts or others can get: %v", c)
		}
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return a
}

func TestAWebAppSignsInWithoutEverHoldingItsToken(t *testing.T) {
	t.Parallel()
	w := start(t)
	password, err := w.dir.CreateAccount(t.Context(), "dora", authz.Grant{Role: authz.Dispatcher, Scope: authz.RegionScope})
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := json.Marshal(map[string]string{"account": "dora", "password": password})
	if err != nil {
		t.Fatal(err)
	}
	console := &browser{w, "console", map[string]string{}}
	w.expect("before", console.call(http.MethodGet, "/v1/sessions", "same-origin", ""), http.StatusUnauthorized, "unauthenticated")
	in := w.expect("sign-in", console.call(http.MethodPost, "/v1/sessions", "same-origin", string(credentials)), http.StatusCreated, "")
	if len(console.cookies) != 1 || strings.Contains(in.Body, "vgs_") || !strings.Contains(in.Body, `"account":"dora"`) {
		t.Fatalf("cookies %v, answer %s", console.cookies, in.Body)
	}
	w.expect("who am i", console.call(http.MethodGet, "/v1/sessions", "same-origin", ""), http.StatusOK, "")
	w.expect("rooms", console.call(http.MethodGet, "/v1/rooms", "same-origin", ""), http.StatusOK, "")
	w.expect("renewal", console.call(http.MethodPost, "/v1/sessions/renew", "same-origin", ""), http.StatusOK, "")

	command := "/v1/rooms/north/commands/5b2bd5d4-3a7e-4b0e-9a55-4a5a0d5f5f10"
	open := `{"type":"incident.open","site":"north-1","category":"access","priority":3}`
	w.expect("another site's page", console.call(http.MethodPut, command, "cross-site", open), http.StatusForbidden, "cross_origin")
	other := &browser{w, "hand", console.cookies}
	w.expect("the cookie of another app", other.call(http.MethodGet, "/v1/sessions", "same-origin", ""), http.StatusUnauthorized, "unauthenticated")
	form := &browser{w, "", console.cookies}
	w.expect("a form, which sends no header", form.call(http.MethodPut, command, "same-origin", open), http.StatusUnauthorized, "unauthenticated")
	w.expect("its own page", console.call(http.MethodPut, command, "same-origin", open), http.StatusOK, "")

	var socket struct{ Token string }
	w.expect("a token for the socket", console.call(http.MethodPost, "/v1/sessions/socket", "same-origin", ""), http.StatusCreated, "").Into(t, &socket)
	w.expect("it is for nothing else", w.call(http.MethodGet, "/v1/rooms", socket.Token, ""), http.StatusUnauthorized, "unauthenticated")

	w.expect("sign-out", console.call(http.MethodDelete, "/v1/sessions", "same-origin", ""), http.StatusNoContent, "")
	if len(console.cookies) != 0 {
		t.Errorf("kept after signing out: %v", console.cookies)
	}
}

func TestAHandheldKeepsItsTokenInACookieOfItsOwn(t *testing.T) {
	t.Parallel()
	w := start(t)
	token, err := w.dir.NewDeviceToken(t.Context(), "north", "T-north-1", "g1", 0)
	if err != nil {
		t.Fatal(err)
	}
	body := `{"token":"` + token.Token + `"}`
	w.expect("the console does not", (&browser{w, "console", map[string]string{}}).call(http.MethodPost, "/v1/sessions/device", "same-origin", body),
		http.StatusUnprocessableEntity, "invalid_request")
	hand := &browser{w, "hand", map[string]string{}}
	w.expect("kept", hand.call(http.MethodPost, "/v1/sessions/device", "same-origin", body), http.StatusCreated, "")
	a := w.expect("who am i", hand.call(http.MethodGet, "/v1/sessions", "same-origin", ""), http.StatusOK, "")
	if !strings.Contains(a.Body, `"team":"T-north-1"`) || !strings.Contains(a.Body, token.Device) || strings.Contains(a.Body, token.Token) {
		t.Errorf("who am i: %s", a.Body)
	}
}

package app

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// AppHeader names the web app that asks. A page of another origin cannot send it without asking first, and is told no.
const AppHeader = "X-Vigie-App"

// WebApps are the apps whose sign-in a browser keeps, each its own: a console and a handheld may live in one browser.
func WebApps() []string { return []string{"console", "hand"} }

func cookieName(webApp string) string { return "vigie_" + webApp }

// SessionCookie keeps a token where scripts cannot read it, for the app that asked; the empty token ends it. It fails the
// request with a problem when that app is none of ours.
func SessionCookie(webApp, token string, until time.Time, secure bool) (*http.Cookie, error) {
	if !slices.Contains(WebApps(), webApp) {
		return nil, Problem(http.StatusUnprocessableEntity, "invalid_request", AppHeader+" names no app of this server: "+strings.Join(WebApps(), ", "))
	}
	c := &http.Cookie{ //nolint:gosec // Secure wherever the request came over TLS: plaintext is for this machine alone
		Name: cookieName(webApp), Value: token, Path: "/v1/", Expires: until,
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c, nil
}

// cookies lets the cookie of a web app stand for the bearer token. Three things must agree before it counts: the header that
// only our own pages can send, what the browser says of where the request comes from, and SameSite, by which it sends the
// cookie at all. Whoever sends a token of their own is not concerned.
func cookies(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		webApp := r.Header.Get(AppHeader)
		if r.Header.Get("Authorization") == "" && slices.Contains(WebApps(), webApp) {
			if c, err := r.Cookie(cookieName(webApp)); err == nil {
				if err := sameOrigin.Check(r); err != nil {
					WriteProblem(w, http.StatusForbidden, "cross_origin", "this request comes from a page of another address: open the app at its own")
					return
				}
				r.Header.Set("Authorization", "Bearer "+c.Value)
			}
		}
		next.ServeHTTP(w, r)
	})
}

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"vigie/pkg/access"
	"vigie/pkg/app"
	"vigie/pkg/authz"
)

func (a *API) addSessions(api huma.API, signedIn []map[string][]string) {
	register := func(id, method, path, summary string, status int) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{"sessions"}, DefaultStatus: status,
			Security: signedIn, Errors: []int{http.StatusUnauthorized},
		}
	}
	signIn := register("sign-in", http.MethodPost, "/v1/sessions", "Sign in", http.StatusCreated)
	signIn.Description = "Gives a token for an hour; renew it within twelve hours of signing in. A web app says its name and gets a " +
		"cookie that its scripts cannot read, instead of a token."
	signIn.Security, signIn.Errors = nil, append(signIn.Errors, http.StatusTooManyRequests, http.StatusUnprocessableEntity)
	huma.Register(api, signIn, a.signIn)

	handheld := register("keep-device-token", http.MethodPost, "/v1/sessions/device", "Keep a handheld's token in a cookie", http.StatusCreated)
	handheld.Description = "For the handheld app: the device token that it was enrolled with goes into a cookie that scripts cannot read."
	handheld.Security, handheld.Errors = nil, append(handheld.Errors, http.StatusUnprocessableEntity)
	huma.Register(api, handheld, a.keepDevice)

	huma.Register(api, register("who-am-i", http.MethodGet, "/v1/sessions", "Say who is signed in", http.StatusOK), a.whoAmI)
	huma.Register(api, register("renew-session", http.MethodPost, "/v1/sessions/renew", "Renew a session", http.StatusOK), a.renew)
	socket := register("issue-socket-token", http.MethodPost, "/v1/sessions/socket", "Get a token for the socket's hello", http.StatusCreated)
	socket.Description = "For a page whose own token is in a cookie. It opens sockets and nothing else, and ends with the session."
	huma.Register(api, socket, a.socketToken)
	huma.Register(api, register("sign-out", http.MethodDelete, "/v1/sessions", "Sign out", http.StatusNoContent), a.signOut)
}

// Browser is what is asked of a request that may come from one of the web apps.
type Browser struct {
	App     string `header:"X-Vigie-App" enum:"console,hand" doc:"a web app's name: its token is kept in a cookie"`
	Scheme  string `header:"X-Forwarded-Proto" hidden:"true"`
	overTLS bool
}

// Resolve implements huma.Resolver.
func (b *Browser) Resolve(ctx huma.Context) []error {
	b.overTLS = ctx.TLS() != nil || b.Scheme == "https"
	return nil
}

// keep moves a token from the answer into a cookie, for a web app.
func (b *Browser) keep(s *Session) (cookie string, err error) {
	if b.App == "" {
		return "", nil
	}
	c, err := app.SessionCookie(b.App, s.Token, s.ExpiresAt, b.overTLS)
	if err != nil {
		return "", err
	}
	s.Token = ""
	return c.String(), nil
}

// Session is somebody signed in: an account, or a handheld that acts for a team.
type Session struct {
	Token     string        `json:"token,omitempty" doc:"left out when it is in a cookie"`
	ExpiresAt time.Time     `json:"expires_at"`
	Account   string        `json:"account,omitempty"`
	Device    string        `json:"device,omitempty" doc:"pseudonymous id by which the log knows the handheld"`
	Room      string        `json:"room,omitempty" doc:"of a handheld"`
	Team      string        `json:"team,omitempty" doc:"of a handheld"`
	Guard     string        `json:"guard,omitempty" doc:"of a handheld: pseudonymous id"`
	Grants    []authz.Grant `json:"grants"`
}

func sessionOf(p authz.Principal, token string, expires time.Time) Session {
	s := Session{Token: token, ExpiresAt: expires, Grants: p.Grants}
	if p.Kind == authz.KindDevice {
		s.Device, s.Room, s.Team, s.Guard = p.ID, p.Room, p.Team, p.Guard
	} else {
		s.Account = p.ID
	}
	return s
}

type sessionOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      Session
}

func (b *Browser) answer(s Session) (*sessionOutput, error) {
	cookie, err := b.keep(&s)
	if err != nil {
		return nil, err
	}
	return &sessionOutput{SetCookie: cookie, Body: s}, nil
}

func (a *API) signIn(ctx context.Context, in *struct {
	Browser
	Body struct {
		Account  string `json:"account" maxLength:"64"`
		Password string `json:"password" maxLength:"256"`
	}
},
) (*sessionOutput, error) {
	p, err := a.Directory.Authenticate(ctx, in.Body.Account, in.Body.Password)
	if err != nil {
		return nil, access.Problem(err)
	}
	s, err := a.Directory.NewSession(ctx, p.ID)
	if err != nil {
		return nil, access.Problem(err)
	}
	return in.answer(sessionOf(p, s.Token, s.ExpiresAt))
}

func (a *API) keepDevice(ctx context.Context, in *struct {
	Browser
	Body struct {
		Token string `json:"token" maxLength:"128"`
	}
},
) (*sessionOutput, error) {
	p, expires, err := a.Directory.Principal(ctx, in.Body.Token)
	switch {
	case err != nil:
		return nil, access.Problem(err)
	case p.Kind != authz.KindDevice || in.App != "hand":
		return nil, app.Problem(http.StatusUnprocessableEntity, "invalid_request", "only the handheld app keeps a token, and only one of a handheld")
	}
	return in.answer(sessionOf(p, in.Body.Token, expires))
}

func (a *API) whoAmI(ctx context.Context, in *Bearer) (*struct{ Body Session }, error) {
	p, expires, err := a.Directory.Principal(ctx, access.Bearer(in.Authorization))
	if err != nil {
		return nil, access.Problem(err)
	}
	return &struct{ Body Session }{sessionOf(p, "", expires)}, nil
}

func (a *API) renew(ctx context.Context, in *struct {
	Bearer
	Browser
},
) (*sessionOutput, error) {
	token := access.Bearer(in.Authorization)
	s, err := a.Directory.RenewSession(ctx, token)
	if err != nil {
		return nil, access.Problem(err)
	}
	p, _, err := a.Directory.Principal(ctx, token)
	if err != nil {
		return nil, access.Problem(err)
	}
	return in.answer(sessionOf(p, s.Token, s.ExpiresAt))
}

// SocketToken says hello on a socket.
type SocketToken struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at" doc:"with the session, and later when that is renewed"`
}

func (a *API) socketToken(ctx context.Context, in *Bearer) (*struct{ Body SocketToken }, error) {
	token, expires, err := a.Directory.NewSocketToken(ctx, access.Bearer(in.Authorization))
	if err != nil {
		return nil, access.Problem(err)
	}
	return &struct{ Body SocketToken }{SocketToken{Token: token, ExpiresAt: expires}}, nil
}

func (a *API) signOut(ctx context.Context, in *struct {
	Bearer
	Browser
},
) (*struct {
	SetCookie string `header:"Set-Cookie"`
}, error,
) {
	if _, err := a.Access.Principal(ctx, in.Authorization); err != nil {
		return nil, err
	}
	if err := a.Directory.Revoke(ctx, access.Bearer(in.Authorization)); err != nil {
		return nil, access.Problem(err)
	}
	gone, err := in.keep(&Session{ExpiresAt: time.Unix(0, 0)})
	if err != nil {
		return nil, err
	}
	return &struct {
		SetCookie string `header:"Set-Cookie"`
	}{gone}, nil
}

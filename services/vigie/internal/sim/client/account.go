package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"vigie/pkg/app"
)

// Accounts is the content of first-accounts.json.
type Accounts struct {
	Accounts []Credentials `json:"accounts"`
	Sources  []struct {
		Source string `json:"source"`
		Key    string `json:"key"`
	} `json:"sources"`
}

// Credentials of one account.
type Credentials struct {
	Account  string `json:"account"`
	Password string `json:"password"`
	Role     string `json:"role"`
	Scope    string `json:"scope"`
}

// ReadAccounts reads an accounts file.
func ReadAccounts(path string) (*Accounts, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the path comes from the operator
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	a := &Accounts{}
	if err := json.Unmarshal(raw, a); err != nil {
		return nil, fmt.Errorf("accounts: %s is not the first-accounts.json of a server: %w", path, err)
	}
	return a, nil
}

// WithRole gives the first account that has one of the roles, in order of the roles.
func (a *Accounts) WithRole(roles ...string) (Credentials, error) {
	for _, role := range roles {
		if k := slices.IndexFunc(a.Accounts, func(c Credentials) bool { return c.Role == role }); k >= 0 {
			return a.Accounts[k], nil
		}
	}
	return Credentials{}, fmt.Errorf("accounts: none with the role %s: add one to the file", roles[0])
}

// Key gives the key of a room's panel.
func (a *Accounts) Key(room string) (string, error) {
	for _, s := range a.Sources {
		if s.Source == room+"-panel" {
			return s.Key, nil
		}
	}
	return "", fmt.Errorf("accounts: no key of the source %s-panel: add one to the file (vigie source add)", room)
}

// Account is somebody who signs in with a password. It is safe for concurrent use.
type Account struct {
	*API
	who Credentials

	mu      sync.Mutex // guards what follows, and lets one sign-in happen at a time
	token   string
	expires time.Time
}

// SignIn returns an account; it signs in at its first call.
func (a *API) SignIn(who Credentials) *Account { return &Account{API: a, who: who} }

// Token gives a token that is good for a while longer.
func (a *Account) Token(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" && time.Until(a.expires) > time.Minute {
		return a.token, nil
	}
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	err := a.do(ctx, call{
		method: http.MethodPost, path: "/v1/sessions", body: map[string]string{"account": a.who.Account, "password": a.who.Password},
	}, &answer)
	if err != nil {
		return "", fmt.Errorf("sign in as %s: %w", a.who.Account, err)
	}
	a.token, a.expires = answer.Token, answer.ExpiresAt
	return a.token, nil
}

// forget makes the next call sign in anew, unless somebody has already.
func (a *Account) forget(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token == token {
		a.token = ""
	}
}

func (a *Account) signed(ctx context.Context, c call, answer any) error {
	for again := false; ; again = true {
		token, err := a.Token(ctx)
		if err != nil {
			return err
		}
		c.bearer = token
		err = a.do(ctx, c, answer)
		var p *app.ProblemError
		if again || !errors.As(err, &p) || p.Status != http.StatusUnauthorized {
			return err
		}
		a.forget(token)
	}
}

// Device is a handheld signed on for a team.
type Device struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
	Device    string    `json:"device"`
}

// SignOnDevice issues the token of a guard's handheld.
func (a *Account) SignOnDevice(ctx context.Context, room, team, guard string, ttl time.Duration) (Device, error) {
	var d Device
	err := a.signed(ctx, call{method: http.MethodPost, path: "/v1/device-tokens", body: map[string]any{
		"room": room, "team": team, "guard": guard, "ttl_s": int64(ttl / time.Second),
	}}, &d)
	return d, err
}

// Rooms reads the rooms and the domain clock, with the real time in the middle of the call.
func (a *Account) Rooms(ctx context.Context) (rooms []Room, clock *Clock, err error) {
	var answer struct {
		Rooms []Room `json:"rooms"`
		Clock struct {
			Now  time.Time `json:"now"`
			Rate float64   `json:"rate"`
		} `json:"clock"`
	}
	if _, err := a.Token(ctx); err != nil { // outside the time that is taken
		return nil, nil, err
	}
	began := time.Now()
	if err := a.signed(ctx, call{method: http.MethodGet, path: "/v1/rooms"}, &answer); err != nil {
		return nil, nil, err
	}
	took := time.Since(began)
	if answer.Clock.Rate < 1 || answer.Clock.Now.IsZero() {
		return nil, nil, errors.New("the server says nothing of its clock: it is of another version than this program")
	}
	return answer.Rooms, &Clock{domain: answer.Clock.Now, real: began.Add(took / 2), rate: answer.Clock.Rate, doubt: took}, nil
}

// Log reads a page of a room's log from an offset on, as raw JSON records in order.
func (a *Account) Log(ctx context.Context, room string, from int64, limit int) ([]json.RawMessage, error) {
	var answer struct {
		Records []json.RawMessage `json:"records"`
	}
	query := url.Values{"from": {strconv.FormatInt(from, 10)}, "limit": {strconv.Itoa(limit)}}
	err := a.signed(ctx, call{method: http.MethodGet, path: "/v1/rooms/" + url.PathEscape(room) + "/log?" + query.Encode()}, &answer)
	return answer.Records, err
}

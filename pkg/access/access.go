// Package access answers, for every HTTP operation, who asks and whether they may: the bearer token is looked up in the
// directory and the one table of authz decides. Every refusal is a problem with a code.
package access

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/directory"
)

// Guard stands before operations.
type Guard struct {
	Directory *directory.Directory
}

// lookUpBound is how long the directory may take to say who somebody is.
const lookUpBound = 2 * time.Second

// Bearer gives the token of an Authorization header, or "".
func Bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// Principal says who holds the token of an Authorization header.
func (g Guard) Principal(ctx context.Context, authorization string) (authz.Principal, error) {
	ctx, done := context.WithTimeout(ctx, lookUpBound)
	defer done()
	p, _, err := g.Directory.Principal(ctx, Bearer(authorization))
	if err != nil {
		return authz.Principal{}, Problem(err)
	}
	return p, nil
}

// Require says who asks, if they may do a on an object.
func (g Guard) Require(ctx context.Context, authorization string, a authz.Action, on authz.Object) (authz.Principal, error) {
	p, err := g.Principal(ctx, authorization)
	if err != nil {
		return p, err
	}
	if !authz.Allow(p, a, on) {
		return p, Forbidden()
	}
	return p, nil
}

// Forbidden is the problem of whoever is known and may not.
func Forbidden() error {
	return app.Problem(http.StatusForbidden, "forbidden", "your role does not allow this here: ask an admin for a grant if you need it")
}

// Problem maps an error of the directory outward.
func Problem(err error) error {
	var tries *directory.TriesError
	switch {
	case errors.As(err, &tries):
		return app.Problem(http.StatusTooManyRequests, "too_many_tries",
			fmt.Sprintf("too many sign-ins: wait %d s and try again", int(math.Ceil(tries.RetryAfter.Seconds()))))
	case errors.Is(err, directory.ErrUnauthenticated), errors.Is(err, directory.ErrExpired),
		errors.Is(err, directory.ErrRevoked), errors.Is(err, directory.ErrBadCredentials):
		return app.Problem(http.StatusUnauthorized, "unauthenticated", err.Error())
	case errors.Is(err, directory.ErrBadID), errors.Is(err, directory.ErrBadName):
		return app.Problem(http.StatusUnprocessableEntity, "invalid_request", err.Error())
	}
	return fmt.Errorf("directory: %w", err)
}

package session

import (
	"errors"

	"github.com/gorilla/websocket"

	"vigie/pkg/directory"
	"vigie/pkg/domain/watch"
)

// Why a session ends. Codes below 4500 mean: reconnect; from 4500 on: do not.
var (
	errRestart         = errors.New("the gateway restarts: reconnect")
	errSlow            = errors.New("too slow in reading: reconnect")
	errNoPong          = errors.New("no frame or pong within 25 s: reconnect")
	errStateLost       = errors.New("the position is lost: reconnect for a snapshot")
	errNoHello         = errors.New("no hello within 15 s: reconnect")
	errUnauthenticated = errors.New("the token is unknown or has expired: sign in again")
	errForbidden       = errors.New("you may not watch this")
	errBadFrame        = errors.New("the frame cannot be read")
	errRevoked         = errors.New("the token was revoked: sign in again, or ask a supervisor why")
	errCrowded         = errors.New("newer sockets of the same principal took the place of this one")
	// errGone: the client has left or cannot be reached; there is nobody to tell.
	errGone = errors.New("the client is gone")
)

// firstFinal is the first of the codes after which a client is not to come again.
const firstFinal = 4500

// closeCode is the one table from reasons to close codes (interface.md).
func closeCode(err error) int {
	for _, row := range []struct {
		err  error
		code int
	}{
		{errRestart, websocket.CloseServiceRestart},
		{errSlow, 4001},
		{errNoPong, 4002},
		{errStateLost, 4003},
		{errNoHello, 4004},
		{errUnauthenticated, 4501},
		{directory.ErrUnauthenticated, 4501},
		{directory.ErrExpired, 4501},
		{errForbidden, 4502},
		{errCrowded, 4502},
		{watch.ErrTarget, 4503},
		{errBadFrame, 4503},
		{errRevoked, 4504},
		{directory.ErrRevoked, 4504},
	} {
		if errors.Is(err, row.err) {
			return row.code
		}
	}
	return websocket.CloseInternalServerErr
}

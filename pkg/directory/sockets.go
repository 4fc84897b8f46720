package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"vigie/pkg/authz"
)

// NewSocketToken gives the holder of a session or device token another one that opens sockets and nothing else: a page whose
// own token is in a cookie that scripts cannot read says hello with it. It lives and ends with the token it comes from.
func (d *Directory) NewSocketToken(ctx context.Context, token string) (string, time.Time, error) {
	_, expires, err := d.Principal(ctx, token)
	if err != nil {
		return "", time.Time{}, err
	}
	parent, _, _ := d.known(token)
	own, hash := newToken(socketPrefix)
	err = d.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM socket_tokens WHERE expires_at < $1", millis(d.now())); err != nil {
			return err
		}
		// A session may be renewed, and what it opened goes on with it: the row stays for as long as the longest may.
		last := d.now().Add(sessionMax)
		if expires.After(last) {
			last = expires
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO socket_tokens (hash, parent, expires_at) VALUES ($1, $2, $3)",
			hash, parent, millis(last.Add(expiredKept)))
		return err
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("socket token: %w", err)
	}
	return own, expires, nil
}

// SocketPrincipal is [Directory.Principal] for the tokens that may open a socket, those of NewSocketToken too.
func (d *Directory) SocketPrincipal(ctx context.Context, token string) (authz.Principal, time.Time, error) {
	hash, ok := tokenHash(socketPrefix, token)
	if !ok {
		return d.Principal(ctx, token)
	}
	return d.principal(ctx, hash, d.readParent)
}

func (d *Directory) readParent(ctx context.Context, hash string) (cachedPrincipal, error) {
	var parent string
	err := d.db.QueryRowContext(ctx, "SELECT parent FROM socket_tokens WHERE hash = $1", hash).Scan(&parent)
	if err := tokenError(err, 0); err != nil {
		return cachedPrincipal{}, err
	}
	c, err := d.readSession(ctx, parent)
	if errors.Is(err, ErrUnauthenticated) {
		return d.readDevice(ctx, parent)
	}
	return c, err
}

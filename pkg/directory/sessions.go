package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/pkg/authz"
)

const (
	sessionPrefix = "vgs_"
	devicePrefix  = "vgd_"
	sourcePrefix  = "vgk_"
	socketPrefix  = "vgw_"

	sessionTTL = time.Hour
	sessionMax = 12 * time.Hour
	deviceTTL  = 12 * time.Hour

	// tokenAge is how long a look-up may be answered from memory. With a
	// socket that asks at each push or every 2 s, a revocation is seen within
	// the 5 s that are promised.
	tokenAge = 2 * time.Second
	// expiredKept is how long a token is remembered as expired, not unknown.
	expiredKept = 24 * time.Hour
)

// Session is what a sign-in gives.
type Session struct {
	Token     string
	ExpiresAt time.Time
	Grants    []authz.Grant
}

type cachedPrincipal struct {
	principal authz.Principal
	expiresAt time.Time
	readAt    time.Time
}

// NewSession signs an account in that Authenticate has let through.
func (d *Directory) NewSession(ctx context.Context, account string) (Session, error) {
	now := d.now()
	token, hash := newToken(sessionPrefix)
	expires := wholeMillis(now.Add(sessionTTL))
	err := d.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE expires_at < $1", millis(now.Add(-expiredKept))); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `
INSERT INTO sessions (hash, account, signed_in_at, expires_at)
SELECT $1, account, $2, $3 FROM accounts WHERE account = $4`, hash, millis(now), millis(expires), account)
		return exactlyOne(r, err, ErrNoAccount)
	})
	if err != nil {
		return Session{}, fmt.Errorf("session of %s: %w", account, err)
	}
	grants, err := d.grants(ctx, account)
	if err != nil {
		return Session{}, err
	}
	return Session{Token: token, ExpiresAt: expires, Grants: grants}, nil
}

// RenewSession moves the expiry of a live session an hour ahead of now, to at
// most 12 h after the sign-in. The token stays the same, so that a renewal
// whose answer was lost can be sent again.
func (d *Directory) RenewSession(ctx context.Context, token string) (Session, error) {
	p, _, err := d.Principal(ctx, token)
	if err != nil {
		return Session{}, err
	}
	hash, ok := tokenHash(sessionPrefix, token)
	if !ok {
		return Session{}, ErrUnauthenticated // a handheld's token is not renewed: it signs on again
	}
	now := d.now()
	var signedIn int64
	err = d.db.QueryRowContext(ctx, "SELECT signed_in_at FROM sessions WHERE hash = $1", hash).Scan(&signedIn)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, ErrUnauthenticated
	}
	if err != nil {
		return Session{}, fmt.Errorf("renew session: %w", err)
	}
	expires := wholeMillis(now.Add(sessionTTL))
	if last := fromMillis(signedIn).Add(sessionMax); expires.After(last) {
		expires = last
	}
	r, err := d.db.ExecContext(ctx, `
UPDATE sessions SET expires_at = $1 WHERE hash = $2 AND revoked_at = 0 AND expires_at > $3`, millis(expires), hash, millis(now))
	if err := exactlyOne(r, err, ErrRevoked); err != nil {
		return Session{}, fmt.Errorf("renew session: %w", err)
	}
	d.tokens.forget(hash)
	return Session{Token: token, ExpiresAt: expires, Grants: p.Grants}, nil
}

// DeviceToken is a handheld signed on: Device is the pseudonymous id by which
// the log knows it, the same whenever that guard signs on for that team.
type DeviceToken struct {
	Token     string
	ExpiresAt time.Time
	Device    string
}

// NewDeviceToken signs a handheld on for a team, for 12 h when ttl is 0.
// Earlier tokens of the device stay valid: RevokeDevice ends those of a
// handheld that was lost.
func (d *Directory) NewDeviceToken(ctx context.Context, room, team, guard string, ttl time.Duration) (DeviceToken, error) {
	if !ValidID(room) || !ValidID(team) || !ValidID(guard) {
		return DeviceToken{}, fmt.Errorf("device token for room %q, team %q, guard %q: %w", room, team, guard, ErrBadID)
	}
	if ttl <= 0 {
		ttl = deviceTTL
	}
	now := d.now()
	token, hash := newToken(devicePrefix)
	t := DeviceToken{Token: token, ExpiresAt: wholeMillis(now.Add(ttl))}
	err := d.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM device_tokens WHERE expires_at < $1", millis(now.Add(-expiredKept))); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
INSERT INTO devices (device, room, team, guard) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			"dev-"+strings.ToLower(rand.Text()[:16]), room, team, guard)
		if err != nil {
			return err
		}
		err = tx.QueryRowContext(ctx, `
SELECT device FROM devices WHERE room = $1 AND team = $2 AND guard = $3`, room, team, guard).Scan(&t.Device)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
INSERT INTO device_tokens (hash, device, expires_at) VALUES ($1, $2, $3)`, hash, t.Device, millis(t.ExpiresAt))
		return err
	})
	if err != nil {
		return DeviceToken{}, fmt.Errorf("device token: %w", err)
	}
	return t, nil
}

// Revoke ends one session or device token. A token that is unknown or already
// revoked is no error: the caller has what it wanted.
func (d *Directory) Revoke(ctx context.Context, token string) error {
	for prefix, revoke := range map[string]string{
		sessionPrefix: "UPDATE sessions SET revoked_at = $1 WHERE hash = $2 AND revoked_at = 0",
		devicePrefix:  "UPDATE device_tokens SET revoked_at = $1 WHERE hash = $2 AND revoked_at = 0",
	} {
		hash, ok := tokenHash(prefix, token)
		if !ok {
			continue
		}
		if _, err := d.db.ExecContext(ctx, revoke, millis(d.now()), hash); err != nil {
			return fmt.Errorf("revoke token: %w", err)
		}
		d.tokens.forget(hash)
	}
	return nil
}

// RevokeAccount signs an account out everywhere.
func (d *Directory) RevokeAccount(ctx context.Context, account string) error {
	err := d.inTx(ctx, func(tx *sql.Tx) error { return d.revokeSessions(ctx, tx, account) })
	if err != nil {
		return fmt.Errorf("revoke sessions of %s: %w", account, err)
	}
	d.forgetPrincipal(account)
	return nil
}

// RevokeDevice ends every token of a handheld.
func (d *Directory) RevokeDevice(ctx context.Context, device string) error {
	_, err := d.db.ExecContext(ctx, `
UPDATE device_tokens SET revoked_at = $1 WHERE device = $2 AND revoked_at = 0`, millis(d.now()), device)
	if err != nil {
		return fmt.Errorf("revoke device %s: %w", device, err)
	}
	d.forgetPrincipal(device)
	return nil
}

func (d *Directory) revokeSessions(ctx context.Context, tx *sql.Tx, account string) error {
	_, err := tx.ExecContext(ctx, `
UPDATE sessions SET revoked_at = $1 WHERE account = $2 AND revoked_at = 0`, millis(d.now()), account)
	return err
}

// Principal says who holds a session or device token and until when: the one
// look-up for requests and for live sockets, which ask again as they go. It
// answers ErrUnauthenticated, ErrExpired or ErrRevoked; any other error means
// that the directory could not be read.
func (d *Directory) Principal(ctx context.Context, token string) (authz.Principal, time.Time, error) {
	hash, read, ok := d.known(token)
	if !ok {
		return authz.Principal{}, time.Time{}, ErrUnauthenticated
	}
	return d.principal(ctx, hash, read)
}

type reader func(ctx context.Context, hash string) (cachedPrincipal, error)

// known gives what a session or device token is known by, and how to look it up.
func (d *Directory) known(token string) (hash string, read reader, ok bool) {
	if hash, ok = tokenHash(sessionPrefix, token); ok {
		return hash, d.readSession, true
	}
	hash, ok = tokenHash(devicePrefix, token)
	return hash, d.readDevice, ok
}

func (d *Directory) principal(ctx context.Context, hash string, read reader) (authz.Principal, time.Time, error) {
	now := d.now()
	c, cached := d.tokens.get(hash)
	if !cached || now.Sub(c.readAt).Abs() >= tokenAge {
		var err error
		if c, err = read(ctx, hash); err != nil {
			d.tokens.forget(hash)
			return authz.Principal{}, time.Time{}, err
		}
		c.readAt = now // before the read: what was revoked since counts from there
		d.tokens.put(hash, c)
	}
	if !now.Before(c.expiresAt) {
		return authz.Principal{}, c.expiresAt, ErrExpired
	}
	p := c.principal
	p.Grants = slices.Clone(p.Grants)
	return p, c.expiresAt, nil
}

func (d *Directory) readSession(ctx context.Context, hash string) (cachedPrincipal, error) {
	var account string
	var expires, revoked int64
	err := d.db.QueryRowContext(ctx, `
SELECT account, expires_at, revoked_at FROM sessions WHERE hash = $1`, hash).Scan(&account, &expires, &revoked)
	if err := tokenError(err, revoked); err != nil {
		return cachedPrincipal{}, err
	}
	p, err := d.accountPrincipal(ctx, account)
	return cachedPrincipal{principal: p, expiresAt: fromMillis(expires)}, err
}

func (d *Directory) readDevice(ctx context.Context, hash string) (cachedPrincipal, error) {
	p := authz.Principal{Kind: authz.KindDevice}
	var expires, revoked int64
	err := d.db.QueryRowContext(ctx, `
SELECT d.device, d.room, d.team, d.guard, t.expires_at, t.revoked_at
FROM device_tokens t JOIN devices d ON d.device = t.device WHERE t.hash = $1`, hash).
		Scan(&p.ID, &p.Room, &p.Team, &p.Guard, &expires, &revoked)
	if err := tokenError(err, revoked); err != nil {
		return cachedPrincipal{}, err
	}
	p.Grants = []authz.Grant{{Role: authz.Guard, Scope: authz.RoomScope(p.Room)}}
	return cachedPrincipal{principal: p, expiresAt: fromMillis(expires)}, nil
}

func tokenError(err error, revoked int64) error {
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrUnauthenticated
	case err != nil:
		return fmt.Errorf("token: %w", err)
	case revoked != 0:
		return ErrRevoked
	}
	return nil
}

func (d *Directory) forgetPrincipal(id string) {
	d.tokens.forgetAll(func(_ string, c cachedPrincipal) bool { return c.principal.ID == id })
}

const tokenBytes = 32

func newToken(prefix string) (token, hash string) {
	b := make([]byte, tokenBytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	token = prefix + base64.RawURLEncoding.EncodeToString(b)
	return token, hashOf(token)
}

// tokenHash is what the directory knows a token by. It refuses what it could
// not have issued before the database is asked. The strict decoder leaves each
// token one spelling.
func tokenHash(prefix, token string) (string, bool) {
	body, ok := strings.CutPrefix(token, prefix)
	if !ok || len(body) != base64.RawURLEncoding.EncodedLen(tokenBytes) || strings.ContainsAny(body, "\r\n") {
		return "", false
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(body); err != nil {
		return "", false
	}
	return hashOf(token), true
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"vigie/pkg/authz"
)

const (
	// sourceAge is when the table of sources is read again, and sourceMust when
	// it is no longer used meanwhile.
	sourceAge  = 30 * time.Second
	sourceMust = 60 * time.Second
	// sourceKept is how long it is used while it cannot be read.
	sourceKept = 15 * time.Minute
	// sourceWait is what an alarm waits for a reading, and sourceRetry how
	// long the next ones do not try.
	sourceWait  = 250 * time.Millisecond
	sourceRetry = 5 * time.Second
)

// sourceTable is never changed, only replaced.
type sourceTable struct {
	byKey           map[string]authz.Principal // by hash of the key
	readAt, triedAt time.Time
}

// AddSource makes an alarm source that reports to a room and returns its key,
// which is stored nowhere in clear.
func (d *Directory) AddSource(ctx context.Context, id, room string) (key string, err error) {
	if !ValidID(id) || !ValidID(room) {
		return "", fmt.Errorf("source %q of room %q: %w", id, room, ErrBadID)
	}
	err = d.inTx(ctx, func(tx *sql.Tx) error {
		key, err = insertSource(ctx, tx, id, room, d.now())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("source %s: %w", id, err)
	}
	return key, nil // the table finds it: at the next reading, or by readSource until then
}

// RevokeSource refuses a source's key from now on: at once in this process, in
// others within 60 s.
func (d *Directory) RevokeSource(ctx context.Context, id string) error {
	r, err := d.db.ExecContext(ctx, "UPDATE sources SET revoked_at = $1 WHERE source = $2", millis(d.now()), id)
	if err := exactlyOne(r, err, ErrNoSource); err != nil {
		return fmt.Errorf("revoke source %s: %w", id, err)
	}
	return d.reloadSources(ctx)
}

// Source says which source holds a key, or ErrUnauthenticated. It answers from
// a table in memory, so that an alarm does not wait for a slow disk: a revoked
// key is refused within 60 s. While the directory cannot be read the last
// table serves for 15 min, since an alarm that is let in wrongly is a nuisance
// and one that is kept out is not; only a key added since is then unknown.
func (d *Directory) Source(ctx context.Context, key string) (authz.Principal, error) {
	hash, ok := tokenHash(sourcePrefix, key)
	if !ok {
		return authz.Principal{}, ErrUnauthenticated
	}
	d.refreshSources(ctx)
	table := d.sources.Load()
	p, ok := table.byKey[hash]
	if !ok || d.now().Sub(table.readAt).Abs() > sourceKept {
		return d.readSource(ctx, hash)
	}
	return sourcePrincipal(p.ID, p.Room), nil
}

// refreshSources reads the table again when it is old. Half a minute long one
// caller does so while the others go on with what is there; after that they
// wait for it, since the process may have been idle for hours.
func (d *Directory) refreshSources(ctx context.Context) {
	age, due := d.sourcesDue()
	if !due {
		return
	}
	if age >= sourceMust {
		d.reloading.Lock()
	} else if !d.reloading.TryLock() {
		return
	}
	defer d.reloading.Unlock()
	if _, due = d.sourcesDue(); !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sourceWait)
	defer cancel()
	next, err := d.readSources(ctx)
	if err != nil {
		old := d.sources.Load()
		d.sources.Store(&sourceTable{byKey: old.byKey, readAt: old.readAt, triedAt: d.now()})
		d.log.WarnContext(ctx, "alarm sources served from memory: directory not readable",
			"age_s", int64(age/time.Second), "error", err)
		return
	}
	d.sources.Store(next)
	// So that a month's secret is there before the first alarm that needs it.
	if err := d.prepareMonths(ctx); err != nil {
		d.log.WarnContext(ctx, "sealing secret of next month not made: tried again in 30 s", "error", err)
	}
}

func (d *Directory) sourcesDue() (age time.Duration, due bool) {
	t, now := d.sources.Load(), d.now()
	age = now.Sub(t.readAt).Abs()
	return age, age >= sourceAge && (t.triedAt.Equal(t.readAt) || now.Sub(t.triedAt).Abs() >= sourceRetry)
}

func (d *Directory) reloadSources(ctx context.Context) error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	t, err := d.readSources(ctx)
	if err != nil {
		return err
	}
	d.sources.Store(t)
	return nil
}

func (d *Directory) readSources(ctx context.Context) (*sourceTable, error) {
	now := d.now() // before the read: what was revoked since counts from there
	rows, err := d.db.QueryContext(ctx, "SELECT hash, source, room FROM sources WHERE revoked_at = 0")
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	defer func() { _ = rows.Close() }()
	t := &sourceTable{byKey: map[string]authz.Principal{}, readAt: now, triedAt: now}
	for rows.Next() {
		var hash, source, room string
		if err := rows.Scan(&hash, &source, &room); err != nil {
			return nil, fmt.Errorf("sources: %w", err)
		}
		t.byKey[hash] = authz.Principal{ID: source, Room: room}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	return t, nil
}

// readSource finds a source that another process has added since.
func (d *Directory) readSource(ctx context.Context, hash string) (authz.Principal, error) {
	var source, room string
	err := d.db.QueryRowContext(ctx, `
SELECT source, room FROM sources WHERE hash = $1 AND revoked_at = 0`, hash).Scan(&source, &room)
	if errors.Is(err, sql.ErrNoRows) {
		return authz.Principal{}, ErrUnauthenticated
	}
	if err != nil {
		return authz.Principal{}, fmt.Errorf("source: %w", err)
	}
	return sourcePrincipal(source, room), nil
}

func sourcePrincipal(id, room string) authz.Principal {
	return authz.Principal{
		ID: id, Kind: authz.KindSource, Room: room,
		Grants: []authz.Grant{{Role: authz.Source, Scope: authz.RoomScope(room)}},
	}
}

func insertSource(ctx context.Context, tx *sql.Tx, id, room string, now time.Time) (key string, err error) {
	key, hash := newToken(sourcePrefix)
	r, err := tx.ExecContext(ctx, `
INSERT INTO sources (source, room, hash, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		id, room, hash, millis(now))
	return key, exactlyOne(r, err, ErrExists)
}

package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// secretAge is how long OpenSealed trusts a secret in memory. Sealing trusts it
// for good: what is sealed under a destroyed key is merely lost.
const secretAge = time.Minute

type secretID struct {
	kind    KeyKind
	subject string // empty for a month's secret of requests
	month   string
}

func (s secretID) name() string { return keyID{s.kind, s.subject, s.month}.String() }

type cachedSecret struct {
	secret []byte
	readAt time.Time
}

func (d *Directory) sealingSecret(ctx context.Context, id secretID) ([]byte, error) {
	if c, ok := d.secrets.get(id); ok {
		return c.secret, nil
	}
	secret, err := d.readSecret(ctx, id)
	if !errors.Is(err, ErrNoKey) {
		return secret, err
	}
	if err := d.createSecret(ctx, id); err != nil {
		return nil, err
	}
	return d.readSecret(ctx, id) // it may be the one that another process made
}

func (d *Directory) openingSecret(ctx context.Context, id secretID) ([]byte, error) {
	if c, ok := d.secrets.get(id); ok && d.now().Sub(c.readAt).Abs() < secretAge {
		return c.secret, nil
	}
	return d.readSecret(ctx, id)
}

func (d *Directory) readSecret(ctx context.Context, id secretID) ([]byte, error) {
	now := d.now()
	var wrapped string
	err := d.db.QueryRowContext(ctx, `
SELECT wrapped FROM seal_secrets WHERE kind = $1 AND subject = $2 AND month = $3`,
		string(id.kind), id.subject, id.month).Scan(&wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		d.secrets.forget(id)
		return nil, d.absence(ctx, d.db.QueryRowContext, id)
	}
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	secret, err := unwrap(d.kek, wrapped, id.name())
	if err != nil {
		return nil, fmt.Errorf("unwrap key: %w", err)
	}
	d.secrets.put(id, cachedSecret{secret, now})
	return secret, nil
}

// absence says why there is no secret: its month was destroyed, or it never
// was.
func (d *Directory) absence(ctx context.Context, query func(context.Context, string, ...any) *sql.Row, id secretID) error {
	var n int
	err := query(ctx, "SELECT COUNT(*) FROM destroyed_months WHERE kind = $1 AND month = $2", string(id.kind), id.month).Scan(&n)
	switch {
	case err != nil:
		return fmt.Errorf("destroyed months: %w", err)
	case n > 0:
		return ErrKeyDestroyed
	}
	return ErrNoKey
}

func (d *Directory) createSecret(ctx context.Context, id secretID) error {
	return d.inTx(ctx, func(tx *sql.Tx) error {
		if err := d.absence(ctx, tx.QueryRowContext, id); !errors.Is(err, ErrNoKey) {
			return err // a destroyed month gets no new key
		}
		_, err := tx.ExecContext(ctx, `
INSERT INTO seal_secrets (kind, subject, month, wrapped) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			string(id.kind), id.subject, id.month, wrap(d.kek, randomKey(), id.name()))
		return err
	})
}

// prepareMonths has the secrets of this month's and next month's requests in
// memory, so that no alarm has to wait for one to be written.
func (d *Directory) prepareMonths(ctx context.Context) error {
	now := d.now().UTC()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{first, first.AddDate(0, 1, 0)} {
		_, err := d.sealingSecret(ctx, secretID{RequestKeys, "", monthOf(at)})
		if err != nil && !errors.Is(err, ErrKeyDestroyed) {
			return fmt.Errorf("sealing secret of %s: %w", monthOf(at), err)
		}
	}
	return nil
}

// DestroyMonth destroys the keys of a kind for a month ("2026-09"): what was
// sealed under them is gone, whoever has the log. It may be called again. The
// caller records it in the log, and has seen to legal holds before.
func (d *Directory) DestroyMonth(ctx context.Context, kind KeyKind, month string) error {
	if kind != SubjectKeys && kind != RequestKeys || !validMonth(month) {
		return fmt.Errorf("destroy keys of %q, month %q: give subject or request, and YYYY-MM", kind, month)
	}
	err := d.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
INSERT INTO destroyed_months (kind, month, destroyed_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			string(kind), month, millis(d.now()))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM seal_secrets WHERE kind = $1 AND month = $2", string(kind), month)
		return err
	})
	if err != nil {
		return fmt.Errorf("destroy %s keys of %s: %w", kind, month, err)
	}
	d.secrets.forgetAll(func(id secretID, _ cachedSecret) bool { return id.kind == kind && id.month == month })
	return d.eraseWAL(ctx)
}

// eraseWAL empties the write-ahead log, where the deleted rows still stand.
func (d *Directory) eraseWAL(ctx context.Context) error {
	var busy, frames, moved int
	if err := d.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return fmt.Errorf("erase write-ahead log: %w", err)
	}
	if busy != 0 {
		return errors.New("keys are destroyed but the write-ahead log still holds them: somebody is reading, destroy again")
	}
	return nil
}

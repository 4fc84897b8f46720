package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"vigie/pkg/authz"
)

// maxPassword is far beyond any password; argon2 would hash a megabyte too.
const maxPassword = 1024

// Account is what an admin sees of one.
type Account struct {
	Account   string
	Grants    []authz.Grant
	CreatedAt time.Time
}

// CreateAccount makes an account with a random password and returns that
// password, which is stored nowhere in clear.
func (d *Directory) CreateAccount(ctx context.Context, account string, grants ...authz.Grant) (password string, err error) {
	if err := validAccount(account, grants); err != nil {
		return "", fmt.Errorf("create account %q: %w", account, err)
	}
	password, hash, err := d.freshPassword(ctx)
	if err != nil {
		return "", fmt.Errorf("create account %s: %w", account, err)
	}
	err = d.inTx(ctx, func(tx *sql.Tx) error {
		return insertAccount(ctx, tx, Account{account, grants, d.now()}, hash)
	})
	if err != nil {
		return "", fmt.Errorf("create account %s: %w", account, err)
	}
	return password, nil
}

// ResetPassword gives an account a new random password and signs it out
// everywhere.
func (d *Directory) ResetPassword(ctx context.Context, account string) (password string, err error) {
	password, hash, err := d.freshPassword(ctx)
	if err != nil {
		return "", fmt.Errorf("reset password of %s: %w", account, err)
	}
	err = d.inTx(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "UPDATE accounts SET password = $1 WHERE account = $2", hash.String(), account)
		if err := exactlyOne(r, err, ErrNoAccount); err != nil {
			return err
		}
		return d.revokeSessions(ctx, tx, account)
	})
	if err != nil {
		return "", fmt.Errorf("reset password of %s: %w", account, err)
	}
	d.tries.forget(account)
	d.forgetPrincipal(account)
	return password, nil
}

// SetGrants replaces the grants of an account; with none, the account can sign
// in and do nothing. Live sessions follow within the age of the cache.
func (d *Directory) SetGrants(ctx context.Context, account string, grants ...authz.Grant) error {
	if err := validAccount(account, grants); err != nil {
		return fmt.Errorf("grants of %q: %w", account, err)
	}
	err := d.inTx(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "UPDATE accounts SET account = account WHERE account = $1", account)
		if err := exactlyOne(r, err, ErrNoAccount); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM grants WHERE account = $1", account); err != nil {
			return err
		}
		return insertGrants(ctx, tx, account, grants)
	})
	if err != nil {
		return fmt.Errorf("grants of %s: %w", account, err)
	}
	d.forgetPrincipal(account)
	return nil
}

// Accounts lists every account by name.
func (d *Directory) Accounts(ctx context.Context) ([]Account, error) {
	rows, err := d.db.QueryContext(ctx, `
SELECT a.account, a.created_at, COALESCE(g.role, ''), COALESCE(g.scope, '')
FROM accounts a LEFT JOIN grants g ON g.account = a.account
ORDER BY a.account, g.role, g.scope`)
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []Account
	for rows.Next() {
		var account string
		var created int64
		var g authz.Grant
		if err := rows.Scan(&account, &created, &g.Role, &g.Scope); err != nil {
			return nil, fmt.Errorf("accounts: %w", err)
		}
		if len(list) == 0 || list[len(list)-1].Account != account {
			list = append(list, Account{Account: account, CreatedAt: fromMillis(created)})
		}
		if g.Role != "" {
			last := &list[len(list)-1]
			last.Grants = append(last.Grants, g)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	return list, nil
}

// Authenticate checks a password. It answers ErrBadCredentials without saying
// which of the two was wrong, by its words or by its time, and a *TriesError
// (ErrTooManyTries) after five failures of the account within a minute, even
// to the right password.
func (d *Directory) Authenticate(ctx context.Context, account, password string) (authz.Principal, error) {
	if !validName(account) || len(password) > maxPassword {
		return authz.Principal{}, ErrBadCredentials
	}
	if err := d.tries.check(account, d.now()); err != nil {
		return authz.Principal{}, err
	}
	release, err := d.hashing.acquire(ctx)
	if err != nil {
		return authz.Principal{}, err
	}
	defer release()
	// Whoever was ahead in the queue may have used the tries up.
	if err := d.tries.check(account, d.now()); err != nil {
		return authz.Principal{}, err
	}
	stored, known, err := d.storedPassword(ctx, account)
	if err != nil {
		return authz.Principal{}, fmt.Errorf("password of %s: %w", account, err)
	}
	if !stored.matches(password) || !known {
		d.tries.fail(account, d.now())
		return authz.Principal{}, ErrBadCredentials
	}
	d.tries.forget(account)
	return d.accountPrincipal(ctx, account)
}

func (d *Directory) storedPassword(ctx context.Context, account string) (p phc, known bool, err error) {
	var s string
	err = d.db.QueryRowContext(ctx, "SELECT password FROM accounts WHERE account = $1", account).Scan(&s)
	if errors.Is(err, sql.ErrNoRows) {
		return nobody(), false, nil
	}
	if err != nil {
		return phc{}, false, err
	}
	p, err = parsePHC(s)
	return p, err == nil, err
}

func (d *Directory) freshPassword(ctx context.Context) (password string, hash phc, err error) {
	release, err := d.hashing.acquire(ctx)
	if err != nil {
		return "", phc{}, err
	}
	defer release()
	password = newPassword()
	return password, hashPassword(password), nil
}

func (d *Directory) accountPrincipal(ctx context.Context, account string) (authz.Principal, error) {
	grants, err := d.grants(ctx, account)
	if err != nil {
		return authz.Principal{}, err
	}
	return authz.Principal{ID: account, Kind: authz.KindAccount, Grants: grants}, nil
}

func (d *Directory) grants(ctx context.Context, account string) ([]authz.Grant, error) {
	rows, err := d.db.QueryContext(ctx, "SELECT role, scope FROM grants WHERE account = $1 ORDER BY role, scope", account)
	if err != nil {
		return nil, fmt.Errorf("grants of %s: %w", account, err)
	}
	defer func() { _ = rows.Close() }()
	grants := []authz.Grant{} // an empty list in JSON, not null
	for rows.Next() {
		var g authz.Grant
		if err := rows.Scan(&g.Role, &g.Scope); err != nil {
			return nil, fmt.Errorf("grants of %s: %w", account, err)
		}
		grants = append(grants, g)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("grants of %s: %w", account, err)
	}
	return grants, nil
}

func validAccount(account string, grants []authz.Grant) error {
	if !validName(account) {
		return ErrBadName
	}
	for _, g := range grants {
		if err := g.Validate(); err != nil {
			return err
		}
	}
	return nil
}

func insertAccount(ctx context.Context, tx *sql.Tx, a Account, hash phc) error {
	r, err := tx.ExecContext(ctx, `
INSERT INTO accounts (account, password, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		a.Account, hash.String(), millis(a.CreatedAt))
	if err := exactlyOne(r, err, ErrExists); err != nil {
		return err
	}
	return insertGrants(ctx, tx, a.Account, a.Grants)
}

func insertGrants(ctx context.Context, tx *sql.Tx, account string, grants []authz.Grant) error {
	for _, g := range grants {
		_, err := tx.ExecContext(ctx, `
INSERT INTO grants (account, role, scope) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			account, string(g.Role), string(g.Scope))
		if err != nil {
			return err
		}
	}
	return nil
}

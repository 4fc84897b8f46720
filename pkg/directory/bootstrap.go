package directory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"vigie/pkg/authz"
)

// FirstAccounts is the content of first-accounts.json.
type FirstAccounts struct {
	Accounts []FirstAccount `json:"accounts"`
	Sources  []FirstSource  `json:"sources"`
}

// FirstAccount is an account of the first start with its password.
type FirstAccount struct {
	Account  string      `json:"account"`
	Password string      `json:"password"`
	Role     authz.Role  `json:"role"`
	Scope    authz.Scope `json:"scope"`
}

// FirstSource is an alarm source of the first start with its key.
type FirstSource struct {
	Source string `json:"source"`
	Key    string `json:"key"`
}

// Bootstrap fills an empty directory: one account per role, named after it and
// granted for the region, and one source ROOM-panel per room. It returns nil
// when the directory was not empty. Whoever dies between Bootstrap and
// WriteFirstAccounts has lost the passwords; `vigie account reset` and `vigie
// source add` make new ones.
func (d *Directory) Bootstrap(ctx context.Context, rooms []string) (*FirstAccounts, error) {
	if used, err := d.used(ctx, d.db); used || err != nil {
		return nil, err
	}
	for _, room := range rooms {
		if !ValidID(room) {
			return nil, fmt.Errorf("first accounts: room %q: %w", room, ErrBadID)
		}
	}
	first := &FirstAccounts{}
	hashes := make([]phc, 0, len(authz.AccountRoles()))
	for _, role := range authz.AccountRoles() {
		password, hash, err := d.freshPassword(ctx)
		if err != nil {
			return nil, fmt.Errorf("first accounts: %w", err)
		}
		hashes = append(hashes, hash)
		first.Accounts = append(first.Accounts, FirstAccount{string(role), password, role, authz.RegionScope})
	}
	err := d.inTx(ctx, func(tx *sql.Tx) error { return d.insertFirst(ctx, tx, first, hashes, rooms) })
	if errors.Is(err, errUsed) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("first accounts: %w", err)
	}
	return first, nil
}

var errUsed = errors.New("directory is not empty")

func (d *Directory) insertFirst(ctx context.Context, tx *sql.Tx, first *FirstAccounts, hashes []phc, rooms []string) error {
	// Again, under the lock: another process may have been faster.
	if used, err := d.used(ctx, tx); err != nil {
		return err
	} else if used {
		return errUsed
	}
	for i, a := range first.Accounts {
		account := Account{a.Account, []authz.Grant{{Role: a.Role, Scope: a.Scope}}, d.now()}
		if err := insertAccount(ctx, tx, account, hashes[i]); err != nil {
			return err
		}
	}
	for _, room := range rooms {
		key, err := insertSource(ctx, tx, room+"-panel", room, d.now())
		if err != nil {
			return fmt.Errorf("source of room %s: %w", room, err)
		}
		first.Sources = append(first.Sources, FirstSource{room + "-panel", key})
	}
	return nil
}

func (d *Directory) used(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
},
) (bool, error) {
	var n int
	err := q.QueryRowContext(ctx, "SELECT (SELECT COUNT(*) FROM accounts) + (SELECT COUNT(*) FROM sources)").Scan(&n)
	if err != nil {
		return false, fmt.Errorf("count of accounts: %w", err)
	}
	return n > 0, nil
}

// WriteFirstAccounts writes first-accounts.json, whole or not at all, readable
// by its owner only.
func WriteFirstAccounts(path string, first *FirstAccounts) error {
	b, err := json.MarshalIndent(first, "", "  ")
	if err != nil {
		return fmt.Errorf("first accounts: %w", err)
	}
	if err := writeSecret(path, append(b, '\n')); err != nil {
		return fmt.Errorf("first accounts: %w", err)
	}
	return nil
}

const secretMode fs.FileMode = 0o600

func writeSecret(path string, content []byte) error {
	f, err := renameio.NewPendingFile(path, renameio.WithStaticPermissions(secretMode))
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	// A name is on the disk once its folder is.
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

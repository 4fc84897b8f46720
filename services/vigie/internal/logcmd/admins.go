package logcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vigie/pkg/authz"
	"vigie/pkg/directory"
)

// admins checks that the two accounts are those of admins, where there is a directory to ask, and their passwords, where
// they were given. Whoever may write to the log or to its files could do without: this is what makes two people look.
func (r *reopening) admins(ctx context.Context) (err error) {
	path := r.directory
	if path == "" && r.data != "" {
		path = filepath.Join(r.data, "directory.db")
	}
	switch _, err := os.Stat(path); {
	case path == "" && r.passwords == "":
		return nil
	case path == "":
		return usage("--password-file needs a directory to compare with: give --directory")
	case errors.Is(err, os.ErrNotExist) && r.directory == "" && r.passwords == "":
		return nil // a node without one
	case err != nil:
		return usage("--directory %s: %w", path, err)
	}
	d, err := directory.Open(ctx, directory.Config{Path: path})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	accounts, err := d.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, name := range r.by {
		k := slices.IndexFunc(accounts, func(a directory.Account) bool { return a.Account == name })
		if k < 0 || !r.administers(accounts[k].Grants) {
			return usage("--by %s: that is no admin of room %s in %s (vigie account list shows them, vigie account add makes one)", name, r.room, path)
		}
	}
	return r.authenticate(ctx, d)
}

func (r *reopening) administers(grants []authz.Grant) bool {
	return slices.ContainsFunc(grants, func(g authz.Grant) bool {
		return g.Role == authz.Admin && (g.Scope == authz.RegionScope || g.Scope == authz.RoomScope(r.room))
	})
}

func (r *reopening) authenticate(ctx context.Context, d *directory.Directory) error {
	if r.passwords == "" {
		return nil
	}
	content, err := os.ReadFile(r.passwords)
	if err != nil {
		return usage("--password-file: %w", err)
	}
	given := map[string]string{}
	for l := range strings.Lines(string(content)) {
		if account, password, ok := strings.Cut(strings.TrimRight(l, "\r\n"), ":"); ok {
			given[account] = password
		}
	}
	for _, name := range r.by {
		if _, err := d.Authenticate(ctx, name, given[name]); err != nil {
			return fmt.Errorf("admin %s: %w", name, err)
		}
	}
	return nil
}

package logcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/directory"
)

// register knows accounts: a directory that is at hand, or a running node that has one.
type register interface {
	// authenticate gives what somebody who knows a password may do.
	authenticate(ctx context.Context, account, password string) ([]authz.Grant, error)
	name() string
	close() error
}

// howToProve ends the words to whoever cannot be believed yet.
const howToProve = "give --directory FILE, or --url URL of a running node, where two admins are known by their passwords; " +
	"--unverified-admins does without proof, and the log will say so"

// admins has the two prove who they are. Whoever may write to the log or to its files could do without this command; it is
// what makes two people look, and the record their word. Without anybody to ask it takes a flag that says so, and so does the
// record.
func (r *reopening) admins(c *cobra.Command) (err error) {
	ctx := c.Context()
	known, err := r.register(ctx)
	if known != nil {
		defer func() { err = errors.Join(err, known.close()) }()
	}
	switch {
	case r.unverified && known != nil:
		return usage("--unverified-admins is for when nobody can be asked, and %s can: leave it out", known.name())
	case r.unverified:
		_, _ = fmt.Fprintf(c.ErrOrStderr(), "NOBODY CHECKS that %s and %s are who they say (%s). The log will say so for ever.\n", r.by[0], r.by[1], orNone(err))
		return nil
	case err != nil:
		return err
	case known == nil:
		return usage("nobody can say whether %s and %s are admins: %s", r.by[0], r.by[1], howToProve)
	}
	passwords, err := r.passwords(c)
	if err != nil {
		return err
	}
	for _, name := range r.by {
		grants, err := known.authenticate(ctx, name, passwords[name])
		if err != nil {
			return fmt.Errorf("admin %s: %w", name, err)
		}
		if !r.administers(grants) {
			return usage("--by %s: that is no admin of room %s, says %s (vigie account list shows them, vigie account add makes one)", name, r.room, known.name())
		}
	}
	return nil
}

func orNone(err error) string {
	if err == nil {
		return "no directory was given"
	}
	return err.Error()
}

// register gives the one to ask, or none when there is none.
func (r *reopening) register(ctx context.Context) (register, error) {
	path := r.directory
	switch {
	case r.url != "":
		return newNodeRegister(r.url)
	case path == "" && r.data != "":
		path = filepath.Join(r.data, "directory.db")
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return nil, nil //nolint:nilnil // a node without one, and no mistake
		}
	case path == "":
		return nil, nil //nolint:nilnil // none was given, and no mistake
	}
	if _, err := os.Stat(path); err != nil { // to open it would make it
		return nil, app.Exit(app.Usage, fmt.Errorf("directory of accounts: %w", err))
	}
	d, err := directory.Open(ctx, directory.Config{Path: path})
	if err != nil {
		return nil, err
	}
	return directoryRegister{d, path}, nil
}

// directoryRegister is a directory at hand.
type directoryRegister struct {
	*directory.Directory
	path string
}

func (d directoryRegister) authenticate(ctx context.Context, account, password string) ([]authz.Grant, error) {
	p, err := d.Authenticate(ctx, account, password)
	return p.Grants, err
}

func (d directoryRegister) name() string { return d.path }

func (d directoryRegister) close() error { return d.Close() }

func (r *reopening) administers(grants []authz.Grant) bool {
	return slices.ContainsFunc(grants, func(g authz.Grant) bool {
		return g.Role == authz.Admin && (g.Scope == authz.RegionScope || g.Scope == authz.RoomScope(r.room))
	})
}

// passwords of the two, from the file or from whoever sits there.
func (r *reopening) passwords(c *cobra.Command) (map[string]string, error) {
	given := map[string]string{}
	if r.passwordFile != "" {
		content, err := os.ReadFile(r.passwordFile)
		if err != nil {
			return nil, usage("--password-file: %w", err)
		}
		for l := range strings.Lines(string(content)) {
			if account, password, ok := strings.Cut(strings.TrimRight(l, "\r\n"), ":"); ok {
				given[account] = password
			}
		}
		return given, nil
	}
	for _, name := range r.by {
		_, _ = fmt.Fprintf(c.ErrOrStderr(), "Password of %s: ", name)
		password, err := r.secret(c)
		_, _ = fmt.Fprintln(c.ErrOrStderr())
		if err != nil || password == "" {
			return nil, usage("the password of %s is needed: type it, or give --password-file", name)
		}
		given[name] = password
	}
	return given, nil
}

// secret reads a line, without showing it at a terminal.
func (r *reopening) secret(c *cobra.Command) (string, error) {
	if f, ok := c.InOrStdin().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		password, err := term.ReadPassword(int(f.Fd()))
		return string(password), err
	}
	return r.line()
}

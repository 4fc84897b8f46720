// Package directory keeps what the log must not: accounts and their grants,
// sessions, handhelds, alarm sources, and the keys of sealed fields. It is the
// one store that is not a fold of the log.
//
// It guarantees that nothing that opens a door is stored: passwords are kept
// as argon2id hashes, tokens and source keys as SHA-256, sealing keys wrapped
// by a key-encryption key that stands in a file of its own. What a call has
// answered is on the disk. A revoked token is refused within 2 s, a revoked
// source key within 60 s while the directory can be read; see Source for what
// happens while it cannot.
//
// Callers owe it a context with a deadline, a limit of requests per network
// address in front of Authenticate, and silence: no token, key or password
// that passes through here belongs in a log.
package directory

import (
	"context"
	"crypto/cipher"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver named in Open
)

// Errors that callers answer differently. Any other error means that the
// directory could not be asked: it says nothing about the caller, and a live
// socket is not to be closed for it.
var (
	ErrBadCredentials  = errors.New("unknown account or wrong password: check both, or ask an admin to reset it")
	ErrTooManyTries    = errors.New("too many sign-ins: wait and try again")
	ErrUnauthenticated = errors.New("not signed in: sign in and send the token you get")
	ErrExpired         = errors.New("the token has expired: sign in again")
	ErrRevoked         = errors.New("the token was revoked: sign in again, or ask a supervisor why")
	ErrBadName         = errors.New("a name is 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit")
	ErrBadID           = errors.New("an id is 1 to 64 of letters, digits, '.', '_', ':', '-', beginning with a letter or digit")
	ErrExists          = errors.New("the name is taken: choose another")
	ErrNoAccount       = errors.New("no such account: `vigie account list` shows them")
	ErrNoSource        = errors.New("no such source")
	ErrKeyDestroyed    = errors.New("the key was destroyed: its retention is over")
	ErrNoKey           = errors.New("no such key in this directory: is it the one the log was written with?")
	ErrTampered        = errors.New("the sealed field does not match its key: it was altered")
	ErrWrongKEK        = errors.New("the key file does not fit the directory: restore the one that was saved with it")
)

// Config says where the directory is.
type Config struct {
	// Path is the SQLite file, created with mode 0600.
	Path string
	// KEKPath is the file of the key-encryption key, created with mode 0600
	// when the directory is; Path + ".kek" when empty. A backup that holds
	// both it and the directory brings destroyed keys back.
	KEKPath string
	// Now is the real clock; time.Now when nil.
	Now func() time.Time
	// Log hears when alarm sources are served from memory; silent when nil.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.KEKPath == "" {
		c.KEKPath = c.Path + ".kek"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Directory is an open directory. Its methods may be called concurrently, and
// several processes of one machine may have the same one open.
type Directory struct {
	db  *sql.DB
	now func() time.Time
	log *slog.Logger
	kek cipher.AEAD

	hashing hashing
	tries   tries
	tokens  cache[string, cachedPrincipal]
	secrets cache[secretID, cachedSecret]

	sources   atomic.Pointer[sourceTable]
	reloading sync.Mutex // guards the replacement of sources
}

// Open opens the directory, and creates it with its key-encryption key when
// there is none.
func Open(ctx context.Context, c Config) (*Directory, error) {
	c = c.withDefaults()
	if c.Path == "" {
		return nil, errors.New("open directory: no path: set Config.Path")
	}
	db, err := openSQLite(c.Path)
	if err != nil {
		return nil, fmt.Errorf("open directory %s: %w", c.Path, err)
	}
	d := &Directory{
		db: db, now: c.Now, log: c.Log,
		hashing: newHashing(),
		tries:   tries{failed: map[string][]time.Time{}},
		tokens:  newCache[string, cachedPrincipal](),
		secrets: newCache[secretID, cachedSecret](),
	}
	if err := d.prepare(ctx, c.KEKPath); err != nil {
		return nil, errors.Join(fmt.Errorf("open directory %s: %w", c.Path, err), db.Close())
	}
	return d, nil
}

// Close closes the directory.
func (d *Directory) Close() error { return d.db.Close() }

// openSQLite makes the file before SQLite does, whose mode would be 0644; the
// WAL takes its mode from it.
func openSQLite(path string) (*sql.DB, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the path is the operator's choice
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	pragmas := url.Values{
		"_pragma": {
			"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
			"secure_delete(1)", // a destroyed key leaves no free page behind
		},
		"_txlock": {"immediate"}, // a transaction that reads first could not be upgraded under another writer
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+pragmas.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	return db, nil
}

// prepare runs in one transaction, so that of two processes that start
// together one makes schema and key and the other finds them.
func (d *Directory) prepare(ctx context.Context, kekPath string) error {
	err := d.inTx(ctx, func(tx *sql.Tx) error {
		if err := migrate(ctx, tx); err != nil {
			return err
		}
		kek, err := loadKEK(ctx, tx, kekPath)
		d.kek = kek
		return err
	})
	if err != nil {
		return err
	}
	if err := d.prepareMonths(ctx); err != nil {
		return err
	}
	return d.reloadSources(ctx)
}

func (d *Directory) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// exactlyOne says whether a statement changed a row, and missing otherwise.
func exactlyOne(r sql.Result, err, missing error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		return missing
	}
	return nil
}

func millis(t time.Time) int64          { return t.UnixMilli() }
func fromMillis(ms int64) time.Time     { return time.UnixMilli(ms).UTC() }
func wholeMillis(t time.Time) time.Time { return fromMillis(millis(t)) }

// validName is what an account is called: in one case only, since people type
// it.
func validName(s string) bool {
	return ValidID(s) && s == strings.ToLower(s) && !strings.Contains(s, ":")
}

// ValidID is what rooms, sources, teams, guards and subjects are called. Ids
// stand in scopes and key ids, between slashes.
func ValidID(s string) bool {
	if s == "" || len(s) > 64 || strings.ContainsRune("._:-", rune(s[0])) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("._:-", rune(c)) {
			return false
		}
	}
	return true
}

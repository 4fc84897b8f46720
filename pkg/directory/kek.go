package directory

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

const (
	keyBytes = 32
	// kekCheck is wrapped once, so that another key is noticed at the start
	// and not at the first field that will not open.
	kekCheck = "vigie directory"
	kekName  = "kek_check"
)

// loadKEK reads the key-encryption key, and makes it for a directory that has
// none. It never makes a second one: that would bury every sealed field.
func loadKEK(ctx context.Context, tx *sql.Tx, path string) (cipher.AEAD, error) {
	var check string
	err := tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = $1", kekName).Scan(&check)
	fresh := errors.Is(err, sql.ErrNoRows)
	if err != nil && !fresh {
		return nil, fmt.Errorf("key check: %w", err)
	}
	key, err := readKEK(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && fresh:
		key, err = createKEK(path)
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("key file %s is missing: %w", path, ErrWrongKEK)
	}
	if err != nil {
		return nil, err
	}
	kek := newGCM(key)
	if fresh {
		_, err = tx.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES ($1, $2)", kekName, wrap(kek, []byte(kekCheck), kekName))
		return kek, err
	}
	if got, err := unwrap(kek, check, kekName); err != nil || string(got) != kekCheck {
		return nil, fmt.Errorf("key file %s: %w", path, ErrWrongKEK)
	}
	return kek, nil
}

func readKEK(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key file %s can be read by others (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path) //nolint:gosec // the path is the operator's choice
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != keyBytes {
		return nil, fmt.Errorf("key file %s is not a key: %w", path, ErrWrongKEK)
	}
	return key, nil
}

func createKEK(path string) ([]byte, error) {
	key := randomKey()
	if err := writeSecret(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n")); err != nil {
		return nil, fmt.Errorf("create key file: %w", err)
	}
	return key, nil
}

func randomKey() []byte {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	return key
}

// newGCM cannot fail: every key here has 32 bytes.
func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("directory: " + err.Error())
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic("directory: " + err.Error())
	}
	return gcm
}

// wrap encrypts a secret under the KEK. The name it is stored under is bound
// to it: rows cannot be swapped.
func wrap(kek cipher.AEAD, secret []byte, name string) string {
	nonce := make([]byte, kek.NonceSize())
	_, _ = rand.Read(nonce)
	return base64.StdEncoding.EncodeToString(kek.Seal(nonce, nonce, secret, []byte(name)))
}

func unwrap(kek cipher.AEAD, wrapped, name string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(wrapped)
	if err != nil || len(b) < kek.NonceSize() {
		return nil, ErrTampered
	}
	secret, err := kek.Open(nil, b[:kek.NonceSize()], b[kek.NonceSize():], []byte(name))
	if err != nil {
		return nil, ErrTampered
	}
	return secret, nil
}

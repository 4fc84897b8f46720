package directory

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// KeyKind is one of the two kinds of sealing keys.
type KeyKind string

// The kinds: fields about a person, and free text of a request.
const (
	SubjectKeys KeyKind = "subject"
	RequestKeys KeyKind = "request"
)

const (
	// sealVersion is the first byte of every sealed field: the log is kept for
	// ever, so the way it is sealed must be able to change.
	sealVersion = 1
	nonceBytes  = 12
	requestHash = 16
	monthLayout = "2006-01"
)

// keyID names a key: kind/owner/month. The owner is a subject, or the hash of
// a request's cause.
type keyID struct {
	kind  KeyKind
	owner string
	month string
}

func (k keyID) String() string { return string(k.kind) + "/" + k.owner + "/" + k.month }

// secret is what is stored for the key: a subject's own, or the month's from
// which the keys of all its requests derive.
func (k keyID) secret() secretID {
	if k.kind == RequestKeys {
		return secretID{RequestKeys, "", k.month}
	}
	return secretID{SubjectKeys, k.owner, k.month}
}

func parseKeyID(s string) (keyID, bool) {
	f := strings.Split(s, "/")
	if len(f) != 3 || !validMonth(f[2]) {
		return keyID{}, false
	}
	k := keyID{KeyKind(f[0]), f[1], f[2]}
	switch k.kind {
	case SubjectKeys:
		return k, ValidID(k.owner)
	case RequestKeys:
		b, err := hex.DecodeString(k.owner)
		return k, err == nil && len(b) == requestHash && k.owner == strings.ToLower(k.owner)
	}
	return keyID{}, false
}

func validMonth(s string) bool {
	_, err := time.Parse(monthLayout, s)
	return err == nil
}

func monthOf(at time.Time) string { return at.UTC().Format(monthLayout) }

// SealForRequest seals free text under the key of one request, in the month of
// at, which is the request's received_at. The same request, month and text give
// the same bytes, so that a request sent again is the same request. It writes
// nothing and reads nothing in the months that Open and Source have prepared,
// the present and the next; another month's first request makes its secret.
//
// A caller that cannot seal an alarm's text drops the text, not the alarm.
func (d *Directory) SealForRequest(ctx context.Context, principal, requestID string, at time.Time, plain string) (id string, sealed []byte, err error) {
	if principal == "" || strings.Contains(principal, "\x00") {
		return "", nil, fmt.Errorf("seal for request of %q: %w", principal, ErrBadID)
	}
	cause := sha256.Sum256([]byte(principal + "\x00" + requestID))
	return d.seal(ctx, keyID{RequestKeys, hex.EncodeToString(cause[:requestHash]), monthOf(at)}, plain)
}

// SealForSubject seals a field about a person, who is named by a pseudonymous
// id. Within a month the same text of the same person gives the same bytes.
func (d *Directory) SealForSubject(ctx context.Context, subject string, at time.Time, plain string) (id string, sealed []byte, err error) {
	if !ValidID(subject) {
		return "", nil, fmt.Errorf("seal for subject: %w", ErrBadID)
	}
	return d.seal(ctx, keyID{SubjectKeys, subject, monthOf(at)}, plain)
}

func (d *Directory) seal(ctx context.Context, id keyID, plain string) (string, []byte, error) {
	if !validMonth(id.month) {
		return "", nil, fmt.Errorf("seal: no month %q", id.month) // a year beyond 9999
	}
	secret, err := d.sealingSecret(ctx, id.secret())
	if err != nil {
		return "", nil, fmt.Errorf("seal under %s: %w", id, err)
	}
	aead, mac := keysOf(secret, id)
	// The nonce depends on the text, so that two fields under one key never
	// share one, and on the key, so that it says nothing about the text.
	h := hmac.New(sha256.New, mac)
	_, _ = h.Write([]byte(plain))
	nonce := h.Sum(nil)[:nonceBytes]
	sealed := append([]byte{sealVersion}, nonce...)
	return id.String(), aead.Seal(sealed, nonce, []byte(plain), []byte(id.String())), nil
}

// OpenSealed opens a sealed field. It answers ErrKeyDestroyed when retention
// has taken the key (within a minute of DestroyMonth in other processes),
// ErrNoKey for a key that this directory never had, and ErrTampered.
func (d *Directory) OpenSealed(ctx context.Context, id string, sealed []byte) (string, error) {
	k, ok := parseKeyID(id)
	if !ok {
		return "", fmt.Errorf("open sealed field: key %q: %w", id, ErrNoKey)
	}
	secret, err := d.openingSecret(ctx, k.secret())
	if err != nil {
		return "", fmt.Errorf("open sealed field under %s: %w", id, err)
	}
	if len(sealed) < 1+nonceBytes || sealed[0] != sealVersion {
		return "", fmt.Errorf("open sealed field under %s: %w", id, ErrTampered)
	}
	aead, _ := keysOf(secret, k)
	plain, err := aead.Open(nil, sealed[1:1+nonceBytes], sealed[1+nonceBytes:], []byte(id))
	if err != nil {
		return "", errors.Join(fmt.Errorf("open sealed field under %s: %w", id, ErrTampered), err)
	}
	return string(plain), nil
}

// keysOf derives the key of the cipher and that of the nonces.
func keysOf(secret []byte, id keyID) (aead cipher.AEAD, mac []byte) {
	b, err := hkdf.Key(sha256.New, secret, nil, "vigie seal 1 "+id.String(), 2*keyBytes)
	if err != nil {
		panic("directory: " + err.Error()) // asks for too many bytes: impossible
	}
	return newGCM(b[:keyBytes]), b[keyBytes:]
}

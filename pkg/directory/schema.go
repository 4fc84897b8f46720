package directory

import (
	"context"
	"database/sql"
	"fmt"
)

// migrations only ever grows; user_version counts those that were applied.
// The types are those that SQLite and PostgreSQL share: times are Unix
// milliseconds, hashes hexadecimal, wrapped keys base64.
func migrations() []string {
	return []string{`
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
CREATE TABLE accounts (
  account    TEXT PRIMARY KEY,
  password   TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE TABLE grants (
  account TEXT NOT NULL REFERENCES accounts (account) ON DELETE CASCADE,
  role    TEXT NOT NULL,
  scope   TEXT NOT NULL,
  PRIMARY KEY (account, role, scope)
);
CREATE TABLE sessions (
  hash         TEXT PRIMARY KEY,
  account      TEXT NOT NULL REFERENCES accounts (account) ON DELETE CASCADE,
  signed_in_at BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  revoked_at   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX sessions_account ON sessions (account);
CREATE INDEX sessions_expires ON sessions (expires_at);
CREATE TABLE devices (
  device TEXT PRIMARY KEY,
  room   TEXT NOT NULL,
  team   TEXT NOT NULL,
  guard  TEXT NOT NULL,
  UNIQUE (room, team, guard)
);
CREATE TABLE device_tokens (
  hash       TEXT PRIMARY KEY,
  device     TEXT NOT NULL REFERENCES devices (device) ON DELETE CASCADE,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX device_tokens_device ON device_tokens (device);
CREATE INDEX device_tokens_expires ON device_tokens (expires_at);
CREATE TABLE sources (
  source     TEXT PRIMARY KEY,
  room       TEXT NOT NULL,
  hash       TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE seal_secrets (
  kind    TEXT NOT NULL,
  subject TEXT NOT NULL,
  month   TEXT NOT NULL,
  wrapped TEXT NOT NULL,
  PRIMARY KEY (kind, subject, month)
);
CREATE TABLE destroyed_months (
  kind         TEXT NOT NULL,
  month        TEXT NOT NULL,
  destroyed_at BIGINT NOT NULL,
  PRIMARY KEY (kind, month)
);`, `
CREATE TABLE socket_tokens (
  hash       TEXT PRIMARY KEY,
  parent     TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX socket_tokens_expires ON socket_tokens (expires_at);`}
}

func migrate(ctx context.Context, tx *sql.Tx) error {
	all := migrations()
	var at int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&at); err != nil {
		return fmt.Errorf("schema version: %w", err)
	}
	if at > len(all) {
		return fmt.Errorf("schema version %d is newer than this program knows (%d): run the newer release", at, len(all))
	}
	for i, m := range all[at:] {
		if _, err := tx.ExecContext(ctx, m); err != nil {
			return fmt.Errorf("schema version %d: %w", at+i+1, err)
		}
	}
	if at == len(all) {
		return nil
	}
	// A pragma takes no parameter; the number is ours.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(all))); err != nil {
		return fmt.Errorf("schema version: %w", err)
	}
	return nil
}

// Package page serves the start page at / and its parts under /status/: what this server is, whether it is ready, and its
// rooms live. It is files alone: they load nothing from elsewhere, carry no script of their own in the markup, and use the
// API and the socket that everybody else uses.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"time"

	"github.com/go-chi/chi/v5"
)

//go:embed static
var static embed.FS

// policy lets the page load its own parts and talk to its own server, and take no text for markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Add serves the page and its parts.
func Add(router chi.Router) {
	files, err := static.ReadDir("static")
	if err != nil {
		panic(fmt.Sprintf("files embedded at build time cannot be missing: %v", err))
	}
	for _, f := range files {
		address := "/status/" + f.Name()
		if f.Name() == "index.html" {
			address = "/"
		}
		serve := file(f.Name())
		router.Get(address, serve)
		router.Head(address, serve)
	}
}

// file answers with one part. Browsers keep it and ask each time whether it is still the same: after an upgrade nobody may
// look at a board through yesterday's page.
func file(name string) http.HandlerFunc {
	content, err := static.ReadFile(path.Join("static", name))
	if err != nil {
		panic(fmt.Sprintf("files embedded at build time cannot be missing: %v", err))
	}
	sum := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	kind := map[string]string{
		".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
		".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}[path.Ext(name)]
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	}
}

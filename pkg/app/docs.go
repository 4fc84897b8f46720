package app

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// docs is the page that renders /openapi.json. It loads nothing from elsewhere.
//
//go:embed docs
var docs embed.FS

func serveDocs(r chi.Router) error {
	for path, name := range map[string]string{"/docs": "index.html", "/docs/docs.js": "docs.js", "/docs/docs.css": "docs.css"} {
		page, err := fs.ReadFile(docs, "docs/"+name)
		if err != nil {
			return fmt.Errorf("docs page: %w", err)
		}
		contentType := map[string]string{"index.html": "text/html", "docs.js": "text/javascript", "docs.css": "text/css"}[name]
		r.Get(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType+"; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
				"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			_, _ = w.Write(page) // the client is gone, and net/http knows
		})
	}
	return nil
}

// Package apps serves the web apps that services/web builds into this program. Without them it says what to do: everything
// else runs all the same.
package apps

import (
	"embed"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/go-chi/chi/v5"
)

// dist is what `npm run build` in services/web leaves; a checkout holds an empty one.
//
//go:embed all:dist
var dist embed.FS

// policy lets the apps load what is this server's own, connect to it, and draw maps: their worker is this server's too, and what
// it draws are images made in memory. Styles of elements are set by the map as it moves them.
const policy = "default-src 'self'; connect-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; " +
	"base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"

const unbuilt = "The web apps are not built into this program: install Node 20 or newer and run `make build`. Everything else runs."

// Built says whether this program holds the apps.
func Built() bool {
	_, err := fs.Stat(dist, "dist/console/index.html")
	return err == nil
}

// Add registers the apps at /console and /hand.
func Add(r chi.Router) {
	r.Get("/console", page("console"))
	r.Get("/hand", page("hand"))
	r.Get("/assets/*", func(w http.ResponseWriter, req *http.Request) {
		// Names hold the hash of what is in them.
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		serve(w, req, strings.TrimPrefix(path.Clean(req.URL.Path), "/"))
	})
	for _, name := range []string{"/hand/sw.js", "/hand/manifest.webmanifest"} {
		r.Get(name, func(w http.ResponseWriter, req *http.Request) {
			// The worker is below the page that it serves.
			w.Header().Set("Service-Worker-Allowed", "/hand")
			w.Header().Set("Cache-Control", "no-cache")
			serve(w, req, strings.TrimPrefix(name, "/"))
		})
	}
	r.Get("/icons/*", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=86400")
		serve(w, req, strings.TrimPrefix(path.Clean(req.URL.Path), "/"))
	})
}

func page(app string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if !Built() {
			http.Error(w, unbuilt, http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cache-Control", "no-cache")
		serve(w, req, app+"/index.html")
	}
}

// serve answers with a file of the apps in the smallest form that the browser takes.
func serve(w http.ResponseWriter, req *http.Request, name string) {
	for _, form := range []struct{ coding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}, {"", ""}} {
		if form.coding != "" && !strings.Contains(req.Header.Get("Accept-Encoding"), form.coding) {
			continue
		}
		content, err := fs.ReadFile(dist, "dist/"+name+form.suffix)
		if errors.Is(err, fs.ErrNotExist) && form.suffix != "" {
			continue
		}
		if err != nil {
			w.Header().Set("Cache-Control", "no-store")
			http.NotFound(w, req)
			return
		}
		h := w.Header()
		h.Set("Vary", "Accept-Encoding")
		if form.coding != "" {
			h.Set("Content-Encoding", form.coding)
		}
		if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
			h.Set("Content-Type", kind)
		}
		if strings.HasSuffix(name, ".webmanifest") {
			h.Set("Content-Type", "application/manifest+json")
		}
		_, _ = w.Write(content) //nolint:gosec // a file of this program, whatever its name was asked by; a client that is gone is net/http's to notice
		return
	}
}

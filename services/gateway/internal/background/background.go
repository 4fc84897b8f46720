// Package background serves the ground of the map from this address: tiles of a raster or vector service, or a PMTiles file,
// here or elsewhere. Pages load nothing from strangers, a service that is slow or gone costs them nothing but the ground, and
// an old tile is better than none.
package background

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"vigie/pkg/app"
)

// Config of the ground.
type Config struct {
	// Source is a template of tiles, or a PMTiles file or address.
	Source      string `koanf:"map_source" help:"ground of the map: https://HOST/{z}/{x}/{y}.png (.pbf: vector tiles), or a PMTiles file or address; empty: plain"`
	Attribution string `koanf:"map_attribution" help:"whom the ground is owed to, as shown on the map"`
	MaxZoom     int    `koanf:"map_max_zoom" help:"highest zoom level that the source has"`
	CacheDir    string `koanf:"map_cache_dir" help:"directory that keeps what was fetched; empty: nothing is kept"`
	CacheMB     int    `koanf:"map_cache_mb" help:"how much of it, in MB"`
}

// Default is the plain ground.
func Default() Config { return Config{MaxZoom: 18, CacheMB: 512} }

// Kinds of ground.
const (
	None    = "none"
	Raster  = "raster"
	Vector  = "vector"
	PMTiles = "pmtiles"
)

// Kind of the source.
func (c Config) Kind() string {
	path, _, _ := strings.Cut(c.Source, "?")
	switch {
	case c.Source == "":
		return None
	case strings.HasSuffix(path, ".pmtiles"):
		return PMTiles
	case strings.HasSuffix(path, ".pbf") || strings.HasSuffix(path, ".mvt"):
		return Vector
	}
	return Raster
}

// Validate says what cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.Kind() == Raster || c.Kind() == Vector {
		for _, part := range []string{"{z}", "{x}", "{y}"} {
			if !strings.Contains(c.Source, part) {
				errs = append(errs, fmt.Errorf("map_source: a template of tiles has {z}, {x} and {y}; %s is missing", part))
			}
		}
	}
	if c.Kind() == PMTiles && !c.remote() {
		if _, err := os.Stat(c.Source); err != nil {
			errs = append(errs, fmt.Errorf("map_source: %w", err))
		}
	} else if u, err := url.Parse(c.Source); c.Source != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		errs = append(errs, errors.New("map_source: give an http or https address, or a .pmtiles file"))
	}
	if c.MaxZoom < 1 || c.MaxZoom > 24 {
		errs = append(errs, fmt.Errorf("map_max_zoom %d: give 1 to 24", c.MaxZoom))
	}
	if c.CacheMB < 1 {
		errs = append(errs, fmt.Errorf("map_cache_mb %d: give at least 1, or leave map_cache_dir empty", c.CacheMB))
	}
	return errors.Join(errs...)
}

func (c Config) remote() bool {
	return strings.HasPrefix(c.Source, "http://") || strings.HasPrefix(c.Source, "https://")
}

// Background serves it. It is safe for concurrent use.
type Background struct {
	cfg   Config
	fetch *fetcher
	log   *slog.Logger
}

// New makes the ground's handlers.
func New(cfg Config, log *slog.Logger) (*Background, error) {
	kept, err := openCache(cfg.CacheDir, int64(cfg.CacheMB)<<20)
	if err != nil {
		return nil, fmt.Errorf("cache of the map: %w", err)
	}
	return &Background{cfg: cfg, fetch: newFetcher(kept, log), log: log}, nil
}

// description is what a page has to know to draw it.
type description struct {
	Kind        string `json:"kind"`
	URL         string `json:"url,omitempty"`
	Attribution string `json:"attribution"`
	MaxZoom     int    `json:"max_zoom"`
}

// Addresses, all on this host.
const (
	descriptionPath = "/map/background"
	tilesPath       = "/map/tiles/{z}/{x}/{y}"
	archivePath     = "/map/background.pmtiles"
)

// Add registers the handlers.
func (b *Background) Add(r chi.Router) {
	d := description{Kind: b.cfg.Kind(), Attribution: b.cfg.Attribution, MaxZoom: b.cfg.MaxZoom}
	switch d.Kind {
	case Raster, Vector:
		d.URL = tilesPath
		r.Get(tilesPath, b.tile)
	case PMTiles:
		d.URL = archivePath
		r.Get(archivePath, b.archive)
	}
	r.Get(descriptionPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		_ = json.NewEncoder(w).Encode(d) // a client that is gone is net/http's to notice
	})
}

// tile is one of a service's. Only numbers get into its address.
func (b *Background) tile(w http.ResponseWriter, r *http.Request) {
	z, errZ := strconv.Atoi(chi.URLParam(r, "z"))
	x, errX := strconv.Atoi(chi.URLParam(r, "x"))
	y, errY := strconv.Atoi(chi.URLParam(r, "y"))
	if errors.Join(errZ, errX, errY) != nil || z < 0 || z > b.cfg.MaxZoom || x < 0 || y < 0 || x>>z != 0 || y>>z != 0 {
		app.WriteProblem(w, http.StatusNotFound, "not_found", "there is no such tile")
		return
	}
	address := strings.NewReplacer("{z}", strconv.Itoa(z), "{x}", strconv.Itoa(x), "{y}", strconv.Itoa(y)).Replace(b.cfg.Source)
	b.answer(w, r, address, "")
}

// archive is a PMTiles file, here or elsewhere, in the parts that a page asks for.
func (b *Background) archive(w http.ResponseWriter, r *http.Request) {
	if !b.cfg.remote() {
		w.Header().Set("Content-Type", "application/vnd.pmtiles")
		http.ServeFile(w, r, filepath.Clean(b.cfg.Source))
		return
	}
	wanted := r.Header.Get("Range")
	if !validRange(wanted) {
		app.WriteProblem(w, http.StatusRequestedRangeNotSatisfiable, "range_needed", "ask for a part of at most 8 MB: Range: bytes=FROM-TO")
		return
	}
	b.answer(w, r, b.cfg.Source, wanted)
}

// validRange lets through one part of a bounded size.
func validRange(wanted string) bool {
	span, ok := strings.CutPrefix(wanted, "bytes=")
	from, to, both := strings.Cut(span, "-")
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	return ok && both && err1 == nil && err2 == nil && first >= 0 && last >= first && last-first < largest
}

func (b *Background) answer(w http.ResponseWriter, r *http.Request, address, part string) {
	got, err := b.fetch.get(r.Context(), address, part)
	if err != nil {
		// The page leaves the place plain and says so; what matters is drawn above.
		w.Header().Set("Retry-After", strconv.Itoa(int(pause/time.Second)))
		w.Header().Set("Cache-Control", "no-store")
		app.WriteProblem(w, http.StatusServiceUnavailable, "map_unavailable", "the ground of the map cannot be had now; it is tried again by itself")
		return
	}
	h := w.Header()
	h.Set("Content-Type", cmp.Or(got.ContentType, "application/octet-stream"))
	h.Set("Cache-Control", "public, max-age=86400")
	if got.ContentEncoding != "" {
		h.Set("Content-Encoding", got.ContentEncoding)
	}
	if got.ContentRange != "" {
		h.Set("Content-Range", got.ContentRange)
	}
	w.WriteHeader(got.Status)
	_, _ = io.Copy(w, got.reader()) // a client that is gone is net/http's to notice
}

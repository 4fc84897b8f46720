package background_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"vigie/services/gateway/internal/background"
)

// source is a service of tiles that can fail.
type source struct {
	*httptest.Server
	asked  atomic.Int64
	broken atomic.Bool
}

func serve(t *testing.T) *source {
	t.Helper()
	s := &source{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		switch {
		case s.broken.Load():
			http.Error(w, "gone", http.StatusBadGateway)
		case strings.HasSuffix(r.URL.Path, "/7/7.png"):
			http.NotFound(w, r)
		case strings.HasSuffix(r.URL.Path, ".pmtiles"):
			http.ServeContent(w, r, "a.pmtiles", time.Time{}, strings.NewReader("0123456789"))
		default:
			w.Header().Set("Content-Type", "image/png")
			_, _ = fmt.Fprintf(w, "tile of %s", r.URL.Path)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func ground(t *testing.T, cfg background.Config) http.Handler {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	b, err := background.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewMux()
	b.Add(r)
	return r
}

func get(t *testing.T, h http.Handler, path, part string) (int, string) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	if part != "" {
		req.Header.Set("Range", part)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body)
}

func config(source, dir string) background.Config {
	cfg := background.Default()
	cfg.Source, cfg.CacheDir = source, dir
	return cfg
}

func TestATileIsFetchedOnceAndKeptAcrossRuns(t *testing.T) {
	t.Parallel()
	s, dir := serve(t), t.TempDir()
	cfg := config(s.URL+"/{z}/{x}/{y}.png", dir)
	for range 2 {
		h := ground(t, cfg)
		for range 3 {
			if code, body := get(t, h, "/map/tiles/3/4/5", ""); code != http.StatusOK || body != "tile of /3/4/5.png" {
				t.Errorf("%d %q", code, body)
			}
		}
	}
	if n := s.asked.Load(); n != 1 {
		t.Errorf("the source was asked %d times", n)
	}
}

func TestWhatIsNoTileIsNotAskedFor(t *testing.T) {
	t.Parallel()
	s := serve(t)
	h := ground(t, config(s.URL+"/{z}/{x}/{y}.png", ""))
	for _, path := range []string{"/map/tiles/1/2/0", "/map/tiles/1/0/-1", "/map/tiles/99/0/0", "/map/tiles/a/0/0", "/map/tiles/1/0/0%2F.."} {
		if code, _ := get(t, h, path, ""); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
	if n := s.asked.Load(); n != 0 {
		t.Errorf("the source was asked %d times", n)
	}
}

func TestASourceThatIsGoneIsLeftAloneAndWhatIsKeptGoesOn(t *testing.T) {
	t.Parallel()
	s := serve(t)
	h := ground(t, config(s.URL+"/{z}/{x}/{y}.png", t.TempDir()))
	if code, _ := get(t, h, "/map/tiles/3/1/1", ""); code != http.StatusOK {
		t.Fatal(code)
	}
	if code, _ := get(t, h, "/map/tiles/3/7/7", ""); code != http.StatusServiceUnavailable {
		t.Error("a tile that the source does not have is shown")
	}
	s.broken.Store(true)
	before := s.asked.Load()
	for x := range 8 {
		if code, _ := get(t, h, fmt.Sprintf("/map/tiles/4/%d/0", x), ""); code != http.StatusServiceUnavailable {
			t.Errorf("tile %d: %d", x, code)
		}
	}
	if n := s.asked.Load() - before; n != 3 {
		t.Errorf("a source that is gone was asked %d times", n)
	}
	if code, _ := get(t, h, "/map/tiles/3/1/1", ""); code != http.StatusOK {
		t.Error("what was kept is gone")
	}
}

func TestAnArchiveIsServedInParts(t *testing.T) {
	t.Parallel()
	s := serve(t)
	file := filepath.Join(t.TempDir(), "a.pmtiles")
	if err := os.WriteFile(file, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{"here": file, "elsewhere": s.URL + "/a.pmtiles"} {
		h := ground(t, config(from, t.TempDir()))
		if code, body := get(t, h, "/map/background.pmtiles", "bytes=2-4"); code != http.StatusPartialContent || body != "234" {
			t.Errorf("%s: %d %q", name, code, body)
		}
		if _, body := get(t, h, "/map/background", ""); !strings.Contains(body, `"kind":"pmtiles"`) {
			t.Errorf("%s: %s", name, body)
		}
	}
	if code, _ := get(t, ground(t, config(s.URL+"/a.pmtiles", "")), "/map/background.pmtiles", "bytes=0-99999999"); code != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("an unbounded part of a stranger's: %d", code)
	}
}

func TestTheCacheStaysWithinItsSize(t *testing.T) {
	t.Parallel()
	s, dir := serve(t), t.TempDir()
	cfg := config(s.URL+"/{z}/{x}/{y}.png", dir)
	cfg.CacheMB = 1
	for k := range 3 { // leftovers of an earlier run, larger than what is allowed
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(k)), make([]byte, 600<<10), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := ground(t, cfg)
	if code, _ := get(t, h, "/map/tiles/3/1/1", ""); code != http.StatusOK {
		t.Fatal(code)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%d files: %v", len(entries), err)
	}
}

func TestSourcesThatCannotWorkAreNamed(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"https://tiles.example/{z}/{x}.png": "{y} is missing",
		"tiles/{z}/{x}/{y}.png":             "http or https",
		"/nowhere/a.pmtiles":                "no such file",
	} {
		if err := config(source, "").Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
	if err := background.Default().Validate(); err != nil {
		t.Error(err)
	}
}

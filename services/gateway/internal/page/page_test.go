package page_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	logv1 "vigie/pkg/gen/vigie/log/v1"
	"vigie/services/gateway/internal/page"
)

func router() http.Handler {
	r := chi.NewMux()
	page.Add(r)
	return r
}

func get(t *testing.T, address string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	for k := 0; k+1 < len(header); k += 2 {
		r.Header.Set(header[k], header[k+1])
	}
	w := httptest.NewRecorder()
	router().ServeHTTP(w, r)
	return w
}

// parts gives the content of every file of the page by its address.
func parts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS("static"), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile("static/" + name)
		address := "/status/" + name
		if name == "index.html" {
			address = "/"
		}
		out[address] = string(content)
		return err
	})
	if err != nil {
		t.Fatalf("files of the page: %v", err)
	}
	return out
}

func TestEveryPartIsServedAsItIsWithItsTypeAndAStrictPolicy(t *testing.T) {
	t.Parallel()
	kinds := map[string]string{".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", "/": "text/html"}
	for address, content := range parts(t) {
		w := get(t, address)
		if w.Code != http.StatusOK || w.Body.String() != content {
			t.Errorf("GET %s: status %d, %d bytes, want 200 and the %d bytes of the file", address, w.Code, w.Body.Len(), len(content))
		}
		kind := kinds[address[strings.LastIndexAny(address, "./"):]]
		if got := w.Header().Get("Content-Type"); kind == "" || !strings.HasPrefix(got, kind) {
			t.Errorf("GET %s: content type %q, want %q", address, got, kind)
		}
		csp := w.Header().Get("Content-Security-Policy")
		for _, rule := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, rule) {
				t.Errorf("GET %s: policy %q lacks %q", address, csp, rule)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("GET %s: policy %q allows what it should not", address, csp)
		}
	}
}

func TestABrowserThatHasThePartIsToldSo(t *testing.T) {
	t.Parallel()
	for address := range parts(t) {
		first := get(t, address)
		tag := first.Header().Get("ETag")
		if tag == "" || first.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("GET %s: ETag %q, Cache-Control %q; want a tag, asked for each time", address, tag, first.Header().Get("Cache-Control"))
		}
		if again := get(t, address, "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("GET %s with its tag: status %d, %d bytes, want 304 and none", address, again.Code, again.Body.Len())
		}
		if other := get(t, address, "If-None-Match", `"of-yesterday"`); other.Code != http.StatusOK {
			t.Errorf("GET %s with another tag: status %d, want 200", address, other.Code)
		}
	}
}

func TestHeadIsAnsweredToo(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	router().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodHead, "/", http.NoBody))
	if w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD /: status %d, %d bytes, want 200 and none", w.Code, w.Body.Len())
	}
}

func TestThePageHoldsNoScriptOfItsOwnAndLoadsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	forbidden := regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|\son\w+=|\sstyle=|<style|javascript:|(?:src|href)="(?:https?:)?//|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(`)
	elsewhere := regexp.MustCompile(`(?:from|import\(?)\s*["'](?:https?:|[^./])`)
	for address, content := range parts(t) {
		if found := forbidden.FindString(content); found != "" {
			t.Errorf("%s holds %q", address, found)
		}
		if found := elsewhere.FindString(content); found != "" {
			t.Errorf("%s imports from elsewhere: %q", address, found)
		}
	}
}

func TestEveryPartThatIsNamedIsServed(t *testing.T) {
	t.Parallel()
	all := parts(t)
	named := regexp.MustCompile(`(?:from "\.|(?:src|href)="/status)(/[\w.]+)"`)
	for address, content := range all {
		for _, match := range named.FindAllStringSubmatch(content, -1) {
			if _, ok := all["/status"+match[1]]; !ok {
				t.Errorf("%s names %s, which is not there", address, match[1])
			}
		}
	}
}

func TestEveryTypeOfEventHasItsSentenceAndItsFold(t *testing.T) {
	t.Parallel()
	all := parts(t)
	// What changes nothing that the board shows.
	unfolded := map[string]bool{"log_opened": true, "log_reopened": true, "level_raised": true, "request_undecidable": true, "sos_raised": true, "note_added": true, "still_no_team": true}
	types := (&logv1.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for k := range types.Len() {
		name := string(types.Get(k).Name())
		key := regexp.MustCompile(`(?m)^  ` + name + `[:(]`)
		if !key.MatchString(all["/status/events.js"]) {
			t.Errorf("events.js has no sentence for %s", name)
		}
		if !unfolded[name] && !key.MatchString(all["/status/fold.js"]) {
			t.Errorf("fold.js does not fold %s", name)
		}
	}
}

func TestEveryWordIsThereInBothLanguages(t *testing.T) {
	t.Parallel()
	all := parts(t)
	content := all["/status/words.js"]
	_, rest, _ := strings.Cut(content, "  en: {")
	english, rest, _ := strings.Cut(rest, "  fr: {")
	french, _, _ := strings.Cut(rest, "\n};")
	keys := func(block string) map[string]bool {
		out := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?:^|[{,])\s*(\w+): "`).FindAllStringSubmatch(block, -1) {
			out[m[1]] = true
		}
		return out
	}
	en, fr := keys(english), keys(french)
	if len(en) < 50 {
		t.Fatalf("only %d English words found: the table has another form", len(en))
	}
	for key := range en {
		if !fr[key] {
			t.Errorf("%q is missing in French", key)
		}
	}
	for key := range fr {
		if !en[key] {
			t.Errorf("%q is missing in English", key)
		}
	}
	used := regexp.MustCompile(`\bt\("(\w+)"\)|data-t(?:-label)?="(\w+)"`)
	for address, part := range all {
		for _, m := range used.FindAllStringSubmatch(part, -1) {
			if key := m[1] + m[2]; !en[key] {
				t.Errorf("%s uses the word %q, which is not there", address, key)
			}
		}
	}
}

// Package arch_test checks what no compiler does: who may reach whom, and that each package says what it is.
package arch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const mod = "vigie/"

// barred says what may not be reached from where, through any number of our packages, which depguard cannot see. A name that ends
// in /... stands for all packages below it, too.
var barred = []struct{ from, to, why string }{
	{"pkg/domain/...", mod + "pkg/wire", "a domain does not know its envelope"},
	{"pkg/domain/...", mod + "pkg/eventlog", "a domain does not know where its events are kept"},
	{"pkg/domain/...", mod + "pkg/app", "a domain knows no framework"},
	{"pkg/domain/...", "net", "a decider does no I/O"},
	{"pkg/domain/...", "os", "a decider does no I/O"},
	{"pkg/domain/...", "log/slog", "a decider does not log; what matters is an event"},
	{"pkg/domain/...", "math/rand", "chance comes in as data"},
	{"pkg/domain/...", "go.uber.org/fx", "a domain knows no framework"},
	{"pkg/domain/...", "github.com/segmentio/kafka-go", "a domain does no I/O"},
	{"pkg/...", mod + "services", "pkg knows no service"},
}

// only says who alone may import what. Packages below an importer are meant with it.
var only = []struct {
	what, why string
	importers []string
}{
	{
		"github.com/segmentio/kafka-go", "there is one log, and one way to append to it",
		[]string{"pkg/eventlog/kafkalog"},
	},
	{
		"github.com/gorilla/websocket", "sockets are those of the gateway's sessions; the simulator is a client of them",
		[]string{"services/gateway/internal/session", "services/vigie/internal/sim/client"},
	},
	{
		"github.com/redis/go-redis", "Redis holds projections and nothing else, each written under the guard of one script",
		[]string{"pkg/projection"},
	},
	{
		"github.com/alicebob/miniredis", "nothing knows that a Redis is embedded",
		[]string{"pkg/embedded", "pkg/projection/projectiontest"},
	},
}

// stdOnly packages reach nothing outside the standard library.
var stdOnly = []string{"pkg/es"}

// fxHomes are the packages, besides a service's root and mains, that know the framework.
var fxHomes = []string{"pkg/app", "pkg/embedded"}

// allInOne is the one service made of the others; webApps are files to serve, not a service.
const (
	allInOne = "services/vigie"
	webApps  = "services/web"
)

type pkg struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports, Deps   []string
	Standard        bool
}

// list returns the packages of this module, by path within it, and all they reach, by import path.
func list(t *testing.T) (ours, all map[string]pkg) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,Imports,Deps,Standard", "./...")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	ours, all = map[string]pkg{}, map[string]pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return ours, all
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
		if name, ok := strings.CutPrefix(p.ImportPath, mod); ok && len(p.GoFiles) > 0 {
			ours[name] = p
		}
	}
}

func within(importPath, root string) bool {
	return importPath == root || strings.HasPrefix(importPath, root+"/")
}

// matching returns the packages that pattern names, in order; a rule about none has outlived its package.
func matching(t *testing.T, ours map[string]pkg, pattern string) []string {
	t.Helper()
	root, tree := strings.CutSuffix(pattern, "/...")
	var found []string
	for name := range ours {
		if name == root || tree && within(name, root) {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		t.Errorf("a rule names %s, which is gone", pattern)
	}
	slices.Sort(found)
	return found
}

// reached returns from and those of our packages that it reaches. Generated code is not ours to keep pure.
func reached(ours map[string]pkg, from string) []string {
	found := []string{from}
	for _, dep := range ours[from].Deps {
		if name, ok := strings.CutPrefix(dep, mod); ok && !within(name, "pkg/gen") {
			found = append(found, name)
		}
	}
	return found
}

func TestNobodyReachesWhatIsBarred(t *testing.T) {
	t.Parallel()
	ours, _ := list(t)
	for _, rule := range barred {
		for _, from := range matching(t, ours, rule.from) {
			for _, via := range reached(ours, from) {
				for _, to := range ours[via].Imports {
					if within(to, rule.to) {
						t.Errorf("%s reaches %s through %s: %s", from, to, via, rule.why)
					}
				}
			}
		}
	}
}

func TestTheKernelReachesOnlyTheStandardLibrary(t *testing.T) {
	t.Parallel()
	ours, all := list(t)
	for _, pattern := range stdOnly {
		for _, from := range matching(t, ours, pattern) {
			for _, dep := range ours[from].Deps {
				if !all[dep].Standard {
					t.Errorf("%s reaches %s: the kernel is the standard library only", from, dep)
				}
			}
		}
	}
}

func TestSomePartsHaveOneImporter(t *testing.T) {
	t.Parallel()
	ours, _ := list(t)
	for _, rule := range only {
		for _, importer := range rule.importers {
			matching(t, ours, importer+"/...")
		}
		for name, p := range ours {
			if slices.ContainsFunc(rule.importers, func(i string) bool { return within(name, i) }) {
				continue
			}
			for _, to := range p.Imports {
				if within(to, rule.what) {
					t.Errorf("%s imports %s: %s", name, to, rule.why)
				}
			}
		}
	}
}

func TestServicesMeetOnlyInProto(t *testing.T) {
	t.Parallel()
	ours, _ := list(t)
	for name, p := range ours {
		from := service(name)
		if from == "" || from == allInOne {
			continue
		}
		for _, dep := range p.Deps {
			to := service(strings.TrimPrefix(dep, mod))
			if to != "" && to != from && to != webApps {
				t.Errorf("%s reaches %s: services meet only in proto", name, dep)
			}
		}
	}
}

// service returns services/NAME of what is within it, or "".
func service(name string) string {
	parts := strings.Split(name, "/")
	if len(parts) < 2 || parts[0] != "services" {
		return ""
	}
	return path.Join(parts[:2]...)
}

func TestTheFrameworkStaysAtTheEdge(t *testing.T) {
	t.Parallel()
	ours, _ := list(t)
	for _, home := range fxHomes {
		matching(t, ours, home)
	}
	for name, p := range ours {
		isMain := within(strings.TrimPrefix(name, service(name)+"/"), "cmd")
		if name == service(name) || isMain || slices.Contains(fxHomes, name) {
			continue
		}
		for _, to := range p.Imports {
			if within(to, "go.uber.org/fx") || within(to, "go.uber.org/dig") {
				t.Errorf("%s imports %s: only a service's root, its main, %s know the framework", name, to, strings.Join(fxHomes, " and "))
			}
		}
	}
}

func TestEachPackageSaysWhatItIsOnce(t *testing.T) {
	t.Parallel()
	ours, _ := list(t)
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if within(name, "pkg/gen") {
			continue
		}
		var said []string
		for _, file := range ours[name].GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(ours[name].Dir, file), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if says(f) {
				said = append(said, file)
			}
		}
		if len(said) != 1 {
			t.Errorf("%s has its doc comment in %d files %v, want exactly one", name, len(said), said)
		}
	}
}

func says(f *ast.File) bool {
	return f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != ""
}

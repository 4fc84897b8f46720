package app_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"vigie/pkg/app"
)

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestParseTrace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, want string }{
		"a traceparent":             {traceparent, traceparent},
		"a later version with more": {"01" + traceparent[2:] + "-more", traceparent},
		"version 0 with more":       {traceparent + "-more", ""},
		"version ff":                {"ff" + traceparent[2:], ""},
		"capitals":                  {strings.ToUpper(traceparent), ""},
		"no trace id":               {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", ""},
		"no span id":                {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", ""},
		"short":                     {traceparent[:50], ""},
		"nothing":                   {"", ""},
	} {
		got, ok := app.ParseTrace(tt.in)
		if got.String() != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, %v; want %q", name, got, ok, tt.want)
		}
	}
}

func TestAChildKeepsTheTrace(t *testing.T) {
	t.Parallel()
	parent := app.NewTrace()
	child := parent.Child()
	if child.ID() != parent.ID() || child == parent {
		t.Errorf("%v is not a child of %v", child, parent)
	}
	if back, ok := app.ParseTrace(parent.String()); !ok || back != parent {
		t.Errorf("%v came back as %v", parent, back)
	}
}

func TestALogRecordCarriesItsTrace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	trace, _ := app.ParseTrace(traceparent)
	log := app.NewLogger(&out, false, slog.LevelInfo).With("a", 1).WithGroup("g")
	log.InfoContext(app.WithTrace(t.Context(), trace), "with")
	log.InfoContext(t.Context(), "without")
	if got := strings.Count(out.String(), "trace_id="+trace.ID()); got > 1 || !strings.Contains(out.String(), trace.ID()) {
		t.Error(out.String())
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add(traceparent)
	f.Add("01" + traceparent[2:] + "-more")
	f.Fuzz(func(t *testing.T, s string) {
		trace, ok := app.ParseTrace(s)
		if !ok {
			return
		}
		if again, ok := app.ParseTrace(trace.String()); !ok || again != trace {
			t.Errorf("%q: %v came back as %v", s, trace, again)
		}
	})
}

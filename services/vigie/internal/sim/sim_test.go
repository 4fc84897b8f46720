package sim_test

import (
	"bytes"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"vigie/pkg/app"
	"vigie/services/vigie/internal/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhatCannotWorkIsSaidBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"a URL without accounts", []string{"--url", "http://127.0.0.1:1"}, app.Usage, "--accounts"},
		{"accounts without a URL", []string{"--accounts", "x"}, app.Usage, "--url"},
		{"a rate for a server that has one", []string{"--url", "http://127.0.0.1:1", "--accounts", "x", "--clock-rate", "2"}, app.Usage, "its own"},
		{"a day without calls", []string{"--day", "2020-04-08"}, app.Usage, "--calls"},
		{"no rate", []string{"--clock-rate", "0"}, app.Usage, "from 1"},
		{"no time", []string{"--for", "1s"}, app.Usage, "1m"},
		{"no region", []string{"--region", "nowhere.yaml"}, app.BadRegion, "--region"},
		{"no accounts file", []string{"--url", "http://127.0.0.1:1", "--accounts", "nowhere.json"}, app.Failure, "nowhere.json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var out, progress bytes.Buffer
			c := sim.Command()
			c.SilenceErrors, c.SilenceUsage = true, true
			c.SetOut(&out)
			c.SetErr(&progress)
			c.SetArgs(tc.args)
			err := c.ExecuteContext(t.Context())
			if app.Status(err) != tc.status || err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("status %d: %v", app.Status(err), err)
			}
			if out.Len() > 0 {
				t.Errorf("printed %s", &out)
			}
		})
	}
}

package vigie

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestTheVersionIsForPeopleAndForPrograms(t *testing.T) {
	t.Parallel()
	run := func(args ...string) string {
		var out bytes.Buffer
		root := Command()
		root.SetArgs(args)
		root.SetOut(&out)
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	var b build
	if err := json.Unmarshal([]byte(run("version", "--json")), &b); err != nil || b != thisBuild() || !strings.HasPrefix(b.Go, "go1.") {
		t.Errorf("%+v, %v", b, err)
	}
	if line := run("version"); line != thisBuild().String()+"\n" {
		t.Errorf("%q", line)
	}
	for want, b := range map[string]build{
		"unknown":                             {Version: "unknown"},
		"v1.2.3 0123456789ab go1.99":          {Version: "v1.2.3", Revision: "0123456789abcdef", Go: "go1.99"},
		"(devel) 0123456789ab+changes go1.99": {Version: "(devel)", Revision: "0123456789abcdef", Modified: true, Go: "go1.99"},
	} {
		if got := b.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What a person reads a program can read, too.
func TestEveryCommandSpeaksJSON(t *testing.T) {
	t.Parallel()
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		if !c.HasSubCommands() && c.Flags().Lookup("json") == nil {
			t.Errorf("%s has no --json", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	look(Command())
}

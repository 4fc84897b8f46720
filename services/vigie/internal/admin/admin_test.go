package admin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/directory"
	"vigie/pkg/region"
	"vigie/services/vigie/internal/admin"
)

const regionFile = "../../../../deployments/regions/aphp.yaml"

// desk is a data directory with a directory in it that stays open, as that of a running program does.
type desk struct {
	t    *testing.T
	data string
	dir  *directory.Directory
}

func start(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, data: t.TempDir()}
	var err error
	if d.dir, err = directory.Open(t.Context(), directory.Config{Path: filepath.Join(d.data, "directory.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.dir.Close() })
	if _, err := d.dir.CreateAccount(t.Context(), "alice", authz.Grant{Role: authz.Chief, Scope: authz.RegionScope}); err != nil {
		t.Fatal(err)
	}
	return d
}

// run runs a command line and gives what it printed.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := &cobra.Command{Use: "vigie", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(admin.Commands()...)
	var out bytes.Buffer
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return strings.TrimSpace(out.String()), err
}

func (d *desk) run(args ...string) string {
	d.t.Helper()
	out, err := run(d.t, append(args, "--data", d.data)...)
	if err != nil {
		d.t.Fatalf("%v: %v", args, err)
	}
	return out
}

func (d *desk) json(args ...string) map[string]any {
	d.t.Helper()
	var v map[string]any
	out := d.run(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		d.t.Fatalf("%v: %v: %s", args, err, out)
	}
	return v
}

func TestAccountsAreListedAndTheirPasswordsReset(t *testing.T) {
	t.Parallel()
	d := start(t)
	if out := d.run("account", "list"); !strings.HasPrefix(out, "alice") || !strings.Contains(out, "chief") {
		t.Errorf("list: %s", out)
	}
	if v := d.json("account", "list"); v["account"] != "alice" || v["grants"] == nil || v["created_at"] == nil {
		t.Errorf("list as JSON: %v", v)
	}
	session, err := d.dir.NewSession(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	password := d.run("account", "reset", "alice")
	if _, err := d.dir.Authenticate(t.Context(), "alice", password); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if _, _, err := d.dir.Principal(t.Context(), session.Token); !errors.Is(err, directory.ErrRevoked) {
		t.Errorf("the session of before: %v", err)
	}
	if _, err := run(t, "account", "reset", "nobody", "--data", d.data); !errors.Is(err, directory.ErrNoAccount) {
		t.Errorf("nobody: %v", err)
	}
}

func TestADirectoryIsMadeOnceWithAccountsThatOpen(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "fresh")
	if out, err := run(t, "account", "init", "--data", data, "--region", regionFile, "--json"); err != nil {
		t.Fatal(out, err)
	}
	content, err := os.ReadFile(filepath.Join(data, "first-accounts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var first directory.FirstAccounts
	if err := json.Unmarshal(content, &first); err != nil || len(first.Accounts) == 0 || len(first.Sources) == 0 {
		t.Fatalf("%s: %v", content, err)
	}
	d, err := directory.Open(t.Context(), directory.Config{Path: filepath.Join(data, "directory.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Authenticate(t.Context(), first.Accounts[0].Account, first.Accounts[0].Password); err != nil {
		t.Error(err)
	}
	_, err = run(t, "account", "init", "--data", data, "--region", regionFile)
	again, _ := os.ReadFile(filepath.Join(data, "first-accounts.json"))
	if app.Status(err) != app.Usage || !strings.Contains(err.Error(), "vigie account reset") || string(again) != string(content) {
		t.Errorf("a second time: %v", err)
	}
	if _, err := run(t, "account", "init", "--data", data, "--region", "nowhere.yaml"); app.Status(err) != app.BadRegion {
		t.Errorf("no region: %v", err)
	}
}

func TestASourceIsAddedOnceAndItsKeyOpens(t *testing.T) {
	t.Parallel()
	d := start(t)
	v := d.json("source", "add", "panel-7", "--room", "north")
	key, _ := v["key"].(string)
	p, err := d.dir.Source(t.Context(), key)
	if err != nil || p.ID != "panel-7" || p.Room != "north" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := run(t, "source", "add", "panel-7", "--room", "north", "--data", d.data); !errors.Is(err, directory.ErrExists) {
		t.Errorf("again: %v", err)
	}
	if _, err := run(t, "source", "add", "panel-8", "--data", d.data); err == nil {
		t.Error("a source of no room")
	}
}

func TestAHandheldIsSignedOnInTheRoomOfItsTeam(t *testing.T) {
	t.Parallel()
	d := start(t)
	r, err := region.Load(regionFile)
	if err != nil {
		t.Fatal(err)
	}
	room := r.Rooms[len(r.Rooms)-1]
	team := room.Configuration.GetTeams()[0].GetId()
	v := d.json("device", "token", "--team", team, "--guard", "g1", "--region", regionFile)
	token, _ := v["token"].(string)
	p, _, err := d.dir.Principal(t.Context(), token)
	if err != nil || p.Room != room.ID || p.Team != team || p.Guard != "g1" || v["device"] != p.ID {
		t.Errorf("%v: %+v, %v", v, p, err)
	}
	out, err := run(t, "device", "token", "--team", "nobody", "--guard", "g1", "--region", regionFile, "--data", d.data)
	if app.Status(err) != app.Usage || !strings.Contains(err.Error(), `no team "nobody"`) {
		t.Errorf("%s, %v", out, err)
	}
	if plain := d.run("device", "token", "--team", "T", "--guard", "g", "--room", "south"); strings.Contains(plain, " ") || plain == "" {
		t.Errorf("a token for scripts: %q", plain)
	}
}

func TestWithoutADirectoryTheCommandSaysWhatToDo(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	_, err := run(t, "account", "list", "--data", data)
	if app.Status(err) != app.Usage || !strings.Contains(err.Error(), "run vigie up once") {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(data); len(left) != 0 {
		t.Errorf("it made %v", left)
	}
}

func TestARegionFileIsCheckedWithAllItsProblems(t *testing.T) {
	t.Parallel()
	if out, err := run(t, "region", "check", regionFile); err != nil || !strings.Contains(out, "is good") {
		t.Errorf("%s, %v", out, err)
	}
	var v struct {
		OK    bool
		Sites int
	}
	if out, err := run(t, "region", "check", "--json", regionFile); err != nil || json.Unmarshal([]byte(out), &v) != nil || !v.OK || v.Sites == 0 {
		t.Errorf("%s, %v", out, err)
	}
	broken := filepath.Join(t.TempDir(), "region.yaml")
	if err := os.WriteFile(broken, []byte("name: x\nnonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "region", "check", broken); app.Status(err) != app.BadRegion {
		t.Errorf("status %d: %v", app.Status(err), err)
	}
}

func TestASecondAdminIsMadeAndSignsIn(t *testing.T) {
	t.Parallel()
	d := start(t)
	var made struct{ Account, Password string }
	if err := json.Unmarshal([]byte(d.run("account", "add", "bob", "--role", "admin", "--json")), &made); err != nil {
		t.Fatal(err)
	}
	p, err := d.dir.Authenticate(t.Context(), "bob", made.Password)
	if err != nil || made.Account != "bob" || !authz.Allow(p, authz.Administer, authz.Object{}) {
		t.Errorf("%+v: %v", p, err)
	}
	for _, args := range [][]string{{"bob", "--role", "admin"}, {"carol", "--role", "king"}, {"carol", "--role", "chief", "--scope", "planet"}} {
		if _, err := run(t, append([]string{"account", "add", "--data", d.data}, args...)...); err == nil {
			t.Errorf("%v was made", args)
		}
	}
}

package logcmd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/directory"
	"vigie/pkg/follow/followtest"
)

// people are in a directory: alice and bob, who are admins, and carol, who is not.
type people struct {
	directory string
	passwords map[string]string
	// file holds all passwords.
	file string
}

func someAdmins(t *testing.T, dir string) people {
	t.Helper()
	p := people{directory: filepath.Join(dir, "directory.db"), passwords: map[string]string{}, file: filepath.Join(t.TempDir(), "passwords")}
	d, err := directory.Open(t.Context(), directory.Config{Path: p.directory})
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for account, role := range map[string]authz.Role{"alice": authz.Admin, "bob": authz.Admin, "carol": authz.Chief} {
		if p.passwords[account], err = d.CreateAccount(t.Context(), account, authz.Grant{Role: role, Scope: authz.RegionScope}); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, "%s:%s\n", account, p.passwords[account])
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, p.file, []byte(lines.String()))
	return p
}

func TestALogIsReopenedByTwoAdminsOrNotAtAll(t *testing.T) {
	t.Parallel()
	data, _ := node(t)
	who := someAdmins(t, data)
	wrong := filepath.Join(t.TempDir(), "passwords")
	put(t, wrong, []byte("alice:"+who.passwords["alice"]+"\nbob:wrong\n"))
	good := []string{"--password-file", who.file}
	all := []string{"--room", "main", "--good-offset", "3", "--why", "w", "--yes", "--data", data}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"one admin":                {append([]string{"--by", "alice"}, all...), "two different admins"},
		"the same twice":           {append([]string{"--by", "alice", "--by", "alice"}, all...), "two different admins"},
		"one who is no admin":      {append([]string{"--by", "alice", "--by", "carol", "--password-file", who.file}, all...), "--by carol: that is no admin of room main"},
		"one who is not known":     {append([]string{"--by", "mallory", "--by", "bob", "--password-file", who.file}, all...), "admin mallory"},
		"a wrong password":         {append([]string{"--by", "alice", "--by", "bob", "--password-file", wrong}, all...), "admin bob"},
		"no passwords":             {append([]string{"--by", "alice", "--by", "bob"}, all...), "the password of alice is needed"},
		"no proof, and a register": {append([]string{"--by", "alice", "--by", "bob", "--unverified-admins"}, all...), "directory.db can: leave it out"},
		"no reason":                {append([]string{"--by", "alice", "--by", "bob", "--why", " "}, all[:4]...), "give --why"},
		"no offset":                {[]string{"--room", "main", "--by", "alice", "--by", "bob", "--why", "w", "--data", data}, "give --good-offset"},
		"no place":                 {append([]string{"--by", "alice", "--by", "bob"}, all[:7]...), "say where the log is"},
		"no such room":             {append([]string{"--by", "alice", "--by", "bob", "--room", "other", good[0], good[1]}, all[2:]...), "there is no room"},
		"no such record":           {append([]string{"--by", "alice", "--by", "bob", "--good-offset", "999", good[0], good[1]}, append(all[:2:2], all[4:]...)...), "is not one after which"},
		"unconfirmed":              {append([]string{"--by", "alice", "--by", "bob", good[0], good[1]}, append(all[:6:6], all[7:]...)...), "nothing was changed"},
	} {
		if _, status, err := vigie(t, append([]string{"log", "reopen"}, c.args...)...); status == app.OK || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: status %d: %v, want %q", name, status, err, c.want)
		}
	}

	// The plain command asks for what it needs, and shows no password.
	var out, told bytes.Buffer
	typing := strings.NewReader(who.passwords["alice"] + "\n" + who.passwords["bob"] + "\nmain\n")
	status, err := typed(t.Context(), typing, &out, &told, "log", "reopen", "--room", "main", "--good-offset", "3", "--by", "alice", "--by", "bob", "--why", "w", "--data", data)
	if status != app.OK || err != nil || !strings.Contains(out.String(), "Room main is open again") {
		t.Fatalf("typed: status %d: %v: %s%s", status, err, &told, &out)
	}
	for _, asked := range []string{"Password of alice: ", "Password of bob: ", "Type the name of the room"} {
		if !strings.Contains(told.String(), asked) {
			t.Errorf("%q is missing in %s", asked, &told)
		}
	}
}

// TestOnBrokersSomebodyHasToBeAskedWhoTheAdminsAre: a directory, a running node, or nobody, which the log then tells.
func TestOnBrokersSomebodyHasToBeAskedWhoTheAdminsAre(t *testing.T) {
	t.Parallel()
	who := someAdmins(t, t.TempDir())
	gateway := signIns(t, who.directory)
	for name, c := range map[string]struct {
		args []string
		want string // of the error; empty: it is done
	}{
		"nobody to ask":        {nil, "--unverified-admins does without proof"},
		"a directory":          {[]string{"--directory", who.directory, "--password-file", who.file}, ""},
		"no such directory":    {[]string{"--directory", who.directory + "x", "--password-file", who.file}, "no such file"},
		"a node":               {[]string{"--url", gateway, "--password-file", who.file}, ""},
		"a node, no admin":     {[]string{"--url", gateway, "--password-file", who.file, "--by", "carol"}, "--by carol: that is no admin of room main"},
		"a node that is away":  {[]string{"--url", "http://127.0.0.1:1", "--password-file", who.file}, "is it running?"},
		"a node in the clear":  {[]string{"--url", "http://vigie.example", "--password-file", who.file}, "over https only"},
		"a node and no proof":  {[]string{"--url", gateway, "--unverified-admins"}, "leave it out"},
		"a node and a file":    {[]string{"--url", gateway, "--directory", who.directory}, "give one of them"},
		"no proof, said aloud": {[]string{"--unverified-admins"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			room := followtest.Start(t)
			room.Tell(nil)
			head := room.Next() - 1
			room.Damage(room.Flipped())
			args := append([]string{"log", "reopen", "--room", "main", "--good-offset", fmt.Sprint(head), "--why", "w", "--yes", "--json", "--by", "alice"}, brokers(room)...)
			if !strings.Contains(strings.Join(c.args, " "), "--by") {
				args = append(args, "--by", "bob")
			}
			out, status, err := vigie(t, append(args, c.args...)...)
			if c.want != "" {
				if status == app.OK || !strings.Contains(fmt.Sprint(err), c.want) {
					t.Errorf("status %d: %v, want %q", status, err, c.want)
				}
				return
			}
			unproven := name == "no proof, said aloud"
			if status != app.OK || err != nil || strings.Contains(out, `"unverified":true`) != unproven {
				t.Fatalf("status %d: %v: %s", status, err, out)
			}
			for says, args := range map[string][]string{"UNVERIFIED": nil, `"unverified":true`: {"--json"}} {
				if told := ok(t, append(append([]string{"log", "tail", "--room", "main"}, args...), brokers(room)...)...); strings.Contains(told, says) != unproven {
					t.Errorf("the log says %s", told)
				}
			}
		})
	}
}

// signIns is what a gateway answers to those who sign in and out.
func signIns(t *testing.T, path string) (url string) {
	t.Helper()
	d, err := directory.Open(t.Context(), directory.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		var in struct{ Account, Password string }
		_ = json.NewDecoder(r.Body).Decode(&in) // what it lacks is refused
		p, err := d.Authenticate(r.Context(), in.Account, in.Password)
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			_ = json.NewEncoder(w).Encode(map[string]any{"code": "unauthenticated", "detail": err.Error()})
			return
		}
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{"token": "t", "grants": p.Grants})
	}))
	t.Cleanup(s.Close)
	return s.URL
}

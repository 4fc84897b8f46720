package secure_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"

	"vigie/tests/stack"
)

func TestAnAlarmReachesAHandheldWhereEveryServiceHasOnlyItsOwnRights(t *testing.T) {
	t.Parallel()
	applied(t)
	home := t.TempDir()
	data := filepath.Join(home, "data")
	if got := vigie(t, stack.Admin, "account", "init", "--data", data, "--region", region()); got.status != 0 {
		t.Fatal(got)
	}
	absolute, err := filepath.Abs(region())
	if err != nil {
		t.Fatal(err)
	}
	env := []string{
		"VIGIE_LISTEN=127.0.0.1:0", "VIGIE_DIRECTORY_URL=" + filepath.Join(data, "directory.db"),
		"VIGIE_REDIS_URL=" + shared.RedisURL(), "VIGIE_REDIS_CA_FILE=" + shared.CAFile(),
		"VIGIE_REDIS_USER=" + stack.Projector, "VIGIE_REDIS_PASSWORD=" + shared.Password(stack.Projector),
		"VIGIE_DISPATCH_WITNESS_PATH=" + filepath.Join(data, "witness.json"), "VIGIE_GATEWAY_REGION=" + absolute,
	}
	for _, name := range there() {
		programs.path(t, name)
	}
	// They outlive the test's own context, which ends before they are asked to stop.
	ctx, done := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(done)
	running := map[string]*service{}
	for _, name := range there() {
		running[name] = start(ctx, t, name, home, env...)
	}
	alarms, gateway, replay := client{t, running["alarms"].url}, client{t, running["gateway"].url}, client{t, running["replay"].url}

	first := decode[struct {
		Accounts []struct{ Account, Password, Role string }
		Sources  []struct{ Source, Key string }
	}](t, []byte(text(t, filepath.Join(data, "first-accounts.json"))))
	tokens := map[string]string{}
	for _, a := range first.Accounts {
		raw := gateway.call(http.MethodPost, "/v1/sessions", "", map[string]string{"account": a.Account, "password": a.Password})
		tokens[a.Role] = decode[struct{ Token string }](t, raw).Token
	}
	raw := gateway.call(http.MethodPost, "/v1/device-tokens", tokens["chief"], map[string]string{"team": "north-1", "guard": "g1"})
	handheld := watch(ctx, t, gateway.url, decode[struct{ Token string }](t, raw).Token, "team/north-1")
	handheld.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Command{Command: &watchv1.Command{
		Id: uuid.NewString(), Type: "team.on_duty", Guards: []string{"g1"},
	}}})

	key := ""
	for _, s := range first.Sources {
		if strings.Contains(s.Source, "alpha") {
			key = s.Key
		}
	}
	alarms.call(http.MethodPost, "/v1/alarms", key, map[string]string{"code": "INTRUSION", "site": "north", "zone": "PHARMACY"}, "Idempotency-Key", uuid.NewString())
	offer, offset := handheld.offer()

	state := decode[struct{ Missions []struct{ ID, Team string } }](t, replay.call(http.MethodGet,
		fmt.Sprintf("/v1/rooms/alpha/state?min_offset=%d", offset), tokens["supervisor"], nil))
	if len(state.Missions) != 1 || state.Missions[0].ID != offer.GetMission() || state.Missions[0].Team != "north-1" {
		t.Errorf("the handheld has mission %s, and the state is %+v", offer.GetMission(), state)
	}
	if got := vigie(t, "replay", "log", "verify", "--brokers", shared.Kafka()[0]); got.status != 0 {
		t.Errorf("verify, as replay: %v", got)
	}
	for name, s := range running {
		for _, user := range append(users(), stack.Projector) {
			if strings.Contains(s.story(), shared.Password(user)) {
				t.Errorf("%s has logged a password", name)
			}
		}
	}
}

// there are the services that this checkout has.
func there() []string {
	return slices.DeleteFunc(services(), func(name string) bool {
		return !exists(filepath.Join("..", "..", "..", "services", name, "cmd", name, "main.go"))
	})
}

func TestAServiceThatIsNotLetInEndsAtOnceAndSaysWhy(t *testing.T) {
	t.Parallel()
	wrong := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(wrong, []byte("not it\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	brokers := "VIGIE_KAFKA_BROKERS=" + shared.Kafka()[0]
	trusting := "VIGIE_KAFKA_TLS_CA=" + shared.CAFile()
	for name, tt := range map[string]struct {
		env    []string
		says   string
		status int
	}{
		"plaintext":        {[]string{brokers}, "this port may be for TLS only (give kafka_tls_ca)", 1},
		"a wrong password": {[]string{brokers, trusting, "VIGIE_KAFKA_USER=dispatch", "VIGIE_KAFKA_PASSWORD_FILE=" + wrong}, "refuses user dispatch", 1},
		"no trust":         {[]string{brokers, "VIGIE_KAFKA_TLS=true"}, "give the authority that signed it (kafka_tls_ca)", 1},
		"no password":      {[]string{brokers, trusting, "VIGIE_KAFKA_USER=dispatch"}, "give its password in kafka_password_file", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := append(slices.Clone(tt.env), "VIGIE_LISTEN=127.0.0.1:0", "VIGIE_DIRECTORY_URL="+filepath.Join(t.TempDir(), "directory.db"),
				"VIGIE_DISPATCH_WITNESS_PATH="+filepath.Join(t.TempDir(), "witness.json"))
			for _, program := range []string{"dispatch", "alarms"} {
				if got := run(t, env, program); got.status != tt.status || !strings.Contains(got.stderr, tt.says) {
					t.Errorf("%s: want %q and status %d: %v", program, tt.says, tt.status, got)
				}
			}
			if tt.status != 1 {
				return
			}
			if got := run(t, env, "vigie", "topics", "check", "--brokers", shared.Kafka()[0]); got.status != 1 || !strings.Contains(got.stderr, tt.says) {
				t.Errorf("the command line: want %q and status 1: %v", tt.says, got)
			}
		})
	}
}

func TestAConfigurationIsPrintedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	got := run(t, signedIn("dispatch"), "dispatch", "--print-config")
	if got.status != 0 || strings.Contains(got.stdout+got.stderr, shared.Password("dispatch")) || !strings.Contains(got.stdout, "kafka_user: dispatch") {
		t.Errorf("--print-config: %v", got)
	}
}

// client speaks to one service.
type client struct {
	t   *testing.T
	url string
}

func (c client) call(method, path, token string, body any, header ...string) []byte {
	c.t.Helper()
	var content io.Reader = http.NoBody
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		content = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, content)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	for k := 0; k < len(header); k += 2 {
		req.Header.Set(header[k], header[k+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // it was read
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		c.t.Fatalf("%s %s: status %d, %v: %s", method, path, res.StatusCode, err, raw)
	}
	return raw
}

func decode[T any](t *testing.T, raw []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return v
}

func text(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// handheld is a device on the socket.
type handheld struct {
	t    *testing.T
	conn *websocket.Conn
}

func watch(ctx context.Context, t *testing.T, url, token, what string) handheld {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"vigie.v1.json"}, HandshakeTimeout: patience}
	conn, res, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(url, "http")+"/v1/watch", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close() // the library has read it
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	h := handheld{t, conn}
	h.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Hello{Hello: &watchv1.Hello{Token: token, Now: timestamppb.Now(), Watch: what}}})
	return h
}

func (h handheld) send(f *watchv1.ClientFrame) {
	h.t.Helper()
	raw, err := protojson.Marshal(f)
	if err == nil {
		err = h.conn.WriteMessage(websocket.TextMessage, raw)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// offer waits for a mission, and says where it is in the log.
func (h handheld) offer() (*logv1.MissionOffered, int64) {
	h.t.Helper()
	for {
		_, raw, err := h.conn.ReadMessage()
		f := &watchv1.ServerFrame{}
		if err == nil {
			err = protojson.Unmarshal(raw, f)
		}
		if err != nil {
			h.t.Fatal(fmt.Errorf("waiting for an offer: %w", err))
		}
		for _, e := range f.GetEvent().GetEvents() {
			if o := e.GetMissionOffered(); o != nil {
				return o, f.GetEvent().GetOffset()
			}
		}
	}
}

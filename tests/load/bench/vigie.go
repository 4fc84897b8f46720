package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// system is the whole of Vigie in a process of its own, with one handheld signed on.
type system struct {
	dir     string
	process *exec.Cmd
	stdout  io.ReadCloser
	url     string
	key     string
	desk    string // a dispatcher's token
	hand    *websocket.Conn
	offers  chan *watchv1.ServerFrame
}

const team = "north-1"

func startVigie(ctx context.Context) (*system, error) {
	dir, err := os.MkdirTemp("", "vigie-bench-")
	if err != nil {
		return nil, err
	}
	s := &system{dir: dir, offers: make(chan *watchv1.ServerFrame, 64)}
	bin := os.Getenv("VIGIE_BIN")
	if bin == "" {
		return nil, errors.New("VIGIE_BIN is not set: run make bench")
	}
	s.process = exec.CommandContext(ctx, bin, "up", "--json", "--listen", "127.0.0.1:0", //nolint:gosec // our own program
		"--data", dir, "--region", filepath.Join("..", "deployments", "regions", "two-sites.yaml"))
	s.process.Stderr = os.Stderr
	if s.stdout, err = s.process.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(s.stdout).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("ready line: %w", err)
	}
	var ready struct{ URL string }
	if err := json.Unmarshal(line, &ready); err != nil {
		return nil, fmt.Errorf("ready line %q: %w", line, err)
	}
	s.url = ready.URL
	return s, s.signOn(ctx)
}

func (s *system) signOn(ctx context.Context) error {
	raw, err := os.ReadFile(filepath.Join(s.dir, "first-accounts.json"))
	if err != nil {
		return err
	}
	var first struct {
		Accounts []struct{ Account, Password string }
		Sources  []struct{ Source, Key string }
	}
	if err := json.Unmarshal(raw, &first); err != nil {
		return err
	}
	tokens := map[string]string{}
	for _, a := range first.Accounts {
		var session struct{ Token string }
		if a.Account != "chief" && a.Account != "dispatcher" {
			continue
		}
		if err := s.call(ctx, http.MethodPost, "/v1/sessions", "", "", map[string]string{"account": a.Account, "password": a.Password}, &session); err != nil {
			return err
		}
		tokens[a.Account] = session.Token
	}
	for _, source := range first.Sources {
		if strings.HasPrefix(source.Source, "alpha") {
			s.key = source.Key
		}
	}
	s.desk = tokens["dispatcher"]
	var device struct{ Token string }
	if err := s.call(ctx, http.MethodPost, "/v1/device-tokens", tokens["chief"], "", map[string]string{"team": team, "guard": "g-bench"}, &device); err != nil {
		return err
	}
	dialer := websocket.Dialer{Subprotocols: []string{"vigie.v1.proto"}, HandshakeTimeout: 5 * time.Second}
	conn, res, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(s.url, "http")+"/v1/watch", nil)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	s.hand = conn
	if err := s.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Hello{Hello: &watchv1.Hello{
		Token: device.Token, Now: timestamppb.Now(), Watch: "team/" + team,
	}}}); err != nil {
		return err
	}
	go s.listen()
	return s.command(ctx, "team.on_duty", map[string]any{"team": team})
}

// listen passes mission offers on, until the socket closes.
func (s *system) listen() {
	defer close(s.offers)
	for {
		_, data, err := s.hand.ReadMessage()
		if err != nil {
			return
		}
		f := &watchv1.ServerFrame{}
		if proto.Unmarshal(data, f) != nil {
			continue
		}
		for _, e := range f.GetEvent().GetEvents() {
			if e.GetMissionOffered() != nil {
				s.offers <- f
			}
		}
	}
}

func (s *system) send(f *watchv1.ClientFrame) error {
	data, err := proto.Marshal(f)
	if err != nil {
		return err
	}
	return s.hand.WriteMessage(websocket.BinaryMessage, data)
}

// alarms measures n alarms, one after the other: from sending, and from the acknowledgement, to the mission's frame.
func (s *system) alarms(ctx context.Context, n int) (sent, accepted []time.Duration, err error) {
	for range n {
		began := time.Now()
		err := s.call(ctx, http.MethodPost, "/v1/alarms", s.key, uuid.NewString(), map[string]string{"code": "ASSIST", "site": "north", "zone": "ED"}, nil)
		if err != nil {
			return nil, nil, err
		}
		acknowledged := time.Now()
		var offer *watchv1.ServerFrame
		select {
		case offer = <-s.offers:
		case <-time.After(10 * time.Second):
			return nil, nil, errors.New("no mission came within 10 s")
		}
		now := time.Now()
		sent = append(sent, now.Sub(began))
		// The mission may be there before the acknowledgement has been read.
		accepted = append(accepted, max(0, now.Sub(acknowledged)))
		for _, e := range offer.GetEvent().GetEvents() {
			if m := e.GetMissionOffered(); m != nil {
				if err := s.finish(ctx, m.GetMission(), m.GetIncident()); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	return sent, accepted, nil
}

// finish frees the team for the next one.
func (s *system) finish(ctx context.Context, mission, incident string) error {
	if err := s.command(ctx, "mission.clear", map[string]any{"mission": mission}); err != nil {
		return err
	}
	return s.command(ctx, "incident.close", map[string]any{"incident": incident, "disposition": "test"})
}

func (s *system) command(ctx context.Context, kind string, fields map[string]any) error {
	fields["type"] = kind
	var out struct{ Outcome, Code, Message string }
	if err := s.call(ctx, http.MethodPut, "/v1/rooms/alpha/commands/"+uuid.NewString(), s.desk, "", fields, &out); err != nil {
		return err
	}
	if out.Outcome != "done" {
		return fmt.Errorf("%s: %s: %s", kind, out.Code, out.Message)
	}
	return nil
}

func (s *system) call(ctx context.Context, method, path, token, key string, body, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Idempotency-Key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

func (s *system) stop() error {
	_ = s.hand.Close()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return errors.Join(s.process.Wait(), os.RemoveAll(s.dir))
}

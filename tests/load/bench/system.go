package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/wait"
)

// system is a running Vigie, in one process or in many, with one handheld signed on.
type system struct {
	// at gives the address of who answers a path.
	at   func(path string) string
	halt func() error

	key     string // a source's
	desk    string // a dispatcher's token
	auditor string // that of who may read everything
	device  string // the handheld's
	hand    *websocket.Conn
	offers  chan offer
	source  *source
}

// offer is a mission at the handheld, and when its frame was read there, before it was decoded: so the floor counts, too.
type offer struct {
	frame *watchv1.ServerFrame
	at    time.Time
}

const (
	room = "alpha"
	team = "north-1"
	// patience is how long something may take that is due at once, on a busy machine.
	patience = 30 * time.Second
)

// signOn takes the first accounts into use.
func signOn(ctx context.Context, at func(string) string, accounts string) (*system, error) {
	s := &system{at: at, offers: make(chan offer, 64), source: &source{}}
	raw, err := os.ReadFile(accounts) //nolint:gosec // our own program has written it
	if err != nil {
		return nil, err
	}
	var first struct {
		Accounts []struct{ Account, Password string }
		Sources  []struct{ Source, Key string }
	}
	if err := json.Unmarshal(raw, &first); err != nil {
		return nil, err
	}
	for _, source := range first.Sources {
		if strings.HasPrefix(source.Source, room) {
			s.key = source.Key
		}
	}
	chief := ""
	tokens := map[string]*string{"chief": &chief, "dispatcher": &s.desk, "auditor": &s.auditor}
	for _, a := range first.Accounts {
		token := tokens[a.Account]
		if token == nil {
			continue
		}
		var session struct{ Token string }
		if err := s.call(ctx, http.MethodPost, "/v1/sessions", "", map[string]string{"account": a.Account, "password": a.Password}, &session); err != nil {
			return nil, err
		}
		*token = session.Token
	}
	var device struct{ Token string }
	if err := s.call(ctx, http.MethodPost, "/v1/device-tokens", chief, map[string]string{"team": team, "guard": "g-bench"}, &device); err != nil {
		return nil, err
	}
	s.device = device.Token
	return s, s.watch(ctx)
}

// watch opens the handheld's socket and takes its team on duty.
func (s *system) watch(ctx context.Context) error {
	const path = "/v1/watch"
	dialer := websocket.Dialer{Subprotocols: []string{"vigie.v1.proto"}, HandshakeTimeout: 5 * time.Second}
	conn, res, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(s.at(path), "http")+path, nil)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	s.hand = conn
	if err := s.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Hello{Hello: &watchv1.Hello{
		Token: s.device, Now: timestamppb.Now(), Watch: "team/" + team,
	}}}); err != nil {
		return err
	}
	go s.listen()
	return s.command(ctx, "team.on_duty", map[string]any{"team": team})
}

// listen passes mission offers on, until the socket closes. What came before an offer is decoded beside the reading.
func (s *system) listen() {
	type arrival struct {
		data []byte
		at   time.Time
	}
	arrivals := make(chan arrival, 64)
	go func() {
		defer close(arrivals)
		for {
			_, data, err := s.hand.ReadMessage()
			if err != nil {
				return
			}
			arrivals <- arrival{data, time.Now()}
		}
	}()
	defer close(s.offers)
	for a := range arrivals {
		f := &watchv1.ServerFrame{}
		if proto.Unmarshal(a.data, f) != nil {
			continue
		}
		for _, e := range f.GetEvent().GetEvents() {
			if e.GetMissionOffered() != nil {
				s.offers <- offer{f, a.at}
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

// apart is how far alarms and what they are measured beside are from one another: an alarm does not come in the very
// millisecond in which the mission before it is cleared and shown as cleared.
const apart = 20 * time.Millisecond

// alarms measures n alarms, one after the other: from sending, and from the acknowledgement, to the mission's frame.
func (s *system) alarms(ctx context.Context, n int) (sent, accepted []time.Duration, err error) {
	for range n {
		if err := wait.For(ctx, apart); err != nil {
			return nil, nil, err
		}
		began, err := s.alarm(ctx)
		if err != nil {
			return nil, nil, err
		}
		acknowledged := time.Now()
		offer, err := s.offer(ctx)
		if err != nil {
			return nil, nil, err
		}
		sent = append(sent, offer.at.Sub(began))
		// The mission may be there before the acknowledgement has been read.
		accepted = append(accepted, max(0, offer.at.Sub(acknowledged)))
		if err := s.finish(ctx, offer.frame); err != nil {
			return nil, nil, err
		}
	}
	return sent, accepted, nil
}

// alarm sends one, waits until it is acknowledged, and says when its first byte was sent.
func (s *system) alarm(ctx context.Context) (began time.Time, err error) {
	const path = "/v1/alarms"
	body := strings.NewReader(`{"code":"ASSIST","site":"north","zone":"ED"}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.at(path)+path, body)
	if err != nil {
		return began, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+s.key)
	req.Header.Set("Idempotency-Key", uuid.NewString())
	return s.source.send(req)
}

// offer waits for a mission.
func (s *system) offer(ctx context.Context) (offer, error) {
	select {
	case o, open := <-s.offers:
		if !open {
			return o, errors.New("the handheld's socket has closed")
		}
		return o, nil
	case <-time.After(patience):
		return offer{}, fmt.Errorf("no mission came within %v", patience)
	case <-ctx.Done():
		return offer{}, ctx.Err()
	}
}

// finish frees the team for the next one.
func (s *system) finish(ctx context.Context, offer *watchv1.ServerFrame) error {
	for _, e := range offer.GetEvent().GetEvents() {
		m := e.GetMissionOffered()
		if m == nil {
			continue
		}
		if err := s.command(ctx, "mission.clear", map[string]any{"mission": m.GetMission()}); err != nil {
			return err
		}
		if err := s.command(ctx, "incident.close", map[string]any{"incident": m.GetIncident(), "disposition": "test"}); err != nil {
			return err
		}
	}
	return nil
}

func (s *system) command(ctx context.Context, kind string, fields map[string]any) error {
	fields["type"] = kind
	var out struct{ Outcome, Code, Message string }
	if err := s.call(ctx, http.MethodPut, "/v1/rooms/"+room+"/commands/"+uuid.NewString(), s.desk, fields, &out); err != nil {
		return err
	}
	if out.Outcome != "done" {
		return fmt.Errorf("%s: %s: %s", kind, out.Code, out.Message)
	}
	return nil
}

// call sends body as JSON and reads the answer into out.
func (s *system) call(ctx context.Context, method, path, token string, body, out any) error {
	return s.exchange(ctx, method, path, body, out, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) })
}

// locate sends positions as the telephone of the handheld's guard does.
func (s *system) locate(ctx context.Context, locations any) error {
	return s.exchange(ctx, http.MethodPost, "/v1/positions/owntracks", locations, nil, func(r *http.Request) {
		r.SetBasicAuth("guard", s.device)
	})
}

func (s *system) exchange(ctx context.Context, method, path string, body, out any, who func(*http.Request)) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.at(path)+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	who(req)
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
	_ = s.hand.Close() // it ends with the program at the latest
	s.source.hangUp()
	return s.halt()
}

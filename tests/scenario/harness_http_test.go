package scenario_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// answer is what came back over HTTP.
type answer struct {
	status int
	kind   string
	body   []byte
}

// call is one request; header holds names and values in turn.
func (n *Night) call(method, path, token string, body any, header ...string) (answer, error) {
	var content io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case []byte:
		content = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		content = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(n.life, method, n.at.URL+path, content)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for k := 0; k < len(header); k += 2 {
		req.Header.Set(header[k], header[k+1])
	}
	res, err := n.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }() // it was read
	raw, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header.Get("Content-Type"), raw}, err
}

// must is a call that has to come back with a status.
func (n *Night) must(want int, method, path, token string, body any, header ...string) []byte {
	n.t.Helper()
	got, err := n.call(method, path, token, body, header...)
	if err != nil {
		n.t.Fatalf("%s %s: %v", method, path, err)
	}
	if got.status != want {
		n.t.Fatalf("%s %s: status %d, want %d: %s", method, path, got.status, want, got.body)
	}
	return got.body
}

func decode[T any](n *Night, raw []byte) T {
	n.t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		n.t.Fatalf("%v: %s", err, raw)
	}
	return v
}

// Session signs a role in, afresh.
func (n *Night) Session(role string) string {
	n.t.Helper()
	for _, a := range n.first.Accounts {
		if a.Role == role {
			raw := n.must(http.StatusCreated, http.MethodPost, "/v1/sessions", "", map[string]string{"account": a.Account, "password": a.Password})
			return decode[struct{ Token string }](n, raw).Token
		}
	}
	n.t.Fatalf("first-accounts.json has nobody who is %s", role)
	return ""
}

// as gives the session of a role, signed in once.
func (n *Night) as(role string) string {
	n.t.Helper()
	if n.tokens[role] == "" {
		n.tokens[role] = n.Session(role)
	}
	return n.tokens[role]
}

// DeviceToken signs a handheld on.
func (n *Night) DeviceToken(team, guard string, ttl time.Duration) (token, device string) {
	n.t.Helper()
	raw := n.must(http.StatusCreated, http.MethodPost, "/v1/device-tokens", n.as("chief"),
		map[string]any{"team": team, "guard": guard, "ttl_s": int(ttl.Seconds())})
	d := decode[struct{ Token, Device string }](n, raw)
	return d.Token, d.Device
}

func (n *Night) readClock() {
	n.t.Helper()
	asked := time.Now()
	raw := n.must(http.StatusOK, http.MethodGet, "/v1/rooms", n.as("supervisor"), nil)
	said := decode[struct {
		Clock struct {
			Now  time.Time
			Rate int
		}
	}](n, raw).Clock
	n.clock = clock{server: said.Now, real: asked.Add(time.Since(asked) / 2), rate: said.Rate}
}

// state is GET /v1/rooms/{room}/state.
type state struct {
	Room      string
	LogID     string `json:"log_id"`
	Offset    int64
	Version   uint64
	At        time.Time
	StateHash string `json:"state_hash"`
	Incidents []incidentView
	Missions  []missionView
	Teams     []teamView
}

type incidentView struct {
	ID, State, Category, Site, Zone, Disposition string
	Priority, Neglected                          int
	GuardsWanted                                 int    `json:"guards_wanted"`
	ClaimedBy                                    string `json:"claimed_by"`
	OpenedBy                                     string `json:"opened_by"`
	NoTeam                                       bool   `json:"no_team"`
	Missions                                     []string
	Alarms                                       []struct {
		Code, Category string
		Count          int
	}
}

type missionView struct {
	ID, Incident, Team, State, Previous string
	Undelivered                         bool
	Guards                              int
	DeliveredAt                         string `json:"delivered_at"`
	SeenAt                              string `json:"seen_at"`
	AcceptedAt                          string `json:"accepted_at"`
	EnRouteAt                           string `json:"en_route_at"`
	OnSceneAt                           string `json:"on_scene_at"`
	EndedAt                             string `json:"ended_at"`
	EndReason                           string `json:"end_reason"`
}

type teamView struct {
	ID, Status, Mission string
	OnDuty              bool `json:"on_duty"`
	Reachable           bool
}

// State is the room now: not before anything that somebody in the night knows of.
func (n *Night) State(room string) state {
	n.t.Helper()
	known := n.claims.last(room)
	for _, w := range n.watchers {
		known = max(known, w.last(room))
	}
	return decode[state](n, n.StateBytes(room, url.Values{"min_offset": {strconv.FormatInt(known, 10)}}))
}

// StateBytes is the room as it is sent.
func (n *Night) StateBytes(room string, query url.Values) []byte {
	n.t.Helper()
	return n.must(http.StatusOK, http.MethodGet, "/v1/rooms/"+room+"/state?"+query.Encode(), n.as("supervisor"), nil)
}

func find[T any](list []T, is func(T) bool) (found T, ok bool) {
	for _, v := range list {
		if is(v) {
			return v, true
		}
	}
	return found, false
}

// part gives a part of a state; it has to be there.
func part[T any](n *Night, list []T, what, id string, idOf func(T) string) T {
	n.t.Helper()
	found, ok := find(list, func(v T) bool { return idOf(v) == id })
	if !ok {
		n.t.Fatalf("the state has no %s %q: %+v", what, id, list)
	}
	return found
}

// Incident of a state.
func (n *Night) Incident(s state, id string) incidentView {
	n.t.Helper()
	return part(n, s.Incidents, "incident", id, func(i incidentView) string { return i.ID })
}

// Mission of a state.
func (n *Night) Mission(s state, id string) missionView {
	n.t.Helper()
	return part(n, s.Missions, "mission", id, func(m missionView) string { return m.ID })
}

// Team of a state.
func (n *Night) Team(s state, id string) teamView {
	n.t.Helper()
	return part(n, s.Teams, "team", id, func(t teamView) string { return t.ID })
}

// put sends a command over HTTP.
func (n *Night) put(room, token string, c *watchv1.Command) (answer, error) {
	id := c.GetId()
	c.Id = ""
	body, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(c)
	c.Id = id
	if err != nil {
		return answer{}, err
	}
	n.claims.asks(id)
	return n.call(http.MethodPut, "/v1/rooms/"+room+"/commands/"+id, token, body)
}

// outcome is the answer to a command over HTTP.
type outcome struct {
	Outcome, Code, Message, Room string
	Offset                       int64
	Version                      uint64
}

// Put sends a command over HTTP and has to hear an outcome, done or refused.
func (n *Night) Put(room, role string, c *watchv1.Command) outcome {
	n.t.Helper()
	if c.GetId() == "" {
		c.Id = uuid.NewString()
	}
	got, err := n.put(room, n.as(role), c)
	if err != nil {
		n.t.Fatalf("%s: %v", c.GetType(), err)
	}
	if got.status != http.StatusOK {
		n.t.Fatalf("%s: status %d: %s", c.GetType(), got.status, got.body)
	}
	o := decode[outcome](n, got.body)
	n.claims.add(promise{room: o.Room, id: c.GetId(), outcome: o.Outcome, code: o.Code, log: o.Offset, version: o.Version})
	return o
}

// record is one of GET /v1/rooms/{room}/log.
type record struct {
	Room       string
	Offset     int64
	Version    uint64
	Cause      struct{ Principal, ID string }
	Intake     *int64
	Deadline   string
	Decider    string
	At         time.Time
	Effective  bool
	VoidReason string `json:"void_reason"`
	Halts      string
	Refusal    *struct{ Code, Message, Incident, Mission, Team string }
	RepeatOf   uint64 `json:"repeat_of"`
	Events     []map[string]any
	PrevHash   string `json:"prev_hash"`
	Hash       string
	Raw        []byte
}

// types of the events of a record.
func (r record) types() []string {
	list := make([]string, len(r.Events))
	for k, e := range r.Events {
		list[k], _ = e["type"].(string)
	}
	return list
}

// Log is the whole log of a room with the bytes as stored, and where its intake ends.
func (n *Night) Log(room string) (records []record, intakeEnd int64) {
	n.t.Helper()
	for from := int64(0); ; {
		raw := n.must(http.StatusOK, http.MethodGet, "/v1/rooms/"+room+"/log?raw=true&limit=1000&from="+strconv.FormatInt(from, 10), n.as("auditor"), nil)
		page := decode[struct {
			Records   []record
			Next, End int64
			IntakeEnd int64 `json:"intake_end"`
		}](n, raw)
		records, from, intakeEnd = append(records, page.Records...), page.Next, page.IntakeEnd
		if from >= page.End || len(page.Records) == 0 {
			return records, intakeEnd
		}
	}
}

// Timeline is the story of one incident.
func (n *Night) Timeline(room, incident string) []record {
	n.t.Helper()
	raw := n.must(http.StatusOK, http.MethodGet, "/v1/rooms/"+room+"/incidents/"+incident+"/timeline", n.as("supervisor"), nil)
	return decode[struct{ Records []record }](n, raw).Records
}

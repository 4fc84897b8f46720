package command_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"vigie/pkg/authz"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/edge"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/command"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type world struct {
	*livetest.World
	t    *testing.T
	dir  *directory.Directory
	desk *command.Desk
	way  *edge.Edge
}

func start(t *testing.T, rate int) *world {
	t.Helper()
	w := &world{World: livetest.Start(t, "north", "south"), t: t, dir: livetest.Directory(t)}
	if rate > 1 {
		var err error
		if w.Clock, err = clock.Open(filepath.Join(t.TempDir(), "clock.json"), rate); err != nil {
			t.Fatal(err)
		}
	}
	w.Decide("north", "south")
	rooms := follow.NewRooms(w.Log, slog.New(slog.DiscardHandler))
	if err := rooms.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rooms.Stop)
	for _, b := range rooms.All() {
		if err := b.Await(t.Context(), func(f *controlroom.Fold) bool { return f.State.RegionHash != "" }); err != nil {
			t.Fatal(err)
		}
	}
	intake := w.Writer()
	w.way = edge.New(edge.Config{
		Settings: edge.Settings{JournalDir: filepath.Join(t.TempDir(), "journal")}, Writer: intake, Logger: slog.New(slog.DiscardHandler),
	})
	if err := w.way.Start(t.Context(), w.Table); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.way.Stop(); err != nil {
			t.Error(err)
		}
	})
	w.desk = &command.Desk{Rooms: rooms, Log: w.Log, Intake: intake, Edge: w.way, Directory: w.dir, Clock: w.Clock}
	return w
}

// do sends a command to room north, with an id of its own, and gives what went into intake of it.
func (w *world) do(from command.Sender, c *watchv1.Command) (command.Outcome, *intakev1.Request, error) {
	w.t.Helper()
	if c.GetId() == "" {
		c.Id = uuid.NewString()
	}
	o, err := w.desk.Do(context.Background(), from, "north", c)
	for _, r := range w.Requests("north") {
		if r.Cause.ID == c.GetId() {
			return o, r.Body, err
		}
	}
	return o, nil, err
}

func account(role authz.Role, scope authz.Scope) command.Sender {
	return command.Sender{Principal: authz.Principal{ID: "alice", Kind: authz.KindAccount, Grants: []authz.Grant{{Role: role, Scope: scope}}}}
}

func handheld(team string) command.Sender {
	return command.Sender{Principal: authz.Principal{
		ID: "dev-" + team, Kind: authz.KindDevice, Room: "north", Team: team, Guard: "g-" + team,
		Grants: []authz.Grant{{Role: authz.Guard, Scope: authz.RoomScope("north")}},
	}}
}

var chief = account(authz.Chief, authz.RegionScope)

// every is one command of each type, complete, and the request that it becomes.
func every() map[string]struct {
	c    *watchv1.Command
	want *intakev1.Request
} {
	until := timestamppb.New(time.UnixMilli(1_795_000_000_000))
	return map[string]struct {
		c    *watchv1.Command
		want *intakev1.Request
	}{
		"incident.open": {&watchv1.Command{Site: "north-1", Zone: "Z1", Category: "assistance", Priority: 2}, &intakev1.Request{
			Body: &intakev1.Request_OpenIncident{OpenIncident: &intakev1.OpenIncident{Site: "north-1", Zone: "Z1", Category: "assistance", Priority: 2}},
		}},
		"incident.claim": {&watchv1.Command{Incident: "I9"}, &intakev1.Request{
			Body: &intakev1.Request_ClaimIncident{ClaimIncident: &intakev1.ClaimIncident{Incident: "I9"}},
		}},
		"incident.release": {&watchv1.Command{Incident: "I9"}, &intakev1.Request{
			Body: &intakev1.Request_ReleaseIncident{ReleaseIncident: &intakev1.ReleaseIncident{Incident: "I9"}},
		}},
		"incident.control": {&watchv1.Command{Incident: "I9"}, &intakev1.Request{
			Body: &intakev1.Request_ControlIncident{ControlIncident: &intakev1.ControlIncident{Incident: "I9"}},
		}},
		"incident.close": {&watchv1.Command{Incident: "I9", Disposition: "genuine"}, &intakev1.Request{
			Body: &intakev1.Request_CloseIncident{CloseIncident: &intakev1.CloseIncident{Incident: "I9", Disposition: "genuine"}},
		}},
		"incident.cancel": {&watchv1.Command{Incident: "I9", Reason: "test"}, &intakev1.Request{
			Body: &intakev1.Request_CancelIncident{CancelIncident: &intakev1.CancelIncident{Incident: "I9", Reason: "test"}},
		}},
		"incident.propose": {&watchv1.Command{Incident: "I9"}, &intakev1.Request{
			Body: &intakev1.Request_AskProposal{AskProposal: &intakev1.AskProposal{Incident: "I9"}},
		}},
		"incident.note": {&watchv1.Command{Incident: "I9", Text: "the door is blue"}, &intakev1.Request{
			Body: &intakev1.Request_AddNote{AddNote: &intakev1.AddNote{Incident: "I9"}},
		}},
		"sos": {&watchv1.Command{Team: "T-north-1", Silent: true, Site: "north-1", Zone: "Z1"}, &intakev1.Request{
			Body: &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{Team: "T-north-1", Guard: "g-T-north-1", Silent: true, Site: "north-1", Zone: "Z1"}},
		}},
		"mission.assign": {&watchv1.Command{Incident: "I9", Team: "T-north-1", Reason: "nearest"}, &intakev1.Request{
			Body: &intakev1.Request_AssignMission{AssignMission: &intakev1.AssignMission{Incident: "I9", Team: "T-north-1", Reason: "nearest"}},
		}},
		"mission.cancel": {&watchv1.Command{Mission: "M9", Reason: "recalled"}, &intakev1.Request{
			Body: &intakev1.Request_CancelMission{CancelMission: &intakev1.CancelMission{Mission: "M9", Reason: "recalled"}},
		}},
		"mission.delivered": {&watchv1.Command{Mission: "M9"}, &intakev1.Request{
			Body: &intakev1.Request_ReportDelivered{ReportDelivered: &intakev1.ReportDelivered{Mission: "M9", Device: "dev-T-north-1"}},
		}},
		"mission.seen": {&watchv1.Command{Mission: "M9"}, &intakev1.Request{
			Body: &intakev1.Request_ReportSeen{ReportSeen: &intakev1.ReportSeen{Mission: "M9", Device: "dev-T-north-1"}},
		}},
		"mission.accept": {&watchv1.Command{Mission: "M9"}, &intakev1.Request{
			Body: &intakev1.Request_AcceptMission{AcceptMission: &intakev1.AcceptMission{Mission: "M9"}},
		}},
		"mission.decline": {&watchv1.Command{Mission: "M9", Reason: "injured"}, &intakev1.Request{
			Body: &intakev1.Request_DeclineMission{DeclineMission: &intakev1.DeclineMission{Mission: "M9", Reason: "injured"}},
		}},
		"mission.en_route": {&watchv1.Command{Mission: "M9"}, &intakev1.Request{
			Body: &intakev1.Request_ReportEnRoute{ReportEnRoute: &intakev1.ReportEnRoute{Mission: "M9"}},
		}},
		"mission.on_scene": {&watchv1.Command{Mission: "M9"}, &intakev1.Request{
			Body: &intakev1.Request_ReportOnScene{ReportOnScene: &intakev1.ReportOnScene{Mission: "M9"}},
		}},
		"mission.clear": {&watchv1.Command{Mission: "M9"}, &intakev1.Request{
			Body: &intakev1.Request_ClearMission{ClearMission: &intakev1.ClearMission{Mission: "M9"}},
		}},
		"mission.backup": {&watchv1.Command{Mission: "M9", MoreGuards: 2}, &intakev1.Request{
			Body: &intakev1.Request_RequestBackup{RequestBackup: &intakev1.RequestBackup{Mission: "M9", Guards: 2}},
		}},
		"team.on_duty": {&watchv1.Command{Team: "T-north-1", Guards: []string{"g1"}, Until: until}, &intakev1.Request{
			Body: &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{Team: "T-north-1", Guards: []string{"g1"}, UntilMs: 1_795_000_000_000}},
		}},
		"team.off_duty": {&watchv1.Command{Team: "T-north-1"}, &intakev1.Request{
			Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: "T-north-1"}},
		}},
	}
}

// ofATeam: what a team does, as opposed to what directs others.
func ofATeam(typ string) bool {
	return typ == "sos" || strings.HasPrefix(typ, "team.") || strings.HasPrefix(typ, "mission.") && typ != "mission.assign" && typ != "mission.cancel"
}

func TestEveryCommandBecomesItsRequest(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	for typ, c := range every() {
		from, role := chief, "chief"
		if ofATeam(typ) {
			from, role = handheld("T-north-1"), "guard"
			c.c.Team = "T-north-1" // as the session fills it in
		}
		c.c.Type, c.c.Epoch = typ, 3
		_, q, err := w.do(from, c.c)
		if err != nil || q == nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		sealed := protocmp.IgnoreFields(&intakev1.AddNote{}, "text")
		if diff := cmp.Diff(c.want, &intakev1.Request{Body: q.GetBody()}, protocmp.Transform(), sealed); diff != "" {
			t.Errorf("%s (-want +got):\n%s", typ, diff)
		}
		who := string(from.Kind) + "/" + from.ID
		if q.GetRoom() != "north" || q.GetPrincipal() != who || q.GetEpoch() != 3 || q.GetActor().GetRole() != role || q.GetTraceparent() == "" {
			t.Errorf("%s: %v", typ, q)
		}
		// What directs others is good for 30 s; what a guard did is a fact and never too late.
		wait := q.GetValidUntilMs() - q.GetReceivedAtMs()
		if directs := !ofATeam(typ) && typ != "incident.note"; directs && wait != 30_000 || !directs && q.GetValidUntilMs() != 0 {
			t.Errorf("%s: valid until %d, received at %d", typ, q.GetValidUntilMs(), q.GetReceivedAtMs())
		}
	}
}

func TestWhoMayAskWhat(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	for typ, c := range every() {
		for _, role := range authz.AccountRoles() {
			want := role == authz.Dispatcher || role == authz.Chief
			if want && role == authz.Chief {
				continue // as a dispatcher, and asked above
			}
			for _, scope := range []authz.Scope{authz.RegionScope, authz.RoomScope("south"), authz.SiteScope("south-1")} {
				sent := proto.CloneOf(c.c)
				sent.Type, sent.Team = typ, "T-north-1"
				_, q, err := w.do(account(role, scope), sent)
				if allowed := want && scope == authz.RegionScope; allowed != (err == nil) || allowed != (q != nil) || !allowed && !errors.Is(err, command.ErrForbidden) {
					t.Errorf("%s as %s of %s: %v, stored: %v", typ, role, scope, err, q != nil)
				}
			}
		}
		sent := proto.CloneOf(c.c)
		sent.Type, sent.Team = typ, "T-north-1"
		for team, want := range map[string]bool{"T-north-1": ofATeam(typ), "T-north-2": false} {
			if _, _, err := w.do(handheld(team), proto.CloneOf(sent)); (err == nil) != want {
				t.Errorf("%s from the handheld of %s: %v", typ, team, err)
			}
		}
	}
}

func TestNoFieldBesideBuysARight(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	w.StartDuty("north", "T-north-1")
	if o, _, err := w.do(chief, &watchv1.Command{Type: "incident.open", Site: "north-1", Category: "assistance"}); err != nil || o.Refusal != nil {
		t.Fatalf("%+v, %v", o, err)
	}
	if o, _, err := w.do(chief, &watchv1.Command{Type: "mission.assign", Incident: "I1", Team: "T-north-1", Reason: "x"}); err != nil {
		t.Fatalf("%+v, %v", o, err)
	}
	w.Ask("north", "gateway/g", "l", &intakev1.Request{Body: &intakev1.Request_LinkBack{LinkBack: &intakev1.LinkBack{
		Device: "d", Team: "T-north-1", Gateway: "g/1", Session: "s",
	}}})
	livetest.Await(t, "a mission", func() (found bool) {
		w.desk.Rooms.Board("north").Look(func(f *controlroom.Fold) { found = f.State.Missions["M1"] != nil })
		return found
	})
	two := account(authz.Dispatcher, authz.SiteScope("north-2"))
	for name, c := range map[string]struct {
		from command.Sender
		c    *watchv1.Command
	}{
		"another site's incident, naming the own site":       {two, &watchv1.Command{Type: "incident.claim", Incident: "I1", Site: "north-2"}},
		"another site's mission, naming the own site":        {two, &watchv1.Command{Type: "mission.cancel", Mission: "M1", Site: "north-2"}},
		"another site's team, naming the own site":           {two, &watchv1.Command{Type: "team.off_duty", Team: "T-north-1", Site: "north-2"}},
		"an unknown incident, naming the own site":           {two, &watchv1.Command{Type: "incident.claim", Incident: "I99", Site: "north-2"}},
		"another team's duty, naming the own mission":        {handheld("T-north-1"), &watchv1.Command{Type: "team.off_duty", Team: "T-north-2", Mission: "M1"}},
		"another team's SOS, naming the own mission":         {handheld("T-north-1"), &watchv1.Command{Type: "sos", Team: "T-north-2", Mission: "M1"}},
		"another team's mission, naming the own team":        {handheld("T-north-2"), &watchv1.Command{Type: "mission.accept", Mission: "M1", Team: "T-north-2"}},
		"another team's mission, naming one nobody has seen": {handheld("T-north-2"), &watchv1.Command{Type: "mission.accept", Mission: "M1", Team: "T-north-2", Incident: "I7"}},
	} {
		if _, q, err := w.do(c.from, c.c); !errors.Is(err, command.ErrForbidden) || q != nil {
			t.Errorf("%s: %v, stored: %v", name, err, q != nil)
		}
	}
	one := account(authz.Dispatcher, authz.SiteScope("north-1"))
	for _, c := range []*watchv1.Command{
		{Type: "incident.claim", Incident: "I1"}, {Type: "team.off_duty", Team: "T-north-1"}, {Type: "incident.open", Site: "north-1", Category: "assistance"},
	} {
		if _, _, err := w.do(one, c); err != nil {
			t.Errorf("%s at the own site: %v", c.GetType(), err)
		}
	}
}

func TestWhatIsWrongWithACommandIsSaid(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	for name, c := range map[string]struct {
		c    *watchv1.Command
		want string
	}{
		"no id":           {&watchv1.Command{Id: "seven", Type: "sos"}, "must be a UUID"},
		"an unknown type": {&watchv1.Command{Type: "incident.delete"}, `no command "incident.delete"`},
		"a missing field": {&watchv1.Command{Type: "mission.decline", Mission: "M1"}, "mission.decline needs reason"},
		"a text too long": {&watchv1.Command{Type: "incident.open", Site: "north-1", Category: "access", Text: strings.Repeat("x", 4097)}, "shorten it"},
		"a category that nobody knows": {
			&watchv1.Command{Type: "incident.open", Site: "north-1", Category: "terrorisme"}, `no category "terrorisme": use one of delinquency`,
		},
		"a guard by name":    {&watchv1.Command{Type: "team.on_duty", Team: "T-north-1", Guards: []string{"g1", "Jeanne Durand"}}, "never by name"},
		"a guard of no name": {&watchv1.Command{Type: "team.on_duty", Team: "T-north-1", Guards: []string{""}}, "pseudonymous ids"},
		"a guard twice":      {&watchv1.Command{Type: "team.on_duty", Team: "T-north-1", Guards: []string{"g1", "g2", "g1"}}, "g1 is named twice"},
		"too many guards":    {&watchv1.Command{Type: "team.on_duty", Team: "T-north-1", Guards: make([]string, 33)}, "at most 32"},
		"a long reason":      {&watchv1.Command{Type: "incident.cancel", Incident: "I1", Reason: strings.Repeat("é", 257)}, "shorten it"},
		"a long end":         {&watchv1.Command{Type: "incident.close", Incident: "I1", Disposition: strings.Repeat("é", 65)}, "shorten it"},
		"a long name":        {&watchv1.Command{Type: "incident.claim", Incident: strings.Repeat("x", 65)}, "incident is not a name"},
		"a name typed":       {&watchv1.Command{Type: "incident.claim", Incident: "that of Martin"}, "incident is not a name"},
		"no reason at all":   {&watchv1.Command{Type: "mission.decline", Mission: "M1", Reason: " "}, "mission.decline needs reason"},
	} {
		_, q, err := w.do(chief, c.c)
		if !errors.Is(err, command.ErrInvalid) || command.Code(err) != "invalid_request" || !strings.Contains(command.Sentence(err), c.want) || q != nil {
			t.Errorf("%s: %v, stored: %v", name, err, q != nil)
		}
	}
	if _, err := w.desk.Do(t.Context(), chief, "nowhere", &watchv1.Command{}); !errors.Is(err, command.ErrInvalid) {
		t.Errorf("no such room: %v", err)
	}
}

func TestTimesAreTheSendersPutOnTheRoomsClock(t *testing.T) {
	t.Parallel()
	w := start(t, 10)
	from := chief
	from.ClockOffset = time.Hour
	said := time.UnixMilli(1_795_000_000_000)
	_, q, err := w.do(from, &watchv1.Command{
		Type: "incident.claim", Incident: "I1", At: timestamppb.New(said), ValidUntil: timestamppb.New(said.Add(time.Second)),
	})
	if err != nil || q.GetDeviceAtMs() != said.Add(time.Hour).UnixMilli() || q.GetValidUntilMs() != said.Add(time.Hour+time.Second).UnixMilli() {
		t.Errorf("%v, %v", q, err)
	}
	_, q, err = w.do(from, &watchv1.Command{Type: "incident.claim", Incident: "I1"})
	if wait := q.GetValidUntilMs() - q.GetReceivedAtMs(); err != nil || wait != 300_000 {
		t.Errorf("30 s at a tenfold clock are %d ms, %v", wait, err)
	}
}

func TestAnSOSIsNotKeptBackForNonsenseBesideIt(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	o, q, err := w.do(handheld("T-north-1"), &watchv1.Command{
		Type: "sos", Team: "T-north-1", Lat: math.NaN(), Lon: math.Inf(1), Text: strings.Repeat("x", 9999),
	})
	if err != nil || o.Refusal != nil || q.GetRaiseSos() == nil || q.GetRaiseSos().GetPosition() != nil {
		t.Errorf("%+v, %v, %v", o, q, err)
	}
}

func TestTheSameIDIsTheSameCommand(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	c := &watchv1.Command{Id: uuid.NewString(), Type: "incident.open", Site: "north-1", Category: "assistance", Text: "x"}
	first, _, err := w.do(chief, proto.CloneOf(c))
	if err != nil || first.Refusal != nil {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, _, err := w.do(chief, proto.CloneOf(c)); err != nil || again != first {
		t.Errorf("again %+v, %v, first %+v", again, err, first)
	}
	c.Site = "north-2"
	if other, _, err := w.do(chief, c); err != nil || other.Refusal == nil || other.Refusal.Code != "id_reused" {
		t.Errorf("another use: %+v, %v", other, err)
	}
	refused := &watchv1.Command{Id: uuid.NewString(), Type: "incident.claim", Incident: "I99"}
	for range 2 {
		if o, _, err := w.do(chief, proto.CloneOf(refused)); err != nil || o.Refusal == nil || o.Refusal.Code != "unknown_incident" || o.Refusal.Message == "" {
			t.Errorf("%+v, %v", o, err)
		}
	}
}

func TestWithoutStorageOrOutcomeTheSenderIsToldToAskAgain(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	away := w.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: eventlog.TopicIntake, Err: kerr.TopicAuthorizationFailed, Count: -1})
	c := &watchv1.Command{Id: uuid.NewString(), Type: "incident.open", Site: "north-1", Category: "assistance"}
	if _, _, err := w.do(chief, c); command.Code(err) != "not_durable" || !strings.Contains(command.Sentence(err), "same id") {
		t.Errorf("%v", err)
	}
	away.Remove()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := w.desk.Submit(ctx, follow.NewBoard(w.Log, w.Entry("north"), nil), &intakev1.Request{
		Room: "north", Principal: "account/alice", Id: "x", Body: &intakev1.Request_ClaimIncident{ClaimIncident: &intakev1.ClaimIncident{Incident: "I1"}},
	}); command.Code(err) != "outcome_unknown" { // that board is read by nobody
		t.Errorf("%v", err)
	}
	if o, _, err := w.do(chief, c); err != nil || o.Refusal != nil {
		t.Errorf("%+v, %v", o, err)
	}
	if command.Code(errors.New("sqlite: disk I/O")) != "internal" || strings.Contains(command.Sentence(errors.New("sqlite: disk I/O")), "sqlite") {
		t.Error("an internal error is told")
	}
}

func TestWhileKafkaIsAwayAnSOSIsKeptAndNothingElseIs(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	away := w.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: eventlog.TopicIntake, Err: kerr.NotEnoughReplicas, Count: -1})
	sos := &watchv1.Command{Id: uuid.NewString(), Type: "sos", Team: "T-north-1"}
	for range 2 {
		if o, _, err := w.do(handheld("T-north-1"), proto.CloneOf(sos)); err != nil || !o.Provisional || o.Refusal != nil || o.Room != "north" {
			t.Errorf("%+v, %v", o, err)
		}
	}
	other := proto.CloneOf(sos)
	other.Silent = true
	if _, _, err := w.do(handheld("T-north-1"), other); command.Code(err) != "id_reused" || !strings.Contains(command.Sentence(err), "new id") {
		t.Errorf("another use of the id: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*edge.After)
	defer cancel()
	stale := &watchv1.Command{Id: uuid.NewString(), Type: "incident.open", Site: "north-1", Category: "assistance"}
	if o, err := w.desk.Do(ctx, chief, "north", stale); command.Code(err) != "not_durable" {
		t.Errorf("what directs others: %+v, %v", o, err)
	}
	if n := w.way.Entries(); n != 1 {
		t.Errorf("%d entries in the journal", n)
	}
	away.Remove()
	livetest.Await(t, "the journal is empty", func() bool { return w.way.Entries() == 0 })
	o, _, err := w.do(handheld("T-north-1"), proto.CloneOf(sos))
	if err != nil || o.Provisional || o.Refusal != nil || o.Version == 0 {
		t.Errorf("afterwards: %+v, %v", o, err)
	}
	for _, q := range w.Requests("north") {
		if q.Cause.ID == stale.GetId() {
			t.Error("what nobody was told to be stored is stored")
		}
	}
}

package command_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"vigie/pkg/authz"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/command"
)

func TestWhatIsHeardByRadioIsRecordedByThoseWhoSendTeams(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	heard := time.UnixMilli(1_795_000_000_000)
	dispatcher := account(authz.Dispatcher, authz.RoomScope("north"))
	for typ, c := range every() {
		sent := proto.CloneOf(c.c)
		sent.Type, sent.Team, sent.ByRadio, sent.At = typ, "T-north-1", true, timestamppb.New(heard)
		_, q, err := w.do(dispatcher, sent)
		if receipt := typ == "mission.delivered" || typ == "mission.seen"; receipt || !ofATeam(typ) {
			if !errors.Is(err, command.ErrInvalid) || q != nil {
				t.Errorf("%s is no word of a team: %v, stored: %v", typ, err, q != nil)
			}
			continue
		}
		if err != nil || !q.GetByRadio() || q.GetDeviceAtMs() != heard.UnixMilli() || q.GetActor().GetId() != "alice" || q.GetActor().GetRole() != "dispatcher" {
			t.Errorf("%s: %v, %v", typ, err, q)
		}
		for name, from := range map[string]command.Sender{
			"a handheld": handheld("T-north-1"), "a supervisor": account(authz.Supervisor, authz.RegionScope),
			"the desk of another room": account(authz.Dispatcher, authz.RoomScope("south")),
		} {
			sent := proto.CloneOf(sent)
			sent.Id = ""
			if _, q, err := w.do(from, sent); err == nil || q != nil {
				t.Errorf("%s by radio from %s: %v, stored: %v", typ, name, err, q != nil)
			}
		}
	}
}

func TestAnSOSByRadioNamesTheGuardWhoWasHeard(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	_, q, err := w.do(chief, &watchv1.Command{Type: "sos", Team: "T-north-1", Guards: []string{"g7"}, ByRadio: true})
	if err != nil || q.GetRaiseSos().GetGuard() != "g7" || !q.GetByRadio() {
		t.Errorf("%v, %v", err, q)
	}
	_, q, err = w.do(chief, &watchv1.Command{Type: "sos", Team: "T-north-1", Guards: []string{"Jeanne Durand"}, ByRadio: true})
	if err != nil || q.GetRaiseSos() == nil || q.GetRaiseSos().GetGuard() != "" {
		t.Errorf("with a name beside it: %v, %v", err, q)
	}
}

func TestANoteNeedsATextAndIsSealed(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	for _, text := range []string{"", "  \n"} {
		if _, _, err := w.do(chief, &watchv1.Command{Type: "incident.note", Incident: "I1", Text: text}); !errors.Is(err, command.ErrInvalid) || !strings.Contains(command.Sentence(err), "needs text") {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, q, err := w.do(chief, &watchv1.Command{Type: "incident.note", Incident: "I1", Text: "the door is blue"})
	text := q.GetAddNote().GetText()
	if err != nil || text.GetKey() == "" || len(text.GetSealed()) == 0 || text.GetClear() != "" {
		t.Fatalf("%v, %v", err, q)
	}
	plain, err := w.dir.OpenSealed(t.Context(), text.GetKey(), text.GetSealed())
	if err != nil || plain != "the door is blue" {
		t.Errorf("%q, %v", plain, err)
	}
}

func TestTheSameWordsByRadioAndByDeviceAreNotTheSameCommand(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	id := uuid.NewString()
	if _, _, err := w.do(chief, &watchv1.Command{Id: id, Type: "team.off_duty", Team: "T-north-1"}); err != nil {
		t.Fatal(err)
	}
	o, _, err := w.do(chief, &watchv1.Command{Id: id, Type: "team.off_duty", Team: "T-north-1", ByRadio: true})
	if err != nil || o.Refusal == nil || o.Refusal.Code != "id_reused" {
		t.Errorf("%+v, %v", o, err)
	}
}

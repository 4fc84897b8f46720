package session

import (
	"context"
	"encoding/base64"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	"vigie/pkg/follow"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/wire"
	"vigie/services/gateway/internal/command"
	"vigie/services/gateway/internal/notice"
)

func cursorOf(p follow.Position) *watchv1.Cursor {
	return &watchv1.Cursor{LogId: p.LogID, Offset: p.Offset, Hash: controlroom.Hex(p.Hash)}
}

// snapshotFrame shows what the target sees of a folded room.
func (v *views) snapshotFrame(session string, at follow.Position, now time.Time, target watch.Target, room string, f *controlroom.Fold) *watchv1.ServerFrame {
	shown := &watchv1.Snapshot{Session: session, Cursor: cursorOf(at), Now: timestamppb.New(now)}
	if target.Team != "" {
		shown.State = v.team.show(target.State(f.State))
	} else {
		shown.State = v.room.show(controlroom.Show(room, f))
	}
	return &watchv1.ServerFrame{Body: &watchv1.ServerFrame_Snapshot{Snapshot: shown}}
}

// boardFrame shows what events have changed, as it is in the folded room now; nil when nothing that is shown has.
func (v *views) boardFrame(target watch.Target, f *controlroom.Fold, events []*logv1.Event) *watchv1.ServerFrame {
	board := &watchv1.Board{Offset: f.Next - 1}
	if target.Team != "" {
		board.State = v.team.show(target.State(f.State))
	} else if c := watch.Changed(f.State, events); !c.Empty() {
		board.Changes = v.changes.show(c)
	} else {
		return nil
	}
	return &watchv1.ServerFrame{Body: &watchv1.ServerFrame_Board{Board: board}}
}

func welcomeFrame(session string, at follow.Position, now time.Time) *watchv1.ServerFrame {
	return &watchv1.ServerFrame{Body: &watchv1.ServerFrame_Welcome{Welcome: &watchv1.Welcome{
		Session: session, Cursor: cursorOf(at), Recovered: true, Now: timestamppb.New(now),
	}}}
}

func pongFrame(now, logHeard time.Time) *watchv1.ServerFrame {
	return &watchv1.ServerFrame{Body: &watchv1.ServerFrame_Pong{Pong: &watchv1.Pong{
		Now: timestamppb.New(now), LogHeard: timestamppb.New(logHeard),
	}}}
}

// decidedFrame shows a decision with the events of it that the target sees, and what the teams in them are called; nil when
// it sees nothing of it.
func decidedFrame(target watch.Target, r *wire.Stored, events []*logv1.Event, signs map[string]string) *watchv1.ServerFrame {
	if len(events) == 0 && (target.Team != "" || r.Refusal == nil) {
		return nil
	}
	e := &watchv1.Decided{
		Offset: r.Offset, Version: r.Version, Hash: controlroom.Hex(r.Hash), At: timestamppb.New(time.UnixMilli(r.At)), Events: events,
		CallSigns: signs,
	}
	if target.Team == "" {
		e.Actor, e.Role = r.Actor, r.Role
		if x := r.Refusal; x != nil {
			e.Refusal = &logv1.Refusal{Code: x.Code, Message: x.Message, Incident: x.Incident, Mission: x.Mission, Team: x.Team, TakenBy: x.TakenBy}
		}
	}
	return &watchv1.ServerFrame{Body: &watchv1.ServerFrame_Event{Event: e}}
}

// opened gives the events with their sealed texts readable, for somebody entitled to them. A key that is gone leaves the
// text sealed: the event is shown all the same.
func opened(ctx context.Context, d *directory.Directory, events []*logv1.Event) []*logv1.Event {
	out := make([]*logv1.Event, len(events))
	for k, e := range events {
		out[k] = e
		if len(sealedTexts(e)) == 0 {
			continue
		}
		out[k] = proto.CloneOf(e)
		for _, text := range sealedTexts(out[k]) {
			if plain, err := d.OpenSealed(ctx, text.GetKey(), text.GetSealed()); err == nil {
				text.Clear, text.Sealed = plain, nil
			}
		}
	}
	return out
}

// openTexts makes the sealed texts of views readable, wherever they stand in them.
func openTexts(ctx context.Context, d *directory.Directory, s *structpb.Struct) {
	key, sealed := s.GetFields()["key"].GetStringValue(), s.GetFields()["sealed"].GetStringValue()
	if key != "" && sealed != "" {
		raw, err := base64.StdEncoding.DecodeString(sealed)
		if err != nil {
			return
		}
		if plain, err := d.OpenSealed(ctx, key, raw); err == nil {
			delete(s.GetFields(), "sealed")
			s.GetFields()["clear"] = structpb.NewStringValue(plain)
		}
		return
	}
	for _, v := range s.GetFields() {
		openTexts(ctx, d, v.GetStructValue())
		for _, one := range v.GetListValue().GetValues() {
			openTexts(ctx, d, one.GetStructValue())
		}
	}
}

// sealedTexts are the sealed texts that an event holds.
func sealedTexts(event *logv1.Event) []*personalv1.SealedText {
	switch e := event.GetBody().(type) {
	case *logv1.Event_AlarmReceived:
		return held(e.AlarmReceived.GetText())
	case *logv1.Event_IncidentOpened:
		return held(e.IncidentOpened.GetText())
	case *logv1.Event_IncidentClosed:
		return held(e.IncidentClosed.GetNote(), e.IncidentClosed.GetDispositionText())
	case *logv1.Event_IncidentCancelled:
		return held(e.IncidentCancelled.GetReasonText())
	case *logv1.Event_SosRaised:
		return held(e.SosRaised.GetPosition())
	case *logv1.Event_TeamsChosen:
		return held(e.TeamsChosen.GetReasonText())
	case *logv1.Event_MissionOffered:
		return held(e.MissionOffered.GetText(), e.MissionOffered.GetReasonText())
	case *logv1.Event_MissionDeclined:
		return held(e.MissionDeclined.GetReasonText())
	case *logv1.Event_MissionCancelled:
		return held(e.MissionCancelled.GetReasonText())
	case *logv1.Event_NoteAdded:
		return held(e.NoteAdded.GetText())
	case *logv1.Event_BackupRequested:
		return held(e.BackupRequested.GetText())
	}
	return nil
}

func held(texts ...*personalv1.SealedText) []*personalv1.SealedText {
	return slices.DeleteFunc(texts, func(t *personalv1.SealedText) bool { return t == nil })
}

// outcomeFrame answers a command; takenBy is what the radio calls the team that a refusal names.
func outcomeFrame(id string, o command.Outcome, takenBy string) *watchv1.ServerFrame {
	out := &watchv1.Outcome{Id: id, Outcome: "done", Offset: o.Offset, Version: o.Version, Room: o.Room}
	switch {
	case o.Provisional:
		out.Outcome, out.Code, out.Message = command.CodeProvisional, command.CodeProvisional, command.ProvisionalMessage
	case o.Refusal != nil:
		r := o.Refusal
		out.Outcome, out.Code, out.Message = "refused", r.Code, r.Message
		out.Incident, out.Mission, out.Team, out.TakenBy, out.TakenByCallSign = r.Incident, r.Mission, r.Team, r.TakenBy, takenBy
	}
	return &watchv1.ServerFrame{Body: &watchv1.ServerFrame_Outcome{Outcome: out}}
}

// failedFrame answers a command without an outcome in the log: refused at the edge, or not known.
func failedFrame(id, code, message string) *watchv1.ServerFrame {
	outcome := "refused"
	if code == command.CodeNotDurable || code == command.CodeUnknownOutcome || code == command.CodeInternal {
		outcome = "unknown"
	}
	return &watchv1.ServerFrame{Body: &watchv1.ServerFrame_Outcome{Outcome: &watchv1.Outcome{
		Id: id, Outcome: outcome, Code: code, Message: message,
	}}}
}

func positionFrame(f *positionsv1.Fix) *watchv1.ServerFrame {
	return &watchv1.ServerFrame{Body: &watchv1.ServerFrame_Position{Position: &watchv1.Position{
		Team: f.GetTeam(), Lat: float64(f.GetLatE7()) / 1e7, Lon: float64(f.GetLonE7()) / 1e7,
		AccuracyM: float64(f.GetAccuracyM()), At: timestamppb.New(time.UnixMilli(f.GetAtMs())), Source: f.GetSource(), Mock: f.GetMock(),
	}}}
}

func deviceFrame(d *positionsv1.DeviceStatus) *watchv1.ServerFrame {
	return &watchv1.ServerFrame{Body: &watchv1.ServerFrame_Device{Device: &watchv1.Device{
		Team: d.GetTeam(), Device: d.GetDevice(), At: timestamppb.New(time.UnixMilli(d.GetReceivedAtMs())),
		BatteryPct: d.GetBatteryPct(), Charging: d.GetCharging(),
	}}}
}

// haltedFrame says why a room has stopped; without a reason, that it goes on.
func haltedFrame(room, reason string) *watchv1.ServerFrame {
	n := &watchv1.Notice{Kind: "halted", Room: room, Message: reason}
	if reason == "" {
		n = notice.Over(n)
	}
	return noticeFrame(n)
}

func noticeFrame(n *watchv1.Notice) *watchv1.ServerFrame {
	return &watchv1.ServerFrame{Body: &watchv1.ServerFrame_Notice{Notice: n}}
}

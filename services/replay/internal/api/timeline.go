package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"vigie/pkg/access"
	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	"vigie/pkg/wire/line"
	"vigie/services/replay/internal/archive"
)

type timelineInput struct {
	Authorization string `header:"Authorization"`
	Room          string `path:"room"`
	Incident      string `path:"incident"`
}

type timelineOutput struct{ Body timeline }

type timeline struct {
	Room     string  `json:"room"`
	Incident string  `json:"incident"`
	Records  []entry `json:"records"`
}

// entry is one record as whoever investigates reads it.
type entry struct {
	Offset     int64             `json:"offset"`
	Version    uint64            `json:"version"`
	At         string            `json:"at" doc:"When it was decided, domain time"`
	Effective  bool              `json:"effective"`
	VoidReason string            `json:"void_reason,omitempty"`
	Cause      line.Cause        `json:"cause"`
	Deadline   string            `json:"deadline,omitempty"`
	Actor      string            `json:"actor"`
	Role       string            `json:"role"`
	DeviceAt   string            `json:"device_at,omitempty" doc:"When the person acted, by their device"`
	ReceivedAt string            `json:"received_at,omitempty"`
	Refusal    *line.Refusal     `json:"refusal,omitempty"`
	RepeatOf   uint64            `json:"repeat_of,omitempty"`
	Events     []json.RawMessage `json:"events" doc:"Objects with a type and the fields of that event; personal texts in clear while their key exists"`
}

func (a *API) timeline(ctx context.Context, in *timelineInput) (*timelineOutput, error) {
	p, err := a.guard().Principal(ctx, in.Authorization)
	if err != nil {
		return nil, err
	}
	room, err := a.story(ctx, p, in)
	if err != nil {
		return nil, err
	}
	records, err := a.Reading.Timeline(ctx, room, in.Incident)
	if err != nil {
		return nil, err
	}
	out := timeline{Room: in.Room, Incident: in.Incident, Records: make([]entry, len(records))}
	texts := opener{ctx: ctx, directory: a.Directory}
	for i := range records {
		out.Records[i] = texts.entry(&records[i])
	}
	if texts.err != nil {
		return nil, texts.err
	}
	return &timelineOutput{out}, nil
}

// story finds the room of an incident for somebody who may read about it: with the whole room or with its site. Others
// do not learn whether it exists.
func (a *API) story(ctx context.Context, p authz.Principal, in *timelineInput) (*archive.Room, error) {
	whole := authz.Allow(p, authz.ReadHistory, authz.Object{Room: in.Room})
	room, err := a.roomNow(ctx, in.Room)
	if err != nil && whole {
		return nil, err
	}
	var site string
	known := false
	if err == nil {
		site, known = room.Incident(in.Incident)
	}
	switch {
	case !whole && (!known || !authz.Allow(p, authz.ReadHistory, authz.Object{Room: in.Room, Site: site})):
		return nil, access.Forbidden()
	case !known:
		return nil, app.Problem(http.StatusNotFound, "unknown_incident",
			fmt.Sprintf("room %s has no incident %q: its state and its log name those there are", in.Room, in.Incident))
	}
	return room, nil
}

// opener opens personal texts for one reader.
type opener struct {
	ctx       context.Context //nolint:containedctx // of the one request it opens texts for
	directory *directory.Directory
	// err is the first failure of the directory itself.
	err error
}

func (o *opener) entry(e *archive.Entry) entry {
	out := entry{
		Offset: e.Offset, Version: e.Version, At: controlroom.Instant(e.At), Effective: e.Judgement.Verdict == es.Effective,
		Cause: line.Cause{Principal: e.Cause.Principal, ID: e.Cause.ID}, Deadline: e.Deadline, Actor: e.Actor, Role: e.Role,
		DeviceAt: controlroom.Instant(e.DeviceAt), ReceivedAt: controlroom.Instant(e.ReceivedAt),
		Refusal: line.RefusalOf(e.Refusal), RepeatOf: e.RepeatOf, Events: line.Events(e.Events, o.open),
	}
	if !out.Effective {
		out.VoidReason = e.Judgement.Reason
	}
	return out
}

func (o *opener) open(t *personalv1.SealedText) line.Text {
	text := line.Text{Key: t.GetKey()}
	plain, err := o.directory.OpenSealed(o.ctx, t.GetKey(), t.GetSealed())
	switch {
	case err == nil:
		text.Clear = &plain
	case errors.Is(err, directory.ErrKeyDestroyed):
		text.Destroyed = true
	case errors.Is(err, directory.ErrNoKey):
		text.Unreadable = directory.ErrNoKey.Error()
	case errors.Is(err, directory.ErrTampered):
		text.Unreadable = directory.ErrTampered.Error()
	case o.err == nil:
		o.err = fmt.Errorf("open texts: %w", err)
	}
	return text
}

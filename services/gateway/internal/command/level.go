package command

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
)

// RaiseLevel asks a room to go on at a level of its log: an explicit decision, refused while a process is heard that does
// not read it (protocol §5). Each asking is a cause of its own, since to raise a level again changes nothing.
func (d *Desk) RaiseLevel(ctx context.Context, from Sender, room string, level uint32) (Outcome, error) {
	board := d.Rooms.Board(room)
	if board == nil {
		return Outcome{}, fmt.Errorf("%w: there is no room %q", ErrInvalid, room)
	}
	on := authz.Object{Room: room}
	if !authz.Allow(from.Principal, authz.Administer, on) {
		return Outcome{}, ErrForbidden
	}
	return d.Submit(ctx, board, &intakev1.Request{
		Room: room, Principal: string(from.Kind) + "/" + from.ID, Id: uuid.NewString(),
		ReceivedAtMs: d.Clock.Now().UnixMilli(), Traceparent: app.NewTrace().String(), Actor: actor(from.Principal, authz.Administer, on),
		Body: &intakev1.Request_RaiseLevel{RaiseLevel: &intakev1.RaiseLevel{Level: level}},
	})
}

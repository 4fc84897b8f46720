package receiver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vigie/pkg/authz"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/edge"
	"vigie/pkg/follow"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	"vigie/pkg/wire"
	"vigie/services/positions/internal/fence"
)

// raise asks the room for help: a tracker's button was pressed. It will not be lost when this returns without an error;
// provisional says that it waits on disk for Kafka. The same message again is the same SOS; one that states no time is a
// new one, which the room joins to what is under way.
func (r *Receiver) raise(
	ctx context.Context, source string, p authz.Principal, board *follow.Board, one *report,
) (provisional bool, err error) {
	now := r.Clock.Now()
	at := one.when(now)
	sos := &intakev1.RaiseSos{Team: p.Team, Guard: p.Guard}
	if one.located && one.at.Valid() {
		sos.Position = r.seal(ctx, p, one, at)
		if !one.mock {
			sos.Site, sos.Zone = whereabouts(board, one)
		}
	}
	q := &intakev1.Request{
		Room: board.Room.Room, Principal: string(p.Kind) + "/" + p.ID, Id: fmt.Sprintf("%s-sos/%s/%d", source, p.ID, at.UnixMilli()),
		ReceivedAtMs: now.UnixMilli(), DeviceAtMs: at.UnixMilli(), Traceparent: trace(ctx),
		Actor: &intakev1.Actor{Id: p.Guard, Role: string(authz.Guard)},
		Body:  &intakev1.Request_RaiseSos{RaiseSos: sos},
	}
	value, err := wire.EncodeRequest(q)
	if err != nil {
		return false, fmt.Errorf("sos: %w", err)
	}
	receipt, err := r.Edge.Write(ctx, q, value)
	switch {
	case errors.Is(err, edge.ErrReused):
		// The same device at the same moment, told otherwise: help is asked for, and the room would refuse the second.
		r.Logger.WarnContext(ctx, "sos told twice and not alike, the first counts", "room", board.Room.Room, "id", q.GetId())
		return true, nil
	case err != nil:
		r.Logger.ErrorContext(ctx, "sos not stored", "room", board.Room.Room, "err", err)
		return false, errors.Join(errNotStored, err)
	}
	return receipt.Provisional, nil
}

// seal puts the coordinates under the key of the guard and of the month in which it happened: a repeat has the same bytes. An SOS is not kept back for want of a key.
func (r *Receiver) seal(ctx context.Context, p authz.Principal, one *report, at time.Time) *personalv1.SealedText {
	lat, lon := one.at.Degrees()
	where, err := json.Marshal(map[string]float64{"lat": lat, "lon": lon})
	if err != nil {
		return nil
	}
	key, sealed, err := r.Directory.SealForSubject(ctx, p.Guard, at, string(where))
	if err != nil {
		r.Logger.ErrorContext(ctx, "position of an sos not sealed and left out", "err", err)
		return nil
	}
	return &personalv1.SealedText{Key: key, Sealed: sealed}
}

// whereabouts is the place within whose border a position is; none: the room goes by what it knows.
func whereabouts(board *follow.Board, one *report) (site, zone string) {
	board.Look(func(f *controlroom.Fold) {
		p, _ := fence.NewMap(f.State.Region().RoomConfiguration).At(fence.Fix{Point: one.at})
		site, zone = p.Site, p.Zone
	})
	return site, zone
}

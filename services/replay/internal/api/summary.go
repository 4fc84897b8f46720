package api

import (
	"context"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/services/replay/internal/summary"
)

type summaryInput struct {
	Authorization string `header:"Authorization"`
	Room          string `path:"room"`
}

type summaryOutput struct {
	Body summary.Summary
}

func (a *API) summary(ctx context.Context, in *summaryInput) (*summaryOutput, error) {
	if _, err := a.guard().Require(ctx, in.Authorization, authz.ReadHistory, authz.Object{Room: in.Room}); err != nil {
		return nil, err
	}
	room, err := a.room(in.Room)
	if err != nil {
		return nil, err
	}
	if err := room.Halted(); err != nil {
		return nil, err
	}
	s, err := summary.Of(ctx, a.Projections, room.RoomEntry)
	if err != nil {
		return nil, app.ProjectionProblem(err)
	}
	return &summaryOutput{s}, nil
}

package api

import (
	"context"

	"vigie/pkg/authz"
	"vigie/pkg/wire/line"
)

type pageInput struct {
	Authorization string `header:"Authorization"`
	Room          string `path:"room"`
	From          int64  `query:"from" minimum:"0" doc:"Offset of the first record"`
	Limit         int    `query:"limit" default:"200" minimum:"1" maximum:"1000"`
	Raw           bool   `query:"raw" doc:"With the stored value of each record and the end of intake, for verifying"`
}

type pageOutput struct{ Body line.Page }

func (a *API) page(ctx context.Context, in *pageInput) (*pageOutput, error) {
	action := authz.ReadHistory
	if in.Raw {
		action = authz.ReadLogRaw
	}
	if _, err := a.guard().Require(ctx, in.Authorization, action, authz.Object{Room: in.Room}); err != nil {
		return nil, err
	}
	room, err := a.roomNow(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	entries, end, err := a.Reading.Page(ctx, room, in.From, in.Limit)
	if err != nil {
		return nil, err
	}
	out := line.Page{Records: make([]line.Record, len(entries)), Next: in.From + int64(len(entries)), End: end}
	for i, e := range entries {
		out.Records[i] = line.Of(room.Room, &e.Stored, e.Judgement)
		if in.Raw {
			out.Records[i].Raw = e.Value
		}
	}
	if in.Raw {
		intakeEnd, err := room.IntakeEnd(ctx)
		if err != nil {
			return nil, err
		}
		out.IntakeEnd = &intakeEnd
	}
	return &pageOutput{out}, nil
}

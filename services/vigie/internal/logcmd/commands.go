package logcmd

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"vigie/pkg/app"
	"vigie/pkg/embedded"
	"vigie/pkg/follow/past"
	"vigie/pkg/follow/verify"
	"vigie/pkg/wire/line"
)

func tailCommand() *cobra.Command {
	var at place
	var t tailing
	var asJSON bool
	c := &cobra.Command{
		Use: "tail --room R", Short: "Show the records of a room's log, void ones too", Args: cobra.NoArgs,
		Example: "  vigie log tail --room main --data ./data --from 120\n" +
			"  vigie log tail --room main --url http://127.0.0.1:8080 --token TOKEN --follow --json",
	}
	at.flags(c)
	f := c.Flags()
	f.StringVar(&t.room, "room", "", "the room (required)")
	f.Int64Var(&t.from, "from", 0, "offset of the first record")
	f.Int64Var(&t.limit, "limit", 0, "how many records at most; 0: all")
	f.BoolVar(&t.follow, "follow", false, "go on as the log grows")
	f.BoolVar(&asJSON, "json", false, "a JSON object per line")
	c.RunE = func(c *cobra.Command, _ []string) error {
		switch {
		case t.room == "":
			return usage("give --room")
		case t.from < 0 || t.limit < 0:
			return usage("--from and --limit are whole numbers from 0")
		case t.follow && at.data != "":
			return usage("--follow needs a log that grows: use --url or --brokers instead of --data")
		}
		return withSource(c, &at, func(s source) error { return runTail(c, s, t, asJSON) })
	}
	return c
}

// withSource opens the log for one command.
func withSource(c *cobra.Command, at *place, do func(source) error) error {
	s, err := at.open(c.Context())
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.close())
}

func runTail(c *cobra.Command, s source, t tailing, asJSON bool) error {
	out := bufio.NewWriter(c.OutOrStdout())
	show := words(out)
	if asJSON {
		show = func(r line.Record, _ *time.Location) error { return writeJSON(out, r) }
	}
	err := s.tail(c.Context(), t, func(r line.Record, zone *time.Location) error {
		if err := show(r, zone); err != nil {
			return err
		}
		if t.follow {
			return out.Flush() // somebody is watching
		}
		return nil
	})
	return errors.Join(err, out.Flush())
}

func writeJSON(w io.Writer, v any) error {
	encoded, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	_, err = w.Write(append(encoded, '\n'))
	return err
}

func replayCommand() *cobra.Command {
	var at place
	var room, instant string
	var offset int64
	c := &cobra.Command{
		Use: "replay --room R --offset N | --at T", Short: "Show a room's state as it was, as JSON", Args: cobra.NoArgs,
		Long: "Folds a room's log up to a record, or up to an instant of domain time, and prints the state then:\n" +
			"the same bytes as GET /v1/rooms/R/state.",
		Example: "  vigie replay --room main --data ./data --offset 120\n  vigie replay --room main --data ./data --at 2026-11-22T21:30:00Z",
	}
	at.flags(c)
	f := c.Flags()
	f.StringVar(&room, "room", "", "the room (required)")
	f.Int64Var(&offset, "offset", 0, "as of this record, included")
	f.StringVar(&instant, "at", "", "as of this instant, RFC 3339")
	f.Bool("json", true, "always")
	c.RunE = func(c *cobra.Command, _ []string) error {
		p := point{offset: offset}
		switch byOffset := c.Flags().Changed("offset"); {
		case room == "":
			return usage("give --room")
		case byOffset == (instant != ""):
			return usage("say when: --offset N or --at T, one of them")
		case byOffset && offset < 0:
			return usage("--offset is a whole number from 0")
		case !byOffset:
			var err error
			if p.at, err = past.ParseInstant(instant); err != nil {
				return app.Exit(app.Usage, fmt.Errorf("--at: %w", err))
			}
		}
		return withSource(c, &at, func(s source) error {
			state, err := s.state(c.Context(), room, p)
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(state)
			return err
		})
	}
	return c
}

func verifyCommand() *cobra.Command {
	var at place
	var asJSON bool
	c := &cobra.Command{
		Use: "verify", Short: "Check every record of every room's log: hashes, chain, offsets, requests", Args: cobra.NoArgs,
		Long: "Walks every room's log from its first record. Exit status 0: all is whole; 6: something is damaged, cut or rewritten.\n" +
			"With --url the requests in intake are not compared: only --data and --brokers reach them.",
	}
	at.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "the result as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error { return runVerify(c, &at, asJSON) }
	return c
}

// result is what verify prints: the report, or what keeps the directory from being opened at all.
type result struct {
	verify.Report
	Damage *damagedFile `json:"damage,omitempty"`
}

type damagedFile struct {
	File   string `json:"file"`
	Byte   int64  `json:"byte"`
	Reason string `json:"reason"`
	Advice string `json:"advice"`
}

var errDamaged = errors.New("the log is damaged: keep its files as they are and compare them with a copy; " +
	"vigie log reopen goes on from a good record when there is no better one")

func runVerify(c *cobra.Command, at *place, asJSON bool) error {
	s, err := at.open(c.Context())
	var damage *embedded.DamageError
	if errors.As(err, &damage) {
		file := &damagedFile{File: damage.File, Byte: damage.Offset, Reason: damage.Reason, Advice: damage.Advice}
		rooms, salvaging := at.salvage()
		return errors.Join(err, salvaging, tell(c, result{Report: verify.NewReport(rooms), Damage: file}, asJSON))
	}
	if err != nil {
		return err
	}
	bars := newProgress(c.ErrOrStderr())
	rooms, err := s.verify(c.Context(), bars.report)
	bars.end()
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	r := result{Report: verify.NewReport(rooms)}
	if err := tell(c, r, asJSON); err != nil {
		return err
	}
	if !r.OK {
		return app.Exit(app.LogDamaged, errDamaged)
	}
	return nil
}

func tell(c *cobra.Command, r result, asJSON bool) error {
	r.OK = r.OK && r.Damage == nil
	if asJSON {
		return writeJSON(c.OutOrStdout(), r)
	}
	for _, room := range r.Rooms {
		verdict := "whole"
		if room.FirstBad != nil {
			verdict = fmt.Sprintf("DAMAGED at offset %d: %s\n  the last good record before it is %d: vigie log reopen --room %s --good-offset %d goes on from there",
				room.FirstBad.Offset, room.FirstBad.Reason, room.HeadOffset, room.Room, room.HeadOffset)
		}
		if room.Reopened > 0 {
			verdict += fmt.Sprintf("; reopened, %d records dead", room.Dead)
		}
		_, err := fmt.Fprintf(c.OutOrStdout(), "room %s: %s\n  %d records, %d effective, %d void; last effective: offset %d, hash %s\n"+
			"  intake: %d of %d answered, %d compared\n", room.Room, verdict, room.Records, room.Effective, room.Void,
			room.HeadOffset, room.HeadHash, room.IntakeNext, room.IntakeEnd, room.RequestsChecked)
		if err != nil {
			return err
		}
	}
	return nil
}

package logcmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
)

// reopening is what the admins ask for.
type reopening struct {
	place
	room       string
	good       int64
	intakeNext int64
	by         []string
	why        string
	// Where the admins are known, and what they prove themselves with; unverified: they do not.
	directory    string
	passwordFile string
	unverified   bool
	yes          bool
	json         bool
	// in is what is typed, read from one place alone.
	in *bufio.Reader
}

func reopenCommand() *cobra.Command {
	var r reopening
	c := &cobra.Command{
		Use: "reopen --room R --good-offset N --by A --by B --why TEXT", Short: "Go on with a damaged log after its last good record", Args: cobra.NoArgs,
		Long: "A room whose log was damaged, cut or rewritten halts, and only this brings it back: two admins say after which record it\n" +
			"goes on. What was written behind that record counts no more; requests that it answered are decided again. With --brokers\n" +
			"the record is appended under the identity of dispatch, and everything that runs goes on by itself. With --data the damaged\n" +
			"files of a stopped node are set aside, never deleted, and vigie up starts again.\n\n" +
			"Both admins type their passwords, or give them in a file. They are compared with the directory of the node (--data), with\n" +
			"that of --directory, or by the running node of --url.\n\n" +
			"vigie log verify says which record is the last good one. --good-offset -1 begins the room anew.",
		Example: "  vigie log reopen --room main --good-offset 4711 --by alice --by bob --why 'disk of broker 2' --brokers k1:9092,k2:9092 \\\n" +
			"    --url https://vigie.example\n" +
			"  vigie log reopen --room main --good-offset 4711 --by alice --by bob --why 'power cut' --data ./data",
	}
	f := c.Flags()
	f.StringVar(&r.data, "data", "", "data directory of a node that is stopped")
	r.kafkaFlags(c)
	f.StringVar(&r.room, "room", "", "the room (required)")
	f.Int64Var(&r.good, "good-offset", 0, "offset of the last record that counts; -1: none does (required)")
	f.Int64Var(&r.intakeNext, "intake-next", 0, "pass over the requests before this one, when they are gone")
	f.StringArrayVar(&r.by, "by", nil, "account of an admin; two different ones (required)")
	f.StringVar(&r.why, "why", "", "what has happened, for the log (required)")
	f.StringVar(&r.directory, "directory", "", "directory.db that knows the admins (with --data: that of the node)")
	f.StringVar(&r.url, "url", "", "address of a running node that knows the admins, https://host:port")
	f.StringVar(&r.passwordFile, "password-file", "", "file with a line ACCOUNT:PASSWORD for each of the two, instead of asking")
	f.BoolVar(&r.unverified, "unverified-admins", false, "NOBODY checks who the two are, and the log says so for ever; only where nothing can be asked that knows them")
	f.BoolVar(&r.yes, "yes", false, "do not ask")
	f.BoolVar(&r.json, "json", false, "the result as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error { return r.run(c) }
	return c
}

func (r *reopening) check(c *cobra.Command) error {
	switch {
	case r.room == "":
		return usage("give --room")
	case !c.Flags().Changed("good-offset"):
		return usage("give --good-offset: vigie log verify says which record is the last good one")
	case len(r.by) != 2 || r.by[0] == r.by[1] || r.by[0] == "" || r.by[1] == "":
		return usage("give --by twice, with the accounts of two different admins")
	case strings.TrimSpace(r.why) == "":
		return usage("give --why: it stays in the log")
	case (r.data == "") == (len(r.brokers) == 0):
		return usage("say where the log is: --data DIR of a stopped node, or --brokers host:port")
	case r.url != "" && r.directory != "":
		return usage("the admins are known by --directory or by --url: give one of them")
	case r.unverified && (r.url != "" || r.directory != ""):
		return usage("--unverified-admins is for when nobody can be asked: leave it out, or --directory and --url")
	case r.json && !r.yes:
		return usage("--json does not ask: give --yes as well")
	}
	return nil
}

// patient is a log that is to be reopened.
type patient interface {
	entry(ctx context.Context, room string) (eventlog.RoomEntry, error)
	// records gives those of the room's log that can be read.
	records(ctx context.Context, room eventlog.RoomEntry) pass
	intake(ctx context.Context, room eventlog.RoomEntry) (start, end int64, err error)
	// reopen writes the record and says where; its plan is still good.
	reopen(ctx context.Context, p *plan, by controlroom.ReopenedBy) (written, error)
	close() error
}

// written is where the record is, and where the files went that it replaces.
type written struct {
	Offset   int64  `json:"offset"`
	Version  uint64 `json:"version"`
	Hash     string `json:"hash"`
	SetAside string `json:"set_aside,omitempty"`
	// Remains is what still keeps the node from starting.
	Remains string `json:"remains,omitempty"`
}

// errMoved says that somebody wrote to the log between the look at it and the record: what the admins agreed to is another.
var errMoved = errors.New("the log has grown meanwhile: look at it again, and run the command once more")

func (r *reopening) run(c *cobra.Command) (err error) {
	if err := r.check(c); err != nil {
		return err
	}
	ctx := c.Context()
	r.in = bufio.NewReader(c.InOrStdin())
	if err := r.admins(c); err != nil {
		return err
	}
	s, err := r.patient(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	room, err := s.entry(ctx, r.room)
	if err != nil {
		return err
	}
	p, err := newPlan(room, r.good, s.records(ctx, room))
	if err != nil {
		return err
	}
	start, end, err := s.intake(ctx, room)
	if err != nil {
		return err
	}
	if err := p.withIntake(start, end, r.intakeNext); err != nil {
		return err
	}
	if err := r.agree(c, &p); err != nil {
		return err
	}
	by := controlroom.ReopenedBy{Who: [2]string(r.by), Unverified: r.unverified, Why: r.why, At: time.Now().UnixMilli()}
	w, err := s.reopen(ctx, &p, by)
	if err != nil {
		return err
	}
	return r.tell(c.OutOrStdout(), &p, w)
}

// agree shows what will be lost and asks.
func (r *reopening) agree(c *cobra.Command, p *plan) error {
	if r.yes {
		return nil
	}
	out := c.ErrOrStderr()
	show(out, p)
	_, _ = fmt.Fprintf(out, "\nThis cannot be undone. Type the name of the room to go on: ")
	answer, err := r.line()
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(answer) != r.room {
		return usage("not confirmed: nothing was changed")
	}
	return nil
}

// line is what is typed next; nothing when there is no more.
func (r *reopening) line() (string, error) {
	text, err := r.in.ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimRight(text, "\r\n"), err
}

// show says in words what reopening means.
func show(out io.Writer, p *plan) {
	from, to := p.again()
	_, _ = fmt.Fprintf(out, "Room %s goes on after record %d (version %d). %d records behind it count no more, %d of them counted until now:\n",
		p.room.Room, p.good.Offset, p.good.Version, p.dead.Records, p.effective)
	each := words(out)
	for _, lost := range p.shown {
		if lost.Halts != "" {
			lost.Effective, lost.VoidReason, lost.Halts = len(lost.Events) > 0, "damaged", ""
		}
		_ = each(lost, time.UTC)
	}
	if more := p.dead.Records - int64(len(p.shown)); more > 0 {
		_, _ = fmt.Fprintf(out, "… and %d more\n", more)
	}
	if to > from {
		_, _ = fmt.Fprintf(out, "Requests %d to %d are decided again.\n", from, to-1)
	}
	if p.next > p.good.IntakeNext {
		_, _ = fmt.Fprintf(out, "Requests %d to %d are gone and never decided.\n", p.good.IntakeNext, p.next-1)
	}
}

func (r *reopening) tell(out io.Writer, p *plan, w written) error {
	from, to := p.again()
	if r.json {
		return writeJSON(out, struct {
			Room         string   `json:"room"`
			GoodOffset   int64    `json:"good_offset"`
			GoodVersion  uint64   `json:"good_version"`
			GoodHash     string   `json:"good_hash"`
			DeadRecords  int64    `json:"dead_records"`
			Undone       int64    `json:"undone"`
			DecidedAgain [2]int64 `json:"decided_again"`
			By           []string `json:"by"`
			Unverified   bool     `json:"unverified,omitempty"`
			written
		}{p.room.Room, p.good.Offset, p.good.Version, controlroom.Hex(p.good.Hash), p.dead.Records, p.effective, [2]int64{from, to}, r.by, r.unverified, w})
	}
	text := fmt.Sprintf("Room %s is open again: record %d, version %d.", p.room.Room, w.Offset, w.Version)
	if w.SetAside != "" {
		text += fmt.Sprintf("\nWhat was there is in %s. Start the node with vigie up.", w.SetAside)
	}
	if w.Remains != "" {
		text += "\nBut the node will not start yet: " + w.Remains
	}
	_, err := fmt.Fprintln(out, text)
	return err
}

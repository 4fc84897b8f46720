// Package logcmd is the part of the command line that reads the log: vigie log tail, vigie log verify and vigie replay.
// Each reads a stopped node's directory (--data), brokers (--brokers) or a running node (--url and --token), says the same
// wherever it reads, and writes nothing to the log. The one that writes is vigie log reopen: one record, that of two admins
// who say after which record a damaged log goes on. vigie log raise-level asks a running node for a decision.
package logcmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vigie/pkg/app"
	"vigie/pkg/embedded"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow/past"
	"vigie/pkg/follow/verify"
	"vigie/pkg/wire/line"
)

// New returns the commands log and replay.
func New() []*cobra.Command {
	log := &cobra.Command{
		Use: "log", Short: "Read and verify the logs of the rooms, and reopen one that is damaged", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	log.AddCommand(tailCommand(), verifyCommand(), reopenCommand(), raiseCommand())
	return []*cobra.Command{log, replayCommand()}
}

// Names in a node's data directory, as vigie up makes them.
const (
	brokerDir   = "broker"
	witnessFile = "witness.json"
)

// source is one way to the log.
type source interface {
	// tail calls each for records in order.
	tail(ctx context.Context, t tailing, each func(line.Record, *time.Location) error) error
	// state gives the bytes of a room's state at a point.
	state(ctx context.Context, room string, p point) ([]byte, error)
	// verify walks all rooms; progress hears how far each has come.
	verify(ctx context.Context, progress func(room string, next, end int64)) ([]verify.Room, error)
	close() error
}

// tailing is which records are wanted.
type tailing struct {
	room   string
	from   int64
	limit  int64 // 0: all
	follow bool
}

// point is a moment as the user gave it.
type point struct {
	offset int64
	at     time.Time // when not zero
}

func (p point) past() past.Point {
	if !p.at.IsZero() {
		return past.AtInstant(p.at)
	}
	return past.AtOffset(p.offset)
}

// place is where the user says the log is.
type place struct {
	data    string
	brokers []string
	url     string
	token   string
	set     *pflag.FlagSet // all that were given
}

func (p *place) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&p.data, "data", "", "data directory of a node that is stopped")
	f.StringVar(&p.url, "url", "", "address of a node that is running, http://host:port")
	p.kafkaFlags(c)
	f.StringVar(&p.token, "token", "", "session token for --url (POST /v1/sessions gives one)")
}

func (p *place) kafkaFlags(c *cobra.Command) {
	c.Flags().StringSliceVar(&p.brokers, "brokers", nil, "Kafka brokers, host:port,…")
	app.KafkaFlags(c.Flags())
	p.set = c.Flags()
}

func usage(format string, args ...any) error { return app.Exit(app.Usage, fmt.Errorf(format, args...)) }

func (p *place) open(ctx context.Context) (source, error) {
	given := 0
	for _, set := range []bool{p.data != "", len(p.brokers) > 0, p.url != ""} {
		if set {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, usage("say where the log is: --data DIR of a stopped node, --brokers host:port, or --url URL --token TOKEN of a running node")
	case p.data != "":
		return p.openData(ctx)
	case p.url != "":
		return p.openURL()
	}
	return p.openKafka(ctx)
}

func (p *place) openKafka(ctx context.Context) (*kafkaSource, error) {
	log, err := app.OpenKafka(ctx, os.Environ(), p.set, p.brokers, nil)
	if err != nil {
		return nil, err
	}
	return &kafkaSource{log: log}, nil
}

func (p *place) openURL() (source, error) {
	node, err := p.openNode()
	if err != nil {
		return nil, err
	}
	return node, nil
}

func (p *place) openNode() (*httpSource, error) {
	base, err := parseNode(p.url)
	if err != nil {
		return nil, err
	}
	if p.token == "" {
		return nil, usage("--url needs --token TOKEN: sign in with POST /v1/sessions to get one")
	}
	return newHTTPSource(base, p.token), nil
}

// parseNode reads the address of a running node.
func parseNode(address string) (*url.URL, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, usage("--url %q: give an address such as http://127.0.0.1:8080", address)
	}
	return base, nil
}

// openData starts the broker of a stopped node on its directory, after that broker has checked it.
func (p *place) openData(ctx context.Context) (source, error) {
	cfg, err := p.stopped()
	if err != nil {
		return nil, err
	}
	broker, err := embedded.Start(ctx, cfg)
	if errors.Is(err, embedded.ErrInUse) {
		err = fmt.Errorf("%w; ask the running node with --url URL --token TOKEN", err)
	}
	if err != nil {
		return nil, embedded.Exit(err)
	}
	log, err := kafkalog.New(broker.Config())
	if err != nil {
		return nil, errors.Join(err, broker.Stop())
	}
	return &kafkaSource{log: log, broker: broker}, nil
}

// stopped is the broker of a stopped node.
func (p *place) stopped() (embedded.Config, error) {
	cfg := embedded.Default()
	cfg.Dir, cfg.WitnessFile = filepath.Join(p.data, brokerDir), filepath.Join(p.data, witnessFile)
	if _, err := os.Stat(cfg.Dir); err != nil {
		return cfg, usage("--data %s: there is no log in it (%w): give the data directory of a node", p.data, err)
	}
	cfg.MinFree = 0 // a full disk is no reason not to read
	return cfg, nil
}

// Package sim lets a night happen: panels raise alarms, teams of guards with real sockets take them up, dispatchers see them
// through, and in the end the simulation reads the log and says whether anything was lost or happened twice. It is an
// ordinary client of the published interface, against a server that it starts itself or one that runs already; everything
// drawn by chance comes from the seed. Every goroutine it starts has ended when the command returns.
package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"vigie/pkg/app"
	"vigie/pkg/clock"
)

// options are the flags.
type options struct {
	url, accounts string
	calls, day    string
	rate          int
	seed          uint64
	length        time.Duration
	region        string
	json          bool
}

const (
	defaultRate   = 60
	defaultRegion = "deployments/regions/aphp.yaml"
)

// Command is vigie sim.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "sim", Short: "Let a night happen, and check that nothing was lost", Args: cobra.NoArgs,
		Long: "Raises a night's alarms, invented or from a file of real calls, and plays the guards and dispatchers who answer them.\n" +
			"Without --url it starts a server of its own in a temporary directory. The last line is a JSON object; the exit status\n" +
			"is 7 when anything was lost or happened twice.",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(c.Flags().Changed("clock-rate")); err != nil {
				return app.Exit(app.Usage, err)
			}
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return command(ctx, o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&o.url, "url", "", "URL of a running server; empty: start one")
	f.StringVar(&o.accounts, "accounts", "", "its first-accounts.json, with --url")
	f.StringVar(&o.calls, "calls", "", "file of real calls (San Francisco's Fire Department Calls for Service, CSV); empty: an invented night")
	f.StringVar(&o.day, "day", "", "day of the calls, YYYY-MM-DD; empty: the one with the most")
	f.IntVar(&o.rate, "clock-rate", defaultRate, "domain seconds in a real one, of the server that is started; far above 100, deadlines of seconds are shorter than the machine's work")
	f.Uint64Var(&o.seed, "seed", 1, "the same seed brings the same night")
	f.DurationVar(&o.length, "for", 24*time.Hour, "how long alarms are raised, in domain time")
	f.StringVar(&o.region, "region", defaultRegion, "region file, of the server that is started")
	f.BoolVar(&o.json, "json", false, "print nothing but the JSON object on standard output")
	return c
}

func (o options) validate(rateGiven bool) error {
	var errs []error
	if o.url != "" && o.accounts == "" {
		errs = append(errs, errors.New("--url needs --accounts FILE: the first-accounts.json in the server's data directory"))
	}
	if o.url == "" && o.accounts != "" {
		errs = append(errs, errors.New("--accounts goes with --url: without it a server with accounts of its own is started"))
	}
	if o.url != "" && rateGiven {
		errs = append(errs, errors.New("--clock-rate is of the server that is started; one that runs has its own"))
	}
	if o.day != "" && o.calls == "" {
		errs = append(errs, errors.New("--day goes with --calls"))
	}
	if o.rate < 1 || o.rate > clock.MaxRate {
		errs = append(errs, fmt.Errorf("--clock-rate %d: give a whole number from 1 to %d", o.rate, clock.MaxRate))
	}
	if o.length < time.Minute || o.length > 31*24*time.Hour {
		errs = append(errs, fmt.Errorf("--for %v: give a time from 1m to 744h", o.length))
	}
	return errors.Join(errs...)
}

// command starts what is needed, runs the simulation and tells its result.
func command(ctx context.Context, o options, out, progress io.Writer) error {
	began := time.Now()
	at := place{url: o.url, accounts: o.accounts}
	var server *server
	if o.url == "" {
		var err error
		if server, err = start(ctx, o, progress); err != nil {
			return err
		}
		at = server.place
	}
	running, over := context.WithCancelCause(ctx)
	defer over(nil)
	if server != nil {
		server.onEnd(over)
	}
	s := &simulation{options: o, at: at, progress: progress, began: began}
	result, err := s.run(running)
	if result != nil {
		table := out
		if o.json {
			table = progress
		}
		err = errors.Join(err, result.print(table, out))
	}
	if errors.Is(err, errInterrupted) {
		err = app.Exit(app.Failure, err) // whatever an unfinished night may have looked like
	}
	if server != nil {
		err = server.stop(err, progress)
	}
	return err
}

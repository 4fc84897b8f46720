// Package ready announces a program that has started: DATA/run.json for other programs, addresses for people.
package ready

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"vigie/pkg/app"
	"vigie/pkg/directory"
	"vigie/pkg/eventlog/kafkalog"
)

// Printer announces one program.
type Printer struct {
	Data string
	JSON bool
	Rate int
	Out  io.Writer
	// Host is the name or address by which telephones reach this machine; Authority the path of the certificate that they
	// have to trust, empty when theirs is known to them.
	Host, Authority string
}

// Run is what DATA/run.json says of the running program.
type Run struct {
	URL            string `json:"url"`
	URLTLS         string `json:"url_tls,omitempty"`
	Kafka          string `json:"kafka"`
	PositionsKafka string `json:"positions_kafka"`
	PID            int    `json:"pid"`
	ClockRate      int    `json:"clock_rate"`
}

// ReadRun reads the run file of a data directory.
func ReadRun(data string) (Run, error) {
	raw, err := os.ReadFile(filepath.Join(data, runFile)) //nolint:gosec // the operator's own path
	if err != nil {
		return Run{}, fmt.Errorf("run file: %w: is vigie up running on %s?", err, data)
	}
	var r Run
	if err := json.Unmarshal(raw, &r); err != nil {
		return Run{}, fmt.Errorf("run file: %w", err)
	}
	return r, nil
}

// First are the accounts and sources that this start has made; on later starts there are none.
type First struct{ *directory.FirstAccounts }

const (
	runFile = "run.json"
	askEach = 20 * time.Millisecond
)

// Announcement is under way until every check says ready.
type Announcement struct {
	printer Printer
	program Program
	path    string
	stop    context.CancelFunc
	wait    sync.WaitGroup
}

// Program is what is announced.
type Program struct {
	Address *app.Address
	Kafka   kafkalog.Config
	First   First
	// Fail is told when it cannot be announced.
	Fail   func(error)
	Logger *slog.Logger
}

// Begin waits, beside everything else, until every check says ready, and then says so.
func (p Printer) Begin(program Program) *Announcement {
	ctx, stop := context.WithCancel(context.Background())
	a := &Announcement{printer: p, program: program, path: filepath.Join(p.Data, runFile), stop: stop}
	a.wait.Go(func() {
		if err := p.announce(ctx, a.path, program); err != nil && ctx.Err() == nil {
			program.Fail(err)
		}
	})
	return a
}

// End takes the run file away: it goes with the process.
func (a *Announcement) End() {
	a.stop()
	a.wait.Wait()
	if err := os.Remove(a.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		a.program.Logger.Warn("run file not removed", "err", err)
	}
}

func (p Printer) announce(ctx context.Context, path string, program Program) error {
	address, kafka := program.Address, program.Kafka
	if err := awaitReady(ctx, address.URL()); err != nil {
		return err
	}
	run := Run{URL: address.URL(), Kafka: first(kafka.Brokers), PositionsKafka: first(kafka.PositionsBrokers), PID: os.Getpid(), ClockRate: p.Rate}
	port := address.SecurePort()
	if port != 0 {
		run.URLTLS = "https://" + net.JoinHostPort(p.host(), strconv.Itoa(port))
	}
	raw, err := json.Marshal(run)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(path, append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("run file: %w", err)
	}
	if p.JSON {
		return json.NewEncoder(p.Out).Encode(struct {
			Event string `json:"event"`
			Run
		}{"ready", run})
	}
	return p.tell(run, program.First, port)
}

func (p Printer) host() string { return cmp.Or(p.Host, "localhost") }

// tell says to a person where everything is, and at the first start who may come in.
func (p Printer) tell(run Run, made First, securePort int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nVigie is ready.\n\n  start page       %s/\n  console          %s/console\n  API, described   %s/docs\n", run.URL, run.URL, run.URL)
	fmt.Fprintf(&b, "  Kafka            %s (positions: %s)\n", run.Kafka, run.PositionsKafka)
	accounts := filepath.Join(p.Data, "first-accounts.json")
	if made.FirstAccounts != nil {
		fmt.Fprintf(&b, "\nFirst accounts, also in %s with the keys of the alarm sources:\n\n", accounts)
		for _, a := range made.Accounts {
			fmt.Fprintf(&b, "  %-12s %s\n", a.Account, a.Password)
		}
	} else {
		fmt.Fprintf(&b, "  first accounts   %s\n", accounts)
	}
	if securePort != 0 {
		b.WriteString(phone(p.host(), securePort, p.Authority))
	}
	b.WriteString("\nNext: \"make sim\" lets a night happen in a directory of its own. Ctrl-C stops.\n")
	_, err := io.WriteString(p.Out, b.String())
	return err
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// awaitReady asks the process itself, over the way that others do.
func awaitReady(ctx context.Context, url string) error {
	client := &http.Client{Timeout: 2 * time.Second}
	defer client.CloseIdleConnections()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		if res, err := client.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-time.After(askEach):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Package embedded is the broker of the all-in-one program: two Kafka
// protocol brokers inside this process, one for rooms, intake and log, one
// for positions, with their topics and the table of rooms made; beside them a
// Redis for projections ([Redis]). Nothing else in the code base knows that
// they are embedded.
//
// Guarantees: nothing that the main broker says leaves the process before
// everything it has written is on disk, without an error, so that what was
// acknowledged survives a crash and what could not be stored is never
// acknowledged ([Broker.Failed]); and a directory whose records are damaged
// or cut is refused before it is opened, its files untouched ([Check]). The
// broker for positions promises neither.
//
// Callers owe: one process per directory (a second one is refused), a witness
// file outside it, and an address that only trusted processes reach, since
// the brokers ask nobody who they are.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"

	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/eventlog/witness"
)

// Config says where the brokers keep their records and listen.
type Config struct {
	// Dir is the brokers' directory.
	Dir string `koanf:"dir"`
	// Listen is the main broker's host:port; port 0 takes a free one. The
	// broker for positions takes a free port of the same host.
	Listen string `koanf:"listen"`
	// Rooms must be in the table of rooms once started; none leaves the table as it is.
	Rooms []string `koanf:"rooms"`
	// WitnessFile is the file of [witness.Keeper], outside of Dir; empty means
	// that there is none.
	WitnessFile string `koanf:"witness_file"`
	// MinFree is how many bytes must be free in Dir: with less the broker
	// stops while it still can in good order. 0 does not look.
	MinFree uint64 `koanf:"min_free"`
	// Logger hears of the brokers' troubles; nil means nobody does.
	Logger *slog.Logger `koanf:"-"`
}

// Default returns the configuration for this machine, without a directory and without rooms.
func Default() Config {
	return Config{Listen: "127.0.0.1:0", MinFree: 64 << 20}
}

// Validate says all that is wrong with c.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("dir: say where the broker keeps its records"))
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		errs = append(errs, fmt.Errorf("listen %q: write it as host:port: %w", c.Listen, err))
	} else if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		// Clients are sent to the address that the broker listens on.
		errs = append(errs, fmt.Errorf("listen %q: name one address of this machine", c.Listen))
	}
	if c.WitnessFile != "" && c.Dir != "" {
		if rel, err := filepath.Rel(c.Dir, c.WitnessFile); err == nil && filepath.IsLocal(rel) {
			errs = append(errs, fmt.Errorf("witness_file %s: must be outside of %s", c.WitnessFile, c.Dir))
		}
	}
	return errors.Join(errs...)
}

// mainDir and positionsDir are the directories of the two brokers.
func (c Config) mainDir() string      { return filepath.Join(c.Dir, "main") }
func (c Config) positionsDir() string { return filepath.Join(c.Dir, "positions") }

// applyTimeout bounds making topics and rooms on a broker in this process.
const applyTimeout = 30 * time.Second

// Broker is the pair of running brokers.
type Broker struct {
	cfg       Config
	log       *slog.Logger
	lock      *os.File
	listeners [2]net.Listener // main, positions
	main      *kfake.Cluster
	positions *kfake.Cluster
	disk      *disk
	trouble   *trouble
	watch     sync.WaitGroup
	stop      chan struct{}
}

// Start checks the directory, opens it and returns the running brokers with
// all topics and rooms made.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	b, err := listen(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := b.start(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// listen takes the addresses, so that they are known before the brokers run.
func listen(ctx context.Context, cfg Config) (*Broker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	b := &Broker{cfg: cfg, log: cfg.Logger, stop: make(chan struct{}), trouble: newTrouble()}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	for i, address := range []string{cfg.Listen, net.JoinHostPort(host, "0")} {
		if b.listeners[i], err = new(net.ListenConfig).Listen(ctx, "tcp", address); err != nil {
			return nil, errors.Join(fmt.Errorf("embedded broker: listen: %w", err), b.release())
		}
	}
	return b, nil
}

// Config returns the addresses for the brokers' clients.
func (b *Broker) Config() kafkalog.Config {
	cfg := kafkalog.Default()
	cfg.Brokers = []string{b.listeners[0].Addr().String()}
	cfg.PositionsBrokers = []string{b.listeners[1].Addr().String()}
	cfg.SingleNode = true
	cfg.Logger = b.log
	return cfg
}

// start runs the brokers on the addresses taken. After an error nothing is
// left running.
func (b *Broker) start(ctx context.Context) error {
	err := b.open()
	if err == nil {
		err = b.apply(ctx)
	}
	if err == nil {
		// What was made so far is on disk before anybody relies on it.
		err = b.disk.barrier()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("embedded broker: %w", err), b.close())
	}
	b.watch.Go(b.watchSpace)
	if a, ok := b.listeners[0].Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		b.log.WarnContext(ctx, "the embedded broker asks nobody who they are and can be reached from other machines; close its port to strangers",
			"address", a.String())
	}
	return nil
}

// open checks the directory and opens the brokers on it.
func (b *Broker) open() error {
	for _, dir := range []string{b.cfg.mainDir(), b.cfg.positionsDir()} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
	}
	var err error
	if b.lock, err = lockDir(b.cfg.Dir); err != nil {
		return err
	}
	if err := b.enoughSpace(); err != nil {
		return err
	}
	if err := b.cfg.check(); err != nil {
		return err
	}
	b.disk = newDisk(b.cfg.mainDir(), b.trouble)
	main := durableListener{Listener: b.listeners[0], disk: b.disk}
	if b.main, err = cluster(b.cfg.mainDir(), main, b.trouble.logger(b.log)); err != nil {
		return err
	}
	b.trouble.begin()
	b.positions, err = cluster(b.cfg.positionsDir(), b.listeners[1], quiet{b.log})
	return err
}

// check is [Check] of the main broker's directory, with what is witnessed.
func (c Config) check() error {
	var heads []witness.Head
	if c.WitnessFile != "" {
		var err error
		if heads, err = witness.Load(c.WitnessFile); err != nil {
			return err
		}
	}
	return Check(c.mainDir(), heads)
}

// cluster starts one broker on a listener that is already there.
func cluster(dir string, l net.Listener, log kfake.Logger) (*kfake.Cluster, error) {
	c, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.DataDir(dir),
		kfake.WithLogger(log),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return l, nil }),
	)
	if err != nil {
		return nil, fmt.Errorf("open broker in %s: %w", dir, err)
	}
	return c, nil
}

// apply makes the topics and rooms through the brokers themselves.
func (b *Broker) apply(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	l, err := kafkalog.New(b.Config())
	if err != nil {
		return err
	}
	defer l.Close()
	_, err = l.Apply(ctx, kafkalog.Plan{
		Rooms:       b.cfg.Rooms,
		NewLogID:    uuid.NewString,
		Replication: 1,
		// This broker forgets where a partition ended once all of its records
		// have expired, and would number the next ones from zero.
		IntakeRetention: kafkalog.Forever,
	})
	return err
}

// Failed is closed when the main broker can no longer store what it is sent.
// From then on it acknowledges nothing; [Broker.Err] says why.
func (b *Broker) Failed() <-chan struct{} { return b.trouble.failed }

// Err returns why the broker failed, or nil. It wraps [ErrDiskFull] if more
// room on the disk is the cure.
func (b *Broker) Err() error { return b.trouble.err() }

// Stop stops the brokers and flushes what they hold. Clients must be closed
// before. Its error is one of stopping; see [Broker.Err] for an earlier one.
func (b *Broker) Stop() error {
	close(b.stop)
	b.watch.Wait()
	return b.close()
}

// close takes down whatever is up.
func (b *Broker) close() error {
	var errs []error
	if b.positions != nil {
		b.positions.Close()
	}
	if b.main != nil {
		before := b.trouble.err()
		b.main.Close()
		if before == nil {
			errs = append(errs, b.disk.barrier())
		}
	}
	if b.disk != nil {
		b.disk.close()
	}
	return errors.Join(append(errs, b.release())...)
}

// release gives back the addresses and the directory.
func (b *Broker) release() error {
	var errs []error
	for _, l := range b.listeners {
		if l == nil {
			continue
		}
		// A broker that ran has closed its own.
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("close listener: %w", err))
		}
	}
	if b.lock != nil {
		errs = append(errs, b.lock.Close())
	}
	return errors.Join(errs...)
}

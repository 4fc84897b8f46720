package stack

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

//go:embed config
var configs embed.FS

// dataDir is where a node keeps its records, below its own directory.
const dataDir = "data"

// node is one Kafka process, broker and controller in one.
type node struct {
	tools tools
	id    int
	dir   string
	port  int
	brief bool
	proc  *process // nil when it does not run
}

// settings fill server.properties.tmpl.
type settings struct {
	ID, Port, BrokerPort, ControllerPort int
	Voters, Data                         string
	Copies, InSync                       int
	Secure                               *secrets
	More                                 []string
}

// newNodes writes the configuration of a cluster.
func newNodes(dir string, t tools, o Options, s *secrets) ([]*node, error) {
	n := o.Brokers
	ports, err := freePorts(3 * n)
	if err != nil {
		return nil, err
	}
	clients, brokers, controllers := ports[:n], ports[n:2*n], ports[2*n:]
	voters := make([]string, n)
	for i, port := range controllers {
		voters[i] = fmt.Sprintf("%d@127.0.0.1:%d", i+1, port)
	}
	if err := copyConfig(filepath.Join(dir, "log4j2.yaml"), "log4j2.yaml"); err != nil {
		return nil, err
	}
	nodes := make([]*node, n)
	for i := range nodes {
		nd := &node{tools: t, id: i + 1, dir: filepath.Join(dir, fmt.Sprintf("kafka-%d", i+1)), port: clients[i], brief: o.brief}
		nodes[i] = nd
		if err := os.Mkdir(nd.dir, 0o700); err != nil {
			return nil, err
		}
		err := render(nd.config(), "server.properties.tmpl", settings{
			ID: nd.id, Port: nd.port, BrokerPort: brokers[i], ControllerPort: controllers[i],
			Voters: strings.Join(voters, ","), Data: filepath.Join(nd.dir, dataDir),
			Copies: n, InSync: max(1, n-1), Secure: s, More: o.Properties,
		})
		if err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

// render writes a configuration file from its template.
func render(file, name string, values any) error {
	t, err := template.New(name).Option("missingkey=error").ParseFS(configs, "config/"+name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // a path of our own
	if err != nil {
		return err
	}
	return errors.Join(t.Execute(f, values), f.Close())
}

func copyConfig(file, name string) error {
	content, err := configs.ReadFile("config/" + name)
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

// newUUID makes an id as Kafka writes them.
func newUUID() (string, error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", err
	}
	id[0] &= 0x7f // the text must not begin with a dash, which reads like an option
	return base64.RawURLEncoding.EncodeToString(id[:]), nil
}

func (n *node) config() string { return filepath.Join(n.dir, "server.properties") }

func (n *node) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(n.port)) }

func (n *node) java(args ...string) []string {
	return append([]string{
		n.tools.java, "-XX:+UseSerialGC", "-Dlog4j2.configurationFile=" + filepath.Join(filepath.Dir(n.dir), "log4j2.yaml"),
		"-cp", n.tools.classpath,
	}, args...)
}

// once has the JVM compile code once, quickly. Half of what three brokers take in their first minutes is compiling it better:
// scenarios go through in nine tenths of the time without (118 s and 84 s of processor time for the same nights).
const once = "-XX:TieredStopAtLevel=1"

// format makes the node's empty data directory.
func (n *node) format(ctx context.Context, cluster string, s *secrets) error {
	args := n.java(once, "-Xmx128m", "kafka.tools.StorageTool", "format", "-t", cluster, "-c", n.config())
	if s != nil {
		args = append(args, s.scram()...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // java with arguments of our own
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("node %d: %w\n%s", n.id, err, out)
	}
	return nil
}

// start does not wait for the node: nodes of a new cluster wait for each other.
func (n *node) start() error {
	if n.proc != nil {
		return nil
	}
	argv := []string{"-Xms256m", "-Xmx384m", "kafka.Kafka", n.config()}
	if n.brief {
		argv = append([]string{once}, argv...)
	}
	proc, err := launch(fmt.Sprintf("kafka-%d", n.id), n.dir, filepath.Join(n.dir, "kafka.log"), n.java(argv...)...)
	if err != nil {
		return err
	}
	n.proc = proc
	return nil
}

// await waits until the node answers and sees so many brokers.
func (n *node) await(ctx context.Context, brokers int, s *secrets) error {
	client, err := kgo.NewClient(append(s.client(Admin), kgo.SeedBrokers(n.addr()), kgo.DialTimeout(time.Second))...)
	if err != nil {
		return err
	}
	defer client.Close()
	return until(ctx, n.proc, fmt.Sprintf("broker %d does not see all brokers", n.id), func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		req := kmsg.NewPtrMetadataRequest()
		req.Topics = []kmsg.MetadataRequestTopic{} // null would mean all of them
		seen, err := req.RequestWith(ctx, client.SeedBrokers()[0])
		if err == nil && len(seen.Brokers) != brokers {
			err = fmt.Errorf("it sees %d of %d", len(seen.Brokers), brokers)
		}
		return err
	})
}

func (n *node) kill() {
	if n.proc != nil {
		n.proc.kill()
		n.proc = nil
	}
}

// stop asks the node to end and waits until it has.
func (n *node) stop(ctx context.Context) error {
	if n.proc == nil {
		return nil
	}
	if err := n.proc.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-n.proc.done:
		n.proc = nil
		return nil
	case <-ctx.Done():
		return fmt.Errorf("it does not end: %w", ctx.Err())
	}
}

func (n *node) pause() error {
	if n.proc == nil {
		return fmt.Errorf("pause broker %d: %w", n.id, errNotRunning)
	}
	return n.proc.signal(syscall.SIGSTOP)
}

func (n *node) resume() error {
	if n.proc == nil {
		return fmt.Errorf("resume broker %d: %w", n.id, errNotRunning)
	}
	return n.proc.signal(syscall.SIGCONT)
}

// until repeats try until it succeeds, the process ends or ctx does.
func until(ctx context.Context, p *process, what string, try func(context.Context) error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return p.failed()
		case <-ctx.Done():
			return fmt.Errorf("%s: %w (%w); the end of %s:\n%s", what, ctx.Err(), err, p.log, lastLines(p.log))
		}
	}
}

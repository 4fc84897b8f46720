package stack

import (
	"context"
	"crypto/sha256"
	_ "embed" // the list of jars
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

//go:embed pom.xml
var pom []byte

// fetchTimeout bounds Maven's download of 43 MB.
const fetchTimeout = 10 * time.Minute

// tools are the programs that a stack is made of.
type tools struct {
	java      string
	classpath string
	redis     string // "" unless asked for
}

// Prepare fetches what is needed for the first start on a machine, if it is
// not there yet: Kafka's jars and, for root on Debian, the package redis-server.
func Prepare(ctx context.Context, o Options) error {
	_, err := findTools(ctx, o.Redis)
	return err
}

func findTools(ctx context.Context, withRedis bool) (t tools, err error) {
	if t.java, err = exec.LookPath("java"); err != nil {
		return tools{}, fmt.Errorf("java is missing; install a Java 17 or newer (Debian: apt-get install -y default-jre-headless): %w", err)
	}
	lib, err := jars(ctx)
	if err != nil {
		return tools{}, fmt.Errorf("kafka's jars: %w", err)
	}
	t.classpath = filepath.Join(lib, "*")
	if withRedis {
		if t.redis, err = redisServer(ctx); err != nil {
			return tools{}, err
		}
	}
	return t, nil
}

// jars returns the directory of Kafka's jars, which Maven fills the first
// time. Its name holds the digest of pom.xml: a new version is a new directory.
func jars(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory (set HOME or XDG_CACHE_HOME): %w", err)
	}
	home := filepath.Join(cache, "vigie", "stack")
	lib := filepath.Join(home, fmt.Sprintf("kafka-%.6x", sha256.Sum256(pom)))
	if _, err := os.Stat(lib); err == nil {
		return lib, nil
	}
	if err := os.MkdirAll(home, 0o750); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(home, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(lib); err == nil { // somebody else was first
		return lib, nil
	}
	return lib, fetchJars(ctx, lib)
}

func fetchJars(ctx context.Context, lib string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("maven is missing (Debian: apt-get install -y maven): %w", err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(lib), "fetch-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), pom, 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=lib") //nolint:gosec // found on PATH, fixed arguments
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("maven cannot fetch them: %w\n%s", err, out)
	}
	return os.Rename(filepath.Join(dir, "lib"), lib)
}

// lock waits for a lock file that other processes use, too.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a path of our own
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// redisServer finds redis-server, or installs Debian's as root.
func redisServer(ctx context.Context) (string, error) {
	const program = "redis-server"
	found, err := exec.LookPath(program)
	if err == nil {
		return found, nil
	}
	apt, noApt := exec.LookPath("apt-get")
	if os.Geteuid() != 0 || noApt != nil {
		return "", fmt.Errorf("redis-server is missing; install it first (Debian: sudo apt-get install -y redis-server): %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, apt, "install", "-y", program) //nolint:gosec // found on PATH, fixed arguments
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("redis-server is missing and cannot be installed (try apt-get update, then again): %w\n%s", err, out)
	}
	return exec.LookPath(program)
}

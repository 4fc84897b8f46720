package clock_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"vigie/pkg/clock"
)

func open(t *testing.T, path string, rate int) *clock.Clock {
	t.Helper()
	c, err := clock.Open(path, rate)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRealClockIsTheRealTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clock.Real()
		if got, want := c.Now(), time.Now(); !got.Equal(want) || c.Rate() != 1 {
			t.Errorf("Now() = %v at rate %d, want %v at rate 1", got, c.Rate(), want)
		}
		if got := c.Real(3 * time.Second); got != 3*time.Second {
			t.Errorf("Real(3s) = %v", got)
		}
	})
}

func TestDomainTimeRunsFaster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := open(t, filepath.Join(t.TempDir(), "clock.json"), 60)
		began := c.Now()
		time.Sleep(c.Real(24 * time.Hour)) // virtual: it takes no time
		if got := c.Now().Sub(began); got != 24*time.Hour {
			t.Errorf("%v passed, want a day", got)
		}
	})
}

func TestARestartGoesOnFromTheOrigin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "clock.json")
		began := open(t, path, 600).Now()
		time.Sleep(90 * time.Second)
		if got := open(t, path, 600).Now().Sub(began); got != 15*time.Hour {
			t.Errorf("%v passed over the restart, want 15h", got)
		}
	})
}

func TestAllWhoOpenAtOnceHaveOneOrigin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "clock.json")
	clocks := make([]*clock.Clock, 16)
	var together sync.WaitGroup
	for k := range clocks {
		together.Go(func() { clocks[k], _ = clock.Open(path, clock.MaxRate) })
	}
	together.Wait()
	for _, c := range clocks {
		if c == nil || *c != *clocks[0] {
			t.Errorf("%+v and %+v", c, clocks[0])
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestYearsAtTheHighestRateDoNotOverflow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := open(t, filepath.Join(t.TempDir(), "clock.json"), clock.MaxRate)
		began := c.Now()
		time.Sleep(365 * 24 * time.Hour)
		if got := c.Now().Unix() - began.Unix(); got != 365*24*3600*clock.MaxRate {
			t.Errorf("%d domain seconds passed in a year", got)
		}
	})
}

func TestAnotherRateThanTheDirectorysIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clock.json")
	open(t, path, 60)
	_, err := clock.Open(path, 1)
	if !errors.Is(err, clock.ErrRate) || !strings.Contains(err.Error(), "--clock-rate 60") {
		t.Errorf("err = %v, want one that says to start with --clock-rate 60", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		content string
		rate    int
		says    string
	}{
		"rate zero":         {"", 0, "from 1 to"},
		"rate out of range": {"", clock.MaxRate + 1, "from 1 to"},
		"a torn file":       {`{"origin":"2026-`, 1, "damaged"},
		"no origin":         {`{"rate":1}`, 1, "damaged"},
		"no rate":           {`{"origin":"2026-01-01T00:00:00Z"}`, 1, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "clock.json")
			if tt.content != "" {
				if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := clock.Open(path, tt.rate); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("err = %v, want one that says %q", err, tt.says)
			}
		})
	}
}

func TestOpenSaysThatTheDirectoryIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := clock.Open(filepath.Join(t.TempDir(), "absent", "clock.json"), 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("err = %v, want ErrNotExist", err)
	}
}

func TestWaitsAreNeverShort(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clock.json")
	c := open(t, path, 7)
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64().Draw(t, "d"))
		if d > 0 && d < math.MaxInt64-7 && c.Domain(c.Real(d)) < d {
			t.Errorf("Real(%v) is short", d)
		}
		if r := c.Domain(d); (d > 0) != (r > 0) || (d < 0) != (r < 0) {
			t.Errorf("Domain(%v) = %v overflowed", d, r)
		}
	})
}

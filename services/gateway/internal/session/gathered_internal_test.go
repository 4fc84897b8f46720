package session

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// wireTap notes what is written at once.
type wireTap struct {
	net.Conn
	writes []string
	fails  error
	closed bool
}

func (w *wireTap) Write(p []byte) (int, error) {
	if w.fails != nil {
		return 0, w.fails
	}
	w.writes = append(w.writes, string(p))
	return len(p), nil
}

func (w *wireTap) Close() error {
	w.closed = true
	return nil
}

func TestFramesThatBelongTogetherLeaveTogether(t *testing.T) {
	t.Parallel()
	write := func(c *gathered, frames ...string) func() error {
		return func() error {
			for _, f := range frames {
				if _, err := c.Write([]byte(f)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	large := strings.Repeat("x", heldMost)
	for name, c := range map[string]struct {
		do   func(*gathered) error
		want []string
	}{
		"a board and what changed it": {func(c *gathered) error { return c.together(write(c, "board", "event")) }, []string{"boardevent"}},
		"nothing":                     {func(c *gathered) error { return c.together(write(c)) }, nil},
		"a ping between": {func(c *gathered) error {
			return errors.Join(c.together(write(c, "a", "b")), write(c, "ping")(), c.together(write(c, "c")))
		}, []string{"ab", "ping", "c"}},
		"more than is held back": {func(c *gathered) error { return c.together(write(c, "head", large, "tail")) }, []string{"head", large, "tail"}},
		"why it closes": {func(c *gathered) error {
			return c.together(func() error { return errors.Join(write(c, "event", "bye")(), c.Close()) })
		}, []string{"eventbye"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tap := &wireTap{}
			if err := c.do(&gathered{Conn: tap}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(tap.writes, c.want) {
				t.Errorf("%.20q, want %.20q", tap.writes, c.want)
			}
		})
	}
}

func TestWhatCannotLeaveIsAnError(t *testing.T) {
	t.Parallel()
	c := &gathered{Conn: &wireTap{fails: net.ErrClosed}}
	err := c.together(func() error {
		_, err := c.Write([]byte("event"))
		return err
	})
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}

// TestNothingIsWrittenUnderADeadlineThatHasPassed: a session that has nothing to say is not slow.
func TestNothingIsWrittenUnderADeadlineThatHasPassed(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	if err := near.SetWriteDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := (&gathered{Conn: near}).together(func() error { return nil }); err != nil {
		t.Error(err)
	}
}

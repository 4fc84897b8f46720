package kafkalog

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"

	"vigie/pkg/wait"
)

// The longest wait is short: a broker that comes back should be noticed within
// 200 ms, and a refused connection costs little.
const (
	backoffMin = 20 * time.Millisecond
	backoffMax = 200 * time.Millisecond
)

// outage is the state of one reader that the brokers do not answer: it waits
// longer each time and logs once when it begins and once when it is over.
type outage struct {
	log   *slog.Logger
	attrs []any
	wait  time.Duration
}

// pause waits before the next try. It returns the context's error when that
// ends first.
func (o *outage) pause(ctx context.Context, err error) error {
	if o.wait == 0 {
		o.log.WarnContext(ctx, "kafka does not answer, trying again", append([]any{"error", err}, o.attrs...)...)
	}
	o.wait = min(max(2*o.wait, backoffMin), backoffMax)
	return wait.About(ctx, o.wait)
}

func (o *outage) over(ctx context.Context) {
	if o.wait > 0 {
		o.log.InfoContext(ctx, "kafka answers again", o.attrs...)
		o.wait = 0
	}
}

// passing says whether err is a broker or a network that is away, as opposed
// to an answer that cannot be read. kafka-go has no type for a failed
// checksum, so that is told by what it is not.
func passing(err error) bool {
	var (
		netErr net.Error
		errno  syscall.Errno
		code   kafka.Error
		access *AccessError
	)
	return errors.As(err, &netErr) || errors.As(err, &errno) || errors.As(err, &code) || unrouted(err) || errors.As(err, &access) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

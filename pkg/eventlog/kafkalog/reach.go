package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"vigie/pkg/wait"
)

// reachTries is how often in a row a broker must hang up before that counts as its answer: one that is just ending does so once.
const (
	reachTries = 3
	reachPause = 200 * time.Millisecond
)

// Reach returns an [AccessError] when brokers are there and none of them lets this process in. Ask it before anything else:
// what reads and writes later rides such answers out, because then a certificate or a password is being renewed. Brokers that
// are away are no error here.
func (l *Log) Reach(ctx context.Context) error {
	err := l.reach(ctx, l.cfg.Brokers)
	if err == nil && len(l.cfg.PositionsBrokers) > 0 {
		err = l.reach(ctx, l.cfg.PositionsBrokers)
	}
	return err
}

// reach asks one broker after the other until one lets us in.
func (l *Log) reach(ctx context.Context, brokers []string) error {
	var refused error
	for _, broker := range brokers {
		err := l.knock(ctx, broker)
		var access *AccessError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &access):
			refused = err
		}
	}
	return refused
}

func (l *Log) knock(ctx context.Context, broker string) error {
	for try := 1; ; try++ {
		err := l.hello(ctx, broker)
		switch {
		case err == nil || !hungUp(err):
			return err
		case try == reachTries:
			return &AccessError{Broker: broker, Reason: l.cfg.whyHungUp(), Err: err}
		}
		if err := wait.About(ctx, reachPause); err != nil {
			return err
		}
	}
}

// metadataVersion is one that all brokers of our time know.
const metadataVersion = 5

// hello makes a request that a broker answers only to those it has let in.
func (l *Log) hello(ctx context.Context, broker string) error {
	conn, err := l.cfg.dial(ctx, "tcp", broker)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	ctx, done := context.WithTimeout(ctx, l.cfg.RequestTimeout)
	defer done()
	err = within(ctx, conn, func() error {
		pc := protocol.NewConn(conn, l.cfg.ClientID)
		pc.SetVersions(map[protocol.ApiKey]int16{protocol.Metadata: metadataVersion})
		_, err := pc.RoundTrip(&metadata.Request{TopicNames: []string{}})
		return err
	})
	if err == nil {
		return nil
	}
	// With TLS 1.3, also a refused certificate is told only here.
	return refusal(broker, err, l.cfg.whyHungUp())
}

// whyHungUp says why a broker may end the connection at the first request: it does not say so itself.
func (c Config) whyHungUp() string {
	const ends = "ends the connection without an answer: "
	switch {
	case !c.TLS.on():
		return ends + "this port may be for TLS only (give kafka_tls_ca), or for users only (give kafka_user)"
	case c.SASL.User == "":
		return ends + "this port may be without TLS, or for users only (give kafka_user)"
	default:
		return ends + fmt.Sprintf("this port may be without TLS, or without %s; its log says more", c.SASL.name())
	}
}

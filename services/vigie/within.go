package vigie

import (
	"context"
	"fmt"
	"net"
	"path/filepath"

	"vigie/pkg/edge"
	"vigie/pkg/peer"
	"vigie/services/alarms"
	"vigie/services/gateway"
	"vigie/services/positions"
)

// within configures the services of one process for while Kafka is away as an operator configures those of many: an
// authority and certificates, made at the first start, a journal each, and the internal address of the gateway, whose
// port is taken here since others have to know it.
func within(data string, a *alarms.Config, p *positions.Config, g *gateway.Config) error {
	const host = "127.0.0.1"
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return fmt.Errorf("internal address: %w", err)
	}
	g.InternalListener = l
	for name, settings := range map[string]*edge.Settings{
		peer.Alarms: &a.Settings, peer.Positions: &p.Settings, peer.Gateway: &g.Settings,
	} {
		settings.JournalDir = filepath.Join(data, "journal", name)
		settings.Gateways = []string{l.Addr().String()}
		if settings.Credentials, err = peer.Ensure(filepath.Join(data, "internal"), name, host); err != nil {
			return fmt.Errorf("internal certificates: %w", err)
		}
	}
	return nil
}

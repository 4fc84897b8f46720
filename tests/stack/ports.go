package stack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Below the range from which Linux takes the local ports of outgoing
// connections: a broker that was killed must find its port free again.
const (
	portMin = 10_000
	portMax = 32_000
)

// freePorts returns n different ports on loopback that nobody listens on.
func freePorts(n int) (ports []int, err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			err = errors.Join(err, l.Close())
		}
	}()
	for range 100 * n {
		if len(ports) == n {
			return ports, nil
		}
		port := portMin + rand.IntN(portMax-portMin)                    //nolint:gosec // no secret
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // does not wait
		if err != nil {
			continue
		}
		held, ports = append(held, l), append(ports, port)
	}
	return nil, fmt.Errorf("no %d free ports between %d and %d", n, portMin, portMax)
}

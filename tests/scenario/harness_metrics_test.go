package scenario_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// metric of a process, by its name and labels; at is the process's address.
func (n *Night) metric(at, name string) float64 {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.life, http.MethodGet, at+"/metrics", http.NoBody)
	if err != nil {
		n.t.Fatal(err)
	}
	res, err := n.http.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			f, err := strconv.ParseFloat(value, 64)
			if err != nil {
				n.t.Fatal(err)
			}
			return f
		}
	}
	n.t.Fatalf("%s has no metric %s", at, name)
	return 0
}

// Locates waits until everybody who decides for a room knows where so many of its teams are: each reads telemetry by itself, and
// that one has a position says nothing of the others.
func (n *Night) Locates(room string, teams int) {
	n.t.Helper()
	for _, at := range n.top.deciders() {
		n.Within(missed, "a decider knows where the teams are", func() (bool, string) {
			known := n.metric(at, `vigie_dispatch_located_teams{room="`+room+`"}`)
			return int(known) >= teams, fmt.Sprint(known)
		})
	}
}

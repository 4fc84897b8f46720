package load

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"vigie/services/vigie/internal/sim/chance"
	"vigie/services/vigie/internal/sim/client"
)

// Call is one call of a call file.
type Call struct {
	Number   string
	Received time.Time
	// Stay is how long the first unit that reached the scene stayed there; 0: none did, or its times make no sense.
	Stay time.Duration
}

// What is believed of a time on scene.
const (
	shortestStay = time.Minute
	longestStay  = 4 * time.Hour
)

// ReadCalls reads a file in the format of San Francisco's "Fire Department Calls for Service": a row per unit sent. A call's
// time is the earliest at which any of its rows says it was received; rows whose times are in the wrong order, or that never
// reached the scene, say nothing of the time on scene.
func ReadCalls(r io.Reader) ([]Call, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = -1
	head, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("calls: read the first line: %w", err)
	}
	f := callFile{column: map[string]int{}, calls: map[string]*Call{}, arrived: map[string]time.Time{}}
	for i, name := range head {
		f.column[name] = i
	}
	for _, name := range []string{number, received, onScene, available} {
		if _, ok := f.column[name]; !ok {
			return nil, fmt.Errorf("calls: there is no column %q: use the format of San Francisco's Fire Department Calls for Service", name)
		}
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return f.inOrder()
		}
		if err != nil {
			return nil, fmt.Errorf("calls: %w", err)
		}
		f.add(row)
	}
}

// The columns that are read.
const (
	number    = "Call Number"
	received  = "Received DtTm"
	onScene   = "On Scene DtTm"
	available = "Available DtTm"
)

// callFile gathers the rows of a file into calls.
type callFile struct {
	column map[string]int
	calls  map[string]*Call
	// arrived is when the first unit of a call reached the scene.
	arrived map[string]time.Time
}

func (f *callFile) field(row []string, name string) string {
	if i := f.column[name]; i < len(row) {
		return row[i]
	}
	return ""
}

func (f *callFile) add(row []string) {
	id := f.field(row, number)
	at, ok := stamp(f.field(row, received))
	if id == "" || !ok {
		return
	}
	c := f.calls[id]
	if c == nil {
		c = &Call{Number: id, Received: at}
		f.calls[id] = c
	}
	if at.Before(c.Received) {
		c.Received = at
	}
	there, arrived := stamp(f.field(row, onScene))
	left, departed := stamp(f.field(row, available))
	stay := left.Sub(there)
	if !arrived || !departed || there.Before(at) || stay < shortestStay || stay > longestStay {
		return
	}
	if first, known := f.arrived[id]; !known || there.Before(first) {
		f.arrived[id], c.Stay = there, stay
	}
}

func (f *callFile) inOrder() ([]Call, error) {
	if len(f.calls) == 0 {
		return nil, errors.New("calls: the file has no call with a number and a time of receipt")
	}
	out := make([]Call, 0, len(f.calls))
	for _, c := range f.calls {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Call) int { return cmp.Or(a.Received.Compare(b.Received), cmp.Compare(a.Number, b.Number)) })
	return out, nil
}

// stamp reads a time of the file; it says no zone, and none is needed: only differences matter.
func stamp(s string) (time.Time, bool) {
	t, err := time.Parse("01/02/2006 03:04:05 PM", s)
	return t, err == nil
}

// FromCalls makes a night of the calls of one day; an empty day is the one with the most calls. The day begins when the
// simulation does. Where a call comes from, what it is and how grave is drawn, by the weights of the region.
func FromCalls(calls []Call, day string, rooms []client.Room, seed chance.Seed, length time.Duration) (*Night, error) {
	begins, err := dayOf(calls, day)
	if err != nil {
		return nil, err
	}
	places := allPlaces(rooms)
	if len(places.weights) == 0 {
		return nil, errors.New("calls: the region has no site to put them in")
	}
	n := &Night{}
	for _, c := range calls {
		at := c.Received.Sub(begins)
		if at < 0 || at >= min(length, 24*time.Hour) {
			continue
		}
		if a, ok := places.put(c, seed); ok {
			a.At = at
			n.add(a, seed)
		}
	}
	n.sort()
	return n, nil
}

func dayOf(calls []Call, day string) (time.Time, error) {
	count := map[time.Time]int{}
	for _, c := range calls {
		count[c.Received.Truncate(24*time.Hour)]++
	}
	if day != "" {
		t, err := time.Parse(time.DateOnly, day)
		if err != nil {
			return t, fmt.Errorf("calls: day %q: write it as YYYY-MM-DD", day)
		}
		if count[t] == 0 {
			days := slices.SortedFunc(maps.Keys(count), time.Time.Compare)
			return t, fmt.Errorf("calls: none on %s: choose a day from %s to %s", day, days[0].Format(time.DateOnly), days[len(days)-1].Format(time.DateOnly))
		}
		return t, nil
	}
	days := slices.SortedFunc(maps.Keys(count), func(a, b time.Time) int { return cmp.Or(cmp.Compare(count[b], count[a]), a.Compare(b)) })
	if len(days) == 0 {
		return time.Time{}, errors.New("calls: there are none")
	}
	return days[0], nil
}

// places are all sites of the region with their weights.
type places struct {
	rooms   []*client.Room
	sites   []client.Site
	weights []float64
}

func allPlaces(rooms []client.Room) places {
	var p places
	for i := range rooms {
		for _, s := range rooms[i].Sites {
			p.rooms, p.sites, p.weights = append(p.rooms, &rooms[i]), append(p.sites, s), append(p.weights, siteWeight(s))
		}
	}
	return p
}

func (p places) put(c Call, seed chance.Seed) (Alarm, bool) {
	k := seed.Of("site", c.Number).Pick(p.weights)
	room := p.rooms[k]
	i := seed.Of("code", c.Number).Pick(codeShares(room.Codes))
	if i < 0 {
		return Alarm{}, false
	}
	code := room.Codes[i]
	return Alarm{
		Key: "call-" + c.Number, Room: room.Room, Site: p.sites[k].Site, Zone: zoneOf(p.sites[k], seed.Of("zone", c.Number)),
		Code: code.Code, Category: code.Category, Priority: code.Priority, Stay: c.Stay,
	}, true
}

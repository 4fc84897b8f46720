package sim_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/controlroom/choose"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
	"vigie/pkg/region"
	"vigie/pkg/wire"
)

// room is one control room with its part of the topics and the people in it.
type room struct {
	w     *world
	name  string
	logID string
	conf  *regionv1.RoomConfiguration
	zone  *time.Location
	teams []string

	intake, log *partition
	requests    []wire.Request
	decoded     []wire.Stored
	states      map[int64]string
	oracle      *oracle
	// cut is set when the broker has lost records: promises about them are off, and who has seen them must halt.
	cut bool

	devices    []*device
	dispatcher *client
	fixes      map[string]choose.Fix
	acked      []es.Cause
	yeses      []yes
	// alarmsOpen are those that were not acknowledged, and since when.
	alarmsOpen map[string]int64
}

// regions are the real ones, read once.
var regions = sync.OnceValues(func() ([]*regionv1.RoomConfiguration, error) { //nolint:gochecknoglobals // read-only data of all runs
	var rooms []*regionv1.RoomConfiguration
	for _, file := range []string{"two-sites.yaml", "aphp.yaml"} {
		r, err := region.Load(filepath.Join("..", "..", "deployments", "regions", file))
		if err != nil {
			return nil, err
		}
		for _, room := range r.Rooms {
			rooms = append(rooms, room.Configuration)
		}
	}
	return rooms, nil
})

// mostTeams bounds how many teams of a room are on duty: rooms have up to dozens.
const mostTeams = 5

func (w *world) addRoom(conf *regionv1.RoomConfiguration) {
	r := &room{w: w, name: conf.GetRoom(), conf: conf, logID: fmt.Sprint("log-", conf.GetRoom()), states: map[int64]string{}, alarmsOpen: map[string]int64{}}
	r.zone, _ = region.Location(conf) // checked when it was read
	r.oracle = newOracle(r)
	r.intake = &partition{w: w, name: "intake/" + r.name, stored: func(offset int64, value []byte) {
		r.requests = append(r.requests, wire.DecodeRequest(offset, value))
	}}
	r.log = &partition{w: w, name: "log/" + r.name, stored: func(offset int64, value []byte) {
		r.decoded = append(r.decoded, wire.Decode(offset, value))
		r.oracle.read(&r.decoded[offset], true)
	}}
	for _, t := range conf.GetTeams() {
		if len(r.teams) < mostTeams {
			r.teams = append(r.teams, t.GetId())
		}
	}
	for _, team := range r.teams {
		name := "device/" + team
		r.devices = append(r.devices, &device{
			client: newClient(w, name), r: r, team: team, cursor: -1, known: map[string]bool{}, over: map[string]bool{},
		})
	}
	r.dispatcher = newClient(w, "account/dora")
	w.rooms = append(w.rooms, r)
}

func (r *room) version() uint64 { return r.oracle.version }

func (r *room) minuteOfDay(at int64) int32 {
	local := time.UnixMilli(at).In(r.zone)
	return int32(local.Hour()*60 + local.Minute())
}

// positions come now and then; all deciders know the same ones.
func (r *room) positions() {
	if r.w.calm {
		return
	}
	fixes := map[string]choose.Fix{}
	for _, team := range r.teams {
		if r.w.likely(0.5) {
			at := pick(r.w, pick(r.w, r.conf.GetSites()).GetEntrances())
			fixes[team] = choose.Fix{LatE7: at.GetLatE7(), LonE7: at.GetLonE7(), At: epoch + r.w.now, Moving: r.w.likely(0.5)}
		}
	}
	r.fixes = fixes
	r.w.after(20*second, r.positions)
}

// newWorld is a world of a seed, with everybody in it.
func newWorld(seed uint64, b broken) (*world, error) {
	w := &world{seed: seed, chance: rand.New(rand.NewPCG(seed, 0x56696769)), broken: b, byName: map[string]*node{}}
	rooms, err := regions()
	if err != nil {
		return nil, err
	}
	if w.faults = w.draw(); b.faults != nil {
		b.faults(&w.faults)
	}
	first := w.chance.IntN(2)
	if w.likely(0.1) {
		first = w.chance.IntN(len(rooms))
	}
	w.addRoom(rooms[first])
	if first < 2 && w.likely(0.25) {
		w.addRoom(rooms[1-first])
	}
	for k := range w.between(2, 4) {
		n := &deciderNode{node: &node{w: w, name: fmt.Sprint("decider-", k)}}
		for _, r := range w.rooms {
			n.rooms = append(n.rooms, &decider{n: n, r: r})
		}
		w.deciders, w.nodes = append(w.deciders, n), append(w.nodes, n.node)
	}
	for k := range w.between(1, 3) {
		g := &gatewayNode{node: &node{w: w}, number: int(k)}
		w.gateways, w.nodes = append(w.gateways, g), append(w.nodes, g.node)
	}
	return w, nil
}

// begin starts all processes and has the rooms configured and manned.
func (w *world) begin() {
	for _, n := range w.deciders {
		w.after(w.between(0, 300), func() { n.start(n.name, false) })
	}
	for _, g := range w.gateways {
		w.after(w.between(0, 300), g.start)
	}
	for _, r := range w.rooms {
		w.after(400, func() {
			q := &intakev1.Request{Body: &intakev1.Request_ConfigureRegion{ConfigureRegion: &intakev1.ConfigureRegion{
				Content: r.conf, Hash: region.Hash(r.conf),
			}}}
			r.dispatcher.command(r, w.gateway, q, 0, func(answer) {
				for _, d := range r.devices {
					w.after(w.between(0, 3000), d.signOn)
				}
				w.after(w.between(500, 5000), r.sources)
				w.after(w.between(2000, 8000), r.desk)
				r.positions()
				if w.likely(0.2) {
					w.after(w.between(5, 60)*second, pick(w, r.devices).needsHelp)
				}
			})
		})
	}
}

// run plays one seed to its end.
func (w *world) run() {
	w.begin()
	w.mishaps()
	span := w.between(15, 40) * second
	if w.likely(0.25) {
		span *= 4 // long enough for what falls due after minutes
	}
	w.runUntil(span, nil)
	w.heal()
	if w.anyCut() {
		w.runUntil(w.now+60*second, nil)
		w.whoHasSeenWhatWasLostHasHalted()
		return
	}
	w.comeToRest()
	if w.failed == nil {
		w.promises()
	}
}

func (w *world) anyCut() bool {
	return slices.ContainsFunc(w.rooms, func(r *room) bool { return r.cut })
}

// whoHasSeenWhatWasLostHasHalted: whoever reads on has read the log as it is now.
func (w *world) whoHasSeenWhatWasLostHasHalted() {
	for _, r := range w.rooms {
		check := func(who string, f *controlroom.Fold, reader *reader) {
			if f.Halted() != "" || reader.over || f.Next == 0 {
				return
			}
			if f.Next > r.log.end() || f.Hash != r.oracle.heads[f.Next-1] {
				w.fail("I8", "%s goes on from version %d after record %d as if the log had not been cut (it ends at %d)", who, f.Version, f.Next-1, r.log.end())
			}
		}
		for _, n := range w.deciders {
			for _, d := range n.rooms {
				if d.r == r && d.halted == "" && n.up {
					check(n.name, d.writer.Fold, d.log)
				}
			}
		}
		for _, g := range w.gateways {
			if b := g.boards[r.name]; b != nil && g.up && b.halted == "" {
				check(g.name, b.fold, b.log)
			}
		}
	}
}

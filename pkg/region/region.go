// Package region reads the file in which an operator describes its hospitals, and compiles it to what each control room knows.
//
// A file either yields a Region whose rooms are complete and consistent, or an *Error that names every problem found with its
// line and what to do about it; nothing is guessed and nothing unknown is skipped. The same file always yields the same bytes.
//
// Callers own what they get; a RoomConfiguration that is handed on to others must not be changed.
package region

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
	_ "time/tzdata" // the zones of a region must be known on hosts without a zone database

	"google.golang.org/protobuf/proto"

	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

// Region is all rooms of one operator.
type Region struct {
	ID       string
	Name     string
	Timezone string
	Rooms    []Room
}

// Room is one control room with all it knows of the region.
type Room struct {
	ID            string
	Name          string
	Configuration *regionv1.RoomConfiguration
}

// Load reads and compiles the region file at path.
func Load(path string) (*Region, error) {
	data, err := os.ReadFile(path) //nolint:gosec // G304: which file to read is the operator's choice
	if err != nil {
		return nil, fmt.Errorf("region file: %w", err)
	}

	return Parse(filepath.Base(path), data)
}

// Parse compiles a region from data; name is what problems call the file.
func Parse(name string, data []byte) (*Region, error) {
	r := &reader{
		file:   name,
		lines:  map[proto.Message]int{},
		broken: map[proto.Message]bool{},
		shared: map[*regionv1.Plan]bool{},
	}
	region := r.region(data)

	if len(r.problems) > 0 {
		return nil, r.failure()
	}

	return region, nil
}

// RoomIDs lists the rooms in the order of the file.
func (r *Region) RoomIDs() []string {
	ids := make([]string, 0, len(r.Rooms))
	for _, room := range r.Rooms {
		ids = append(ids, room.ID)
	}

	return ids
}

// RoomOfSite tells which room a site belongs to.
func (r *Region) RoomOfSite(site string) (room string, ok bool) {
	for _, room := range r.Rooms {
		if slices.ContainsFunc(room.Configuration.GetSites(), func(s *regionv1.Site) bool { return s.GetId() == site }) {
			return room.ID, true
		}
	}

	return "", false
}

// Hash names a configuration by its content: the SHA-256 of its deterministic encoding, in hex.
func Hash(cfg *regionv1.RoomConfiguration) (hash string) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(cfg)
	if err != nil {
		// Only text that is not UTF-8 cannot be encoded, and Parse lets none in.
		panic(fmt.Sprintf("region: encode configuration of room %q: %v", cfg.GetRoom(), err))
	}

	sum := sha256.Sum256(data)

	return hex.EncodeToString(sum[:])
}

// Location is the time zone in which the room's shifts and plan hours are meant.
func Location(cfg *regionv1.RoomConfiguration) (*time.Location, error) {
	return location(cfg.GetTimezone())
}

func location(name string) (*time.Location, error) {
	// LoadLocation takes these for the machine's zone or UTC, which would differ from host to host.
	if name == "" || name == "Local" {
		return nil, errors.New("no time zone: use an IANA name such as Europe/Paris")
	}

	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("unknown time zone %q: use an IANA name such as Europe/Paris", name)
	}

	return loc, nil
}

// Package summary keeps what is going on in each room in Redis: its teams, open incidents and active missions, as of a record
// of the log. It is for displays that ask often and for programs beside Vigie, and answers without folding anything.
//
// A summary is the fold of the log up to its offset, or cold. It is written from the room that replay follows anyway, at most
// a few times a second, by as many processes as there are: the one that is ahead wins.
package summary

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/projection"
)

// schema names the entries below: others are another number.
const schema = "summary.1"

// Summary is a room, as far as it concerns those who act now.
type Summary struct {
	Room    string `json:"room"`
	LogID   string `json:"log_id"`
	Offset  int64  `json:"offset" doc:"of the last record that is folded in"`
	Hash    string `json:"hash" doc:"of the last effective decision up to there; empty before the first"`
	Version uint64 `json:"version"`
	At      string `json:"at" doc:"domain time of that decision"`
	// AsOf is when the log was last seen to hold nothing more than this.
	AsOf  string `json:"as_of" doc:"when the log was last seen to hold nothing more"`
	AgeMS int64  `json:"age_ms" doc:"milliseconds since as_of: about a second when all is well"`

	Incidents []controlroom.IncidentView `json:"incidents" doc:"open ones, without their text"`
	Missions  []controlroom.MissionView  `json:"missions" doc:"active ones"`
	Teams     []controlroom.TeamView     `json:"teams"`
}

// head is the entry of the room itself.
type head struct {
	Version uint64 `json:"version"`
	At      string `json:"at"`
}

// Names of entries: what they begin with, and an id.
const (
	nameRoom     = "room"
	nameIncident = "incident/"
	nameMission  = "mission/"
	nameTeam     = "team/"
)

// Entries are those of a folded room.
func Entries(f *controlroom.Fold) map[string][]byte {
	entries := map[string][]byte{nameRoom: encode(head{Version: f.Version, At: controlroom.Instant(f.At)})}
	for id, i := range f.State.Incidents {
		v := f.State.ShowIncident(i)
		if v.EndedAt == "" {
			v.Text = nil // who may open it asks where its key is
			entries[nameIncident+id] = encode(v)
		}
	}
	for id, m := range f.State.Missions {
		if v := controlroom.ShowMission(m); v.EndedAt == "" {
			entries[nameMission+id] = encode(v)
		}
	}
	for id, t := range f.State.Teams {
		entries[nameTeam+id] = encode(f.State.ShowTeam(t))
	}
	return entries
}

// Mark is how far a folded room has come.
func Mark(f *controlroom.Fold) projection.Mark {
	m := projection.Mark{Offset: f.Next - 1}
	if f.Version > 0 {
		m.Hash = controlroom.Hex(f.Hash)
	}
	return m
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a view of strings and numbers cannot fail to encode: %v", err))
	}
	return b
}

// Of reads the summary of a room. It fails with the errors of package projection.
func Of(ctx context.Context, client *projection.Client, room eventlog.RoomEntry) (Summary, error) {
	s, err := client.Table(schema, room).All(ctx)
	if err != nil {
		return Summary{}, err
	}
	out := Summary{
		Room: room.Room, LogID: room.LogID, Offset: s.Offset, Hash: s.Hash,
		AsOf: controlroom.Instant(s.AtEnd.UnixMilli()), AgeMS: max(0, time.Since(s.AtEnd).Milliseconds()),
		Incidents: []controlroom.IncidentView{}, Missions: []controlroom.MissionView{}, Teams: []controlroom.TeamView{},
	}
	for name, value := range s.Entries {
		if err := out.add(name, value); err != nil {
			return Summary{}, fmt.Errorf("summary of %s, %s: %w", room.Room, name, err)
		}
	}
	out.sort()
	return out, nil
}

func (s *Summary) add(name string, value []byte) error {
	switch {
	case name == nameRoom:
		var h head
		err := json.Unmarshal(value, &h)
		s.Version, s.At = h.Version, h.At
		return err
	case strings.HasPrefix(name, nameIncident):
		return appended(&s.Incidents, value)
	case strings.HasPrefix(name, nameMission):
		return appended(&s.Missions, value)
	case strings.HasPrefix(name, nameTeam):
		return appended(&s.Teams, value)
	}
	return nil // of a later version
}

// sort puts everything into the order of the state of a room.
func (s *Summary) sort() {
	slices.SortFunc(s.Incidents, func(a, b controlroom.IncidentView) int { return asGiven(a.ID, b.ID) })
	slices.SortFunc(s.Missions, func(a, b controlroom.MissionView) int { return asGiven(a.ID, b.ID) })
	slices.SortFunc(s.Teams, func(a, b controlroom.TeamView) int { return cmp.Compare(a.ID, b.ID) })
}

// asGiven orders ids as they were given: I9 before I10.
func asGiven(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

func appended[V any](list *[]V, value []byte) error {
	var v V
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	*list = append(*list, v)
	return nil
}

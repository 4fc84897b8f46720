package projectiontest

import (
	"encoding/json"
	"fmt"

	"vigie/pkg/eventlog"
	"vigie/pkg/geo"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projector"
)

// Note is a record of the contract's topic.
type Note struct {
	Name  string     `json:"name"`
	Text  string     `json:"text"`
	Place *geo.Point `json:"place,omitempty"`
	Drop  bool       `json:"drop,omitempty"`
}

// Tally is a fold that notices everything: a record folded in twice, or not at all, makes another count.
type Tally struct{ counts map[string]counted }

type counted struct {
	N    int    `json:"n"`
	Text string `json:"text"`
}

// NewTally returns a fold for the projector.
func NewTally(eventlog.RoomEntry) projector.Fold { return &Tally{} }

// Restore implements [projector.Fold].
func (f *Tally) Restore(entries map[string][]byte) error {
	f.counts = map[string]counted{}
	for name, value := range entries {
		var c counted
		if err := json.Unmarshal(value, &c); err != nil {
			return fmt.Errorf("count of %s: %w", name, err)
		}
		f.counts[name] = c
	}
	return nil
}

// Take implements [projector.Fold].
func (f *Tally) Take(r eventlog.Record, c projection.Changes) {
	var n Note
	if json.Unmarshal(r.Value, &n) != nil {
		return
	}
	if n.Drop {
		delete(f.counts, n.Name)
		c.Drop(n.Name)
		return
	}
	entry := counted{N: f.counts[n.Name].N + 1, Text: n.Text}
	f.counts[n.Name] = entry
	value, err := json.Marshal(entry)
	if err != nil {
		panic(fmt.Sprintf("a number and a text cannot fail to encode: %v", err))
	}
	c.Put(projection.Entry{Name: n.Name, Value: value, Place: n.Place})
}

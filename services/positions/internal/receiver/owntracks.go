package receiver

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// batch bounds what one message may hold.
const batch = 500

// ownTracks is what is read of a message of the OwnTracks apps.
type ownTracks struct {
	Type string   `json:"_type"`
	Lat  *float64 `json:"lat"`
	Lon  *float64 `json:"lon"`
	Tst  *float64 `json:"tst"`
	// Vel is in kilometres an hour; both are left out when zero.
	Acc float64 `json:"acc"`
	Vel float64 `json:"vel"`
}

// decodeOwnTracks reads a body in HTTP mode: one message, or an array of them. Messages of other types say nothing of where
// the device is now and give no report; an empty body is a friend who was deleted in the app.
func decodeOwnTracks(body []byte) ([]report, error) {
	messages, err := list[ownTracks](body)
	if err != nil {
		return nil, err
	}
	var reports []report
	for _, m := range messages {
		if m.Type != "location" {
			continue
		}
		if m.Lat == nil || m.Lon == nil || m.Tst == nil {
			return nil, malformed("a location has lat, lon and tst")
		}
		var r report
		if err := r.place(*m.Lat, *m.Lon); err != nil {
			return nil, err
		}
		if r.measured, err = seconds(*m.Tst); err != nil {
			return nil, err
		}
		r.accuracy(m.Acc)
		r.metresPerSecond(m.Vel / 3.6)
		reports = append(reports, r)
	}
	return reports, nil
}

// list reads one object, an array of objects, or nothing.
func list[T any](body []byte) ([]T, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, nil
	}
	var all []T
	var err error
	if body[0] == '[' {
		err = json.Unmarshal(body, &all)
	} else {
		all = make([]T, 1)
		err = json.Unmarshal(body, &all[0])
	}
	switch {
	case err != nil:
		return nil, malformed("the body is no JSON of this protocol")
	case len(all) > batch:
		return nil, malformed(fmt.Sprintf("more than %d positions at once: send fewer", batch))
	}
	return all, nil
}

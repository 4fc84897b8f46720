package controlroom

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/es"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

// Saved is the kernel's with the state of a control room.
type Saved = es.Saved[State]

// SavedHash is the [StateHash] of a saved room.
func SavedHash(s *Saved) string { return hashOf(s.Head, s.Causes.Digest, s.State) }

// EncodeState gives a state as its hash sees it, and beside it the configuration, which the hash only names.
func EncodeState(s State) (state, region []byte, err error) {
	if state, err = json.Marshal(s); err != nil {
		return nil, nil, fmt.Errorf("state: %w", err)
	}
	if region, err = proto.Marshal(s.region.RoomConfiguration); err != nil {
		return nil, nil, fmt.Errorf("region: %w", err)
	}
	return state, region, nil
}

// DecodeState reads what [EncodeState] gave.
func DecodeState(state, region []byte) (State, error) {
	var s State
	if err := json.Unmarshal(state, &s); err != nil {
		return State{}, fmt.Errorf("state: %w", err)
	}
	var content *regionv1.RoomConfiguration
	if len(region) > 0 {
		content = new(regionv1.RoomConfiguration)
		if err := proto.Unmarshal(region, content); err != nil {
			return State{}, fmt.Errorf("region: %w", err)
		}
	}
	s.region = newRegion(content)
	return s.indexed(), nil
}

package session

import (
	"encoding/json"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
)

// TestAViewIsSpeltAsInJSON: clients, replay and the command line read the same views as JSON.
func TestAViewIsSpeltAsInJSON(t *testing.T) {
	t.Parallel()
	v := newViews()
	for _, c := range []struct {
		shape shaper
		view  reflect.Type
	}{
		{v.room, reflect.TypeFor[controlroom.View]()},
		{v.changes, reflect.TypeFor[watch.Changes]()},
		{v.team, reflect.TypeFor[watch.TeamState]()},
	} {
		t.Run(c.view.Name(), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				view := reflect.New(c.view).Elem()
				fill(t, view)
				if got, want := c.shape.show(view.Interface()), byJSON(t, view.Interface()); !proto.Equal(got, want) {
					t.Fatalf("%v\nwant %v", got, want)
				}
			})
		})
	}
}

func byJSON(tb rapid.TB, view any) *structpb.Struct {
	tb.Helper()
	raw, err := json.Marshal(view)
	if err != nil {
		tb.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		tb.Fatal(err)
	}
	s, err := structpb.NewStruct(fields)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// fill gives each field something, or leaves it as it is when nothing was said.
func fill(t *rapid.T, v reflect.Value) {
	const few = 2
	switch v.Kind() { //nolint:exhaustive // views hold nothing else
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"", "a", "d’été", "\xff", "<&>"}).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "truth"))
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(rapid.Int64Range(-9, 1<<31-1).Draw(t, "number"))
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64Range(0, 1<<31).Draw(t, "number"))
	case reflect.Uint8:
		v.SetUint(rapid.Uint64Range(0, 255).Draw(t, "byte"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case reflect.Slice:
		if n := rapid.IntRange(-1, few).Draw(t, "length"); n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for k := range n {
				fill(t, v.Index(k))
			}
		}
	case reflect.Map:
		if n := rapid.IntRange(-1, few).Draw(t, "length"); n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				key.SetString(rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "key"))
				fill(t, value)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		for k := range v.NumField() {
			if v.Type().Field(k).IsExported() {
				fill(t, v.Field(k))
			}
		}
	default:
		t.Fatalf("nothing is drawn for a %v", v.Type())
	}
}

func TestAViewOfSomethingElseIsRefusedWhenTheProgramStarts(t *testing.T) {
	t.Parallel()
	for _, view := range []any{
		struct{ Unnamed string }{},
		struct {
			At float64 `json:"at"`
		}{},
		struct {
			By map[int]string `json:"by"`
		}{},
		struct {
			At int `json:"at,string"`
		}{},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%T is taken", view)
				}
			}()
			shaperOf(reflect.TypeOf(view))
		}()
	}
}

// BenchmarkTeamShown makes the board of a team on a mission.
func BenchmarkTeamShown(b *testing.B) {
	state := watch.TeamState{
		Team:      controlroom.TeamView{ID: "north-1", CallSign: "Alpha 1", GuardIDs: []string{"g-1", "g-2"}, Devices: []string{"d"}},
		Missions:  []controlroom.MissionView{{ID: "M1", Incident: "I1", Team: "north-1", ByRadio: []string{}}},
		Incidents: []controlroom.IncidentView{{ID: "I1", Alarms: []controlroom.AlarmChain{{First: "A1", Count: 1}}, Missions: []string{"M1"}}},
		Premises:  &controlroom.PremisesView{SiteName: "North", Entrances: []controlroom.EntranceView{{ID: "E1"}}},
		With:      []watch.Companion{}, CallSigns: map[string]string{},
	}
	team := newViews().team
	b.Run("shaped", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			team.show(state)
		}
	})
	b.Run("by way of JSON", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			byJSON(b, state)
		}
	})
}

package session

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
)

// views make what is shown of a room into messages, spelt as encoding/json would spell it. By way of JSON it would take four
// times as long, for each socket, and a mission waits for it.
type views struct{ room, changes, team shaper }

// shaper makes a value of one type into that of a message.
type shaper func(reflect.Value) *structpb.Value

func newViews() views {
	return views{
		room:    shaperOf(reflect.TypeFor[controlroom.View]()),
		changes: shaperOf(reflect.TypeFor[watch.Changes]()),
		team:    shaperOf(reflect.TypeFor[watch.TeamState]()),
	}
}

// show gives a view of the shaper's type.
func (s shaper) show(view any) *structpb.Struct { return s(reflect.ValueOf(view)).GetStructValue() }

// shaperOf knows what views are made of, and panics on what they are not: they are known when the program is built.
func shaperOf(t reflect.Type) shaper {
	switch t.Kind() { //nolint:exhaustive // all others are refused below
	case reflect.String:
		return func(v reflect.Value) *structpb.Value {
			return structpb.NewStringValue(strings.ToValidUTF8(v.String(), "\ufffd"))
		}
	case reflect.Bool:
		return func(v reflect.Value) *structpb.Value { return structpb.NewBoolValue(v.Bool()) }
	case reflect.Int, reflect.Int32, reflect.Int64:
		return func(v reflect.Value) *structpb.Value { return structpb.NewNumberValue(float64(v.Int())) }
	case reflect.Uint32, reflect.Uint64:
		return func(v reflect.Value) *structpb.Value { return structpb.NewNumberValue(float64(v.Uint())) }
	case reflect.Pointer:
		return orNull(shaperOf(t.Elem()), reflect.Value.Elem)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return orNull(func(v reflect.Value) *structpb.Value {
				return structpb.NewStringValue(base64.StdEncoding.EncodeToString(v.Bytes()))
			}, nil)
		}
		return orNull(listShaper(shaperOf(t.Elem())), nil)
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return orNull(mapShaper(shaperOf(t.Elem())), nil)
		}
	case reflect.Struct:
		return structShaper(t)
	}
	panic(fmt.Sprintf("a view cannot be shown: it holds a %v", t))
}

// orNull shows what is nil as null, and of all else what within gives.
func orNull(shape shaper, within func(reflect.Value) reflect.Value) shaper {
	return func(v reflect.Value) *structpb.Value {
		if v.IsNil() {
			return structpb.NewNullValue()
		}
		if within != nil {
			v = within(v)
		}
		return shape(v)
	}
}

func listShaper(one shaper) shaper {
	return func(v reflect.Value) *structpb.Value {
		values := make([]*structpb.Value, v.Len())
		for k := range values {
			values[k] = one(v.Index(k))
		}
		return structpb.NewListValue(&structpb.ListValue{Values: values})
	}
}

func mapShaper(one shaper) shaper {
	return func(v reflect.Value) *structpb.Value {
		fields := make(map[string]*structpb.Value, v.Len())
		for each := v.MapRange(); each.Next(); {
			fields[each.Key().String()] = one(each.Value())
		}
		return structpb.NewStructValue(&structpb.Struct{Fields: fields})
	}
}

func structShaper(t reflect.Type) shaper {
	type field struct {
		index     int
		name      string
		omitEmpty bool
		shape     shaper
	}
	var fields []field
	for k := range t.NumField() {
		f := t.Field(k)
		if !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || f.Anonymous || options != "" && options != "omitempty" {
			panic(fmt.Sprintf("a view cannot be shown: field %s of %v is spelt in a way that is not known here", f.Name, t))
		}
		fields = append(fields, field{k, name, options != "", shaperOf(f.Type)})
	}
	return func(v reflect.Value) *structpb.Value {
		out := make(map[string]*structpb.Value, len(fields))
		for _, f := range fields {
			if value := v.Field(f.index); !f.omitEmpty || !empty(value) {
				out[f.name] = f.shape(value)
			}
		}
		return structpb.NewStructValue(&structpb.Struct{Fields: out})
	}
}

// empty is what omitempty leaves out.
func empty(v reflect.Value) bool {
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		return v.Len() == 0
	}
	return v.Kind() != reflect.Struct && v.IsZero()
}

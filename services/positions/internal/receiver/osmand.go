package receiver

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// metresPerKnot is a second's way at a knot.
const metresPerKnot = 1852.0 / 3600

// decodeQuery reads the query form of OsmAnd and Traccar Client: one position in parameters.
func decodeQuery(v url.Values) ([]report, error) {
	r := report{sos: v.Get("alarm") == "sos", mock: yes(v.Get("mock"))}
	if err := r.measure(v.Get("timestamp")); err != nil {
		return nil, err
	}
	lat, lon := v.Get("lat"), v.Get("lon")
	if where := v.Get("location"); where != "" && lat == "" && lon == "" {
		lat, lon, _ = strings.Cut(where, ",")
	}
	// valid=0 is a receiver that repeats what it last knew.
	if valid := v.Get("valid"); (lat != "" || lon != "") && (valid == "" || yes(valid)) {
		at, err := numbers(lat, lon)
		if err != nil {
			return nil, malformed("lat and lon are degrees, such as lat=48.85&lon=2.35")
		}
		if err := r.place(at[0], at[1]); err != nil {
			return nil, err
		}
	}
	r.accuracy(number(v.Get("accuracy")))
	r.metresPerSecond(number(v.Get("speed")) * metresPerKnot)
	return []report{r}, nil
}

// smallest is the first integer that is milliseconds and not seconds.
const smallest = 1<<31 - 1

// measure reads a timestamp in one of the forms that trackers write: epoch seconds, epoch milliseconds, ISO 8601, or a date
// and a time in UTC.
func (r *report) measure(s string) (err error) {
	if s == "" {
		return nil
	}
	if v, notNumber := strconv.ParseFloat(s, 64); notNumber == nil {
		if v < smallest {
			r.measured, err = seconds(v)
		} else {
			r.measured, err = milliseconds(v)
		}
		return err
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime} {
		if t, failed := time.Parse(layout, s); failed == nil {
			r.measured, err = milliseconds(float64(t.UnixMilli()))
			return err
		}
	}
	return malformed("timestamp is epoch seconds or milliseconds, or like 2026-01-27T18:55:47Z")
}

func numbers(texts ...string) ([]float64, error) {
	all := make([]float64, len(texts))
	for k, s := range texts {
		v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil {
			return nil, err
		}
		all[k] = v
	}
	return all, nil
}

// number reads what may be left out, or be nonsense, without harm to the position.
func number(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return v
}

func yes(s string) bool { return s == "1" || strings.EqualFold(s, "true") }

// traccar is what is read of a message in the JSON form of Traccar Client.
type traccar struct {
	DeviceID string          `json:"device_id"`
	Location json.RawMessage `json:"location"`
}

type traccarLocation struct {
	// Timestamp is ISO 8601, or a number in older versions.
	Timestamp json.RawMessage `json:"timestamp"`
	Coords    *struct {
		Latitude  *float64 `json:"latitude"`
		Longitude *float64 `json:"longitude"`
		Accuracy  float64  `json:"accuracy"`
		// Speed is in metres a second, below zero when it is not known.
		Speed float64 `json:"speed"`
	} `json:"coords"`
	Mock  bool   `json:"mock"`
	Alarm string `json:"alarm"`
	// Extras are whatever somebody has set up.
	Extras json.RawMessage `json:"extras"`
}

// decodeTraccar reads the JSON form: one message or an array of them, of one device, each with one location or several.
func decodeTraccar(body []byte) (device string, reports []report, err error) {
	messages, err := list[traccar](body)
	if err != nil {
		return "", nil, err
	}
	for _, m := range messages {
		if device != "" && m.DeviceID != device {
			return "", nil, malformed("positions of several devices: send those of each by itself")
		}
		device = m.DeviceID
		locations, err := list[traccarLocation](m.Location)
		if err != nil {
			return "", nil, err
		}
		for k := range locations {
			r, err := locations[k].report()
			if err != nil {
				return "", nil, err
			}
			reports = append(reports, r)
		}
	}
	if len(reports) > batch {
		return "", nil, malformed("too many positions at once: send fewer")
	}
	return device, reports, nil
}

func (l *traccarLocation) report() (report, error) {
	var extras struct {
		Alarm string `json:"alarm"`
	}
	_ = json.Unmarshal(l.Extras, &extras) // of another shape they hold no alarm
	r := report{mock: l.Mock, sos: l.Alarm == "sos" || extras.Alarm == "sos"}
	if err := r.measure(strings.Trim(string(l.Timestamp), `"`)); err != nil {
		return r, err
	}
	c := l.Coords
	if c == nil {
		return r, nil
	}
	if c.Latitude == nil || c.Longitude == nil {
		return r, malformed("coords have latitude and longitude")
	}
	if err := r.place(*c.Latitude, *c.Longitude); err != nil {
		return r, err
	}
	r.accuracy(c.Accuracy)
	r.metresPerSecond(c.Speed)
	return r, nil
}

// isJSON says whether a body is of the JSON form.
func isJSON(contentType string, body []byte) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	first := bytes.TrimSpace(body)
	return strings.EqualFold(strings.TrimSpace(kind), "application/json") ||
		len(first) > 0 && (first[0] == '{' || first[0] == '[')
}

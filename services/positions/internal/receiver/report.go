package receiver

import (
	"errors"
	"math"
	"time"

	"vigie/pkg/geo"
)

// report is what a tracker says of one moment, in units of ours.
type report struct {
	// located says that there is a place in it at all.
	located bool
	at      geo.Point
	// accuracyM is the radius in metres; 0: not said.
	accuracyM float64
	// speed is in metres a second; 0: not said, or still.
	speed float64
	// measured is when, by the device's clock; zero: now.
	measured time.Time
	// mock says that the device calls the place simulated, sos that its button was pressed.
	mock, sos bool
}

// errMalformed says that a message is none of its protocol. Trying again would not help.
var errMalformed = errors.New("malformed")

// place fills in a place, if it is one on Earth.
func (r *report) place(lat, lon float64) error {
	if math.IsNaN(lat) || math.IsNaN(lon) || math.Abs(lat) > 90 || math.Abs(lon) > 180 {
		return malformed("lat goes from -90 to 90 and lon from -180 to 180")
	}
	r.at, r.located = geo.FromDegrees(lat, lon), true
	return nil
}

// believable is v where it is a number in a range, else nothing was said.
func believable(v, most float64) float64 {
	if v >= 0 && v <= most {
		return v
	}
	return 0
}

const (
	// fastest is a speed that no guard reaches, in metres a second.
	fastest = 200
	// widest is an accuracy beyond all that is kept, in metres.
	widest = 1e7
)

// accuracy fills in a radius. One that makes no sense counts as not said.
func (r *report) accuracy(v float64) { r.accuracyM = believable(v, widest) }

func (r *report) metresPerSecond(v float64) { r.speed = believable(v, fastest) }

// seconds reads an epoch time in seconds; milliseconds, in thousandths. What no clock shows is refused.
func seconds(v float64) (time.Time, error) { return milliseconds(v * 1000) }

func milliseconds(v float64) (time.Time, error) {
	// Up to the year 2200: beyond, it is none of these units.
	if math.IsNaN(v) || v <= 0 || v > 7.3e12 {
		return time.Time{}, malformed("the time is not one that a clock shows")
	}
	return time.UnixMilli(int64(v)), nil
}

func malformed(why string) error { return &malformedError{why} }

type malformedError struct{ why string }

func (e *malformedError) Error() string { return e.why }
func (e *malformedError) Unwrap() error { return errMalformed }

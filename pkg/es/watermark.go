package es

// Expiries wait for intake (protocol §3): a deadline that takes something away is answered only after all intake below an
// end that was fetched after it was due, so that what a guard did in time is never overtaken by a clock.

// watermarks are ends of intake. The one that is waited for is not replaced by a later one before it was reached: under
// steady load the end would run ahead for ever, and nothing would expire.
type watermarks struct {
	asked         bool
	wanted        watermark
	passed        watermark
	known, isPast bool
}

type watermark struct {
	// at is the domain time at which end was asked for.
	at, end int64
}

// Watermark takes the end of intake, which was fetched after the step that asked for it.
func (w *Writer[S, E, R, F]) Watermark(end int64) {
	w.watermarks.asked, w.watermarks.known, w.watermarks.wanted.end = false, true, end
}

func (w *Writer[S, E, R, F]) intakeAnsweredSince(due int64) bool {
	m := w.watermarks
	return m.isPast && m.passed.at >= due && w.ahead.IntakeNext >= m.passed.end
}

// passWatermark notes that all intake below the end that was waited for is answered.
func (w *Writer[S, E, R, F]) passWatermark(t Tick) {
	m := &w.watermarks
	if m.known && w.ahead.IntakeNext >= m.wanted.end {
		m.passed, m.isPast, m.known = m.wanted, true, false
	}
	if t.Now < m.passed.at {
		m.isPast = false // the clock went back: what falls due now does so after that end was fetched
	}
}

// askWatermark wants a new end of intake, unless one is being waited for.
func (w *Writer[S, E, R, F]) askWatermark(t Tick) bool {
	m := &w.watermarks
	if m.asked || m.known {
		return false
	}
	m.asked, m.wanted = true, watermark{at: t.Now}
	return true
}

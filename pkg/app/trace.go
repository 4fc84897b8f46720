package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
)

// Trace identifies one cause across processes, as W3C Trace Context has it. Its text form is a traceparent header.
// The zero Trace means that there is none.
type Trace struct {
	trace [16]byte
	span  [8]byte
	flags byte
}

// NewTrace starts a trace, sampled.
func NewTrace() Trace {
	t := Trace{flags: 1}
	_, _ = rand.Read(t.trace[:]) // never fails: it ends the program instead
	return t.Child()
}

// Child is the next span of the same trace.
func (t Trace) Child() Trace {
	_, _ = rand.Read(t.span[:])
	return t
}

// ParseTrace reads a traceparent. What is malformed is no trace: a caller starts its own.
func ParseTrace(s string) (Trace, bool) {
	var t Trace
	var version, flags [1]byte
	parts := strings.Split(s, "-")
	// Later versions may have more parts; of these four the meaning is fixed.
	if len(parts) < 4 || (parts[0] == "00" && len(parts) > 4) || parts[0] == "ff" {
		return Trace{}, false
	}
	for i, dst := range [][]byte{version[:], t.trace[:], t.span[:], flags[:]} {
		if len(parts[i]) != 2*len(dst) || strings.ToLower(parts[i]) != parts[i] {
			return Trace{}, false
		}
		if _, err := hex.Decode(dst, []byte(parts[i])); err != nil {
			return Trace{}, false
		}
	}
	if t.trace == [16]byte{} || t.span == [8]byte{} {
		return Trace{}, false
	}
	t.flags = flags[0]
	return t, true
}

// ID returns the trace's identifier in hexadecimal, for logs.
func (t Trace) ID() string { return hex.EncodeToString(t.trace[:]) }

// String returns the traceparent, or "" for no trace.
func (t Trace) String() string {
	if t == (Trace{}) {
		return ""
	}
	return fmt.Sprintf("00-%x-%x-%02x", t.trace, t.span, t.flags)
}

type traceKey struct{}

// WithTrace returns a context that carries t.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceFrom returns the trace that ctx carries, or the zero Trace.
func TraceFrom(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey{}).(Trace)
	return t
}

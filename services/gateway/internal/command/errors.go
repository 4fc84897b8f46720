package command

import "errors"

// Codes of commands that have no outcome, or none that is known.
const (
	CodeInvalid        = "invalid_request"
	CodeForbidden      = "forbidden"
	CodeNotDurable     = "not_durable"
	CodeUnknownOutcome = "outcome_unknown"
	CodeReused         = "id_reused"
	// CodeInternal is for whatever is not the sender's doing and has no better name.
	CodeInternal = "internal"
)

// What is said of an SOS that waits for Kafka.
const (
	CodeProvisional    = "provisional"
	ProvisionalMessage = "The SOS is kept safely and shown in the room; the log cannot be reached, and the decision follows: send the same id again to learn it."
)

// Code is what programs go by.
func Code(err error) string {
	switch {
	case errors.Is(err, ErrInvalid):
		return CodeInvalid
	case errors.Is(err, ErrForbidden):
		return CodeForbidden
	case errors.Is(err, ErrNotDurable):
		return CodeNotDurable
	case errors.Is(err, ErrUnknownOutcome):
		return CodeUnknownOutcome
	case errors.Is(err, ErrReused):
		return CodeReused
	}
	return CodeInternal
}

// Sentence is what people read; of an internal error nothing but that there was one.
func Sentence(err error) string {
	for _, known := range []error{ErrForbidden, ErrNotDurable, ErrUnknownOutcome, ErrReused} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if errors.Is(err, ErrInvalid) {
		return err.Error()
	}
	return "something failed inside: send the command again with the same id"
}

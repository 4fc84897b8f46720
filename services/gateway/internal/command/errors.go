package command

import "errors"

// Codes of commands that have no outcome, or none that is known.
const (
	CodeInvalid        = "invalid_request"
	CodeForbidden      = "forbidden"
	CodeNotDurable     = "not_durable"
	CodeUnknownOutcome = "outcome_unknown"
	// CodeInternal is for whatever is not the sender's doing and has no better name.
	CodeInternal = "internal"
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
	}
	return CodeInternal
}

// Sentence is what people read; of an internal error nothing but that there was one.
func Sentence(err error) string {
	for _, known := range []error{ErrForbidden, ErrNotDurable, ErrUnknownOutcome} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if errors.Is(err, ErrInvalid) {
		return err.Error()
	}
	return "something failed inside: send the command again with the same id"
}

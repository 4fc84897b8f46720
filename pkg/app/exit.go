package app

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// Exit statuses of every program of this project. Scripts rely on them; they are never renumbered.
const (
	OK          = 0
	Failure     = 1
	Usage       = 2
	PortBusy    = 3
	DataInUse   = 4
	BadRegion   = 5
	LogDamaged  = 6
	CheckFailed = 7
	DiskFull    = 8
)

type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// Exit returns err carrying an exit status. A constructor, a start hook or Stop.Fail may return or take it, wrapped or not.
// The text of err is what a person reads last: a sentence that says what to do.
func Exit(status int, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{status: status, err: err}
}

// Status returns the exit status that err stands for: the outermost given with Exit, DiskFull for a full disk wherever it was
// met, Failure for any other error.
func Status(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return OK
	case errors.As(err, &e):
		return e.status
	case errors.Is(err, syscall.ENOSPC):
		return DiskFull
	}
	return Failure
}

// Report writes the sentence of err to w and returns its status, for main to exit with.
func Report(w io.Writer, program string, err error) int {
	if err != nil {
		_, _ = fmt.Fprintf(w, "%s: %v\n", program, err) // nowhere left to report to
	}
	return Status(err)
}

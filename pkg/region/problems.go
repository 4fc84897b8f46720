package region

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a region file.
type Problem struct {
	File string
	// Line counts from 1; 0 when the problem has no place.
	Line int
	// Text says what is wrong and what to do.
	Text string
}

// String is the problem on one line, in the form that editors jump to.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}

	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Error lists every problem of a region file in the order of its lines.
type Error struct {
	Problems []Problem
}

// Error is one line for each problem.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}

	return strings.Join(lines, "\n")
}

func (r *reader) problem(line int, format string, args ...any) {
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

func (r *reader) failure() *Error {
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	// What is wrong with a default is found again in each room that uses it.
	seen := make(map[Problem]bool, len(r.problems))
	once := slices.DeleteFunc(r.problems, func(p Problem) bool {
		again := seen[p]
		seen[p] = true

		return again
	})

	return &Error{Problems: once}
}

package region

import (
	"fmt"
	"slices"
	"strings"
)

// Words of the domain that the file may use and the checks know by name.
const (
	terrorism  = "terrorism"
	fire       = "fire"
	automatic  = "automatic"
	manual     = "manual"
	vehicle    = "vehicle"
	foot       = "foot"
	day        = "day"
	night      = "night"
	maxIDBytes = 40
)

// capabilities are those every region knows; a file may add its own.
func capabilities() []string {
	return []string{"intervention", "first_aid", "dog", fire, "mediation", "psychiatric", vehicle}
}

func modes() []string { return []string{automatic, "proposed", manual} }

func transports() []string { return []string{foot, vehicle} }

func bands() []string { return []string{day, night} }

func sensitivities() []string { return []string{"public", "staff", "restricted", "critical"} }

func idFits(s string) bool {
	return s != "" && len(s) <= maxIDBytes &&
		!strings.ContainsFunc(s, func(c rune) bool { return !isLower(c) && !isDigit(c) && c != '-' })
}

// codeFits is wider than idFits: zone and alarm codes are painted on walls and sent by panels.
func codeFits(s string) bool {
	return s != "" && len(s) <= maxIDBytes && !strings.ContainsFunc(s, func(c rune) bool {
		return !isLower(c) && !isDigit(c) && (c < 'A' || c > 'Z') && !strings.ContainsRune("-_./", c)
	})
}

func isLower(c rune) bool { return c >= 'a' && c <= 'z' }
func isDigit(c rune) bool { return c >= '0' && c <= '9' }

// advice tells what to write instead of word.
func advice(word string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}

	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}

	return "use " + oneOf(known)
}

func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}

	last := len(words) - 1

	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// distance is the number of letters to change, add or drop to make b of a.
func distance(a, b string) int {
	if len(a) > maxIDBytes {
		return len(a)
	}

	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}

	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1

		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}

			diagonal = row[j+1]
			row[j+1] = slices.Min([]int{change, row[j] + 1, row[j+1] + 1})
		}
	}

	return row[len(b)]
}

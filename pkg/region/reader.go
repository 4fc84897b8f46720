package region

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"google.golang.org/protobuf/proto"

	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

const maxTextRunes = 500

// reader walks the syntax tree rather than decoding into structs, so that every problem is found at once and has its line.
type reader struct {
	file         string
	problems     []Problem
	lines        map[proto.Message]int   // where each part of a configuration was written
	broken       map[proto.Message]bool  // parts that were not read in full: further checks would blame them for nothing
	shared       map[*regionv1.Plan]bool // plans that come from the defaults, and may name sites of other rooms
	capabilities []string
	zoneSets     map[string][]*zone
	siteRoom     map[string]string
}

// read takes one value of the file.
type read func(ast.Node)

// field is one key of a mapping.
type field struct {
	key      string
	into     read
	required bool
}

func need(key string, into read) field   { return field{key: key, into: into, required: true} }
func option(key string, into read) field { return field{key: key, into: into} }

type entry struct {
	key   string
	line  int
	value ast.Node
}

func line(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0].Key
	}

	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}

	if n == nil {
		return 0
	}

	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}

	return 0
}

func (r *reader) entries(n ast.Node, what string) []entry {
	var pairs []*ast.MappingValueNode

	switch m := n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		r.problem(line(n), "%s: expected keys and values here: write \"key: value\" lines", what)
		return nil
	}

	entries := make([]entry, 0, len(pairs))
	seen := map[string]int{}

	for _, p := range pairs {
		key, ok := scalar(p.Key)
		at := line(p.Key)

		switch first, again := seen[key]; {
		case !ok:
			r.problem(at, "%s: this key is not a plain word: anchors, merges and tags are not read", what)
		case again:
			r.problem(at, "%s: %q was already given in line %d: remove one of them", what, key, first)
		default:
			seen[key] = at
			entries = append(entries, entry{key: key, line: at, value: p.Value})
		}
	}

	return entries
}

func (r *reader) object(n ast.Node, what string, fields ...field) {
	given := map[string]bool{}
	for _, e := range r.entries(n, what) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == e.key })
		if i < 0 {
			known := make([]string, 0, len(fields))
			for _, f := range fields {
				known = append(known, f.key)
			}

			r.unknownKey(e, what, known)

			continue
		}

		given[e.key] = true
		fields[i].into(e.value)
	}

	if !isMapping(n) {
		return
	}

	for _, f := range fields {
		if f.required && !given[f.key] {
			r.problem(line(n), "%s: %q is missing: add it", what, f.key)
		}
	}
}

// part reads an object into m, and remembers where it was and whether all of it was understood.
func (r *reader) part(m proto.Message, n ast.Node, what string, fields ...field) {
	before := len(r.problems)
	r.lines[m] = line(n)
	r.object(n, what, fields...)
	r.broken[m] = len(r.problems) > before
}

func isMapping(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	default:
		return false
	}
}

func (r *reader) unknownKey(e entry, what string, known []string) {
	if _, empty := e.value.(*ast.NullNode); empty || strings.Contains(e.key, " ") {
		r.problem(e.line, "%s: unknown key %q: put quotes around a text that holds a comma or a colon", what, e.key)
		return
	}

	r.problem(e.line, "%s: unknown key %q: %s", what, e.key, advice(e.key, known))
}

func (r *reader) each(what string, item read) read {
	return func(n ast.Node) {
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			r.problem(line(n), "%s: expected a list: write \"- \" before each item, or [a, b]", what)
			return
		}

		for _, v := range list.Values {
			item(v)
		}
	}
}

func scalar(n ast.Node) (value string, ok bool) {
	switch s := n.(type) {
	case nil, *ast.NullNode, *ast.MergeKeyNode, *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MappingKeyNode:
		return "", false
	case *ast.StringNode:
		return s.Value, true
	case *ast.LiteralNode:
		return strings.TrimRight(s.Value.Value, "\n"), true
	case ast.ScalarNode:
		// The text as written: a floor "-1" or a code "007" is not a number.
		return s.GetToken().Value, true
	default:
		return "", false
	}
}

// value reads one scalar; take returns what is wrong with it and what to do, or nothing.
func (r *reader) value(take func(string) string) read {
	return func(n ast.Node) {
		s, ok := scalar(n)
		if !ok {
			r.problem(line(n), "expected one plain value here: lists, empty values, anchors and tags are not read")
			return
		}

		if wrong := take(s); wrong != "" {
			r.problem(line(n), "%s", wrong)
		}
	}
}

func (r *reader) text(into *string) read {
	return r.value(func(s string) string {
		if utf8.RuneCountInString(s) > maxTextRunes {
			return fmt.Sprintf("this text is longer than %d letters: shorten it", maxTextRunes)
		}

		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) && c != '\n' }) {
			return fmt.Sprintf("%q holds letters that cannot be shown: write it without control characters", s)
		}

		*into = s

		return ""
	})
}

// label reads a text that people know something by.
func (r *reader) label(into *string) read {
	return func(n ast.Node) {
		before := len(r.problems)
		r.text(into)(n)

		if len(r.problems) == before && strings.TrimSpace(*into) == "" {
			r.problem(line(n), "this name is empty: write what people call it")
		}
	}
}

func (r *reader) id(into *string) read {
	return r.value(func(s string) string {
		if !idFits(s) {
			return fmt.Sprintf("%q is not an id: use 1 to %d of a-z, 0-9 and -", s, maxIDBytes)
		}

		*into = s

		return ""
	})
}

func (r *reader) code(into *string) read {
	return r.value(func(s string) string {
		if !codeFits(s) {
			return fmt.Sprintf("%q is not a code: use 1 to %d letters, digits and - _ . / without accents", s, maxIDBytes)
		}

		*into = s

		return ""
	})
}

func (r *reader) word(what string, known []string, into *string) read {
	return r.value(func(s string) string {
		if !slices.Contains(known, s) {
			return fmt.Sprintf("unknown %s %q: %s", what, s, advice(s, known))
		}

		*into = s

		return ""
	})
}

// list collects values that one reads, and refuses a value given twice.
func (r *reader) list(what string, one func(*string) read, into *[]string) read {
	return r.each(what, func(n ast.Node) {
		var s string
		one(&s)(n)

		switch {
		case s == "":
		case slices.Contains(*into, s):
			r.problem(line(n), "%s: %q is given twice: remove one", what, s)
		default:
			*into = append(*into, s)
		}
	})
}

func (r *reader) boolean(into *bool) read {
	return r.value(func(s string) string {
		if s != "true" && s != "false" {
			return fmt.Sprintf("%q is neither true nor false: write one of them", s)
		}

		*into = s == "true"

		return ""
	})
}

func (r *reader) integer(lowest, highest int32, into *int32) read {
	return r.value(func(s string) string {
		v, err := strconv.ParseInt(s, 10, 32)
		if err != nil || v < int64(lowest) || v > int64(highest) {
			return fmt.Sprintf("%q is out of range: write a whole number from %d to %d", s, lowest, highest)
		}

		*into = int32(v)

		return ""
	})
}

// scaled reads a decimal number and keeps it as a whole number of 1/scale: the log holds no floating point.
func (r *reader) scaled(scale, lowest, highest float64, into *int32) read {
	return r.value(func(s string) string {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(v) || v < lowest || v > highest {
			return fmt.Sprintf("%q is out of range: write a number from %g to %g", s, lowest, highest)
		}

		*into = int32(math.Round(v * scale))

		return ""
	})
}

func (r *reader) priority(into *int32) read {
	return r.value(func(s string) string {
		v, err := strconv.Atoi(strings.TrimPrefix(s, "P"))
		if err != nil || v < 1 || v > 3 {
			return fmt.Sprintf("%q is not a priority: use P1, P2 or P3", s)
		}

		*into = int32(v) //nolint:gosec // G115: 1 to 3

		return ""
	})
}

func (r *reader) seconds(into *int32) read {
	return r.value(func(s string) string {
		d, err := time.ParseDuration(s)

		switch {
		case err != nil:
			return fmt.Sprintf("%q is not a time: write a number and a unit, such as 90s or 20m", s)
		case d < 0:
			return fmt.Sprintf("%q is negative: write a time from 0s to 24h", s)
		case d > 24*time.Hour || d%time.Second != 0:
			return fmt.Sprintf("%q is out of range: write whole seconds, from 0s to 24h", s)
		}

		*into = int32(d / time.Second)

		return ""
	})
}

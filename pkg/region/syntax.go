package region

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

const (
	// The example of 39 hospitals has 40 KB and 4500 words. The parser's time grows with the square of the words of a mapping:
	// 7 s at this bound, an hour for a file of two megabytes.
	maxFileBytes = 1 << 20
	maxWords     = 30_000
	// The format nests seven deep; the parser is recursive and would follow any depth.
	maxNesting = 64
)

// parse returns the one document of a file, nil when there is none that can be read.
func (r *reader) parse(data []byte) (root ast.Node) {
	switch {
	case len(data) > maxFileBytes:
		r.problem(0, "the file is larger than %d bytes: split the region", maxFileBytes)
		return nil
	case !utf8.Valid(data):
		r.problem(0, "the file is not UTF-8: save it as UTF-8")
		return nil
	case words(data) > maxWords:
		r.problem(0, "the file has more than %d words: split the region, or move repeated zones to zone_sets", maxWords)
		return nil
	case nesting(data) > maxNesting:
		r.problem(0, "brackets, dashes or blanks are nested deeper than %d: close or remove those that are too many", maxNesting)
		return nil
	}

	// The parser is a stranger's code on a stranger's bytes: what it cannot stand is a problem of the file, not the end of the process.
	defer func() {
		if cause := recover(); cause != nil {
			r.problem(0, "the file is not YAML that can be read: check its indentation and brackets")
			root = nil
		}
	}()

	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil
	}

	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType {
			bodies = append(bodies, doc.Body)
		}
	}

	if len(bodies) == 0 {
		r.problem(0, "the file is empty: describe a region in it")
		return nil
	}

	if len(bodies) > 1 {
		r.problem(0, "the file holds %d documents: write one region", len(bodies))
		return nil
	}

	return bodies[0]
}

func (r *reader) syntax(err error) {
	at, what := 0, err.Error()

	var placed yaml.Error
	if errors.As(err, &placed) {
		what = placed.GetMessage()
		if t := placed.GetToken(); t != nil && t.Position != nil {
			at, what = t.Position.Line, fmt.Sprintf("%s in column %d", what, t.Position.Column)
		}
	}

	r.problem(at, "not YAML: %s: check the indentation, quotes and brackets there", what)
}

func words(data []byte) int {
	count, inside := 0, false
	for _, c := range data {
		is := c > ' ' && c != ','
		if is && !inside {
			count++
		}

		inside = is
	}

	return count
}

// nesting bounds the depth of the tree from above: only brackets and leading blanks or dashes open a level.
func nesting(data []byte) int {
	deepest, brackets := 0, 0
	for line := range strings.Lines(string(data)) {
		dashes := 0
		for rest := strings.TrimLeft(line, " \t"); strings.HasPrefix(rest, "- ") || strings.HasPrefix(rest, "? "); {
			dashes++
			rest = strings.TrimLeft(rest[2:], " \t")
		}

		for _, c := range line {
			switch c {
			case '[', '{':
				brackets++
			case ']', '}':
				brackets = max(0, brackets-1)
			}

			deepest = max(deepest, brackets+dashes)
		}

		indent := len(line) - len(strings.TrimLeft(line, " \t"))
		deepest = max(deepest, brackets+dashes+indent/2)
	}

	return deepest
}

package region_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/region"
)

// Each case changes the valid file in one place and gives the problems of the result, word for word.
func TestABrokenFileIsRefusedWithAllItsProblems(t *testing.T) {
	t.Parallel()

	data, err := os.ReadFile("testdata/valid.yaml")
	if err != nil {
		t.Fatal(err)
	}

	if _, err := region.Parse("r.yaml", data); err != nil {
		t.Fatalf("the valid file: %v", err)
	}

	for _, c := range brokenFiles() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			if strings.Count(string(data), c.old) == 0 {
				t.Fatalf("%q is not in the valid file", c.old)
			}

			_, err := region.Parse("r.yaml", []byte(strings.Replace(string(data), c.old, c.new, 1)))

			var wrong *region.Error
			if !errors.As(err, &wrong) {
				t.Fatalf("accepted: %v", err)
			}

			if diff := cmp.Diff(strings.Join(c.want, "\n"), wrong.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAFileThatIsNoRegionIsRefused(t *testing.T) {
	t.Parallel()

	for _, c := range []struct{ name, data, want string }{
		{"nothing", "", "r.yaml: the file is empty: describe a region in it"},
		{"a comment", "# later", "r.yaml: the file is empty: describe a region in it"},
		{"two documents", "a: 1\n---\nb: 2\n", "r.yaml: the file holds 2 documents: write one region"},
		{"not UTF-8", "name: \xff\xfe", "r.yaml: the file is not UTF-8: save it as UTF-8"},
		{"too large", strings.Repeat("#", 3<<20), "r.yaml: the file is larger than 1048576 bytes: split the region"},
		{"too many words", strings.Repeat("a:\n", 1<<16), "r.yaml: the file has more than 30000 words: split the region, or move repeated zones to zone_sets"},
		{"brackets left open", strings.Repeat("[", 1<<20), "r.yaml: brackets, dashes or blanks are nested deeper than 64: close or remove those that are too many"},
		{"dashes in a row", strings.Repeat("- ", 1<<10), "r.yaml: brackets, dashes or blanks are nested deeper than 64: close or remove those that are too many"},
		{"a list", "- a", "r.yaml:1: region: expected keys and values here: write \"key: value\" lines\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			_, err := region.Parse("r.yaml", []byte(c.data))
			if err == nil {
				t.Fatal("accepted")
			}

			if diff := cmp.Diff(strings.TrimSpace(c.want), err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

package embedded

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A broker writes, begins segments, deletes old ones and whole topics and makes them anew; between any two of these the
// names in a directory may have been settled for long, or not.
func TestWhateverABrokerHasWrittenIsSyncedBeforeItAnswers(t *testing.T) {
	t.Parallel()
	base, tries := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		tries++
		dir := filepath.Join(base, strconv.Itoa(tries))
		w := writes{T: t, root: filepath.Join(dir, "partitions"), d: newDisk(dir, newTrouble())}
		defer w.d.close()
		t.Repeat(map[string]func(*rapid.T){
			"write": func(*rapid.T) { w.write() }, "roll": func(*rapid.T) { w.roll() },
			"retain": func(*rapid.T) { w.retain() }, "delete": func(*rapid.T) { w.must(os.RemoveAll(w.partition())) },
			"settle": func(*rapid.T) { w.settle() },
			"answer": func(*rapid.T) { w.answer() },
		})
		w.answer()
	})
}

type writes struct {
	*rapid.T
	root    string
	d       *disk
	settled time.Duration
}

func (w *writes) must(err error) {
	if err != nil {
		w.Fatal(err)
	}
}

func (w *writes) partition() string {
	return filepath.Join(w.root, rapid.SampledFrom([]string{"log-0", "log-1"}).Draw(w.T, "partition"))
}

// held gives the first offsets of a partition's segments.
func (w *writes) held(dir string) []int64 {
	entries, err := os.ReadDir(dir)
	if !os.IsNotExist(err) {
		w.must(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return segmentBases(names)
}

func (w *writes) append(dir string, base int64) {
	w.must(os.MkdirAll(dir, 0o750))
	f, err := os.OpenFile(filepath.Join(dir, segmentName(base)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	w.must(err)
	_, err = f.WriteString("batch")
	w.must(err)
	w.must(f.Close())
}

func (w *writes) write() {
	dir := w.partition()
	if bases := w.held(dir); len(bases) > 0 {
		w.append(dir, bases[len(bases)-1])
		return
	}
	w.append(dir, 0) // numbered from zero again after retention took all
}

// roll writes to the newest segment once more, and begins the next: 8, 9, 10, 11 are not in the order of their names.
func (w *writes) roll() {
	dir := w.partition()
	w.write()
	next := int64(8)
	if bases := w.held(dir); len(bases) > 0 {
		next = max(next, bases[len(bases)-1]+1)
	}
	w.append(dir, next)
}

func (w *writes) retain() {
	dir := w.partition()
	if bases := w.held(dir); len(bases) > 0 {
		w.must(os.Remove(filepath.Join(dir, segmentName(bases[0]))))
	}
}

// settle makes all changes of names old.
func (w *writes) settle() {
	for _, dir := range []string{w.root, filepath.Join(w.root, "log-0"), filepath.Join(w.root, "log-1")} {
		w.settled += time.Millisecond
		at := time.Now().Add(-time.Hour).Truncate(time.Hour).Add(w.settled)
		if err := os.Chtimes(dir, at, at); !os.IsNotExist(err) {
			w.must(err)
		}
	}
}

func (w *writes) answer() {
	w.must(w.d.barrier())
	for _, name := range []string{"log-0", "log-1"} {
		for _, base := range w.held(filepath.Join(w.root, name)) {
			now, err := os.Stat(filepath.Join(w.root, name, segmentName(base)))
			w.must(err)
			p := w.d.partitions[name]
			if p == nil || !same(p.synced[base], now) || p.synced[base].Size() != now.Size() {
				w.Fatalf("%s/%s: %d bytes are not all synced", name, strconv.FormatInt(base, 10), now.Size())
			}
		}
	}
}

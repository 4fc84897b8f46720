package logcmd

import (
	"bytes"
	"testing"
	"time"
)

func TestProgressIsForWhoWatchesAndWhatTakesLong(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(&out)
	if p.w != nil {
		t.Error("a buffer is no terminal")
	}
	p.report("main", often, 2*often)
	p.w = &out
	p.report("main", often, 2*often)
	if p.all != nil {
		t.Error("a bar for what has just begun")
	}
	p.began = time.Now().Add(-time.Minute)
	p.report("main", often, 3*often)
	p.report("main", often+1, 3*often)
	p.report("main", 3*often, 3*often)
	p.report("other", often, 2*often)
	p.end()
	if len(p.bars) != 2 {
		t.Errorf("%d bars, want one per room", len(p.bars))
	}
}

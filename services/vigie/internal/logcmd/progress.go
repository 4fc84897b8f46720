package logcmd

import (
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

const (
	// quickly is how long a command may take before it shows how far it is.
	quickly = 700 * time.Millisecond
	// often is how many records go by between two looks at the clock.
	often = 256
)

// progress shows a bar per room, to somebody who is watching and after a while.
type progress struct {
	w     io.Writer // nil: nobody is watching
	began time.Time
	all   *mpb.Progress
	bars  map[string]*mpb.Bar
}

func newProgress(w io.Writer) *progress {
	p := &progress{began: time.Now(), bars: map[string]*mpb.Bar{}}
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		p.w = w
	}
	return p
}

func (p *progress) report(room string, next, end int64) {
	if p.w == nil || next%often != 0 && next < end || time.Since(p.began) < quickly {
		return
	}
	if p.all == nil {
		p.all = mpb.New(mpb.WithOutput(p.w), mpb.WithWidth(60))
	}
	bar := p.bars[room]
	if bar == nil {
		bar = p.all.AddBar(end,
			mpb.PrependDecorators(decor.Name("room "+room), decor.CountersNoUnit(" %d / %d")),
			mpb.AppendDecorators(decor.Percentage()))
		p.bars[room] = bar
	}
	bar.SetCurrent(next)
}

// end leaves the bars as they are and waits for them.
func (p *progress) end() {
	for _, bar := range p.bars {
		bar.Abort(false)
	}
	if p.all != nil {
		p.all.Wait()
	}
}

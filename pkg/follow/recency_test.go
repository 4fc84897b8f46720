package follow_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"vigie/pkg/follow"
)

func TestAllIsReadOnceWhatWasAskedAfterwardsHasShownTheEnd(t *testing.T) {
	t.Parallel()
	const apart = 10 * time.Millisecond
	end, more := true, false
	for name, c := range map[string]struct {
		before, after []bool // answers, and whether they showed the end
		want          int    // of those after the instant how many are waited for; -1: more than come
	}{
		"nothing has come":                               {nil, nil, -1},
		"the first answer may have been on its way":      {nil, []bool{end}, -1},
		"and so may the one after what came before":      {[]bool{end}, []bool{end}, -1},
		"the second was asked for after the first":       {[]bool{end}, []bool{end, end}, 2},
		"what was asked for is only a part":              {[]bool{end}, []bool{end, more, more}, -1},
		"what was asked for came in parts, to the end":   {[]bool{end}, []bool{end, more, end}, 3},
		"a part before does not make the next one later": {[]bool{more}, []bool{end, end}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var r follow.Recency
				for _, atEnd := range c.before {
					r.Answered(atEnd)
					time.Sleep(apart)
				}
				instant := time.Now()
				ctx, stop := context.WithTimeout(t.Context(), time.Hour)
				defer stop()
				hurried, answered := 0, 0
				go func() {
					for _, atEnd := range c.after {
						time.Sleep(apart)
						answered++
						r.Answered(atEnd)
						synctest.Wait()
					}
				}()
				err := r.Await(ctx, instant, func() { hurried++ })
				switch {
				case c.want < 0 && !errors.Is(err, context.DeadlineExceeded):
					t.Errorf("after %d answers: %v", answered, err)
				case c.want >= 0 && (err != nil || answered != c.want || hurried != c.want):
					t.Errorf("%d answers, asked to hurry %d times, want %d: %v", answered, hurried, c.want, err)
				}
			})
		})
	}
}

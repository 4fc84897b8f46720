package chance_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigie/services/vigie/internal/sim/chance"
)

func TestTheSameThingIsDrawnAlikeAndAnotherIsNot(t *testing.T) {
	t.Parallel()
	s := chance.Seed(7)
	if first, second := s.Of("decline", "alpha", "M1"), chance.Seed(7).Of("decline", "alpha", "M1"); first != second {
		t.Error("the same words gave two lots")
	}
	seen := map[chance.Lot]string{}
	for name, l := range map[string]chance.Lot{
		"other id":     s.Of("decline", "alpha", "M2"),
		"other what":   s.Of("accept", "alpha", "M1"),
		"run together": s.Of("decline", "alphaM1"),
		"other cut":    s.Of("decline", "alph", "aM1"),
		"other seed":   chance.Seed(8).Of("decline", "alpha", "M1"),
		"itself":       s.Of("decline", "alpha", "M1"),
	} {
		if other, twice := seen[l]; twice {
			t.Errorf("%s and %s have the same lot", name, other)
		}
		seen[l] = name
	}
}

func TestDrawsHaveTheShapeTheyAreNamedFor(t *testing.T) {
	t.Parallel()
	const n = 20_000
	var unit, poisson, below float64
	picked := make([]int, 3)
	for i := range n {
		l := chance.Seed(1).Of("shape", strconv.Itoa(i))
		unit += l.Unit()
		poisson += float64(l.Poisson(0.7))
		picked[l.Pick([]float64{1, 0, 3})]++
		if l.LogNormal(time.Minute, 0.5) < time.Minute {
			below++
		}
	}
	for name, got := range map[string][2]float64{
		"mean of Unit":        {unit / n, 0.5},
		"mean of Poisson":     {poisson / n, 0.7},
		"share of the first":  {float64(picked[0]) / n, 0.25},
		"share of no weight":  {float64(picked[1]) / n, 0},
		"share of the median": {below / n, 0.5},
	} {
		if math.Abs(got[0]-got[1]) > 0.02 {
			t.Errorf("%s = %.3f, want %.3f", name, got[0], got[1])
		}
	}
	if chance.Lot(3).Pick(nil) != -1 || chance.Lot(3).Pick([]float64{0, 0}) != -1 {
		t.Error("something was picked of nothing")
	}
}

func TestDrawsStayInTheirRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := chance.Seed(rapid.Uint64().Draw(t, "seed")).Of(rapid.String().Draw(t, "what"), rapid.String().Draw(t, "id"))
		if u := l.Unit(); u < 0 || u >= 1 {
			t.Fatalf("Unit = %v", u)
		}
		if d := l.Between(time.Second, time.Minute); d < time.Second || d >= time.Minute {
			t.Fatalf("Between = %v", d)
		}
		if d := l.LogNormal(time.Minute, 0.8); d <= 0 || d > 24*time.Hour {
			t.Fatalf("LogNormal = %v", d)
		}
		if n := l.Poisson(rapid.Float64Range(0, 50).Draw(t, "mean")); n < 0 || n > 1000 {
			t.Fatalf("Poisson = %d", n)
		}
	})
}

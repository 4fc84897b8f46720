package region

import (
	"github.com/goccy/go-yaml/ast"

	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

const (
	permille  = 1000
	mmPerM    = 1000
	mmsPerKmh = 1e6 / 3600
)

// How wide a fence may be: below, the noise of positions hides the border; above, it says nothing of a site.
const (
	leastFence = 25
	mostFence  = 5000
)

// defaultParameters are what a region gets that states none.
func defaultParameters() *regionv1.Parameters {
	return &regionv1.Parameters{
		DeliveryS:    5,
		AnswerS:      []int32{30, 90, 90},
		NeglectS:     []int32{30, 90, 90},
		ChooseAgainS: 30,
		ProposalS:    []int32{15, 120, 120},
		TargetS:      []int32{480, 900, 1800},
		// P1: 20 min of travel. P2: its target and five minutes. P3: its target.
		CrossingCapS:    []int32{1200, 1200, 1800},
		FixMovingS:      120,
		FixStillS:       900,
		VehicleDayMmS:   3611, // 13 km/h
		VehicleNightMmS: 5556, // 20 km/h
		FootMmS:         1300,
		DetourPermille:  1350,
		CoverPermille:   1000,
		OnSceneS:        []int32{1800, 1080, 720},
		BusyPermille:    300,
		WeightPermille:  []int32{1000, 300, 100},
		TurnoutS:        50, // median of San Francisco's fire calls: 49 s
		FenceM:          150,
	}
}

// parameters reads what the file states into p, and leaves the rest of p as it is.
func (r *reader) parameters(p *regionv1.Parameters) read {
	times := func(into *[]int32) read { return r.three("[30s, 90s, 90s]", r.positive, into) }
	weight := func(into *int32) read { return r.scaled(permille, 0, 1000, into) }

	return func(n ast.Node) {
		r.object(n, "parameters",
			option("delivery", r.positive(&p.DeliveryS)),
			option("answer", times(&p.AnswerS)),
			option("neglect", times(&p.NeglectS)),
			option("choose_again", r.positive(&p.ChooseAgainS)),
			option("proposal", times(&p.ProposalS)),
			option("target", times(&p.TargetS)),
			option("crossing_cap", r.three("[20m, 20m, 30m]", r.seconds, &p.CrossingCapS)),
			option("fix_moving", r.seconds(&p.FixMovingS)),
			option("fix_still", r.seconds(&p.FixStillS)),
			option("vehicle_day_kmh", r.scaled(mmsPerKmh, 1, 130, &p.VehicleDayMmS)),
			option("vehicle_night_kmh", r.scaled(mmsPerKmh, 1, 130, &p.VehicleNightMmS)),
			option("foot_mps", r.scaled(mmPerM, 0.3, 5, &p.FootMmS)),
			option("detour", r.scaled(permille, 1, 5, &p.DetourPermille)),
			option("cover", r.scaled(permille, 0, 10, &p.CoverPermille)),
			option("on_scene", times(&p.OnSceneS)),
			option("busy", r.scaled(permille, 0, 0.95, &p.BusyPermille)),
			option("weight", r.three("[1, 0.3, 0.1]", weight, &p.WeightPermille)),
			option("turnout", r.seconds(&p.TurnoutS)),
			option("fence_m", r.integer(leastFence, mostFence, &p.FenceM)),
		)
	}
}

// positive reads a time that something waits for and that may not be nothing.
func (r *reader) positive(into *int32) read {
	return func(n ast.Node) {
		given := int32(-1)
		r.seconds(&given)(n)

		switch {
		case given > 0:
			*into = given
		case given == 0:
			r.problem(line(n), "0s leaves no time: write at least 1s")
		}
	}
}

// three reads one value for each priority.
func (r *reader) three(example string, one func(*int32) read, into *[]int32) read {
	return func(n ast.Node) {
		list, ok := n.(*ast.SequenceNode)
		if !ok || len(list.Values) != 3 {
			r.problem(line(n), "expected three values, for P1, P2 and P3: write them as in %s", example)
			return
		}

		values := make([]int32, 3)
		for i, v := range list.Values {
			one(&values[i])(v)
		}

		*into = values
	}
}

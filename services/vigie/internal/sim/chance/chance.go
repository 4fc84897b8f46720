// Package chance draws every random quantity of a simulation from a hash of the seed, of what is drawn and of whom it is about.
// There is no stream that draws share: two runs with the same seed draw the same numbers for the same things, whatever else
// differs between them, so that what is compared is the product and not the luck (common random numbers).
package chance

import (
	"hash/fnv"
	"math"
	"time"
)

// Seed is where all draws of a simulation come from.
type Seed uint64

// Of gives the lot of one thing. The same words give the same lot; words are never run together.
func (s Seed) Of(what string, ids ...string) Lot {
	h := fnv.New64a()
	word := func(w string) {
		_, _ = h.Write([]byte(w)) // a hash never fails
		_, _ = h.Write([]byte{0})
	}
	word(what)
	for _, id := range ids {
		word(id)
	}
	return Lot(mix(h.Sum64() + mix(uint64(s))))
}

// mix is the finaliser of splitmix64: FNV alone leaves near words near each other.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Lot is one draw, to be used for one quantity.
type Lot uint64

// Unit is uniform in [0, 1).
func (l Lot) Unit() float64 { return float64(l>>11) / (1 << 53) }

// Happens says whether something of that probability does.
func (l Lot) Happens(probability float64) bool { return l.Unit() < probability }

// Between is uniform in [from, to).
func (l Lot) Between(from, to time.Duration) time.Duration {
	return from + time.Duration(l.Unit()*float64(to-from))
}

// LogNormal has that median; sigma 0.5 puts nine in ten between 0.44 and 2.3 times the median.
func (l Lot) LogNormal(median time.Duration, sigma float64) time.Duration {
	return time.Duration(float64(median) * math.Exp(sigma*l.normal()))
}

// Factor is a log-normal factor around 1.
func (l Lot) Factor(sigma float64) float64 { return math.Exp(sigma * l.normal()) }

// normal by Box and Muller, from two halves of one lot.
func (l Lot) normal() float64 {
	u, v := Lot(mix(uint64(l))).Unit(), Lot(mix(^uint64(l))).Unit()
	return math.Sqrt(-2*math.Log(1-u)) * math.Cos(2*math.Pi*v)
}

// Poisson counts events of that mean; it is meant for small means, and stops at 1000.
func (l Lot) Poisson(mean float64) int {
	p := math.Exp(-mean)
	sum, u := p, l.Unit()
	n := 0
	for u >= sum && n < 1000 {
		n++
		p *= mean / float64(n)
		sum += p
	}
	return n
}

// Pick gives an index with a probability in proportion to its weight; -1 when nothing weighs anything.
func (l Lot) Pick(weights []float64) int {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	left, last := l.Unit()*total, -1
	for i, w := range weights {
		if w <= 0 {
			continue
		}
		last = i
		if left < w {
			return i
		}
		left -= w
	}
	return last
}

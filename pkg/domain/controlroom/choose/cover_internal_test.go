package choose

import "testing"

func TestTheLogisticTableIsSymmetricAndMonotone(t *testing.T) {
	t.Parallel()
	if got := logisticPermille(0); got != 500 {
		t.Errorf("want 500 at 0, got %d", got)
	}
	last := int64(0)
	for x := int64(-8000); x <= 8000; x++ {
		p := logisticPermille(x)
		if p < last || p < 0 || p > 1000 {
			t.Fatalf("at %d it goes from %d to %d", x, last, p)
		}
		if q := logisticPermille(-x); p+q != 1000 {
			t.Fatalf("at %d and %d it is %d and %d", x, -x, p, q)
		}
		last = p
	}
}

func TestEachFurtherTeamCoversLess(t *testing.T) {
	t.Parallel()
	last := int64(1001)
	for n := 1; n <= 6; n++ {
		p := marginalPermille(300, n)
		if p >= last {
			t.Errorf("the %d. team covers %d, the one before %d", n, p, last)
		}
		last = p
	}
	if got := marginalPermille(300, 2); got != 210 {
		t.Errorf("want 0.7·0.3, got %d", got)
	}
}

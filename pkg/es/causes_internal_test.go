package es

import "testing"

func TestCausesAreForgottenByPositionAndByNothingElse(t *testing.T) {
	t.Parallel()
	c := newCauses(Remembered)
	a, b, other := Cause{"p", "a"}, Cause{"p", "b"}, Cause{"p", "c"}
	c.remember(0, a, false, First{Version: 1})
	c.remember(1, b, false, First{Version: 2})
	c.remember(2, b, true, First{Version: 3})
	digest := c.digest
	c.remember(3, Cause{}, false, First{Version: 4})
	if _, known := c.lookup(Cause{}); known || c.digest != digest {
		t.Error("a request that says nothing of its cause was remembered")
	}
	c.remember(Remembered-1, other, false, First{Version: 5})
	if _, known := c.lookup(a); !known {
		t.Error("a cause was forgotten too soon")
	}
	c.remember(Remembered, other, true, First{Version: 6})
	if _, known := c.lookup(a); known {
		t.Error("a cause is known after a million positions")
	}
	c.remember(Remembered+1, a, false, First{Version: 7})
	if first, _ := c.lookup(a); first.Version != 7 {
		t.Errorf("a forgotten cause was not remembered anew: %+v", first)
	}
	if _, known := c.lookup(b); known {
		t.Error("the cause in whose place another came is still known")
	}
	if first, _ := c.lookup(other); first.Version != 5 {
		t.Errorf("a repeat has changed the first outcome: %+v", first)
	}
}

func TestCausesWithTheSameLettersAreNotTheSame(t *testing.T) {
	t.Parallel()
	if (Cause{"ab", "c"}).key() == (Cause{"a", "bc"}).key() {
		t.Error("the border between principal and id does not count")
	}
}

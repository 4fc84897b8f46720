package main

import (
	"strings"
	"testing"

	"vigie/pkg/app"
	"vigie/services/dispatch"
)

func TestTheGraphIsComplete(t *testing.T) {
	t.Parallel()
	cfg := config{App: app.Default(), Backbone: app.DefaultBackbone(), Service: dispatch.Default()}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := app.Validate(modules(cfg)); err != nil {
		t.Fatal(err)
	}
}

func TestAnIntervalThatSavesNothingIsRefused(t *testing.T) {
	t.Parallel()
	for _, every := range []int{0, -1} {
		cfg := dispatch.Default()
		cfg.SnapshotEvery = every
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "snapshot_every") {
			t.Errorf("%d: %v", every, err)
		}
	}
}

package main

import (
	"testing"

	"vigie/pkg/app"
	"vigie/services/positions"
)

func TestTheGraphIsComplete(t *testing.T) {
	t.Parallel()
	cfg := config{App: app.Default(), Backbone: app.DefaultBackbone(), Service: positions.Default()}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := app.Validate(modules(cfg)); err != nil {
		t.Fatal(err)
	}
}

// Command positions runs the positions service in a process of its own.
package main

import (
	"errors"
	"os"

	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/services/positions"
)

type config struct {
	App      app.Config       `koanf:",squash"`
	Backbone app.Backbone     `koanf:",squash"`
	Service  positions.Config `koanf:"positions"`
}

func (c config) Validate() error {
	return errors.Join(c.App.Validate(), c.Backbone.Validate(), c.Service.Validate())
}

func modules(c config) fx.Option {
	return fx.Options(
		app.Module(c.App), app.BackboneModule(c.Backbone), positions.Module(c.Service),
		fx.Decorate((*kafkalog.Log).Unhurried), // nobody waits for what it reads, but for who is on duty
	)
}

func main() {
	os.Exit(app.Main(os.Args, config{App: app.Default(), Backbone: app.DefaultBackbone(), Service: positions.Default()}, modules))
}

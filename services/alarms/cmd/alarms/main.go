// Command alarms runs the alarms service in a process of its own.
package main

import (
	"errors"
	"os"

	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/services/alarms"
)

type config struct {
	App      app.Config    `koanf:",squash"`
	Backbone app.Backbone  `koanf:",squash"`
	Service  alarms.Config `koanf:"alarms"`
}

func (c config) Validate() error {
	return errors.Join(c.App.Validate(), c.Backbone.Validate(), c.Service.Validate())
}

func modules(c config) fx.Option {
	return fx.Options(
		app.Module(c.App), app.BackboneModule(c.Backbone), alarms.Module(c.Service),
		fx.Decorate((*kafkalog.Log).Unhurried), // it writes; nobody waits for what it reads
	)
}

func main() {
	os.Exit(app.Main(os.Args, config{App: app.Default(), Backbone: app.DefaultBackbone(), Service: alarms.Default()}, modules))
}

package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
	"go.uber.org/fx"
)

// Main is a service's main, with args as os.Args: it reads the configuration from --config, the environment and flags, and runs
// the modules that options makes of it. It returns the exit status:
//
//	func main() { os.Exit(app.Main(os.Args, dispatch.Default(), modules)) }
func Main[T interface{ Validate() error }](args []string, def T, options func(T) fx.Option) int {
	program := filepath.Base(args[0])
	fs := pflag.NewFlagSet(program, pflag.ContinueOnError)
	path := fs.String("config", "", "configuration file (YAML); the environment (VIGIE_...) and flags override it")
	show := fs.Bool("print-config", false, "print the configuration that would be used, and exit")
	Flags(fs, def)
	switch err := fs.Parse(args[1:]); {
	case errors.Is(err, pflag.ErrHelp):
		return OK
	case err != nil:
		return Report(os.Stderr, program, Exit(Usage, err))
	}
	cfg, err := Load(def, Sources{File: *path, Env: os.Environ(), Flags: fs})
	switch {
	case err != nil:
		return Report(os.Stderr, program, err)
	case *show:
		return Report(os.Stderr, program, PrintConfig(os.Stdout, cfg))
	}
	return Report(os.Stderr, program, Run(context.Background(), options(cfg)))
}

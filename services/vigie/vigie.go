// Package vigie is the all-in-one program and the command line. All-in-one is the list of services beside an embedded
// broker: the same code on a smaller broker, and no service knows.
package vigie

import (
	"context"

	"github.com/spf13/cobra"

	"vigie/pkg/app"
	"vigie/services/vigie/internal/admin"
	"vigie/services/vigie/internal/certs"
	"vigie/services/vigie/internal/logcmd"
	"vigie/services/vigie/internal/parked"
	"vigie/services/vigie/internal/sim"
	"vigie/services/vigie/internal/topics"
)

// Execute runs the command line and returns the exit status.
func Execute(ctx context.Context, args []string) int {
	root := Command() //nolint:contextcheck // each command takes the context it is executed with
	root.SetArgs(args)
	return app.Report(root.ErrOrStderr(), root.Name(), root.ExecuteContext(ctx))
}

// Command is the whole command line.
func Command() *cobra.Command {
	root := &cobra.Command{
		Use: "vigie", Short: "The control room of a group of hospitals",
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return app.Exit(app.Usage, err) })
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(upCommand(), versionCommand(), sim.Command(), topics.Command(), parked.Command(), certs.Command())
	root.AddCommand(logcmd.New()...)
	root.AddCommand(admin.Commands()...)
	strict(root)
	return root
}

// strict makes whatever is wrong with a command line, its words and its flags alike, a usage error.
func strict(c *cobra.Command) {
	if !c.Runnable() {
		c.Args, c.RunE = cobra.NoArgs, func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	if valid := c.Args; valid != nil {
		c.Args = func(c *cobra.Command, args []string) error { return usage(valid(c, args)) }
	}
	c.PreRunE = func(c *cobra.Command, _ []string) error { return usage(c.ValidateRequiredFlags()) }
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

func usage(err error) error {
	if err == nil {
		return nil
	}
	return app.Exit(app.Usage, err)
}

package admin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"vigie/pkg/app"
	"vigie/pkg/directory"
	"vigie/pkg/region"
)

// initCommand makes a directory where vigie up, which does it by itself, is not run: for services in processes of their own.
func initCommand() *cobra.Command {
	var f dirFlags
	var file string
	c := &cobra.Command{
		Use: "init --region FILE", Short: "Make a directory with its first accounts and alarm sources", Args: cobra.NoArgs,
		Long: "Makes DATA/directory.db with an account for every role and an alarm source for every room of the region file, prints\n" +
			"what opens them, and writes it to DATA/first-accounts.json. vigie up does the same by itself at its first start.",
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := region.Load(file)
			if err != nil {
				return app.Exit(app.BadRegion, err)
			}
			return f.begin(c, r.RoomIDs())
		},
	}
	f.add(c)
	c.Flags().StringVar(&file, "region", "deployments/regions/aphp.yaml", "region file with the rooms")
	return c
}

func (f *dirFlags) begin(c *cobra.Command, rooms []string) (err error) {
	if err := os.MkdirAll(f.data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	d, err := directory.Open(c.Context(), directory.Config{Path: filepath.Join(f.data, "directory.db")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	first, err := d.Bootstrap(c.Context(), rooms)
	if err != nil {
		return err
	}
	if first == nil {
		return app.Exit(app.Usage, fmt.Errorf("%s has accounts already: see vigie account list, and vigie account reset for a lost password", f.data))
	}
	path := filepath.Join(f.data, "first-accounts.json")
	if err := directory.WriteFirstAccounts(path, first); err != nil {
		return err
	}
	var b strings.Builder
	for _, a := range first.Accounts {
		fmt.Fprintf(&b, "%-12s %s\n", a.Account, a.Password)
	}
	fmt.Fprintf(&b, "Also in %s, with the keys of the alarm sources.", path)
	return printer{json: f.json, out: c.OutOrStdout()}.print(first, b.String())
}

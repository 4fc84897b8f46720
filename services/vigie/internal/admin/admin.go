// Package admin is the command line's part about the directory and the region: accounts, sources, handhelds and region
// files. What opens doors is printed once, to whoever asked for it, and kept nowhere in clear.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"vigie/pkg/app"
	"vigie/pkg/directory"
	"vigie/pkg/region"
)

// Commands are account, source, device and region.
func Commands() []*cobra.Command {
	return []*cobra.Command{accountCommand(), sourceCommand(), deviceCommand(), regionCommand()}
}

// printer writes results as JSON or for people.
type printer struct {
	json bool
	out  io.Writer
}

func (p printer) print(v any, text string) error {
	if p.json {
		return json.NewEncoder(p.out).Encode(v)
	}
	_, err := fmt.Fprintln(p.out, text)
	return err
}

// dirFlags are those of commands on the directory of a data directory; the program may be running on it.
type dirFlags struct {
	data string
	json bool
}

func (f *dirFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.data, "data", "./data", "data directory")
	c.Flags().BoolVar(&f.json, "json", false, "write the result as JSON")
}

func (f *dirFlags) with(c *cobra.Command, do func(context.Context, *directory.Directory, printer) error) (err error) {
	path := filepath.Join(f.data, "directory.db")
	if _, err := os.Stat(path); err != nil {
		return app.Exit(app.Usage, fmt.Errorf("%s: there is no directory yet: run vigie up once or vigie account init, or give --data", path))
	}
	d, err := directory.Open(c.Context(), directory.Config{Path: path})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return do(c.Context(), d, printer{json: f.json, out: c.OutOrStdout()})
}

func accountCommand() *cobra.Command {
	c := &cobra.Command{Use: "account", Short: "Make accounts, list them, reset passwords"}
	var f dirFlags
	list := &cobra.Command{
		Use: "list", Short: "List accounts with their grants", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.with(c, func(ctx context.Context, d *directory.Directory, p printer) error {
				accounts, err := d.Accounts(ctx)
				if err != nil {
					return err
				}
				for _, a := range accounts {
					v := map[string]any{"account": a.Account, "grants": a.Grants, "created_at": a.CreatedAt}
					if err := p.print(v, fmt.Sprintf("%-20s %v", a.Account, a.Grants)); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	f.add(list)
	var g dirFlags
	reset := &cobra.Command{
		Use: "reset ACCOUNT", Short: "Give an account a new password and end its sessions", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c, func(ctx context.Context, d *directory.Directory, p printer) error {
				password, err := d.ResetPassword(ctx, args[0])
				if err != nil {
					return err
				}
				return p.print(map[string]string{"account": args[0], "password": password}, password)
			})
		},
	}
	g.add(reset)
	c.AddCommand(initCommand(), addCommand(), list, reset)
	return c
}

func sourceCommand() *cobra.Command {
	c := &cobra.Command{Use: "source", Short: "Alarm sources"}
	var f dirFlags
	var room string
	add := &cobra.Command{
		Use: "add SOURCE --room ROOM", Short: "Let a new source send alarms to a room, and print its key", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.with(c, func(ctx context.Context, d *directory.Directory, p printer) error {
				key, err := d.AddSource(ctx, args[0], room)
				if err != nil {
					return err
				}
				return p.print(map[string]string{"source": args[0], "key": key}, key)
			})
		},
	}
	f.add(add)
	add.Flags().StringVar(&room, "room", "", "room that the source reports to")
	_ = add.MarkFlagRequired("room") // fails only for a flag that does not exist
	c.AddCommand(add)
	return c
}

func regionCommand() *cobra.Command {
	c := &cobra.Command{Use: "region", Short: "Region files"}
	var asJSON bool
	check := &cobra.Command{
		Use: "check FILE", Short: "Say everything that is wrong with a region file", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := region.Load(args[0])
			if err != nil {
				return app.Exit(app.BadRegion, err)
			}
			sites, teams := 0, 0
			for _, room := range r.Rooms {
				sites += len(room.Configuration.GetSites())
				teams += len(room.Configuration.GetTeams())
			}
			return printer{json: asJSON, out: c.OutOrStdout()}.print(
				map[string]any{"ok": true, "rooms": len(r.Rooms), "sites": sites, "teams": teams},
				fmt.Sprintf("%s is good: %d rooms, %d sites, %d teams.", args[0], len(r.Rooms), sites, teams))
		},
	}
	check.Flags().BoolVar(&asJSON, "json", false, "write the result as JSON")
	c.AddCommand(check)
	return c
}

package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"vigie/pkg/app"
	"vigie/pkg/directory"
	"vigie/pkg/region"
)

// deviceCommand signs handhelds on from the machine itself, on the directory that the running program uses too.
func deviceCommand() *cobra.Command {
	c := &cobra.Command{Use: "device", Short: "Handhelds"}
	var f dirFlags
	var team, guard, room, file string
	var ttl time.Duration
	token := &cobra.Command{
		Use: "token --team TEAM --guard GUARD", Short: "Sign a handheld on for a team, and print its token", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.with(c, func(ctx context.Context, d *directory.Directory, p printer) error {
				if room == "" {
					var err error
					if room, err = roomOf(file, team); err != nil {
						return app.Exit(app.Usage, err)
					}
				}
				t, err := d.NewDeviceToken(ctx, room, team, guard, ttl)
				if err != nil {
					return err
				}
				return p.print(map[string]any{"token": t.Token, "expires_at": t.ExpiresAt, "device": t.Device, "room": room, "team": team}, t.Token)
			})
		},
	}
	f.add(token)
	token.Flags().StringVar(&team, "team", "", "team that the handheld speaks for")
	token.Flags().StringVar(&guard, "guard", "", "pseudonymous id of the guard")
	token.Flags().StringVar(&room, "room", "", "room of the team; found in the region file when left out")
	token.Flags().StringVar(&file, "region", "deployments/regions/aphp.yaml", "region file")
	token.Flags().DurationVar(&ttl, "ttl", 0, "how long it is good for; twelve hours when left out")
	for _, name := range []string{"team", "guard"} {
		_ = token.MarkFlagRequired(name) // fails only for a flag that does not exist
	}
	c.AddCommand(token)
	return c
}

func roomOf(file, team string) (string, error) {
	r, err := region.Load(file)
	if err != nil {
		return "", errors.Join(errors.New("the room of the team is not known: give --room, or --region with the region file"), err)
	}
	for _, room := range r.Rooms {
		for _, t := range room.Configuration.GetTeams() {
			if t.GetId() == team {
				return room.ID, nil
			}
		}
	}
	return "", fmt.Errorf("%s has no team %q: vigie region check lists its problems, the file its teams", file, team)
}

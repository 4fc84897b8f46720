package admin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/directory"
)

// addCommand makes an account: a log is reopened by two admins, and the first start makes one.
func addCommand() *cobra.Command {
	var f dirFlags
	var role, scope string
	c := &cobra.Command{
		Use: "add ACCOUNT --role ROLE", Short: "Make an account with one role, and print its password", Args: cobra.ExactArgs(1),
		Example: "  vigie account add bob --role admin\n  vigie account add carol --role dispatcher --scope room/main",
		RunE: func(c *cobra.Command, args []string) error {
			grant := authz.Grant{Role: authz.Role(role), Scope: authz.Scope(scope)}
			if err := grant.Validate(); err != nil {
				return app.Exit(app.Usage, err)
			}
			return f.with(c, func(ctx context.Context, d *directory.Directory, p printer) error {
				password, err := d.CreateAccount(ctx, args[0], grant)
				if err != nil {
					return fmt.Errorf("make account: %w", err)
				}
				return p.print(map[string]any{"account": args[0], "password": password, "grants": []authz.Grant{grant}}, password)
			})
		},
	}
	f.add(c)
	c.Flags().StringVar(&role, "role", "", fmt.Sprintf("one of %v (required)", authz.AccountRoles()))
	c.Flags().StringVar(&scope, "scope", string(authz.RegionScope), "region, room/R or site/S")
	return c
}

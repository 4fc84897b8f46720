// Package certs is the command line's part about the certificates by which our own services know one another, where each
// is a process of its own.
package certs

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"vigie/pkg/peer"
)

// Command is vigie certs.
func Command() *cobra.Command {
	c := &cobra.Command{Use: "certs", Short: "Make the certificates by which our own services know one another"}
	var dir, name string
	var hosts []string
	var asJSON bool
	issue := &cobra.Command{
		Use: "issue", Short: "Make a certificate for a service, and the authority when the directory has none", Args: cobra.NoArgs,
		Long: "Make a certificate for a service, and the authority when the directory has none.\n\n" +
			"The name is that of the service, alarms, gateway or positions: by it others know whom they talk to. All processes of a service may\n" +
			"share one certificate, or have one each from a directory of their own with the same ca.crt and ca.key. Each process\n" +
			"needs ca.crt, its certificate and its key; ca.key stays where certificates are made. Issue again before a certificate\n" +
			"runs out (825 days) and put the files in place of the old ones: they are read anew, nothing has to be restarted.",
		RunE: func(c *cobra.Command, _ []string) error {
			files, err := peer.Issue(dir, name, hosts...)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{
					"internal_ca": files.CA, "internal_cert": files.Cert, "internal_key": files.Key,
				})
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "internal_ca: %s\ninternal_cert: %s\ninternal_key: %s\n", files.CA, files.Cert, files.Key)
			return err
		},
	}
	issue.Flags().StringVar(&dir, "dir", "", "directory of the authority and what it issues")
	issue.Flags().StringVar(&name, "name", "", "service that the certificate is for: alarms, gateway or positions")
	issue.Flags().StringSliceVar(&hosts, "host", nil, "names and addresses of the machines it runs on")
	issue.Flags().BoolVar(&asJSON, "json", false, "write the result as JSON")
	for _, flag := range []string{"dir", "name"} {
		_ = issue.MarkFlagRequired(flag) // it exists
	}
	c.AddCommand(issue)
	return c
}

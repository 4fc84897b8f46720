// Command vigie runs every service in one process, and is the command line.
package main

import (
	"context"
	"os"

	"vigie/services/vigie"
)

func main() { os.Exit(vigie.Execute(context.Background(), os.Args[1:])) }

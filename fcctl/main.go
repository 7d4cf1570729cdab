// Command fcctl is FlowCatalyst's command line: subscriptions as code, events,
// jobs, and a receiver to try things with.
package main

import (
	"os"

	"github.com/flowcatalyst/fc/fcctl/internal/cmd"
)

// version is set by the build.
var version = "dev"

func main() {
	os.Exit(cmd.Main(version))
}

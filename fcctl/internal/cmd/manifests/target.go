package manifests

import (
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/internal/plan"
	"github.com/urfave/cli/v2"
)

// planFlags are shared by what plans a manifest.
func planFlags() []cli.Flag {
	return append(manifestFlags(),
		&cli.StringSliceFlag{Name: "target", Usage: "only this resource and what it depends on, `KIND.CODE`; may be repeated"},
		&cli.StringSliceFlag{Name: "replace", Usage: "delete this resource and make it anew, `KIND.CODE`; may be repeated"},
	)
}

// narrow leaves of a plan what is targeted, if anything is. Has says what the
// manifest would have to do with it.
func narrow(p *plan.Plan, targets []string, has string) error {
	if len(targets) == 0 {
		return nil
	}
	var names []string
	for _, c := range p.Changes {
		names = append(names, c.Name())
	}
	if unknown := p.Narrow(targets); len(unknown) > 0 {
		try := "-target KIND.CODE, as the whole plan shows them"
		if near := fault.Nearest(unknown[0], names); near != "" {
			try = "-target " + near
		}
		return fault.Usage(fmt.Sprintf("-target %s: the manifest %s such a resource", strings.Join(unknown, ", -target "), has), try)
	}
	return nil
}

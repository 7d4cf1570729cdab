package manifests

import (
	"fmt"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) validateCommand() *cli.Command {
	return &cli.Command{
		Name: "validate", Usage: "check a manifest without a server",
		Description: app.Example("What only the server can tell (a filter's types, a reference to something that is not declared here) is checked by plan.",
			"fcctl validate -f orders/"),
		Flags:  manifestFlags(),
		Action: a.validate,
	}
}

// validation is what validate says to programs.
type validation struct {
	Valid       bool                  `json:"valid"`
	Manifest    string                `json:"manifest,omitempty"`
	Resources   map[resource.Kind]int `json:"resources"`
	Diagnostics config.Diagnostics    `json:"diagnostics"`
}

func (a *commands) validate(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	m, diags, err := a.manifest(c)
	if err != nil {
		return err
	}
	v := validation{Valid: m != nil, Resources: map[resource.Kind]int{}, Diagnostics: diags}
	if diags == nil {
		v.Diagnostics = config.Diagnostics{}
	}
	total := 0
	if m != nil {
		v.Manifest, total = m.Name, len(m.Resources)
		for _, r := range m.Resources {
			v.Resources[r.Kind()]++
		}
	}
	shown := a.show(diags)
	err = a.Data(c, v, func() (string, error) {
		if m == nil {
			return "", nil
		}
		return fmt.Sprintf("Manifest %q is valid: %s.\n", m.Name, view.Counted(total, v.Resources)), nil
	})
	if err != nil {
		return err
	}
	return shown
}

package manifests

import (
	"maps"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

// knownClient refuses a client that is not there: nothing is owned by one.
func (a *commands) knownClient(c *cli.Context, cl *client.Client, code string) error {
	if code == "" {
		return nil
	}
	info, _ := resource.InfoOf(resource.KindClient)
	_, err := cl.Resources(info.Kind).Get(c.Context, code)
	switch client.StatusOf(err) {
	case 404:
		given := "--client"
		if !c.IsSet("client") {
			given = "in the manifest: client ="
		}
		return a.NoSuch(c, cl, info, code, given)
	case 403:
		return nil // who manages subscriptions need not see clients
	}
	return err
}

// others says which manifests own something where this one owns nothing: its
// name may be misspelt. What can not be looked up is left out.
func (a *commands) others(c *cli.Context, cl *client.Client, m *config.Manifest) string {
	owners := map[string]bool{}
	for _, info := range resource.Declared() {
		for r, err := range cl.Resources(info.Kind).List(c.Context, client.ResourceFilter{ClientID: m.Client, PageSize: 200}) {
			if err != nil {
				break
			}
			if owner := r.Base().ManagedBy; owner != "" {
				owners[owner] = true
			}
		}
	}
	names := slices.Sorted(maps.Keys(owners))
	if n := fault.Nearest(m.Name, names); n != "" && n != m.Name {
		return "; is it \"" + n + "\"?"
	}
	if len(names) == 0 || len(names) > 10 || owners[m.Name] {
		return "."
	}
	return "; who does: " + strings.Join(names, ", ") + "."
}

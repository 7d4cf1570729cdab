package tui

import (
	"context"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
)

// codes are what people call what has an id.
type codes map[string]string

func (c codes) of(id string) string {
	if name, known := c[id]; known {
		return name
	}
	return id
}

// mostCodes bounds how many names are learnt of a kind; what has none is shown
// by its id.
const mostCodes = 5000

// learnCodes reads the names. Who may not see a kind sees its ids.
func learnCodes(ctx context.Context, c *client.Client) codes {
	names := codes{}
	for _, kind := range []resource.Kind{resource.KindClient, resource.KindConnection, resource.KindSubscription, resource.KindDispatchPool} {
		n := 0
		for r, err := range c.Resources(kind).List(ctx, client.ResourceFilter{PageSize: 200}) {
			if err != nil || n == mostCodes {
				break
			}
			names[r.Base().ID] = clean(r.Key())
			n++
		}
	}
	return names
}

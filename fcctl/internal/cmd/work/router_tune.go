package work

import (
	"fmt"
	"math"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

func (a *commands) routerTune(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "the code of a pool"); err != nil {
		return err
	}
	var tuning client.PoolTuning
	if c.IsSet("concurrency") {
		n := c.Int("concurrency")
		tuning.Concurrency = &n
	}
	second, err := perSecond("--rate", c.String("rate"))
	if err != nil {
		return err
	}
	if second != nil {
		minute := int(math.Round(*second * 60))
		if minute == 0 && *second > 0 {
			return fault.Usage("--rate is less than one a minute, which a pool can not keep", "--rate 1/m, or 0 for no limit")
		}
		tuning.RateLimitPerMinute = &minute
	}
	if tuning.Concurrency == nil && second == nil {
		return fault.Usage("router pools tune needs to know what to change", "--concurrency 40, or --rate 500/s")
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	code := c.Args().First()
	if err := cl.Router.TunePool(c.Context, code, tuning); err != nil {
		return err
	}
	a.sayWhoOwns(c, cl, code, tuning)
	return a.Data(c, tuning, func() (string, error) { return fmt.Sprintf("pool %s: changed in every router\n", code), nil })
}

// sayWhoOwns says which manifest will undo a change of a pool, if one will.
func (a *commands) sayWhoOwns(c *cli.Context, cl *client.Client, code string, t client.PoolTuning) {
	r, err := cl.Resources(resource.KindDispatchPool).Get(c.Context, code)
	if err != nil || r.Base().ManagedBy == "" {
		return // the change is made; who may not see the pool is told less
	}
	var lines []string
	if t.Concurrency != nil {
		lines = append(lines, fmt.Sprintf("concurrency = %d", *t.Concurrency))
	}
	if t.RateLimitPerMinute != nil {
		lines = append(lines, fmt.Sprintf("rate_limit = %q", fmt.Sprintf("%d/m", *t.RateLimitPerMinute)))
	}
	a.Say("The manifest %s declares this pool, and its next apply undoes the change unless it has: %s", r.Base().ManagedBy, strings.Join(lines, ", "))
}

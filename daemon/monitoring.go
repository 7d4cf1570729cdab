package daemon

import (
	"fmt"

	"github.com/flowcatalyst/fc/daemon/internal/api"
	"github.com/flowcatalyst/fc/daemon/internal/api/monitor"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/router"
)

// watch makes the monitor of the router of this process.
func (d *Daemon) watch(p *parts, r *router.Router) error {
	m, err := monitor.New(monitor.Options{
		Router: r, Holds: p.store, Queue: p.queue, QueueName: p.cfg.Queues[0].Name,
		Warnings: p.warnings, Health: d.health.Report,
	})
	if err != nil {
		return err
	}
	p.monitor = m
	return nil
}

// openRouterDoor serves the router's own listener. With the platform in the
// same process, its tokens are checked here too; without any nobody is asked.
func (d *Daemon) openRouterDoor(p *parts, rules *platform.Platform, who identity) error {
	tokens := who.tokens
	h, err := api.NewRouterDoor(api.Options{
		Platform: rules, Tokens: tokens, Revoked: who.revoked, Monitor: p.monitor, Closing: d.Done(),
		Logger: d.part("router"), Version: d.version,
	}, tokens == nil)
	if err != nil {
		return fmt.Errorf("open the router's listener: %w", err)
	}
	l := d.listeners["router"]
	if tokens == nil {
		d.log.Warn("the router's listener asks for no token: whoever reaches it can watch the router, change its pools and publish", "listener", l.addr())
	}
	d.serve(l, h)
	return nil
}

package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// RestartRouter drains the router for no longer than drain and starts another
// in its place, while everything else goes on: what a rollout of a router on a
// shared store looks like from the other services. The new router listens on
// another port, and its metrics are nobody's.
func (d *Daemon) RestartRouter(ctx context.Context, drain time.Duration) error {
	d.startMu.Lock()
	defer d.startMu.Unlock()
	i := slices.IndexFunc(d.undo.steps, func(s undoStep) bool { return s.name == "router" })
	if i < 0 {
		return errors.New("restart the router: there is none")
	}
	old := d.undo.steps[i]
	d.undo.steps = slices.Delete(d.undo.steps, i, i+1)
	d.drainBy = time.Now().Add(drain)
	if err := old.do(); err != nil {
		return fmt.Errorf("drain the router: %w", err)
	}
	rules, err := platform.New(platform.Options{Store: d.parts.store, Sealer: d.parts.sealer, Catalog: d.parts.catalog, Logger: d.part("platform")})
	if err != nil {
		return err
	}
	reg, before := d.reg, len(d.undo.steps)
	d.reg = prometheus.NewRegistry()
	defer func() { d.reg = reg }()
	if _, err := d.bind(ctx, "router", "127.0.0.1:0"); err != nil {
		return err
	}
	if err := d.openRouter(d.parts, rules); err != nil {
		return err
	}
	// What was registered for the new one goes with its registry.
	kept := d.undo.steps[:before:before]
	for _, s := range d.undo.steps[before:] {
		if s.name != "metrics" {
			kept = append(kept, s)
		}
	}
	d.undo.steps = kept
	return nil
}

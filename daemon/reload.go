package daemon

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// Reload takes up another configuration without a restart, as far as that is
// possible, and returns a sentence for each difference; those that need a
// restart say so, now and at each later Reload. It also looks for signing keys
// that somebody added. With an error everything stays as it is.
func (d *Daemon) Reload(cfg *config.Daemon) ([]string, error) {
	if err := supported(cfg); err != nil {
		return nil, fmt.Errorf("reload: %w", err)
	}
	level, err := telemetry.ParseLevel(cfg.Log.Level)
	if err != nil {
		return nil, fmt.Errorf("reload: log level: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reloadKeys != nil {
		if err := d.reloadKeys(); err != nil {
			return nil, fmt.Errorf("reload signing keys: %w", err)
		}
	}
	changes := cfg.Changes(d.cfg)
	d.cfg = taken(d.cfg, cfg)
	if d.level != nil {
		d.level.Set(level)
	}
	said := make([]string, len(changes))
	for i, c := range changes {
		said[i] = c.String()
	}
	return said, nil
}

// taken is the running configuration with what a reload changes at once. The
// rest stays as it runs, so that the next reload is compared with the truth.
func taken(running, next *config.Daemon) *config.Daemon {
	now := *running
	now.Log.Level, now.ShutdownTimeout = next.Log.Level, next.ShutdownTimeout
	now.Settings = slices.Clone(running.Settings)
	for i, s := range now.Settings {
		live := s.Name == "shutdown_timeout" && len(s.Block) == 0 || s.Name == "level" && slices.Equal(s.Block, []string{"log"})
		if !live {
			continue
		}
		if at := slices.IndexFunc(next.Settings, func(n config.Setting) bool {
			return n.Name == s.Name && slices.Equal(n.Block, s.Block)
		}); at >= 0 {
			now.Settings[i] = next.Settings[at]
		}
	}
	return &now
}

// part is the log of one part of the process.
func (d *Daemon) part(name string) *slog.Logger { return d.log.With("part", name) }

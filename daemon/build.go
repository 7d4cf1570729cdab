package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/daemon/internal/api"
	"github.com/flowcatalyst/fc/daemon/internal/api/monitor"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	queuesqlite "github.com/flowcatalyst/fc/daemon/internal/queue/sqlite"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	storesqlite "github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// supported says whether this build can serve a configuration.
func supported(cfg *config.Daemon) error {
	if err := cfg.Unavailable().Err(); err != nil {
		return err
	}
	if len(cfg.Queues) > 1 {
		return fmt.Errorf("%s: this build serves one queue, and there are %d. Try: remove the block queue %q",
			cfg.Queues[1].Range, len(cfg.Queues), cfg.Queues[1].Name)
	}
	return nil
}

func openStore(c config.Store, log *slog.Logger) (store.Store, error) {
	switch c.Kind {
	case config.SQLite:
		return storesqlite.Open(c.Path, storesqlite.Options{Logger: log})
	default:
		return nil, fmt.Errorf("this build has no store %q", c.Kind)
	}
}

func openQueue(c config.Queue, log *slog.Logger) (queue.Queue, error) {
	switch c.Kind {
	case config.SQLite:
		return queuesqlite.Open(c.Path, queuesqlite.Options{Logger: log, Linger: queuesqlite.DefaultLinger})
	default:
		return nil, fmt.Errorf("this build has no queue %q", c.Kind)
	}
}

// parts are what services stand on.
type parts struct {
	cfg     *config.Daemon
	store   store.Store
	queue   queue.Queue // nil unless a scheduler or a router is declared
	sealer  catalog.Sealer
	catalog *catalog.Cache
	keys    func() (*auth.Keys, error) // waits until they are there

	warnings *telemetry.Warnings
	monitor  *monitor.Monitor // nil unless a router is declared
}

// open builds the process, each part after what it stands on. Its order is
// the reverse of the drain's.
func (d *Daemon) open(ctx context.Context) error {
	d.mu.Lock()
	p := &parts{cfg: d.cfg, warnings: telemetry.NewWarnings(nil)}
	d.mu.Unlock()
	d.parts = p
	if err := telemetry.RegisterProcess(d.reg, d.version); err != nil {
		return err
	}
	// The addresses come first, so that probes get an answer while a large
	// store opens. But who owns the data explains a taken port as well, so
	// the store's refusal is the one to tell.
	bound := d.bindAll(ctx, p.cfg)
	if err := d.openStore(p); err != nil {
		return err
	}
	if bound != nil {
		return bound
	}
	if p.cfg.Platform != nil {
		d.openKeys(p)
	}
	if err := d.openSecrets(ctx, p); err != nil {
		return err
	}
	if p.cfg.Scheduler != nil || p.cfg.Router != nil {
		if err := d.openQueue(ctx, p); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return d.openServices(ctx, p)
}

// bindAll takes the addresses of the services that are declared and serves
// the admin listener at once.
func (d *Daemon) bindAll(ctx context.Context, cfg *config.Daemon) error {
	admin, err := d.bind(ctx, "admin", cfg.Admin.Listen)
	if err == nil {
		d.serve(admin, api.Unmatched(telemetry.Admin(d.health, d.reg)))
	}
	if err == nil && cfg.Router != nil {
		_, err = d.bind(ctx, "router", cfg.Router.Listen)
	}
	if err == nil && cfg.Platform != nil {
		_, err = d.bind(ctx, "platform", cfg.Platform.Listen)
	}
	return err
}

func (d *Daemon) openStore(p *parts) error {
	if err := os.MkdirAll(p.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w. Try: another data_dir (or %s=directory)", err, config.EnvDataDir)
	}
	st, err := openStore(p.cfg.Store, d.log.With("part", "store"))
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	d.undo.add("store", st.Close)
	p.store = st
	d.health.Add("store", st.Health)
	if p.cfg.Store.Kind == config.SQLite && (p.cfg.Platform == nil || p.cfg.Stream == nil || p.cfg.Scheduler == nil || p.cfg.Router == nil) {
		d.log.Info("not every service is declared, and no other process can run them on this data: a SQLite store belongs to one process", "store", p.cfg.Store.Path)
	}
	return d.register(storeCollector{st})
}

func (d *Daemon) openQueue(ctx context.Context, p *parts) error {
	c := p.cfg.Queues[0]
	q, err := openQueue(c, d.log.With("part", "queue"))
	if err != nil {
		return fmt.Errorf("open queue: %w", err)
	}
	d.undo.add("queue", q.Close)
	p.queue = q
	d.health.Add("queue "+c.Name, func(ctx context.Context) error { _, err := q.Stats(ctx); return err })
	return d.register(queueCollector{q, c.Name})
}

// register shows metrics of the daemon's own.
func (d *Daemon) register(c prometheus.Collector) error {
	if err := d.reg.Register(c); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	d.undo.add("metrics", func() error {
		if !d.reg.Unregister(c) {
			return errors.New("they were not registered")
		}
		return nil
	})
	return nil
}

func (p *parts) file(name string) string { return filepath.Join(p.cfg.DataDir, name) }

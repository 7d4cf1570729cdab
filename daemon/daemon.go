package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// Options are what a process brings to its daemon. The zero value is ready.
type Options struct {
	// LogOutput is where the log goes, in the format and from the level of
	// the configuration; os.Stderr when nil.
	LogOutput io.Writer
	// Logger replaces all that, and makes log.level somebody else's.
	Logger *slog.Logger
	// Registry takes the metrics and is what /metrics shows; a new one when
	// nil. Two daemons need two.
	Registry *prometheus.Registry
	// Version is shown by /metrics, /openapi.json and the User-Agent of
	// deliveries; "dev" when empty.
	Version string
	// Dev gives the administrator a new password at each start, which
	// Credentials returns. Without it the log says how to become the first
	// administrator, at each start until there is one.
	Dev bool
}

// Daemon is one FlowCatalyst process. Its methods may be called from any
// goroutine.
type Daemon struct {
	log     *slog.Logger
	level   *slog.LevelVar // nil when the logger is somebody else's
	reg     *prometheus.Registry
	version string
	dev     bool
	health  *telemetry.Health

	startMu  sync.Mutex // held while starting, and by Stop from then on
	life     context.Context
	end      context.CancelCauseFunc // of life
	stopOnce sync.Once
	stopped  chan struct{}
	stopErr  error // valid once stopped is closed
	undo     undoList
	parts    *parts // what open has built

	mu          sync.Mutex // guards what follows; never held while starting
	cfg         *config.Daemon
	begun       bool
	listeners   map[string]*listener
	credentials Credentials
	reloadKeys  func() error

	// drainBy is when Stop must be over. Stop sets it before it undoes
	// anything; the undo functions read it.
	drainBy time.Time
}

// errStopped is why a daemon ends that was asked to.
var errStopped = errors.New("the daemon was stopped")

// New makes a daemon of a configuration. It opens nothing. A configuration
// with parts that this build has no backend for is refused.
func New(cfg *config.Daemon, o Options) (*Daemon, error) {
	if cfg == nil {
		return nil, errors.New("new daemon: a configuration is required")
	}
	if err := supported(cfg); err != nil {
		return nil, fmt.Errorf("new daemon: %w", err)
	}
	d := &Daemon{
		cfg: cfg, log: o.Logger, reg: o.Registry, version: cmp.Or(o.Version, "dev"), dev: o.Dev,
		health: telemetry.NewHealth(), stopped: make(chan struct{}), listeners: map[string]*listener{},
	}
	if d.log == nil {
		level, err := telemetry.ParseLevel(cfg.Log.Level)
		if err != nil {
			return nil, fmt.Errorf("new daemon: log level: %w", err)
		}
		out := o.LogOutput
		if out == nil {
			out = os.Stderr
		}
		d.level = new(slog.LevelVar)
		d.level.Set(level)
		d.log = telemetry.NewLogger(out, cfg.Log.Format, d.level)
	}
	if d.reg == nil {
		d.reg = prometheus.NewRegistry()
	}
	d.life, d.end = context.WithCancelCause(context.Background())
	return d, nil
}

// Start opens the store, the keys and the queue, binds the listeners and
// starts the services. When it returns nil the daemon is ready. When it
// returns an error, or ctx ends meanwhile, everything is closed again and the
// daemon is of no more use. A daemon starts once.
func (d *Daemon) Start(ctx context.Context) error {
	d.startMu.Lock()
	defer d.startMu.Unlock()
	d.mu.Lock()
	begun := d.begun
	d.begun = true
	d.mu.Unlock()
	switch {
	case d.life.Err() != nil:
		return fmt.Errorf("start: %w", errStopped)
	case begun:
		return errors.New("start: this daemon was started already")
	}
	began := time.Now()
	// Stop interrupts a start.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(d.life, func() { cancel(errStopped) })()

	err := d.open(ctx)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		d.end(err)
		d.drainBy = time.Now().Add(startUndo)
		return errors.Join(fmt.Errorf("start: %w", err), d.undo.run(d.log))
	}
	d.health.SetPhase(telemetry.Running)
	d.undo.add("readiness", func() error { d.health.SetPhase(telemetry.Draining); return nil })
	said := []any{"version", d.version, "took", time.Since(began).Round(time.Millisecond)}
	for _, name := range []string{"platform", "router", "admin"} {
		if addr := d.Addr(name); addr != "" {
			said = append(said, name, addr)
		}
	}
	d.log.Info("ready", said...)
	return nil
}

// startUndo bounds the closing of what a failed start had opened.
const startUndo = 10 * time.Second

// Run starts, serves until ctx ends or a service fails, and stops. It returns
// nil after a clean stop.
func (d *Daemon) Run(ctx context.Context) error {
	if err := d.Start(ctx); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-d.Done():
	}
	return d.Stop(context.WithoutCancel(ctx))
}

// Done is closed when the daemon begins to end: because of Stop, or because a
// service failed. Call Stop then.
func (d *Daemon) Done() <-chan struct{} { return d.life.Done() }

// fail begins the end of a daemon that can not go on.
func (d *Daemon) fail(err error) {
	d.log.Error("the process can not go on and stops", "error", err)
	d.health.SetPhase(telemetry.Draining)
	d.end(err)
}

// Stop drains and closes everything: what is in flight ends or goes back, for
// no longer than shutdown_timeout, and what was accepted is in the store. Stop
// may be called at any time and by many; all wait for the one end and get its
// error, or the error of their own context if that ends first, in which case
// the stopping goes on by itself. A service that had failed is an error too.
func (d *Daemon) Stop(ctx context.Context) error {
	d.end(errStopped)
	d.stopOnce.Do(func() { go d.stop() })
	select {
	case <-d.stopped:
		return d.stopErr
	case <-ctx.Done():
		return fmt.Errorf("stop: %w", context.Cause(ctx))
	}
}

func (d *Daemon) stop() {
	defer close(d.stopped)
	d.startMu.Lock() // a start that is under way has been told to end
	defer d.startMu.Unlock()
	began := time.Now()
	d.mu.Lock()
	timeout, begun := d.cfg.ShutdownTimeout, d.begun
	d.mu.Unlock()
	d.drainBy = began.Add(timeout)
	if !d.undo.empty() {
		d.log.Info("draining", "shutdown_timeout", timeout)
	}
	d.stopErr = d.undo.run(d.log)
	if cause := context.Cause(d.life); begun && !errors.Is(cause, errStopped) {
		d.stopErr = errors.Join(cause, d.stopErr)
	}
	if begun {
		d.log.Info("stopped", "took", time.Since(began).Round(time.Millisecond))
	}
}

// Ready says whether work should be sent to this process, and if not, why.
func (d *Daemon) Ready(ctx context.Context) error {
	r := d.health.Report(ctx)
	if r.Phase != telemetry.Running {
		return fmt.Errorf("the process is %s", r.Phase)
	}
	for _, c := range r.Components {
		if c.Error != "" {
			return fmt.Errorf("%s: %s", c.Name, c.Error)
		}
	}
	return nil
}

// Addr is the address of a listener: "platform", "router" or "admin". It is
// "" when the daemon has none by that name, or has not bound it yet.
func (d *Daemon) Addr(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.listeners[name]; l != nil {
		return l.addr()
	}
	return ""
}

// URL is the http:// address at which this machine reaches a listener, or "".
func (d *Daemon) URL(name string) string {
	if addr := d.Addr(name); addr != "" {
		return "http://" + reachable(addr)
	}
	return ""
}

// Logger is the daemon's log, for whoever runs it.
func (d *Daemon) Logger() *slog.Logger { return d.log }

// Credentials are those of the administrator in Dev, and empty otherwise.
func (d *Daemon) Credentials() Credentials {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.credentials
}

package daemontest

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/daemon"
)

// patience bounds a start or a stop within a test.
const patience = 30 * time.Second

// Daemon is a running daemon and a client that is logged in as its
// administrator.
type Daemon struct {
	*daemon.Daemon
	// Client speaks to the daemon's API. Restart replaces it.
	Client *client.Client
	// DataDir has the databases and keys.
	DataDir string

	t   testing.TB
	hcl string
	log *output
}

// Start runs a daemon until the test ends. The configuration is that of `fcd
// run`, where listeners without an address get a free loopback port and
// data_dir is a directory of the test's; an empty one is that of `fcd dev`:
// every service, and loopback targets allowed.
func Start(t testing.TB, hcl string) *Daemon {
	t.Helper()
	d := &Daemon{DataDir: t.TempDir(), t: t, hcl: hcl, log: &output{w: t.Output()}}
	t.Cleanup(func() {
		d.Stop()
		d.log.close()
	})
	d.start()
	return d
}

// Stop drains the daemon; a second call does nothing. A drain that fails fails
// the test.
func (d *Daemon) Stop() {
	d.t.Helper()
	if d.Daemon == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.Daemon.Stop(ctx); err != nil {
		d.t.Errorf("stop the daemon: %v", err)
	}
}

// Restart stops the daemon and starts another on the same data. Ports, Client
// and Token are new.
func (d *Daemon) Restart() {
	d.t.Helper()
	d.Stop()
	d.start()
}

func (d *Daemon) start() {
	d.t.Helper()
	running, err := daemon.New(d.config(), daemon.Options{LogOutput: d.log, Version: "test", Dev: true})
	if err != nil {
		d.t.Fatalf("make the daemon: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := running.Start(ctx); err != nil {
		d.t.Fatalf("start the daemon: %v", err)
	}
	d.Daemon = running
	if running.URL("platform") == "" {
		d.Client = nil
		return
	}
	if d.Client, err = client.New(client.Options{URL: running.URL("platform"), Token: running.Credentials().AccessToken}); err != nil {
		d.t.Fatalf("make a client: %v", err)
	}
}

func (d *Daemon) config() *config.Daemon {
	d.t.Helper()
	env := func(name string) (string, bool) {
		switch name {
		case config.EnvDataDir:
			return d.DataDir, true
		case config.EnvAPIPort, config.EnvRouterPort, config.EnvMetricsPort:
			return "0", true
		}
		if strings.HasPrefix(name, "FC_") {
			return "", false // what configures a daemon of the developer's
		}
		return os.LookupEnv(name)
	}
	var (
		cfg   *config.Daemon
		diags config.Diagnostics
	)
	if d.hcl == "" {
		cfg, diags = config.DevDaemon(d.DataDir, env)
	} else {
		cfg, diags = config.ParseDaemon(map[string][]byte{"test.hcl": []byte(d.hcl)}, env)
	}
	if diags.HasErrors() {
		d.t.Fatalf("the daemon's configuration: %v", diags.Err())
	}
	local(&cfg.Admin.Listen)
	if cfg.Platform != nil {
		local(&cfg.Platform.Listen)
	}
	if cfg.Router != nil {
		local(&cfg.Router.Listen)
	}
	return cfg
}

// local keeps an address without a host off the network.
func local(address *string) {
	if strings.HasPrefix(*address, ":") {
		*address = "127.0.0.1" + *address
	}
}

// Token is the administrator's bearer token.
func (d *Daemon) Token() string { return d.Credentials().AccessToken }

// AdminURL is the address of /metrics, /health and /q/ready.
func (d *Daemon) AdminURL() string { return d.URL("admin") }

// output is a test's log, until the test is over.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(b)
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.w = io.Discard
}

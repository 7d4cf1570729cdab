package daemon_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon"
)

func TestReloadTakesUpWhatItCan(t *testing.T) {
	t.Parallel()
	log := &buffer{}
	dir := t.TempDir()
	hcl := func(level, timeout, batch string) string {
		return fmt.Sprintf(`
			data_dir = %q
			shutdown_timeout = %q
			log { level = %q }
			admin { listen = "127.0.0.1:0" }
			service "stream" { batch_size = %s }`, dir, timeout, level, batch)
	}
	d, err := daemon.New(parse(t, hcl("info", "10s", "500")), daemon.Options{LogOutput: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop(context.Background()) })
	reload := func(hcl string) []string {
		t.Helper()
		changes, err := d.Reload(parse(t, hcl))
		if err != nil {
			t.Fatalf("reload: %v", err)
		}
		return changes
	}
	has := func(changes []string, parts ...string) bool {
		return slices.ContainsFunc(changes, func(c string) bool {
			return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(c, p) })
		})
	}

	if changes := reload(hcl("info", "10s", "500")); len(changes) != 0 {
		t.Errorf("nothing changed, but: %q", changes)
	}
	debug := func() bool { return d.Logger().Enabled(t.Context(), slog.LevelDebug) }
	if debug() {
		t.Fatal("debug is on before the reload")
	}
	changes := reload(hcl("debug", "20s", "100"))
	if len(changes) != 3 || !has(changes, "log.level", "debug") || !has(changes, "shutdown_timeout", "20s") || !has(changes, "batch_size", "restart") {
		t.Errorf("changes: %q", changes)
	}
	if !debug() {
		t.Error("log.level was not taken up")
	}
	// What waits for a restart is said again; what was taken up is not.
	if changes := reload(hcl("debug", "20s", "100")); len(changes) != 1 || !has(changes, "batch_size", "500", "100", "restart") {
		t.Errorf("changes at the next reload: %q", changes)
	}

	bad := parse(t, hcl("info", "10s", "500")+"\nstore \"postgres\" { url = \"postgres://localhost/fc\" }")
	if _, err := d.Reload(bad); err == nil {
		t.Error("a reload with a store that this build has not was accepted")
	}
	if !debug() {
		t.Error("a refused reload changed the log level")
	}
	if err := d.Ready(t.Context()); err != nil {
		t.Errorf("after a refused reload: %v", err)
	}
}

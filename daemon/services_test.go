package daemon

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/config"
)

type runnerFunc func(context.Context) error

func (f runnerFunc) Run(ctx context.Context) error { return f(ctx) }

// started is a daemon without a service.
func started(t *testing.T) *Daemon {
	t.Helper()
	cfg, diags := config.ParseDaemon(map[string][]byte{"test.hcl": []byte(`
		data_dir = "` + t.TempDir() + `"
		shutdown_timeout = "1s"
		admin { listen = "127.0.0.1:0" }`)}, func(string) (string, bool) { return "", false })
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	d, err := New(cfg, Options{LogOutput: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop(context.Background()) })
	return d
}

func TestAServiceThatEndsByItselfEndsTheProcess(t *testing.T) {
	t.Parallel()
	for name, reason := range map[string]error{"with a reason": errors.New("the metrics' names are taken"), "without one": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := started(t)
			drained := make(chan struct{})
			d.run("patient", runnerFunc(func(ctx context.Context) error { <-ctx.Done(); close(drained); return nil }), nil)
			d.run("doomed", runnerFunc(func(context.Context) error { return reason }), nil)
			<-d.Done()
			if err := d.Ready(t.Context()); err == nil {
				t.Error("it is ready still")
			}
			err := d.Stop(t.Context())
			if err == nil || !strings.Contains(err.Error(), "doomed") || reason != nil && !errors.Is(err, reason) {
				t.Errorf("stop: %v, want the service and its reason", err)
			}
			select {
			case <-drained:
			default:
				t.Error("the other service did not drain")
			}
		})
	}
}

func TestAServiceThatDoesNotDrainIsLeftBehind(t *testing.T) {
	t.Parallel()
	d := started(t)
	release, ended := make(chan struct{}), make(chan struct{})
	d.run("stubborn", runnerFunc(func(context.Context) error { <-release; close(ended); return nil }), nil)
	var left time.Duration
	d.run("told", runnerFunc(func(ctx context.Context) error { <-ctx.Done(); return nil }), func(l time.Duration) { left = l })
	err := d.Stop(t.Context())
	if err == nil || !strings.Contains(err.Error(), "stubborn") {
		t.Errorf("stop: %v, want it to say who did not drain", err)
	}
	if left <= 0 || left > time.Second {
		t.Errorf("a service was told that %s were left of 1 s", left)
	}
	close(release)
	<-ended
}

package main

import (
	"errors"
	"net/http"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/flowcatalyst/fc/client"
)

// TestAFullDiskIsAnsweredAndWaitedOut lets every write of fcd fail, by a limit
// on the size of its files, and then lifts the limit.
func TestAFullDiskIsAnsweredAndWaitedOut(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	fcd := startDev(t, t.TempDir(), "")
	prepare(t, fcd, r)
	api := connect(t, fcd)
	publish := func() error {
		got, err := api.Events.Publish(t.Context(), client.NewEvent{Type: "shop:orders:order:placed", Source: "/shop"})
		if err == nil {
			r.promise(got.ID, "")
		}
		return err
	}
	limit := func(bytes uint64) {
		t.Helper()
		if err := unix.Prlimit(fcd.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		if err := publish(); err != nil {
			t.Fatal(err)
		}
	}
	limit(4096)
	fcd.until("publishing is refused", func() bool { return publish() != nil })
	for range 20 {
		var refused *client.Error
		if err := publish(); !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable ||
			refused.Code != client.CodeUnavailable || refused.RetryAfter == 0 {
			t.Fatalf("publish on a full disk: %v, want 503 UNAVAILABLE with Retry-After", err)
		}
	}
	if code := status(t, fcd.AdminURL+"/q/ready"); code != http.StatusServiceUnavailable {
		t.Errorf("ready: %d on a full disk", code)
	}
	if code := status(t, fcd.AdminURL+"/q/live"); code != http.StatusOK {
		t.Errorf("live: %d on a full disk", code)
	}

	limit(unix.RLIM_INFINITY)
	fcd.until("it is ready again by itself", func() bool { return status(t, fcd.AdminURL+"/q/ready") == http.StatusOK })
	if err := publish(); err != nil {
		t.Errorf("publish after that: %v", err)
	}
	fcd.until("everything that was accepted is delivered", func() bool { return r.missing() == 0 })
	if code := fcd.end(unix.SIGTERM); code != 0 {
		t.Errorf("exit code %d\n%s", code, fcd.output())
	}
}

//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/daemon/daemontest"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// A refresh is not broken off by an interrupt, since the server may have taken
// the old token back already. Whoever does not want to wait interrupts again.
func TestASecondInterruptEndsAtOnce(t *testing.T) {
	t.Parallel()
	refreshing, over := make(chan struct{}, 1), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth/refresh" {
			refreshing <- struct{}{}
			<-over
		}
	}))
	t.Cleanup(func() { close(over); srv.Close() })
	home := t.TempDir()
	config := filepath.Join(home, ".config", "flowcatalyst")
	if err := os.MkdirAll(config, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "fcctl.json"), fmt.Appendf(nil,
		`{"current": "here", "contexts": {"here": {"url": %q, "session": {"accessToken": "old", "refreshToken": "r", "expires": "2020-01-01T00:00:00Z"}}}}`, srv.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("fcctl", "get", "clients")
	c.Env = append(os.Environ(), "HOME="+home, "GORACE="+quick)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() { _ = c.Process.Kill() })
	select {
	case <-refreshing:
	case err := <-ended:
		t.Fatalf("it ended without a refresh: %v", err)
	case <-time.After(patience):
		t.Fatal("it does not refresh its session")
	}
	// Two signals that come together are one, so the second is sent until it
	// has come.
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for sent := 0; ; {
		if err := c.Process.Signal(os.Interrupt); err == nil {
			sent++
		}
		select {
		case <-ended:
			status, ok := c.ProcessState.Sys().(syscall.WaitStatus)
			if !ok || !status.Signaled() || status.Signal() != syscall.SIGINT || sent < 2 {
				t.Errorf("after %d interrupts: %v", sent, c.ProcessState)
			}
			return
		case <-late:
			t.Fatalf("it goes on after %d interrupts", sent)
		case <-tick.C:
		}
	}
}

// An export over a line that breaks again and again, and is interrupted as
// often, goes on where it said: each event is in the file once and in order.
func TestAnExportGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	d := daemontest.Start(t, "")
	p, err := newLine(d.URL("platform"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	bytes := rand.New(rand.NewPCG(seed, 2)) // of the line's goroutines, under its lock
	p.frail(func() int64 { return 5_000 + bytes.Int64N(40_000) })
	var ids []string
	publish := func(n int) {
		t.Helper()
		events := make([]client.NewEvent, n)
		for i := range events {
			events[i] = client.NewEvent{Type: "shop:sales:order:placed", Data: map[string]int{"n": len(ids) + i}}
		}
		results, err := d.Client.Events.PublishBatch(t.Context(), events)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			ids = append(ids, r.ID)
		}
	}
	out, home := filepath.Join(t.TempDir(), "events.jsonl"), t.TempDir()
	place, interrupted := "", 0
	goesOn := regexp.MustCompile(`--after (\S+)`)
	// export goes on until the line has broken so often; 0 is to its end.
	export := func(breaks int) {
		t.Helper()
		args := []string{"events", "export", "--out", out}
		if place != "" {
			args = append(args, "--after", place)
		}
		c := exec.Command("fcctl", args...)
		c.Env = append(os.Environ(), "HOME="+home, "GORACE="+quick, "FCCTL_URL="+p.url(), "FCCTL_TOKEN="+d.Token())
		talk, err := c.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		stuck := time.AfterFunc(2*patience, func() { _ = c.Process.Kill() })
		defer stuck.Stop()
		var said strings.Builder
		broken := 0
		for in := bufio.NewScanner(talk); in.Scan(); {
			fmt.Fprintln(&said, in.Text())
			if strings.HasSuffix(in.Text(), "trying again") {
				if broken++; broken == breaks {
					_ = c.Process.Signal(os.Interrupt) // it may have ended
				}
			}
			if m := goesOn.FindStringSubmatch(in.Text()); m != nil {
				place = m[1]
			}
		}
		_ = c.Wait() // its code says it
		want := fault.Interrupted
		if broken < breaks || breaks == 0 {
			want = fault.OK
		} else {
			interrupted++
		}
		if code := c.ProcessState.ExitCode(); code != want {
			t.Fatalf("exit %d after %d breaks of %d, not %d; it said\n%s", code, broken, breaks, want, said.String())
		}
	}
	publish(800)
	for range 8 {
		export(1 + rng.IntN(2))
		publish(1 + rng.IntN(60))
	}
	p.frail(nil)
	export(0)
	publish(7)
	export(0)
	export(0) // which has nothing to add

	if interrupted == 0 {
		t.Error("nothing was interrupted")
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for l := range strings.Lines(string(b)) {
		var e client.Event
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			t.Fatalf("line %d: %v: %s", len(got)+1, err, l)
		}
		got = append(got, e.ID)
	}
	if !slices.Equal(got, ids) {
		t.Errorf("exported are %d events\n%v\nnot these %d\n%v", len(got), got, len(ids), ids)
	}
}

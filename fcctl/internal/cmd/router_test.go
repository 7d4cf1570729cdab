package cmd

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// watcher interrupts a command once it has written something twice.
type watcher struct {
	mu   sync.Mutex
	b    bytes.Buffer
	n    int
	stop context.CancelFunc
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n++; w.n == 2 {
		w.stop()
	}
	return w.b.Write(p)
}

func TestRouterStatsAreShownUntilInterrupted(t *testing.T) {
	// Not parallel: running commands share a flag of package cli.
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: snapshot\ndata: {\"instance\":\"router-1\"}\n\nevent: snapshot\ndata: {\"instance\":\"router-2\"}\n\n")
	}))
	defer srv.Close()
	for _, c := range []struct {
		output   string
		terminal bool
		want     string
	}{
		{"json", false, `"instance":"router-2"`},
		{"table", false, "router          router-2"},
		{"table", true, "\x1b[H\x1b[J"},
	} {
		ctx, stop := context.WithCancel(context.Background())
		out, said := &watcher{stop: stop}, new(bytes.Buffer)
		a := &app.App{Out: out, Err: said, Colour: c.terminal, Env: func(name string) (string, bool) { return t.TempDir(), name == "HOME" }}
		code := Run(ctx, a, []string{"--url", srv.URL, "-o", c.output, "router", "stats", "--watch"})
		if code != 0 || !strings.Contains(out.b.String(), c.want) {
			t.Errorf("%s: exit code %d\n%s\n%s", c.output, code, out.b.String(), said)
		}
		stop()
	}
}

func TestRouterStatsAreNotWatchedWithoutLeave(t *testing.T) {
	// Not parallel: running commands share a flag of package cli.
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"code":"FORBIDDEN","message":"this needs the permission platform:router:stats:view"}`)
	}))
	defer srv.Close()
	out, said := new(bytes.Buffer), new(bytes.Buffer)
	a := &app.App{Out: out, Err: said, Env: func(name string) (string, bool) { return t.TempDir(), name == "HOME" }}
	if code := Run(t.Context(), a, []string{"--url", srv.URL, "router", "stats", "--watch"}); code != fault.Refused || !strings.Contains(said.String(), "platform:router:stats:view") {
		t.Errorf("exit code %d: %s", code, said)
	}
}

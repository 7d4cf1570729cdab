package cmd

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// A watched list survives a server that is away for a moment, says how old it
// is meanwhile, and ends well when it is interrupted.
func TestAListIsWatchedUntilInterrupted(t *testing.T) {
	for name, tt := range map[string]struct {
		terminal bool
		args     string
		out      []string
		talk     []string
	}{
		"on a terminal": {true, "get clients --watch=100ms", []string{"\x1b[H\x1b[JEach 100ms: fcctl get clients", "acme", "old, trying again", "globex"}, nil},
		"elsewhere":     {false, "get clients --columns code --no-headers --watch 100ms", []string{"acme\n\nglobex\n\n"}, []string{"old, trying again\nThe server answers again, after "}},
		"for programs":  {false, "get clients -o name --watch=100ms", []string{"acme\nglobex\n"}, []string{"answers again"}},
	} {
		ctx, stop := context.WithCancelCause(context.Background())
		n := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch n++; n {
			case 1:
				_, _ = io.WriteString(w, `{"clients":[{"identifier":"acme"}]}`)
			case 2, 3:
				w.WriteHeader(http.StatusInternalServerError)
			case 4:
				_, _ = io.WriteString(w, `{"clients":[{"identifier":"globex"}]}`)
			default:
				stop(fault.Signal{})
				<-r.Context().Done()
			}
		}))
		a, out, talk := fcctl(t, "FCCTL_URL", srv.URL, "FCCTL_TOKEN", "t")
		a.OutTerminal, a.Rows = tt.terminal, func() int { return 24 }
		if code := Run(ctx, a, strings.Fields(tt.args)); code != fault.OK {
			t.Errorf("%s: exit %d: %s", name, code, talk)
		}
		srv.Close()
		stop(nil)
		for _, want := range tt.out {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: %q is not in %q", name, want, out)
			}
		}
		for _, want := range tt.talk {
			if !strings.Contains(talk.String(), want) {
				t.Errorf("%s: it says %q and not %q", name, talk, want)
			}
		}
	}
	a, _, talk := fcctl(t, "FCCTL_URL", "http://127.0.0.1:1", "FCCTL_TOKEN", "t")
	if code := Run(context.Background(), a, []string{"get", "clients", "--watch=often"}); code != fault.Misused || !strings.Contains(talk.String(), "Try: --watch=5s") {
		t.Errorf("exit %d: %s", code, talk)
	}
}

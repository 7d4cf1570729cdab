package cmd

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/daemon/daemontest"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// On a terminal each trace, and each look at the router, takes the place of the
// last one.
func TestWhatIsWatchedTakesTheScreen(t *testing.T) {
	d := daemontest.Start(t, "")
	e, err := d.Client.Events.Publish(t.Context(), client.NewEvent{Type: "shop:sales:order:placed", Data: 1})
	if err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{"trace --watch " + e.ID: "event " + e.ID, "router stats --watch": "router"} {
		ctx, stop := context.WithCancelCause(t.Context())
		a, _, talk := fcctl(t, "FCCTL_URL", d.URL("platform"), "FCCTL_TOKEN", d.Token())
		var out bytes.Buffer
		a.OutTerminal, a.Colour = true, true
		a.Out = writer(func(p []byte) (int, error) {
			if strings.Contains(string(p), want) {
				stop(fault.Signal{})
			}
			return out.Write(p)
		})
		if code := Run(ctx, a, strings.Fields(args)); code != fault.OK && code != fault.Interrupted || !strings.HasPrefix(out.String(), "\x1b[H\x1b[J") || strings.Contains(out.String(), "·[") {
			t.Errorf("%s: exit %d\n%q\n%s", args, code, out.String(), talk)
		}
		stop(nil)
	}
}

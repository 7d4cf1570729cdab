package cmd

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/daemontest"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

func TestAReplayAsksAtATerminalAndDrawsABar(t *testing.T) {
	d := daemontest.Start(t, "")
	if _, err := d.Client.Events.Publish(t.Context(), client.NewEvent{Type: "shop:sales:order:placed", Data: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Client.Resources(resource.KindSubscription).Create(t.Context(), &resource.Subscription{
		Code: "orders", Target: "http://127.0.0.1:9/", Status: resource.SubscriptionPaused, EventTypes: []resource.Binding{{EventTypeCode: "shop:*:*:*"}},
	}); err != nil {
		t.Fatal(err)
	}
	onBar := func() {}
	run := func(ctx context.Context, answer, args string) (int, string, string) {
		a, out, talk := fcctl(t, "FCCTL_URL", d.URL("platform"), "FCCTL_TOKEN", d.Token())
		a.Terminal, a.ErrTerminal, a.In = true, true, strings.NewReader(answer)
		a.Err = writer(func(p []byte) (int, error) {
			if bytes.HasPrefix(p, []byte("\r\x1b[K[")) {
				onBar()
			}
			return talk.Write(p)
		})
		code := Run(ctx, a, strings.Fields(args))
		return code, out.String(), talk.String()
	}
	for _, no := range []string{"no\n", "y\n", "\n"} {
		if code, _, talk := run(t.Context(), no, "events replay --all"); code != fault.Failed || !strings.Contains(talk, "Send 1 deliver") || !strings.Contains(talk, "nothing was done") {
			t.Errorf("%q: exit %d: %s", no, code, talk)
		}
	}
	if code, _, talk := run(t.Context(), "", "events replay --all"); code != fault.Failed || !strings.Contains(talk, "the input ended without an answer; nothing was done") {
		t.Errorf("at the end of the input: exit %d: %s", code, talk)
	}
	if _, out, _ := run(t.Context(), "", "replays list -o json"); out != "[]\n" {
		t.Fatalf("without a yes there is %s", out)
	}

	// Its subscription is paused, so it does not end by itself: the wait does,
	// and the replay stays.
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	onBar = interrupt
	code, _, talk := run(ctx, "yes\n", "events replay --all --wait")
	if code != fault.Failed || !strings.Contains(talk, "\r\x1b[K[") || !strings.Contains(talk, "goes on without you") || !strings.Contains(talk, "Try: fcctl replays wait rpl_") {
		t.Errorf("exit %d: %q", code, talk)
	}
	if _, out, _ := run(t.Context(), "", "replays list -o json"); !strings.Contains(out, `"RUNNING"`) {
		t.Errorf("afterwards there is %s", out)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

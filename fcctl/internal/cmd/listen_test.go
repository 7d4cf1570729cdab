package cmd

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/daemon/daemontest"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
)

func TestListenGoesOnUnderItsName(t *testing.T) {
	d := daemontest.Start(t, "")
	var taken []string
	web := httptest.NewServer(webhook.Handler(webhook.Verifier{Secrets: []string{good}}, func(_ context.Context, v *webhook.Delivery) error {
		taken = append(taken, string(v.Data))
		return nil
	}))
	t.Cleanup(web.Close)
	for n, kind := range []string{"shop:sales:order:placed", "crm:people:contact:moved", "shop:sales:order:paid", "shop:sales:order:sent", "shop:sales:order:kept"} {
		if _, err := d.Client.Events.Publish(t.Context(), client.NewEvent{Type: kind, Data: n}); err != nil {
			t.Fatal(err)
		}
	}
	home := t.TempDir()
	run := func(args string, env ...string) (int, string, string) {
		a, out, talk := fcctl(t, append([]string{"FCCTL_URL", d.URL("platform"), "FCCTL_TOKEN", d.Token(), "FCCTL_SECRET", good, "HOME", home}, env...)...)
		code := Run(t.Context(), a, strings.Fields("listen "+args))
		return code, out.String(), talk.String()
	}
	// A line for each event, and its place is kept.
	code, out, talk := run("--name laptop --since 1h --type shop:*:*:* --type hr:*:*:* --filter data<3 --count 2 --print --forward " + web.URL)
	if code != fault.OK || strings.Join(taken, " ") != "0 2" || strings.Count(out, "  200 OK in ") != 2 || !strings.Contains(out, "\n  2\n") ||
		strings.Contains(talk, "The secret") || !strings.Contains(talk, "2 events taken, 0 skipped, 0 attempts failed.\nfcctl listen --name laptop goes on from here.") {
		t.Errorf("exit %d, taken %q\n%s%s", code, taken, out, talk)
	}
	// Another run goes on there; as JSON, the events are the data.
	code, out, talk = run("--name laptop --count 1 -o json --forward " + web.URL)
	var e client.Event
	if err := json.Unmarshal([]byte(out), &e); code != fault.OK || err != nil || e.Type != "shop:sales:order:sent" || len(taken) != 3 || !strings.Contains(talk, "from where laptop stood") {
		t.Errorf("exit %d, %v, %q\n%s%s", code, err, taken, out, talk)
	}
	// A target that is away ends it where that is wanted, before the event.
	code, _, talk = run("--name laptop --max-attempts 1 --scheme none --forward http://127.0.0.1:1/")
	if code != fault.Failed || !strings.Contains(talk, "the receiver refused the connection. Check whether it runs and listens at this port") || !strings.Contains(talk, "Try: mend the target, or --skip-failed") {
		t.Errorf("exit %d\n%s", code, talk)
	}
	// A receiver that knows another secret is hinted at, once.
	code, _, talk = run("--name laptop --max-attempts 2 --forward "+web.URL, "FCCTL_SECRET", "whsec_b3RoZXItc2VjcmV0LW9mLXNvbWVib2R5LWVsc2U=")
	if code != fault.Failed || strings.Count(talk, "401") < 2 || strings.Count(talk, "FCCTL_SECRET=whsec_… fcctl listen") != 1 {
		t.Errorf("exit %d\n%s", code, talk)
	}
	// What shows only, shows the event that was not taken.
	if code, out, talk = run("--name laptop --count 1"); code != fault.OK || !strings.Contains(out, "shop:sales:order:kept") {
		t.Errorf("exit %d\n%s%s", code, out, talk)
	}
	// A name is one run's, and one server's.
	release, _, err := session.Hold(home + "/.local/state/flowcatalyst/listen/laptop.lock")
	if err != nil {
		t.Fatal(err)
	}
	if code, _, talk = run("--name laptop --count 1"); code != fault.Conflict || !strings.Contains(talk, "another fcctl listens as laptop") {
		t.Errorf("exit %d\n%s", code, talk)
	}
	release()
	if code, _, talk = run("--name laptop --count 1", "FCCTL_URL", "http://127.0.0.1:1"); code != fault.Conflict || !strings.Contains(talk, "laptop stands at "+d.URL("platform")) {
		t.Errorf("exit %d\n%s", code, talk)
	}
	// What will not mend ends it.
	if code, _, talk = run("--count 1", "FCCTL_TOKEN", "none"); code != fault.Refused || !strings.Contains(talk, "not logged in") {
		t.Errorf("exit %d\n%s", code, talk)
	}
}

func TestListenRefusesWhatMakesNoSense(t *testing.T) {
	for _, args := range []string{
		"--forward localhost:3000", "--forward ftp://localhost/", "--type shop", "--filter data.x>", "--secret x", "--skip-failed", "--name ../x", "--since 1h --after x", "--since x",
		"--forward http://localhost/ --scheme md5", "--forward http://localhost/ --secret whsec_!", "--count -1", "--forward http://localhost/ --target-timeout 0s", "extra",
	} {
		a, _, talk := fcctl(t, "FCCTL_URL", "http://127.0.0.1:1")
		if code := Run(context.Background(), a, append([]string{"listen"}, strings.Fields(args)...)); code != fault.Misused || !strings.Contains(talk.String(), "Try: ") {
			t.Errorf("%s: exit %d, %s", args, code, talk)
		}
	}
}

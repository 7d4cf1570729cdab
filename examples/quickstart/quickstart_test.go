package quickstart

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/daemon/daemontest"
	"github.com/flowcatalyst/fc/internal/plan"
)

func load(t *testing.T, vars map[string]string) *config.Manifest {
	t.Helper()
	m, diags := config.LoadManifest(".", config.ManifestOptions{Vars: vars})
	if len(diags) > 0 {
		t.Fatalf("%+v", diags)
	}
	return m
}

func desired(m *config.Manifest) plan.Desired {
	d := plan.Desired{Manifest: m.Name, ClientID: m.Client}
	for _, r := range m.Resources {
		d.Items = append(d.Items, plan.Item{Resource: r})
	}
	return d
}

func TestManifestIsValidAndPlans(t *testing.T) {
	t.Parallel()
	m := load(t, map[string]string{"hooks": "https://hooks.example.com"})
	p := plan.Make(desired(m), nil)
	if p.Count(plan.Create) != 8 || len(p.Changes) != 8 {
		t.Fatalf("%d of %d are creates", p.Count(plan.Create), len(p.Changes))
	}
	for _, c := range p.Changes {
		if conn, ok := c.Resource.(*resource.Connection); ok && conn.URL != "https://hooks.example.com" {
			t.Errorf("the variable does not reach the connection: %s", conn.URL)
		}
	}
}

// samples are the events beside the manifest, in the order of their files.
func samples(t *testing.T) []client.NewEvent {
	t.Helper()
	files, err := filepath.Glob("events/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var all []client.NewEvent
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if b[0] != '[' {
			b = []byte("[" + string(b) + "]")
		}
		var events []client.NewEvent
		if err := json.Unmarshal(b, &events); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all = append(all, events...)
	}
	return all
}

func TestSampleEventsAreEvents(t *testing.T) {
	t.Parallel()
	for _, e := range samples(t) {
		if p := resource.CheckEventType(e.Type); p != "" || e.Data == nil {
			t.Errorf("type %q %s", e.Type, p)
		}
	}
}

// The whole way: the manifest applied to a running daemon, its events
// published, and each delivery received once and in order.
func TestEventsArrive(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	arrived := make(chan string, 100)
	v := webhook.Verifier{Secrets: []string{"whsec_Zm9yLXlvdXItb3duLW1hY2hpbmUtb25seQ=="}}
	receiver := httptest.NewServer(webhook.Handler(v, func(_ context.Context, d *webhook.Delivery) error {
		arrived <- fmt.Sprintf("%s %s", d.EventType, d.Data)
		return nil
	}))
	defer receiver.Close()

	d := daemontest.Start(t, "")
	m := load(t, map[string]string{"hooks": receiver.URL})
	req := client.ApplyRequest{Manifest: m.Name}
	for _, c := range plan.Make(desired(m), nil).Changes {
		req.Changes = append(req.Changes, client.ApplyChange{Action: string(c.Action), Kind: c.Kind, Code: c.Code, Resource: c.Resource})
	}
	if _, err := d.Client.Apply(ctx, req); err != nil {
		t.Fatal(err)
	}
	results, err := d.Client.Events.PublishBatch(ctx, samples(t))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if !r.OK() {
			t.Errorf("event %d: %+v", i, r)
		}
	}

	var got []string
	for len(got) < 8 {
		select {
		case a := <-arrived:
			got = append(got, a)
		case <-ctx.Done():
			t.Fatalf("only these arrived: %q", got)
		}
	}
	d.Stop() // whatever was to come has come
	select {
	case a := <-arrived:
		t.Errorf("unexpected: %s", a)
	default:
	}
	last := -1
	for _, step := range []string{"packed", "shipped", "delivered"} {
		i := slices.Index(got, fmt.Sprintf(`shop:warehouse:parcel:moved {"parcel":7,"step":%q}`, step))
		if i <= last {
			t.Errorf("parcel 7 %s is number %d, after %d: %q", step, i, last, got)
		}
		last = i
	}
}

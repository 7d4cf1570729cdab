package quickstart

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
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

func TestSampleEventsAreEvents(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("events/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var events []client.NewEvent
		if b[0] != '[' {
			b = []byte("[" + string(b) + "]")
		}
		if err := json.Unmarshal(b, &events); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, e := range events {
			if p := resource.CheckEventType(e.Type); p != "" || e.Data == nil {
				t.Errorf("%s: type %q %s", f, e.Type, p)
			}
		}
	}
}

package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
)

// TestManifestGolden reads every manifest of testdata/manifest. Mistakes show
// their diagnostics, good ones their resources and where each field stands.
func TestManifestGolden(t *testing.T) {
	for name, path := range cases(t, "testdata/manifest", ".fc.hcl") {
		t.Run(name, func(t *testing.T) {
			opts := ManifestOptions{Env: testEnv}
			if b, err := os.ReadFile("testdata/manifest/files/" + name + ".vars.json"); err == nil {
				if err := json.Unmarshal(b, &opts.Vars); err != nil {
					t.Fatal(err)
				}
			}
			if f := "testdata/manifest/files/" + name + ".fcvars"; fileExists(f) {
				opts.VarFiles = []string{f}
			}
			m, diags := LoadManifest(path, opts)
			if (m == nil) != diags.HasErrors() {
				t.Fatalf("manifest is nil: %v, diagnostics have errors: %v", m == nil, diags.HasErrors())
			}
			if good := strings.HasPrefix(name, "good-"); good == diags.HasErrors() {
				t.Errorf("errors: %v", diags)
			}
			var b bytes.Buffer
			if err := diags.Render(&b, false); err != nil {
				t.Fatal(err)
			}
			if m != nil {
				describe(t, &b, m)
			}
			if strings.Contains(b.String(), "hunter2") || strings.Contains(b.String(), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") {
				t.Error("a secret is shown")
			}
			golden(t, "testdata/manifest/"+name+".golden", b.Bytes())
		})
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// describe writes what a manifest says: resources as JSON, and the ranges of
// their fields.
func describe(t *testing.T, b *bytes.Buffer, m *Manifest) {
	t.Helper()
	fmt.Fprintf(b, "manifest %s, client %q\n", m.Name, m.Client)
	for _, r := range m.Resources {
		j, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(b, "\n%s %s (%s)", r.Kind(), r.Key(), m.Where(r.Kind(), r.Key(), "").line())
		if m.Adopts(r.Kind(), r.Key()) {
			b.WriteString(", adopted")
		}
		fmt.Fprintf(b, "\n%s\n", j)
		it := m.items[itemKey{r.Kind(), r.Key()}]
		for _, f := range slices.Sorted(maps.Keys(it.fields)) {
			rng := m.Where(r.Kind(), r.Key(), f)
			fmt.Fprintf(b, "  %-30s %d:%d-%d:%d\n", f, rng.Line, rng.Column, rng.EndLine, rng.EndColumn)
		}
	}
}

func mustManifest(t *testing.T, src string, opts ManifestOptions) *Manifest {
	t.Helper()
	opts.Stdin = strings.NewReader(src)
	m, diags := LoadManifest("-", opts)
	if diags.HasErrors() {
		var b bytes.Buffer
		_ = diags.Render(&b, false)
		t.Fatal(b.String())
	}
	return m
}

const oneConnection = `
manifest { name = "orders" }
variable "hooks" { default = "http://localhost:3000" }
variable "cap" { default = 4 }
connection "warehouse" {
  url             = "${var.hooks}/shipments"
  max_concurrency = var.cap
}
`

func TestVariablesComeFromTheCommandLineThenFilesThenEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prod.fcvars")
	if err := os.WriteFile(file, []byte("hooks = \"https://file.example.com\"\ncap = 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := environment("FCCTL_VAR_hooks", "https://env.example.com", "FCCTL_VAR_cap", "9")
	for _, c := range []struct {
		name string
		opts ManifestOptions
		url  string
		cap  int
	}{
		{"default", ManifestOptions{}, "http://localhost:3000/shipments", 4},
		{"environment", ManifestOptions{Env: env}, "https://env.example.com/shipments", 9},
		{"file", ManifestOptions{Env: env, VarFiles: []string{file}}, "https://file.example.com/shipments", 7},
		{"flag", ManifestOptions{Env: env, VarFiles: []string{file}, Vars: map[string]string{"hooks": "https://flag.example.com"}}, "https://flag.example.com/shipments", 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mustManifest(t, oneConnection, c.opts)
			got, ok := m.Resources[0].(*resource.Connection)
			if !ok || got.URL != c.url || got.MaxConcurrency != c.cap {
				t.Errorf("url %q, max_concurrency %d", got.URL, got.MaxConcurrency)
			}
		})
	}
}

func TestWhereFindsTheNearestPartThatIsWritten(t *testing.T) {
	m, diags := LoadManifest("testdata/manifest/good-full.fc.hcl", ManifestOptions{Env: testEnv})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for field, line := range map[string]int{
		"eventTypes[0].filter":        40,
		"eventTypes[0].eventTypeCode": 36,
		"eventTypes":                  36,
		"retrySchedule[2]":            44,
		"dispatchPoolCode":            38,
		"timeoutSeconds":              41,
		"sequence":                    35, // not written: the block
	} {
		if got := m.Where(resource.KindSubscription, "ship-notifications", field); got.Line != line {
			t.Errorf("%s is at %v, expected line %d", field, got, line)
		}
	}
	if got := m.Where(resource.KindSubscription, "absent", "mode"); got.Known() {
		t.Errorf("an absent resource is at %v", got)
	}
	d := m.Diagnostic(resource.KindSubscription, "ship-notifications", resource.Problem{Field: "eventTypes[0].filter", Detail: "does not compile", Try: "data.total > 100.0"})
	var b bytes.Buffer
	if err := (Diagnostics{d}).Render(&b, false); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/finding.golden", b.Bytes())
}

func TestSecretsKeepTheirValueAndStayUnprinted(t *testing.T) {
	m, diags := LoadManifest("testdata/manifest/good-full.fc.hcl", ManifestOptions{Env: testEnv})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, r := range m.Resources {
		if c, ok := r.(*resource.Connection); ok {
			if c.Signing.Secret.Reveal() != "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" {
				t.Error("the signing secret is not the one of the environment")
			}
			if strings.Contains(fmt.Sprintf("%+v", *c), "MfKQ9r8") {
				t.Error("the signing secret is printed")
			}
		}
	}
}

// TestEveryTaggedFieldCanBeWritten fails when a noun gets an hcl tag on a
// field whose type the reader does not know.
func TestEveryTaggedFieldCanBeWritten(t *testing.T) {
	values := map[string]string{"string": `"x"`, "bool": "true", "int": "3", "*bool": "true", "map[string]string": `{ a = "b" }`}
	for _, info := range resource.Declared() {
		noun := info.New()
		var src strings.Builder
		for name, typ := range taggedFields(noun) {
			v, ok := values[typ]
			if !ok {
				t.Errorf("%s.%s has the type %s", info.Kind, name, typ)
			}
			fmt.Fprintf(&src, "%s = %s\n", name, v)
		}
		r := &reader{env: noEnv}
		s := r.top(r.parse(map[string][]byte{"x.fc.hcl": []byte(src.String())}), nil)
		it := &item{sec: s, fields: map[string]field{}, names: map[string]string{}}
		it.tagged(s, "", noun)
		s.close()
		if r.diags.HasErrors() {
			t.Errorf("%s: %v", info.Kind, r.diags)
		}
	}
}

func TestManifestFromADirectoryIsOne(t *testing.T) {
	dir := t.TempDir()
	for name, src := range map[string]string{
		"b.fc.hcl":  "subscription \"s\" {\n  event_types = [\"a:b:c:*\"]\n  connection = connection.c\n}\n",
		"a.fc.hcl":  "manifest { name = \"m\" }\nconnection \"c\" { url = trimspace(file(\"url.txt\")) }\n",
		"url.txt":   "https://hooks.example.com/a\n",
		"other.hcl": "not = [ read",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, diags := LoadManifest(dir, ManifestOptions{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if len(m.Resources) != 2 || m.Resources[0].Key() != "c" || m.Resources[1].Key() != "s" {
		t.Errorf("resources %v", m.Resources)
	}
	if got := m.Where(resource.KindSubscription, "s", "eventTypes"); filepath.Base(got.File) != "b.fc.hcl" || got.Line != 2 {
		t.Errorf("event_types are at %v", got)
	}
}

func FuzzLoadManifest(f *testing.F) {
	for _, path := range cases(f, "testdata/manifest", ".fc.hcl") {
		if b, err := os.ReadFile(path); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		m, diags := LoadManifest("-", ManifestOptions{Stdin: bytes.NewReader(src), Env: testEnv})
		if (m == nil) != diags.HasErrors() {
			t.Fatalf("nil: %v, errors: %v", m == nil, diags.HasErrors())
		}
		var b bytes.Buffer
		if err := diags.Render(&b, true); err != nil {
			t.Fatal(err)
		}
		if m == nil {
			return
		}
		for _, r := range m.Resources {
			if !m.Where(r.Kind(), r.Key(), "").Known() {
				t.Errorf("%s %s is nowhere", r.Kind(), r.Key())
			}
			if ps := r.Validate(); len(ps) > 0 {
				t.Errorf("%s %s is invalid: %v", r.Kind(), r.Key(), ps)
			}
		}
	})
}

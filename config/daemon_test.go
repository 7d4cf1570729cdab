package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDaemonGolden reads every file of testdata/daemon. Mistakes show their
// diagnostics, good ones their effective values and what is unavailable.
func TestDaemonGolden(t *testing.T) {
	for name, path := range cases(t, "testdata/daemon", ".hcl") {
		t.Run(name, func(t *testing.T) {
			d, diags := LoadDaemon(path, testEnv)
			if (d == nil) != diags.HasErrors() {
				t.Fatalf("configuration is nil: %v, diagnostics have errors: %v", d == nil, diags.HasErrors())
			}
			if good := strings.HasPrefix(name, "good-"); good == diags.HasErrors() {
				t.Errorf("errors: %v", diags)
			}
			var b bytes.Buffer
			if err := diags.Render(&b, false); err != nil {
				t.Fatal(err)
			}
			if d != nil {
				if err := d.Print(&b); err != nil {
					t.Fatal(err)
				}
				if u := d.Unavailable(); len(u) > 0 {
					b.WriteString("\n# unavailable\n")
					if err := u.Render(&b, false); err != nil {
						t.Fatal(err)
					}
				}
			}
			if strings.Contains(b.String(), "hunter2") {
				t.Error("a password is shown")
			}
			golden(t, "testdata/daemon/"+name+".golden", b.Bytes())
		})
	}
}

func mustDaemon(t *testing.T, src string, env func(string) (string, bool)) *Daemon {
	t.Helper()
	d, diags := ParseDaemon(map[string][]byte{"fcd.hcl": []byte(src)}, env)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return d
}

func printed(t testing.TB, d *Daemon) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.Print(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPrintReadsBackToTheSameValues(t *testing.T) {
	d, diags := LoadDaemon("testdata/daemon/good-full.hcl", noEnv)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	again := mustDaemon(t, printed(t, d), noEnv)
	if changes := again.Diff(d); len(changes) > 0 {
		t.Errorf("printing and reading changed %q", changes)
	}
}

func TestPrintWritesTextThatHCLWouldRead(t *testing.T) {
	for _, dir := range []string{"/srv/${x}", `C:\fc "1"`, "/srv/%{ if", "/srv/tab\tbell\a", "/srv/日本"} {
		d, diags := DevDaemon(dir, noEnv)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if again := mustDaemon(t, printed(t, d), noEnv); again.DataDir != dir || again.Store.Path != dir+"/flowcatalyst.db" {
			t.Errorf("%q came back as %q", dir, again.DataDir)
		}
	}
}

func TestListenersThatCannotBothHaveTheirAddress(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{":8080", ":8080", true},
		{":8080", ":8081", false},
		{":0", ":0", false},
		{"127.0.0.1:8080", ":8080", true},
		{"0.0.0.0:8080", "10.0.0.1:8080", true},
		{"[::]:8080", "127.0.0.1:8080", true},
		{"localhost:8080", "127.0.0.1:8080", true},
		{"10.0.0.1:8080", "10.0.0.2:8080", false},
		{"LOCALHOST:8080", "localhost:8080", true},
	} {
		if got := overlap(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
		if got := overlap(c.b, c.a); got != c.want {
			t.Errorf("%s and %s: %v", c.b, c.a, got)
		}
	}
}

func TestEveryTypedValueIsRead(t *testing.T) {
	d, diags := LoadDaemon("testdata/daemon/good-full.hcl", environment("ORDERS_DATABASE_URL", "postgres://fc:pw@db.example.com/orders"))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for what, ok := range map[string]bool{
		"log":        d.Log == Log{Level: "info", Format: "json"},
		"admin":      d.Admin.Listen == ":9090",
		"timeout":    d.ShutdownTimeout == 30*time.Second,
		"store":      d.Store.Kind == SQLite && d.Store.Path == "/var/lib/flowcatalyst/flowcatalyst.db" && d.Store.Range.Line == 11,
		"queues":     len(d.Queues) == 1 && d.Queues[0].Name == "default" && d.Queues[0].Path == "/var/lib/flowcatalyst/queue.db",
		"platform":   d.Platform.Listen == ":8080" && d.Platform.PublicURL == "https://events.example.com" && d.Platform.MaxBody == 32<<20,
		"stream":     d.Stream.BatchSize == 500,
		"scheduler":  d.Scheduler.PollInterval == time.Second && d.Scheduler.BatchSize == 500 && d.Scheduler.StaleAfter == 5*time.Minute,
		"router":     d.Router.Listen == ":8081" && d.Router.Egress.DenyPrivate && !d.Router.Egress.HTTPSOnly,
		"allow":      len(d.Router.Egress.AllowCIDRs) == 1 && d.Router.Egress.AllowCIDRs[0].String() == "10.20.0.0/16",
		"outbox":     len(d.Outboxes) == 1 && d.Outboxes[0].Name == "orders" && d.Outboxes[0].Source.Kind == "postgres" && d.Outboxes[0].Source.Table == "outbox_messages",
		"outbox url": d.Outboxes[0].Source.URL.Reveal() == "postgres://fc:pw@db.example.com/orders",
		"leader":     d.Leader.Key == "fc:leader" && d.Leader.TTL == 30*time.Second && d.Leader.RedisURL.Reveal() == "redis://localhost:6379",
	} {
		if !ok {
			t.Errorf("%s was not read as written", what)
		}
	}
	if out := printed(t, d); strings.Contains(out, ":pw@") {
		t.Error("the password of the outbox is printed")
	}
}

func TestEnvironmentFillsAbsentAttributesOnly(t *testing.T) {
	env := environment(EnvLogLevel, "debug", EnvAPIPort, "18080", EnvRouterPort, "18081", EnvMetricsPort, "19090",
		EnvDataDir, "/srv/fc", EnvMongoURL, "mongodb://mongo.example.com", EnvMongoDB, "events")
	d := mustDaemon(t, "store \"mongodb\" {}\nservice \"platform\" {}\nservice \"router\" {}\n", env)
	if d.DataDir != "/srv/fc" || d.Log.Level != "debug" || d.Platform.Listen != ":18080" || d.Router.Listen != ":18081" ||
		d.Admin.Listen != ":19090" || d.Store.URL.Reveal() != "mongodb://mongo.example.com" || d.Store.Database != "events" ||
		d.Queues[0].Path != "/srv/fc/queue.db" {
		t.Errorf("environment was not taken up:\n%s", printed(t, d))
	}
	if !strings.Contains(printed(t, d), "# "+EnvAPIPort) {
		t.Error("the origin does not name the variable")
	}
	d = mustDaemon(t, "data_dir = \"/a\"\nlog { level = \"warn\" }\nadmin { listen = \":1\" }\nservice \"platform\" { listen = \":2\" }\n", env)
	if d.DataDir != "/a" || d.Log.Level != "warn" || d.Admin.Listen != ":1" || d.Platform.Listen != ":2" {
		t.Errorf("environment overrode the file:\n%s", printed(t, d))
	}
}

func TestBadEnvironmentVariableIsNamed(t *testing.T) {
	_, diags := DevDaemon("", environment(EnvAPIPort, "http", EnvLogLevel, "loud"))
	if len(diags) != 2 || !diags.HasErrors() {
		t.Fatalf("diagnostics: %v", diags)
	}
	for i, name := range []string{EnvLogLevel, EnvAPIPort} {
		if !strings.Contains(diags[i].Summary, name) {
			t.Errorf("%q does not name %s", diags[i].Summary, name)
		}
	}
}

func TestDevDaemon(t *testing.T) {
	d, diags := DevDaemon("/tmp/fc", environment(EnvDataDir, "/elsewhere", EnvRouterPort, "0"))
	if len(diags) > 0 || len(d.Unavailable()) > 0 {
		t.Fatal(diags, d.Unavailable())
	}
	golden(t, "testdata/dev.golden", []byte(printed(t, d)))

	if d, _ := DevDaemon("", noEnv); d.DataDir != "./.fc" {
		t.Errorf("data_dir %q", d.DataDir)
	}
	if d, _ := DevDaemon("", environment(EnvDataDir, "/srv")); d.DataDir != "/srv" {
		t.Errorf("data_dir %q", d.DataDir)
	}
	d, diags = DevDaemon("", environment(EnvMongoURL, "mongodb://localhost"))
	if diags.HasErrors() || d.Store.Kind != MongoDB || len(d.Unavailable()) != 1 {
		t.Fatalf("store %q, unavailable %v, diagnostics %v", d.Store.Kind, d.Unavailable(), diags)
	}
	if u := d.Unavailable()[0]; u.Range.Known() || !strings.Contains(u.Try, EnvMongoURL) {
		t.Errorf("points at a file that does not exist: %+v", u)
	}
}

func TestDiffSaysWhatChangedAndWhatNeedsARestart(t *testing.T) {
	was := mustDaemon(t, `service "platform" {}
service "stream" {}`, noEnv)
	now := mustDaemon(t, `log { level = "debug" }
service "platform" { listen = ":8090" }
service "router" {
  egress { deny_private = false }
}`, noEnv)
	golden(t, "testdata/diff.golden", []byte(strings.Join(now.Diff(was), "\n")+"\n"))
	if d := was.Diff(was); len(d) > 0 {
		t.Errorf("a configuration differs from itself: %q", d)
	}
}

func TestSecretsComeFromFilesWithoutTheirLineBreak(t *testing.T) {
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte("postgres://fc:hunter2@db.example.com/fc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := mustDaemon(t, `store "postgres" { url = secret("file://`+path+`") }`, noEnv)
	if got := d.Store.URL.Reveal(); got != "postgres://fc:hunter2@db.example.com/fc" {
		t.Error("the secret is not the text of the file")
	}
	if out := printed(t, d); strings.Contains(out, "hunter2") || !strings.Contains(out, `secret("file://`) {
		t.Errorf("printed:\n%s", out)
	}
}

func TestASecretInATemplateIsNotShown(t *testing.T) {
	env := environment("PW", "hunter2")
	d := mustDaemon(t, `store "postgres" { url = "postgres://fc:${secret("env://PW")}@db.example.com/fc" }`, env)
	if out := printed(t, d); strings.Contains(out, "hunter2") || !strings.Contains(out, `"(secret)"`) {
		t.Errorf("printed:\n%s", out)
	}
	_, diags := ParseDaemon(map[string][]byte{"fcd.hcl": []byte(`log { level = secret("env://PW") }`)}, env)
	var b bytes.Buffer
	if err := diags.Render(&b, false); err != nil {
		t.Fatal(err)
	}
	if !diags.HasErrors() || strings.Contains(b.String(), "hunter2") {
		t.Errorf("diagnostics:\n%s", b.String())
	}
}

func TestDiagnosticsAreForMachinesToo(t *testing.T) {
	_, diags := ParseDaemon(map[string][]byte{"fcd.hcl": []byte("log {\n  levl = \"info\"\n}\n")}, noEnv)
	b, err := json.MarshalIndent(diags, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/diagnostic.json", append(b, '\n'))
	if got := diags.Error(); !strings.HasPrefix(got, "fcd.hcl:2:3: Unknown attribute") {
		t.Errorf("Error() = %q", got)
	}
	var c bytes.Buffer
	if err := diags.Render(&c, true); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(c.String(), "\x1b[31m  ^^^^\x1b[0m") {
		t.Errorf("no red underline in %q", c.String())
	}
}

func TestUnreadablePaths(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "absent.hcl"), dir} {
		d, diags := LoadDaemon(path, noEnv)
		if d != nil || !diags.HasErrors() || !strings.Contains(diags.Error(), path) {
			t.Errorf("%s: %v", path, diags)
		}
	}
}

func FuzzParseDaemon(f *testing.F) {
	for _, path := range cases(f, "testdata/daemon", ".hcl") {
		if b, err := os.ReadFile(path); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		d, diags := ParseDaemon(map[string][]byte{"fcd.hcl": src}, noEnv)
		if (d == nil) != diags.HasErrors() {
			t.Fatalf("nil: %v, errors: %v", d == nil, diags.HasErrors())
		}
		var b bytes.Buffer
		if err := diags.Render(&b, false); err != nil {
			t.Fatal(err)
		}
		if d == nil {
			return
		}
		if _, again := ParseDaemon(map[string][]byte{"fcd.hcl": []byte(printed(t, d))}, noEnv); again.HasErrors() && len(d.Unavailable()) == 0 {
			t.Errorf("printed configuration does not read back: %v", again)
		}
	})
}

package cmd

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/daemontest"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

func TestApplyAsksAtATerminal(t *testing.T) {
	d := daemontest.Start(t, "")
	dir := t.TempDir()
	manifest := "manifest {\n  name = \"orders\"\n}\nconnection \"hooks\" {\n  url = \"https://hooks.example.com\"\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "m.fc.hcl"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(answer, args string) (int, string, string) {
		a, out, talk := fcctl(t, "FCCTL_URL", d.URL("platform"), "FCCTL_TOKEN", d.Token())
		a.Terminal, a.In = true, strings.NewReader(answer)
		code := Run(context.Background(), a, strings.Fields(args))
		return code, out.String(), talk.String()
	}
	for _, no := range []string{"no\n", "y\n", "\n", ""} {
		if code, _, talk := run(no, "apply -f "+dir); code != fault.Failed || !strings.Contains(talk, `+ connection "hooks"`) {
			t.Errorf("%q: exit %d: %s", no, code, talk)
		}
	}
	if _, out, _ := run("", "get connections -o json"); out != "[]\n" {
		t.Fatalf("without a yes there is %s", out)
	}
	if code, out, talk := run("yes\n", "apply -f "+dir); code != fault.OK || !strings.Contains(out, "Applied 1 change.") {
		t.Errorf("exit %d: %s%s", code, out, talk)
	}
	if code, _, talk := run("", "apply -f "+dir); code != fault.OK || strings.Contains(talk, "yes") {
		t.Errorf("with nothing to do: exit %d: %s", code, talk)
	}
}

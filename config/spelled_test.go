package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
)

// decomposed is "é" in two code points, as some systems write it.
const decomposed = "whsec-e\u0301"

func secretOf(t *testing.T, expression string) (string, string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "m.fc.hcl")
	text := fmt.Sprintf(`manifest {
  name = "m"
}
variable "given" {
  default = ""
}
locals {
  kept   = env("NFD")
  asJSON = jsonencode({ "a" = env("NFD") })
}
connection "c" {
  for_each = { one = env("NFD") }
  url      = "https://hooks.example.com"
  headers  = { X-Team = env("NFD") }
  signing {
    scheme = "flowcatalyst"
    secret = %s
  }
}
`, expression)
	for name, content := range map[string]string{path: text, filepath.Join(dir, "secret"): decomposed} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, diags := LoadManifest(path, ManifestOptions{
		Vars: map[string]string{"given": decomposed},
		Env: func(name string) (string, bool) {
			v, ok := map[string]string{"NFD": decomposed, "PLAIN": "s3cret-of-c"}[name]
			return v, ok
		},
	})
	var b bytes.Buffer
	if err := diags.Render(&b, false); err != nil {
		t.Fatal(err)
	}
	if diags.HasErrors() {
		return "", b.String()
	}
	c := m.Resources[0].(*resource.Connection)
	if c.Headers["X-Team"] != "whsec-\u00e9" {
		t.Errorf("the header is %+q", c.Headers["X-Team"])
	}
	return c.Signing.Secret.Reveal(), ""
}

// Both sides sign with the bytes of a secret, so these stay as they are
// outside, whatever Unicode says of them.
func TestSecretsKeepTheirBytes(t *testing.T) {
	t.Parallel()
	for _, from := range []string{
		`env("NFD")`, `secret("env://NFD")`, `file("secret")`, `var.given`, `local.kept`, `"${env("NFD")}"`, `each.value`,
		`coalesce(env("NFD"), "x")`, `jsondecode(local.asJSON).a`, `secret("file://${"/dev/null"}") == "" ? env("NFD") : "x"`,
	} {
		if got, problem := secretOf(t, from); got != decomposed {
			t.Errorf("%s: %+q %s", from, got, problem)
		}
	}
	for _, from := range []string{`"x-${env("NFD")}"`, `upper(env("NFD"))`, `substr(env("NFD"), 2, 5)`, `"whsec-` + "e\u0301" + `"`} {
		if got, problem := secretOf(t, from); !strings.Contains(problem, `The bytes of "secret" are not kept`) || strings.Contains(problem, "whsec-e\u0301\"") && !strings.HasPrefix(from, `"whsec`) {
			t.Errorf("%s: %+q %s", from, got, problem)
		}
	}
	if got, problem := secretOf(t, `"x-${env("PLAIN")}"`); got != "x-s3cret-of-c" {
		t.Errorf("a template of plain text: %q %s", got, problem)
	}
}

// A function that fails repeats what it was given, unless that is secret.
func TestAFunctionThatFailsTellsNoSecret(t *testing.T) {
	t.Parallel()
	for _, from := range []string{
		`env(secret("env://PLAIN"))`, `file(secret("env://PLAIN"))`, `secret(secret("env://PLAIN"))`, `secret("en:${secret("env://PLAIN")}")`,
		`regex(secret("env://PLAIN"), "x")`, `regex("${secret("env://PLAIN")}(", "x")`, `jsondecode(secret("env://PLAIN"))`,
		`lookup({}, secret("env://PLAIN"))`, `format("%d", secret("env://PLAIN"))`, `format(secret("env://PLAIN"), 1)`, `{}[secret("env://PLAIN")]`,
		`{ for x in [secret("env://PLAIN"), secret("env://PLAIN")] : x => 1 }.a`, `element([], secret("env://PLAIN"))`, `tonumber(secret("env://PLAIN"))`,
		`parseint(secret("env://PLAIN"), 10)`, `secret("env://PLAIN") + 1`, `secret("env://PLAIN").x`, `zipmap([secret("env://PLAIN")], [])`,
	} {
		_, problem := secretOf(t, from)
		if problem == "" || strings.Contains(problem, "s3cret-of-c") {
			t.Errorf("%s: %s", from, problem)
		}
	}
}

package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file, or rewrites the file.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update to write it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs\n--- got\n%s\n--- want\n%s", path, got, want)
	}
}

// cases lists the files and directories of a testdata folder by name.
func cases(t testing.TB, dir, suffix string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok {
			out[name] = filepath.Join(dir, e.Name())
		} else if e.IsDir() && e.Name() != "files" {
			out[e.Name()] = filepath.Join(dir, e.Name())
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s has no cases", dir)
	}
	return out
}

// testEnv is the environment of all golden tests.
func testEnv(name string) (string, bool) {
	v, ok := map[string]string{
		"DB_URL":           "postgres://fc:hunter2@db.example.com/fc",
		"BATCH":            "250",
		"WAREHOUSE_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	}[name]
	return v, ok
}

func noEnv(string) (string, bool) { return "", false }

// environment is an env func over pairs.
func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// taggedFields are the hcl names of a noun's fields and their Go types.
func taggedFields(noun any) map[string]string {
	out := map[string]string{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Anonymous {
				walk(f.Type)
			} else if tag, ok := f.Tag.Lookup("hcl"); ok {
				name, _, _ := strings.Cut(tag, ",")
				out[name] = f.Type.String()
			}
		}
	}
	walk(reflect.TypeOf(noun).Elem())
	return out
}

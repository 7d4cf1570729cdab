package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/daemontest"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// BenchmarkAThousandSubscriptions plans a manifest of 1,000 subscriptions and
// 100 connections, applies it and plans it again. Plan is wanted in 2 s, apply
// in 5 s, on two cores.
func BenchmarkAThousandSubscriptions(b *testing.B) {
	d := daemontest.Start(b, "")
	dir := b.TempDir()
	write := func(n int) {
		var m strings.Builder
		fmt.Fprintf(&m, "manifest {\n  name = \"bench-%d\"\n}\n", n)
		for i := range 100 {
			fmt.Fprintf(&m, "connection \"c-%d\" {\n  code = \"c-%d-%[2]d-%[1]d\"\n  url = \"https://hooks.example.com/%[1]d\"\n}\n", i, n)
		}
		for i := range 1000 {
			fmt.Fprintf(&m, "subscription \"s-%d\" {\n  code = \"s-%[2]d-%[1]d\"\n  event_types = [\"shop:area-%d:thing-%d:*\"]\n  connection = connection.c-%d\n  filter = \"data.total > %[1]d.0\"\n}\n", i, n, i%10, i%7, i%100)
		}
		if err := os.WriteFile(filepath.Join(dir, "m.fc.hcl"), []byte(m.String()), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	run := func(args ...string) string {
		a, out, talk := fcctl(b, "FCCTL_URL", d.URL("platform"), "FCCTL_TOKEN", d.Token())
		if code := Run(b.Context(), a, args); code != fault.OK {
			b.Fatalf("%v: exit %d: %s", args, code, talk)
		}
		return out.String()
	}
	for n := 0; b.Loop(); n++ {
		write(n)
		for _, part := range []struct {
			name string
			args []string
		}{
			{"plan", []string{"plan", "-f", dir}},
			{"apply", []string{"apply", "-f", dir, "-auto-approve"}},
			{"replan", []string{"plan", "-f", dir}},
		} {
			began := time.Now()
			out := run(part.args...)
			b.ReportMetric(time.Since(began).Seconds(), part.name+"-s")
			if part.name == "replan" && !strings.HasPrefix(out, "No changes. 1100 resources") {
				b.Fatalf("planned again: %.500s", out)
			}
		}
	}
}

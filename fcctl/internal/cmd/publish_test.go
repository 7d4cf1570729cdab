package cmd

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/daemon/daemontest"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// However slow a pipe is, one event is answered as one, and more as more.
func TestASlowPipe(t *testing.T) {
	d := daemontest.Start(t, "")
	kept := func(n int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		seen := 0
		for _, err := range d.Client.Events.Follow(ctx, client.EventFilter{Since: time.Unix(1, 0)}, "") {
			if seen++; err != nil || seen == n {
				break
			}
		}
		if seen < n {
			t.Fatalf("%d events come, not %d", seen, n)
		}
	}
	total := 0
	for more, want := range []string{`^[0-9A-Z]{13}\n$`, `(?s)^ *#.*\n1 +[0-9A-Z]{13} +SUCCESS.*\n2 +[0-9A-Z]{13} +SUCCESS`} {
		a, out, talk := fcctl(t, "FCCTL_URL", d.URL("platform"), "FCCTL_TOKEN", d.Token())
		in, pipe := io.Pipe()
		a.In = in
		code := make(chan int, 1)
		go func() { code <- Run(t.Context(), a, strings.Fields("events publish -")) }()
		for i := range 1 + more {
			fmt.Fprintf(pipe, `{"type": "shop:sales:order:placed", "data": %d}`+"\n", i)
			total++
			kept(total) // which comes before the end of the pipe
		}
		_ = pipe.Close()
		if got := <-code; got != fault.OK || !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("of %d events: exit %d\n%s%s", 1+more, got, out, talk)
		}
	}
}

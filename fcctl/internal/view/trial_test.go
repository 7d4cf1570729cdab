package view

import (
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
)

func TestATestSaysWhenTheCertificateEnds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for left, says := range map[time.Duration]string{
		60 * 24 * time.Hour: "2026-03-03 00:00:00, 60 days from now", 36 * time.Hour: "\x1b[33m2026-01-03 12:00:00, which is soon: 36h0m0s", -time.Hour: "\x1b[31m2026-01-01 23:00:00, which is over",
	} {
		got := ConnectionTested(&client.ConnectionTested{Verdict: "RETRY", Error: "it has expired", TLS: &client.TestedTLS{Names: []string{"hooks.example.com"}, Issuer: "CN=Example CA", NotAfter: now.Add(left)}}, now, NewInk(true))
		for _, want := range []string{says, "for hooks.example.com, by CN=Example CA", "a delivery would be tried again by its schedule: it has expired"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s left: no %q in\n%s", left, want, got)
			}
		}
	}
}

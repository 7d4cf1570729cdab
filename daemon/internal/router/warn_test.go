package router

import (
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

func TestOneClientsWarningDoesNotSilenceAnothers(t *testing.T) {
	t.Parallel()
	w := build(t, nil)
	for _, client := range []string{"clt_1", "clt_2", "clt_1"} {
		d := &delivery{attempt: flow.Attempt{Status: 404, Error: "404 Not Found"}}
		d.job.ClientID, d.job.Lane = client, "https://hooks.example.com"
		w.router.warn(d)
	}
	got := w.warnings.all()
	if len(got) != 2 || got[0].ClientID != "clt_1" || got[1].ClientID != "clt_2" {
		t.Errorf("%+v", got)
	}
}

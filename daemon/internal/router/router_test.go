package router

import (
	"net/http"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

func TestDeliversAndCompletes(t *testing.T) {
	t.Parallel()
	w := setup(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusAccepted) })
	ids := make([]flow.ID, 200)
	for i := range ids {
		ids[i] = w.publish()
	}
	for _, id := range ids {
		j, as := w.final(id)
		if j.Status != flow.Completed || len(as) != 1 || as[0].Status != http.StatusAccepted || as[0].Router != "router-1" {
			t.Fatalf("job %+v, attempts %+v", j, as)
		}
	}
	w.drained()
}

package router

import (
	"net/http"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/router/courier"
)

func TestEgressIsCheckedWhenItIsDialled(t *testing.T) {
	t.Parallel()
	hit := make(chan struct{}, 10)
	strict := func(o *Options) { o.Egress = courier.Egress{DenyPrivate: true} }
	w := setup(t, func(http.ResponseWriter, *http.Request) { hit <- struct{}{} }, strict)
	named := "sub_0HZXEQ5Y8JY53"
	// A name is resolved and then refused as an address is.
	w.subscribe(named, strings.Replace(w.receiver.URL, "127.0.0.1", "localhost", 1))
	for _, id := range []flow.ID{w.publish(), w.publish(func(j *flow.Job, _ *flow.Event) { j.SubscriptionID = named })} {
		j, as := w.final(id)
		if j.Status != flow.Failed || j.Reason != flow.ReasonConfiguration || len(as) != 1 || as[0].ErrorType != flow.ErrorEgressDenied {
			t.Errorf("job %s %s, attempts %+v", j.Status, j.Reason, as)
		}
		if !strings.Contains(j.LastError, "allow_cidrs") {
			t.Errorf("the error does not say what to do: %s", j.LastError)
		}
	}
	if len(hit) > 0 {
		t.Error("the receiver was reached")
	}
	if ws := w.warnings.all(); len(ws) == 0 || ws[0].Severity != "ERROR" {
		t.Errorf("warnings: %+v", ws)
	}
}

func TestEgressHTTPSOnlyRefusesPlainHTTP(t *testing.T) {
	t.Parallel()
	w := setup(t, func(http.ResponseWriter, *http.Request) {}, func(o *Options) { o.Egress.HTTPSOnly = true })
	if j, as := w.final(w.publish()); j.Status != flow.Failed || as[0].ErrorType != flow.ErrorEgressDenied {
		t.Errorf("job %s, attempts %+v", j.Status, as)
	}
}

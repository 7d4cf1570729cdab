package cmd

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Tables fit a terminal, and are whole where nobody looks or all is wanted.
func TestTablesFitATerminal(t *testing.T) {
	const name = "Acme Logistics and Warehouses of the North"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"clients":[{"identifier":"acme","name":"`+name+`","status":"ACTIVE"}]}`)
	}))
	defer srv.Close()
	for args, whole := range map[string]bool{"get clients": false, "get clients --columns code,name": false, "get clients -o wide": true, "get clients | cat": true} {
		a, out, talk := fcctl(t, "FCCTL_URL", srv.URL, "FCCTL_TOKEN", "t")
		words, piped := strings.CutSuffix(args, " | cat")
		a.OutTerminal, a.Width = !piped, func() int { return 40 }
		if code := Run(context.Background(), a, strings.Fields(words)); code != 0 || strings.Contains(out.String(), name) != whole || !strings.Contains(out.String(), "acme") {
			t.Errorf("%s: exit %d\n%s%s", args, code, out, talk)
		}
	}
}

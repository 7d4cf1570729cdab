package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/internal/golden"
)

// The lock file shows each change of the document as a diff. Run the test
// with -update and review it.
func TestOpenAPILock(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.api.huma.OpenAPI().Info.Version = "lock" // a release changes no shape
	raw, err := json.Marshal(w.api.huma.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	var doc any // through a map: members in the order of their names
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "../openapi.lock.json", b.Bytes())
}

func TestTheDocumentCoversEveryRoute(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var doc struct {
		OpenAPI string
		Info    struct{ Version string }
		Paths   map[string]map[string]struct {
			OperationID string
			Permission  string `json:"x-permission"`
			Security    *[]map[string][]string
			RequestBody *struct {
				Content map[string]struct{ Schema map[string]any }
			}
			Responses map[string]any
		}
	}
	w.do("GET", "/openapi.json", "", "").is(200).into(&doc)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || doc.Info.Version != "1.2.3" {
		t.Errorf("document: %s %s", doc.OpenAPI, doc.Info.Version)
	}
	for _, rt := range w.api.routes() {
		op, ok := doc.Paths[rt.path][strings.ToLower(rt.method)]
		switch {
		case !ok:
			t.Errorf("%s %s is not documented", rt.method, rt.path)
		case op.Responses["default"] == nil:
			t.Errorf("%s %s: no problem is documented", rt.method, rt.path)
		case rt.needs != public && rt.needs != anyToken && op.Permission != rt.needs:
			t.Errorf("%s %s: permission %q is documented", rt.method, rt.path, op.Permission)
		case (rt.in != nil && rt.method != http.MethodGet) != (op.RequestBody != nil):
			t.Errorf("%s %s: the body is documented wrongly", rt.method, rt.path)
		case op.RequestBody != nil && op.RequestBody.Content["application/json"].Schema["format"] == "binary":
			t.Errorf("%s %s: the body is documented as bytes", rt.method, rt.path)
		}
	}
}

package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/api/apidoc"
	"github.com/flowcatalyst/fc/internal/golden"
)

const lockFile = "openapi.lock.json"

// The lock file is what clients were promised. Whatever differs from it fails
// this test, which says what breaks whom.
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
	if updating() {
		golden.Equal(t, "../"+lockFile, b.Bytes())
		return
	}
	locked, err := os.ReadFile(lockFile)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(locked, b.Bytes()) {
		return
	}
	changes, err := apidoc.Compare(locked, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	t.Error(lockReport(changes))
}

func lockReport(changes []apidoc.Change) string {
	var out strings.Builder
	section := func(title string, breaking bool) {
		for _, c := range changes {
			if breaking == (c.Breaks != "") {
				out.WriteString(title + "  " + c.String() + "\n")
				title = ""
			}
		}
	}
	out.WriteString("the OpenAPI document is not any more as " + lockFile + " has it.\n")
	section("It BREAKS clients that are out there:\n", true)
	section("It adds, or loosens:\n", false)
	if len(changes) == 0 {
		out.WriteString("Only words and examples differ.\n")
	}
	out.WriteString("What breaks should stay as it was, beside the new. If all of it is meant, refresh the file and review its diff:\n  go test ./daemon/internal/api -run '^TestOpenAPILock$' -update")
	return out.String()
}

func TestTheLockSaysFirstWhatBreaks(t *testing.T) {
	t.Parallel()
	got := lockReport([]apidoc.Change{{Breaks: "clients that read the answer", Where: "GET /a: 200", What: "field b is gone"}, {Where: "GET /a: 200", What: "field c is new"}})
	want := "BREAKS clients that are out there:\n  GET /a: 200: field b is gone (breaks clients that read the answer)\nIt adds, or loosens:\n  GET /a: 200: field c is new\n"
	if !strings.Contains(got, want) || !strings.Contains(got, "-update") {
		t.Errorf("report:\n%s", got)
	}
	if got := lockReport(nil); strings.Contains(got, "BREAKS") || !strings.Contains(got, "Only words") {
		t.Errorf("report of words:\n%s", got)
	}
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

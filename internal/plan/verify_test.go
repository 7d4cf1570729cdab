package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
)

// Whoever edits a plan's file so that it shows one thing and would do another
// is found out, on either side.
func TestVerifyFindsWhatWasEdited(t *testing.T) {
	t.Parallel()
	live := connection("hooks", "orders", nil)
	wanted := connection("hooks", "", func(c *resource.Connection) { c.URL, c.Meta = "https://new.example.com", resource.Meta{} })
	account := &resource.ServiceAccount{Code: "sender"}
	account.Defaults()
	b, err := json.MarshalIndent(Make(want(wanted, account), []resource.Resource{live}), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	verify := func(text string) error {
		t.Helper()
		p := new(Plan)
		if err := json.Unmarshal([]byte(text), p); err != nil {
			t.Fatal(err)
		}
		return p.Verify([]resource.Resource{live})
	}
	if err := verify(string(b)); err != nil {
		t.Fatalf("as it was made: %v", err)
	}
	for name, edit := range map[string][2]string{
		"the URL that is applied":      {`"url": "https://new.example.com"`, `"url": "https://evil.example.com"`},
		"the URL that is shown":        {`"after": "https://new.example.com"`, `"after": "https://good.example.com"`},
		"the URL that was":             {`"before": "https://hooks.example.com/hooks"`, `"before": "https://new.example.com"`},
		"a secret":                     {`"fingerprint": "sha256:`, `"fingerprint": "sha256:0`},
		"a header that is not shown":   {`"url": "https://new.example.com"`, `"headers": {"X-To": "evil"}, "url": "https://new.example.com"`},
		"somebody's drift":             {`"owner": "orders"`, `"owner": "orders", "drift": true`},
		"an adoption":                  {`"owner": "orders"`, `"owner": "billing"`},
		"a rename":                     {`"owner": "orders"`, `"owner": "orders", "from": "hook"`},
		"what no plan shows":           {`"code": "sender",` + "\n" + `    "name"`, `"code": "sender", "webhookCredentials": {"authType": "NONE"}, "name"`},
		"a resource that is left out":  {`"resource": {`, `"resourse": {`},
		"a create of another resource": {`"code": "sender",` + "\n" + `    "name"`, `"code": "other", "name"`},
	} {
		edited := strings.Replace(string(b), edit[0], edit[1], 1)
		if edited == string(b) {
			t.Fatalf("%s: the plan has no %s:\n%s", name, edit[0], b)
		}
		if verify(edited) == nil {
			t.Errorf("%s was edited, and nothing is said", name)
		}
	}
}

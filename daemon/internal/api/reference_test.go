package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// reference is the API document that the existing SDK was generated from. It
// is no part of this repository: it lies beside it.
type reference struct {
	t        *testing.T
	compiler *jsonschema.Compiler
	paths    map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]json.RawMessage
		}
	}
	called map[string]bool
}

// openReference is nil where the document is not there, which is a failure in
// CI.
func openReference(t *testing.T) *reference {
	t.Helper()
	path := os.Getenv("FC_REFERENCE")
	if path == "" {
		path = filepath.Join("..", "..", "..", "..", "shared", "reference", "openapi.json")
	}
	body, err := os.ReadFile(path)
	if err != nil && os.Getenv("CI") == "" {
		t.Logf("answers were not compared with the reference, which is not there: %v", err)
		return nil
	}
	r := &reference{t: t, compiler: jsonschema.NewCompiler(), called: map[string]bool{}}
	var doc any
	if err == nil {
		doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(body))
	}
	if err == nil {
		err = r.compiler.AddResource("mem:reference", doc)
	}
	var parts struct{ Paths any }
	parts.Paths = &r.paths
	if err == nil {
		err = json.Unmarshal(body, &parts)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// check validates the answer to an operation.
func (r *reference) check(method, path string, a *answer) {
	if r == nil {
		return
	}
	r.t.Helper()
	verb := strings.ToLower(method)
	op, there := r.paths[path][verb]
	if !there {
		r.t.Fatalf("the reference has no %s %s", method, path)
	}
	r.called[method+" "+path] = true
	status := strconv.Itoa(a.status)
	response, there := op.Responses[status]
	if !there {
		r.t.Errorf("%s %s answered %s, which the reference does not have", method, path, status)
		return
	}
	if _, has := response.Content["application/json"]; !has {
		if len(a.body) > 0 && a.status == http.StatusNoContent {
			r.t.Errorf("%s %s: a body: %s", method, path, a.body)
		}
		return
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	schema, err := r.compiler.Compile("mem:reference#/paths/" + escape.Replace(path) + "/" + verb + "/responses/" + status + "/content/application~1json/schema")
	if err != nil {
		r.t.Fatal(err)
	}
	got, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err == nil {
		err = schema.Validate(got)
	}
	if err != nil {
		r.t.Errorf("%s %s: %v\n%s", method, path, err, a.body)
	}
}

func TestAdministrationAnswersAsTheReferenceDoes(t *testing.T) {
	t.Parallel()
	w, r := setup(t), openReference(t)
	names := map[string]string{}
	fill := func(s string) string {
		for name, v := range names {
			s = strings.ReplaceAll(s, "{"+name+"}", v)
		}
		return s
	}
	call := func(method, path, body string, status int) *answer {
		t.Helper()
		target, _, _ := strings.Cut(path, "?")
		a := w.do(method, fill(path), w.admin(), fill(body)).is(status)
		r.check(method, target, a)
		return a
	}
	keep := func(name string, a *answer) { names[name] = a.id() }

	names["id"] = w.do("POST", "/api/applications", w.admin(), `{"code":"shop","name":"Shop","description":"Sells"}`).is(201).id()
	names["applicationId"], names["app"] = names["id"], names["id"]

	keep("id", call("POST", "/api/clients", `{"identifier":"initech","name":"Initech"}`, 201))
	names["client"], names["identifier"] = names["id"], "initech"
	w.do("POST", "/api/clients", w.admin(), `{"identifier":"initech","name":"Initech"}`).problem(409, "ALREADY_EXISTS")
	call("GET", "/api/clients?page=0&limit=2&status=ACTIVE", "", 200)
	call("GET", "/api/clients/search?q=TECH", "", 200)
	call("GET", "/api/clients/by-identifier/{identifier}", "", 200)
	call("GET", "/api/clients/{id}", "", 200)
	call("PUT", "/api/clients/{id}", `{"name":"Initech Ltd"}`, 204)
	call("POST", "/api/clients/{id}/suspend", `{"reason":"unpaid"}`, 200)
	if a := call("GET", "/api/clients/{id}", "", 200); a.get("status") != "SUSPENDED" || a.get("statusReason") != "unpaid" || a.get("statusChangedAt") == nil || a.get("name") != "Initech Ltd" {
		t.Errorf("a suspended client: %s", a.body)
	}
	call("POST", "/api/clients/{id}/activate", "", 200)
	call("POST", "/api/clients/{id}/deactivate", `{"reason":"gone"}`, 200)
	call("POST", "/api/clients/{id}/activate", "", 200)
	call("POST", "/api/clients/{id}/notes", `{"category":"billing","text":"Pays late"}`, 200)
	call("POST", "/api/clients/{id}/applications/{applicationId}/enable", "", 204)
	if a := call("GET", "/api/clients/{id}/applications", "", 200); !strings.Contains(string(a.body), `"enabledForClient":true`) {
		t.Errorf("an enabled application: %s", a.body)
	}
	call("POST", "/api/clients/{id}/applications/{applicationId}/disable", "", 204)
	call("PUT", "/api/clients/{id}/applications", `{"enabledApplicationIds":["{app}"]}`, 204)

	call("POST", "/api/roles", `{"applicationCode":"shop","roleName":"clerk","displayName":"Clerk","description":"Sells","permissions":["shop:sales:order:view"],"clientManaged":true}`, 201)
	names["roleName"], names["code"], names["role"] = "shop%3Aclerk", "shop%3Aclerk", "shop%3Aclerk"
	call("GET", "/api/roles?pagination[page]=0&pagination[size]=50&applicationCode=shop&source=DATABASE&clientManaged=true", "", 200)
	call("GET", "/api/roles", "", 200)
	if a := call("GET", "/api/roles/by-application/{applicationId}", "", 200); !strings.Contains(string(a.body), `"shortName":"clerk"`) {
		t.Errorf("roles of an application: %s", a.body)
	}
	call("GET", "/api/roles/by-code/{code}", "", 200)
	names["source"] = "CODE"
	call("GET", "/api/roles/by-source/{source}", "", 200)
	call("GET", "/api/roles/filters/applications", "", 200)
	call("GET", "/api/roles/permissions", "", 200)
	names["permission"] = "shop:sales:order:view"
	call("GET", "/api/roles/permissions/{permission}", "", 200)
	call("GET", "/api/roles/{roleName}", "", 200)
	call("PUT", "/api/roles/{roleName}", `{"displayName":"Seller"}`, 204)
	call("POST", "/api/roles/{roleName}/permissions", `{"permission":"shop:sales:order:create"}`, 200)
	call("DELETE", "/api/roles/{roleName}/permissions/{permission}", "", 200)

	call("GET", "/api/principals/check-email-domain?domain=initech.example.com", "", 200)
	keep("id", call("POST", "/api/principals/users", `{"email":"Ada@initech.example.com","name":"Ada","clientId":"initech","password":"several unlikely words"}`, 201))
	names["clientId"] = "globex"
	call("GET", "/api/principals?page=0&limit=10&type=USER&scope=CLIENT&client_id=initech&q=ada&active=true", "", 200)
	if a := call("GET", "/api/principals?client_id=initech&roles=shop:clerk", "", 200); a.get("total") != 0.0 {
		t.Errorf("nobody has the role yet: %s", a.body)
	}
	call("GET", "/api/principals/{id}", "", 200)
	call("PUT", "/api/principals/{id}", `{"firstName":"Ada","lastName":"Byron"}`, 200)
	call("POST", "/api/principals/{id}/deactivate", "", 200)
	call("POST", "/api/principals/{id}/activate", "", 200)
	call("POST", "/api/principals/{id}/reset-password", `{"newPassword":"other unlikely words","enforcePasswordComplexity":true}`, 200)
	call("POST", "/api/principals/{id}/send-password-reset", "", 200)
	if a := call("POST", "/api/principals/{id}/roles", `{"role":"shop:clerk"}`, 200); !strings.Contains(string(a.body), `"roles":["shop:clerk"]`) {
		t.Errorf("an assigned role: %s", a.body)
	}
	call("GET", "/api/principals/{id}/roles", "", 200)
	w.do("DELETE", "/api/roles/shop%3Aclerk", w.admin(), "").problem(409, "IN_USE", "ada@initech.example.com")
	call("DELETE", "/api/principals/{id}/roles/{role}", "", 200)
	call("PUT", "/api/principals/{id}/roles", `{"roles":["shop:clerk","platform:viewer"]}`, 200)
	if a := call("PUT", "/api/principals/{id}/roles", `{"roles":["platform:viewer"]}`, 200); !strings.Contains(string(a.body), `"removed":["shop:clerk"]`) || !strings.Contains(string(a.body), `"added":[]`) {
		t.Errorf("roles that were set: %s", a.body)
	}
	call("POST", "/api/principals/{id}/client-access", `{"clientId":"globex"}`, 201)
	call("GET", "/api/principals/{id}/client-access", "", 200)
	call("DELETE", "/api/principals/{id}/client-access/{clientId}", "", 204)
	call("GET", "/api/principals/{id}/available-applications", "", 200)
	call("PUT", "/api/principals/{id}/application-access", `{"applicationIds":["{app}"]}`, 200)
	call("GET", "/api/principals/{id}/application-access", "", 200)
	call("DELETE", "/api/principals/{id}", "", 204)

	a := call("POST", "/api/oauth-clients", `{"clientName":"Web","clientType":"CONFIDENTIAL","redirectUris":["https://shop.example.com/callback"],"grantTypes":["authorization_code"],"pkceRequired":true,"applicationIds":["{app}"]}`, 201)
	keep("id", a)
	var made struct {
		ClientSecret string
		Client       struct{ ClientID string }
	}
	a.into(&made)
	if made.ClientSecret == "" || made.Client.ClientID == "" {
		t.Errorf("an OAuth client: %s", a.body)
	}
	names["clientId"] = made.Client.ClientID
	call("GET", "/api/oauth-clients?pagination[page]=0&pagination[size]=10&active=true", "", 200)
	call("GET", "/api/oauth-clients/by-client-id/{clientId}", "", 200)
	if a := call("GET", "/api/oauth-clients/{id}", "", 200); strings.Contains(string(a.body), "ecret") {
		t.Errorf("a secret: %s", a.body)
	}
	call("PUT", "/api/oauth-clients/{id}", `{"clientName":"Shop","redirectUris":["https://shop.example.com/back"]}`, 204)
	call("POST", "/api/oauth-clients/{id}/deactivate", "", 200)
	call("POST", "/api/oauth-clients/{id}/activate", "", 200)
	call("POST", "/api/oauth-clients/{id}/rotate-secret", "", 200)
	call("POST", "/api/oauth-clients/{id}/regenerate-secret", "", 200)
	call("DELETE", "/api/oauth-clients/{id}", "", 204)
	call("DELETE", "/api/roles/{roleName}", "", 204)
	names["id"] = names["client"]
	call("DELETE", "/api/clients/{id}", "", 204)
	if a := call("GET", "/api/clients/{id}", "", 200); a.get("status") != "DELETED" {
		t.Errorf("a deleted client: %s", a.body)
	}
	w.do("POST", "/api/events", w.admin(), `{"type":"a:b:c:d","clientId":"initech"}`).problem(400, "INVALID", "clientId")

	if r == nil {
		return
	}
	for path, ops := range r.paths {
		rest, is := strings.CutPrefix(path, "/api/")
		noun, _, _ := strings.Cut(rest, "/")
		if !is || !slices.Contains([]string{"clients", "roles", "principals", "oauth-clients"}, noun) {
			continue
		}
		for verb := range ops {
			if name := strings.ToUpper(verb) + " " + path; !r.called[name] {
				t.Errorf("%s was not called", name)
			}
		}
	}
}

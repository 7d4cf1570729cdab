package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/flowcatalyst/fc/daemon/internal/api/apidoc"
)

// examples records an exchange of each operation, and holds what is said and
// answered against the schemas of the document.
type examples struct {
	*world
	rows     map[string]route // by operation
	names    map[string]string
	compiler *jsonschema.Compiler
	got      map[string]apidoc.Example
}

func newExamples(t *testing.T) *examples {
	t.Helper()
	w := setup(t)
	x := &examples{world: w, rows: map[string]route{}, names: map[string]string{}, compiler: jsonschema.NewCompiler(), got: map[string]apidoc.Example{}}
	for _, rt := range w.api.routes() {
		x.rows[rt.id] = rt
	}
	written, err := w.api.openapi()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(written))
	if err == nil {
		err = x.compiler.AddResource("mem:document", doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// call sends one request of an operation, of which the first with its status
// is the example. Of {name} in the body and in sets, "parameter=value" for the
// path and "?…" for the query, names stand for what was kept.
func (x *examples) call(op, body string, sets ...string) *answer {
	x.t.Helper()
	rt, there := x.rows[op]
	if !there {
		x.t.Fatalf("there is no operation %s", op)
	}
	body = x.fill(body)
	path, query, params := rt.path, "", map[string]string{}
	token := ""
	if rt.needs != public {
		token = x.admin()
	}
	var headers []string
	for _, set := range sets {
		name, value, _ := strings.Cut(set, "=")
		switch value = x.fill(value); {
		case strings.HasPrefix(set, "?"):
			query = x.fill(set)
		case name == "token":
			token = value
		case strings.HasPrefix(name, "header "):
			headers = append(headers, name[7:], value)
		default:
			path, params[name] = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value)), value
		}
	}
	if strings.Contains(path, "{") {
		x.t.Fatalf("%s: a parameter of %s stands for nothing", op, path)
	}
	media, sent := "application/json", body
	if _, isForm := rt.in.(interface{ form() }); isForm {
		media, sent = tokenForms, x.form(body)
		headers = append(headers, "Content-Type", media)
	}
	a := x.do(rt.method, path+query, token, sent, headers...)
	status := max(rt.status, http.StatusOK)
	if a.status != status {
		x.t.Errorf("%s: %d, want %d: %s", op, a.status, status, a.body)
		return a
	}
	at := "mem:document#/paths/" + pointer(rt.path) + "/" + strings.ToLower(rt.method)
	e := apidoc.Example{Path: params, Status: status}
	if rt.in != nil && body != "" {
		e.Request = json.RawMessage(body)
		x.valid(op+": the request", at+"/requestBody/content/"+pointer(media)+"/schema", e.Request)
	}
	if rt.out != nil && op != "openapi" { // the document has no room for itself
		e.Response = bytes.TrimSpace(a.body)
		x.valid(op+": the answer", at+"/responses/"+strconv.Itoa(status)+"/content/application~1json/schema", e.Response)
	}
	if _, recorded := x.got[op]; !recorded {
		x.got[op] = e
	}
	return a
}

// form writes a JSON object as a form.
func (x *examples) form(body string) string {
	x.t.Helper()
	var fields map[string]string
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		x.t.Fatal(err)
	}
	values := url.Values{}
	for name, v := range fields {
		values.Set(name, v)
	}
	return values.Encode()
}

// keep calls and gives the id of what was made a name.
func (x *examples) keep(name, op, body string, sets ...string) {
	x.t.Helper()
	x.names[name] = x.call(op, body, sets...).id()
}

func (x *examples) fill(s string) string {
	for name, v := range x.names {
		s = strings.ReplaceAll(s, "{"+name+"}", v)
	}
	return s
}

// pointer is a path as a part of a JSON pointer in a fragment.
func pointer(path string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(path)
}

func (x *examples) valid(what, schema string, body json.RawMessage) {
	x.t.Helper()
	s, err := x.compiler.Compile(schema)
	if err != nil {
		x.t.Fatalf("%s: %v", what, err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = s.Validate(v)
	}
	if err != nil {
		x.t.Errorf("%s is not as the document says: %v\n%s", what, err, body)
	}
}

// TestExamplesAreWhatTheAPIAnswers calls every operation, holds each request
// and answer against the document, and compares the members of the answers
// with those of the examples in the document. Run it with -update after a
// change; it leaves examples alone whose members are still right.
func TestExamplesAreWhatTheAPIAnswers(t *testing.T) {
	t.Parallel()
	x := newExamples(t)
	x.script()
	for _, op := range slices.Sorted(maps.Keys(x.rows)) {
		if _, called := x.got[op]; !called && !isPage(op) && !slices.Contains(endless, x.rows[op].path) {
			t.Errorf("%s %s has no example: call %s in the script of examples_script_test.go, or give a page a row in pageExamples, and run this test with -update", x.rows[op].method, x.rows[op].path, op)
		}
	}
	stored, err := apidoc.Recorded()
	if err != nil {
		t.Fatal(err)
	}
	tidy := newTidier()
	out := map[string]apidoc.Example{}
	for _, op := range slices.Sorted(maps.Keys(x.got)) {
		fresh := x.got[op]
		fresh.Request, fresh.Response = tidy.json(t, fresh.Request), tidy.json(t, fresh.Response)
		for name, v := range fresh.Path {
			fresh.Path[name] = tidy.text("", v)
		}
		old, there := stored[op]
		out[op] = fresh
		if there && old.Status == fresh.Status && members(t, old.Request) == members(t, fresh.Request) && members(t, old.Response) == members(t, fresh.Response) {
			out[op] = old
			continue
		}
		if !updating() {
			t.Errorf("%s: the example in the document is not any more what is asked and answered; run this test with -update\n%s %s", op, fresh.Request, fresh.Response)
		}
	}
	for op, text := range streamExamples {
		e := apidoc.Example{Status: http.StatusOK}
		if e.Response, err = json.Marshal(text); err != nil {
			t.Fatal(err)
		}
		out[op] = e
	}
	for op, form := range pageExamples {
		rt := x.rows[op]
		out[op] = apidoc.Example{Status: max(rt.status, http.StatusOK), Request: json.RawMessage(form)}
		if form != "" {
			x.valid(op+": the form", "mem:document#/paths/"+pointer(rt.path)+"/post/requestBody/content/"+pointer(tokenForms)+"/schema", out[op].Request)
		}
	}
	if !updating() || t.Failed() {
		return
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("apidoc", "examples.json"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// streamExamples are the beginnings of answers that do not end.
var streamExamples = map[string]string{
	"followEvents":       "id: 0HZXEQ5Y8JY5Z\nevent: event\ndata: {\"id\":\"0HZXEQ5Y8JY5Z\",\"type\":\"shop:sales:order:placed\",\"source\":\"/shop\"}\n\n",
	"followDispatchJobs": "id: 0HZXEQ5Y8JY5Z\nevent: job\ndata: {\"id\":\"0HZXEQ5Y8JY60\",\"eventId\":\"0HZXEQ5Y8JY5Z\",\"status\":\"COMPLETED\"}\n\n",
	"monitoringStream":   "event: snapshot\ndata: {\"instance\":\"router-1\"}\n\n",
}

// pageExamples are the forms of pages, which browsers send and oauth_test.go
// tries.
var pageExamples = map[string]string{
	"oidcLogin": "", "oidcCallback": "", "authorize": "", "devicePage": "", "signInPage": "", "passwordResetPage": "", "passwordResetForm": "", "bootstrapPage": "",
	"answerAuthorize": `{"decision":"allow","principal":"prn_0HZXEQ5Y8JY01"}`,
	"answerDevice":    `{"decision":"allow","principal":"prn_0HZXEQ5Y8JY01","user_code":"BCDF-GHJK"}`,
	"signIn":          `{"email":"ada@northwind.example.com","password":"several unlikely words"}`,
	"signOut":         `{}`,
}

func isPage(op string) bool {
	_, is := pageExamples[op]
	return is
}

func updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// members are the paths of all members of a document, with the sorts of their
// values.
func members(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	if len(raw) == 0 {
		return ""
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				walk(at+"."+name, inner)
			}
		case []any:
			if len(v) > 0 {
				walk(at+"[]", v[0])
			}
		default:
			paths[fmt.Sprintf("%s %T", at, v)] = true
		}
	}
	walk("", v)
	return strings.Join(slices.Sorted(maps.Keys(paths)), "\n")
}

// tidier makes of a recorded document an example: what differs from run to run
// is replaced, what is secret as well, and lists are short.
type tidier struct{ ids map[string]string }

func newTidier() *tidier { return &tidier{ids: map[string]string{}} }

var (
	someID   = regexp.MustCompile(`[0-7][0-9A-HJKMNP-TV-Z]{12}\b`)
	someTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	requests = regexp.MustCompile(`^[A-Z2-7]{26}$`)
	lengths  = regexp.MustCompile(`(?i)(millis|ms|seconds|bytes)$`)
)

// secretExamples stand for what nobody else should see, by the member's name.
var secretExamples = map[string]string{
	"accessToken": "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJwcm5fMEhaWEVRNVk4SlkwMSJ9.c2lnbmF0dXJl", "refreshToken": "fcr_example-of-a-refresh-token", "csrfToken": "example-of-a-csrf-token",
	"token": "fc_0123456789abcdefghijklmnopqrstuv", "authToken": "fc_0123456789abcdefghijklmnopqrstuv", "clientSecret": "example-of-a-client-secret",
	"secret": "whsec_RXhhbXBsZU9mQVNlY3JldA==", "signingSecret": "RXhhbXBsZU9mQVNpZ25pbmdTZWNyZXQ", "n": "example-of-a-modulus", "kid": "2026-01-02",
	"access_token": "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJwcm5fMEhaWEVRNVk4SlkwMSJ9.c2lnbmF0dXJl", "client_secret": "example-of-a-client-secret",
	"device_code": "example-of-a-device-code", "user_code": "BCDF-GHJK", "verification_uri_complete": "https://events.example.com/oauth/device?user_code=BCDF-GHJK",
	"orderKey": "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "groupId": "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "fingerprint": "sha256:0f1e2d3c4b5a6978",
	"nextCursor": "MQBldmVudHMANDQwMTY0NjM2NzQ3Mjc0MTQw", "password": "several unlikely words", "newPassword": "other unlikely words", "currentPassword": "several unlikely words",
}

func (x *tidier) json(t *testing.T, raw json.RawMessage) json.RawMessage {
	t.Helper()
	if len(raw) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(x.value("", v)); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

func (x *tidier) value(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, member := range slices.Sorted(maps.Keys(v)) {
			inner := x.value(member, v[member])
			delete(v, member)
			v[x.text("", member)] = inner
		}
		return v
	case []any:
		const most = 2
		if len(v) > most {
			v = v[:most]
		}
		for i := range v {
			v[i] = x.value(name, v[i])
		}
		return v
	case json.Number:
		if lengths.MatchString(name) && strings.Contains(v.String(), ".") {
			return json.Number("12.5")
		}
	case string:
		return x.text(name, v)
	}
	return v
}

func (x *tidier) text(name, s string) string {
	if secret, is := secretExamples[name]; is && s != "" {
		return secret
	}
	if requests.MatchString(s) {
		return "Q3ZKX5T7N2M4B6C8D1F3G5H7J9"
	}
	s = someTime.ReplaceAllString(s, "2026-01-02T15:04:05.678Z")
	return someID.ReplaceAllStringFunc(s, func(id string) string {
		if x.ids[id] == "" {
			const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
			n := len(x.ids) + 1
			x.ids[id] = "0HZXEQ5Y8JY" + string(digits[n/32%32]) + string(digits[n%32])
		}
		return x.ids[id]
	})
}

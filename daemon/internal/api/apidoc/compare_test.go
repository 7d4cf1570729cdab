package apidoc

import (
	"fmt"
	"strings"
	"testing"
)

// small is a document of one operation and one schema.
func small(operation, thing string) string {
	return `{"paths":{"/things/{id}":{"get":{"operationId":"getThing","responses":{"200":{"description":"OK","content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}}},"404":{"$ref":"#/components/responses/NotFound"}}},
		"put":` + operation + `}},"components":{"schemas":{"Thing":` + thing + `,"Part":{"type":"object","properties":{"n":{"type":"integer"}}}},"responses":{"NotFound":{"description":"no"}}}}`
}

const (
	anOperation = `{"operationId":"putThing","x-permission":"a:b:c:update","security":[{"bearer":[]}],
		"parameters":[{"in":"query","name":"limit","schema":{"type":"integer","maximum":100}},{"in":"query","name":"state","schema":{"type":"string","enum":["ON","OFF"]}}],
		"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}}},"responses":{"204":{"description":"","headers":{"ETag":{}}}}}`
	aThing = `{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"size":{"type":"number"},"state":{"type":"string","enum":["ON","OFF"]},
		"parts":{"type":"array","items":{"$ref":"#/components/schemas/Part"}},"kind":{"type":"string"}}}`
)

func TestCompareTellsWhatBreaksFromWhatAdds(t *testing.T) {
	t.Parallel()
	// Each case replaces one text of the document; want are the changes, "!"
	// before those that break somebody.
	for name, c := range map[string]struct{ old, new, want string }{
		"nothing":                      {`"limit"`, `"limit"`, ""},
		"words":                        {`"in":"query","name":"limit"`, `"description":"how many","in":"query","name":"limit"`, ""},
		"a path is gone":               {`"/things/{id}"`, `"/thing/{id}"`, "!/things/{id}: the path is gone|/thing/{id}: is new"},
		"an operation is gone":         {`"put":`, `"patch":`, "!PUT /things/{id}: the operation is gone|PATCH /things/{id}: is new"},
		"an operation's name":          {`"putThing"`, `"setThing"`, "!PUT /things/{id}: operation putThing is called setThing now"},
		"a permission":                 {`a:b:c:update`, `a:b:c:manage`, "!PUT /things/{id}: needs the permission a:b:c:manage, and before a:b:c:update"},
		"another proof":                {`[{"bearer":[]}]`, `[{"cookie":[]}]`, "!PUT /things/{id}: security scheme bearer does not do|PUT /things/{id}: security scheme cookie does as well"},
		"one more proof":               {`[{"bearer":[]}]`, `[{"bearer":[]},{"cookie":[]}]`, "PUT /things/{id}: security scheme cookie does as well"},
		"a parameter is gone":          {`"name":"limit"`, `"name":"size"`, "!PUT /things/{id}: query parameter limit is gone|PUT /things/{id}: query parameter size is new"},
		"a parameter is required":      {`"in":"query","name":"limit"`, `"in":"query","required":true,"name":"limit"`, "!PUT /things/{id}: query parameter limit is required now"},
		"a required one is new":        {`"parameters":[`, `"parameters":[{"in":"header","name":"X","required":true},`, "!PUT /things/{id}: header parameter X is new and required"},
		"an optional one is new":       {`"parameters":[`, `"parameters":[{"in":"header","name":"X"},`, "PUT /things/{id}: header parameter X is new"},
		"a parameter's bound":          {`"maximum":100`, `"maximum":50`, "!PUT /things/{id}: query parameter limit: maximum is 50, and was 100"},
		"a wider bound":                {`"maximum":100`, `"maximum":500`, "PUT /things/{id}: query parameter limit: maximum is 500"},
		"a parameter's value is gone":  {`"name":"state","schema":{"type":"string","enum":["ON","OFF"]}`, `"name":"state","schema":{"type":"string","enum":["ON"]}`, `!PUT /things/{id}: query parameter state: "OFF" is gone`},
		"a body is required":           {`"requestBody":{`, `"requestBody":{"required":true,`, "!PUT /things/{id}: the request: is required now"},
		"an answer is gone":            {`"204":`, `"200":`, "!PUT /things/{id}: 204: is not answered any more|PUT /things/{id}: 200: is new"},
		"a header is gone":             {`"ETag"`, `"Etag2"`, "!PUT /things/{id}: 204: header ETag is gone|PUT /things/{id}: 204: header Etag2 is new"},
		"an error is documented":       {`"204":`, `"400":{"description":"bad"},"204":`, "PUT /things/{id}: 400: is new"},
		"a media type is gone":         {`"requestBody":{"content":{"application/json"`, `"requestBody":{"content":{"text/plain"`, "!PUT /things/{id}: the request: application/json is gone|PUT /things/{id}: the request: text/plain is new"},
		"a field is gone":              {`,"kind":{"type":"string"}`, ``, "!GET /things/{id}: 200 (Thing): field kind is gone|!PUT /things/{id}: the request (Thing): field kind is gone"},
		"a field is new":               {`"kind":{`, `"sort":{"type":"string"},"kind":{`, "GET /things/{id}: 200 (Thing): field sort is new|PUT /things/{id}: the request (Thing): field sort is new"},
		"a new field is required":      {`"required":["name"],"properties":{`, `"required":["name","sort"],"properties":{"sort":{"type":"string"},`, "!PUT /things/{id}: the request (Thing): field sort is new and required|GET /things/{id}: 200 (Thing): field sort is new"},
		"a field is required":          {`"required":["name"]`, `"required":["name","size"]`, "!PUT /things/{id}: the request (Thing): field size is required now|GET /things/{id}: 200 (Thing): field size is required: true"},
		"a field may be absent":        {`"required":["name"]`, `"required":[]`, "!GET /things/{id}: 200 (Thing): field name may be absent now|PUT /things/{id}: the request (Thing): field name is required: false"},
		"a type is narrower":           {`"size":{"type":"number"}`, `"size":{"type":"integer"}`, "!PUT /things/{id}: the request (Thing).size: type is integer, and was number|GET /things/{id}: 200 (Thing).size: type is integer"},
		"a type is wider":              {`"kind":{"type":"string"}`, `"kind":{"type":["string","null"]}`, "!GET /things/{id}: 200 (Thing).kind: type is null or string|PUT /things/{id}: the request (Thing).kind: type is null or string"},
		"a type is another one":        {`"kind":{"type":"string"}`, `"kind":{"type":"boolean"}`, "!GET /things/{id}: 200 (Thing).kind: type is boolean|!PUT /things/{id}: the request (Thing).kind: type is boolean"},
		"a format":                     {`"kind":{"type":"string"}`, `"kind":{"type":"string","format":"uuid"}`, "!GET /things/{id}: 200 (Thing).kind: format|!PUT /things/{id}: the request (Thing).kind: format"},
		"a field's value is gone":      {`"state":{"type":"string","enum":["ON","OFF"]}`, `"state":{"type":"string","enum":["ON"]}`, `!PUT /things/{id}: the request (Thing).state: "OFF" is gone|GET /things/{id}: 200 (Thing).state: "OFF" is gone`},
		"a field's value is new":       {`"state":{"type":"string","enum":["ON","OFF"]}`, `"state":{"type":"string","enum":["ON","OFF","X"]}`, `!GET /things/{id}: 200 (Thing).state: "X" is new|PUT /things/{id}: the request (Thing).state: "X" is new`},
		"a field gets a list":          {`"kind":{"type":"string"}`, `"kind":{"type":"string","enum":["A"]}`, "!PUT /things/{id}: the request (Thing).kind: must be one of 1 values now|GET /things/{id}: 200 (Thing).kind: the list"},
		"deep in a list":               {`"n":{"type":"integer"}`, `"n":{"type":"string"}`, "!GET /things/{id}: 200 (Thing).parts[] (Part).n: type is string|!PUT /things/{id}: the request (Thing).parts[] (Part).n: type is string"},
		"another schema of the same":   {`"items":{"$ref":"#/components/schemas/Part"}`, `"items":{"type":"object","properties":{"n":{"type":"integer"}}}`, ""},
		"an answer's type is gone":     {`"200":{"description":"OK","content":{"application/json"`, `"200":{"description":"OK","content":{"application/xml"`, "!GET /things/{id}: 200: application/json is gone|GET /things/{id}: 200: application/xml is new"},
		"no token is needed any more":  {`"security":[{"bearer":[]}],`, `"security":[],`, "PUT /things/{id}: needs no token any more"},
		"other fields are not allowed": {`"properties":{"name"`, `"additionalProperties":false,"properties":{"name"`, "!PUT /things/{id}: the request (Thing): takes no other fields"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			older := small(anOperation, aThing)
			if !strings.Contains(older, c.old) {
				t.Fatalf("the document has no %s", c.old)
			}
			got, err := Compare([]byte(older), []byte(strings.Replace(older, c.old, c.new, 1)))
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			if c.want != "" {
				want = strings.Split(c.want, "|")
			}
			if len(got) != len(want) {
				t.Fatalf("changes: %q, want %q", got, want)
			}
			for i, w := range want {
				text, breaks := strings.CutPrefix(w, "!")
				if !strings.HasPrefix(fmt.Sprint(got[i]), text) || breaks != (got[i].Breaks != "") {
					t.Errorf("change %d: %v, want %s", i, got[i], w)
				}
			}
		})
	}
}

func TestCompareEndsForSchemasThatContainThemselves(t *testing.T) {
	t.Parallel()
	doc := small(anOperation, `{"type":"object","properties":{"inner":{"$ref":"#/components/schemas/Thing"},"name":{"type":"string"}}}`)
	got, err := Compare([]byte(doc), []byte(strings.Replace(doc, `"name":{"type":"string"}`, `"name":{"type":"integer"}`, 1)))
	if err != nil || len(got) != 2 {
		t.Errorf("changes: %v, %v", got, err)
	}
	for _, bad := range []string{"", "{", "[]"} {
		if _, err := Compare([]byte(doc), []byte(bad)); err == nil || !strings.Contains(err.Error(), "newer") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

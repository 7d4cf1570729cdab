package api

import (
	"net/http"
	"strings"
	"testing"
)

const orderType = "shop:sales:order:placed"

func (w *world) declare(validation, schema string) {
	w.t.Helper()
	w.do("POST", "/api/event-types", w.admin(), `{"code":"`+orderType+`","validation":"`+validation+`","specVersions":[{"version":"1","schema":`+schema+`}]}`).is(201)
}

const orderSchema = `{"type":"object","required":["total"],"properties":{"total":{"type":"number"}}}`

func TestDataIsHeldAgainstTheSchemaOfItsType(t *testing.T) {
	t.Parallel()
	const good, bad = `{"type":"` + orderType + `","data":{"total":1}}`, `{"type":"` + orderType + `","data":{"total":"hush"}}`
	for validation, c := range map[string]struct {
		status  int
		item    string
		warning string
	}{
		"OFF":    {201, "SUCCESS", ""},
		"WARN":   {201, "SUCCESS", "/data/total: must be a number"},
		"REJECT": {400, "BAD_REQUEST", ""},
	} {
		t.Run(validation, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.declare(validation, orderSchema)
			if a := w.do("POST", "/api/events", w.admin(), good).is(201); strings.Contains(string(a.body), "warnings") {
				t.Errorf("a good event is warned of: %s", a.body)
			}
			a := w.do("POST", "/api/events", w.admin(), bad).is(c.status)
			if c.status == 400 {
				p := a.problem(400, "INVALID", "version 1 of the event type's schema")
				if len(p.Problems) != 1 || p.Problems[0].Field != "/data/total" || p.Problems[0].Detail != "must be a number" || strings.Contains(string(a.body), "hush") {
					t.Errorf("%s", a.body)
				}
			} else if strings.Contains(string(a.body), "warnings") != (c.warning != "") || !strings.Contains(string(a.body), c.warning) {
				t.Errorf("%s", a.body)
			}
			var batch batchAnswer
			w.do("POST", "/api/events/batch", w.admin(), `{"items":[`+good+`,`+bad+`,`+good+`]}`).is(200).into(&batch)
			for i, want := range []string{"SUCCESS", c.item, "SUCCESS"} {
				if batch.Results[i].Status != want {
					t.Errorf("item %d: %+v, want %s", i, batch.Results[i], want)
				}
			}
			if got := strings.Join(batch.Results[1].Warnings, ""); got != c.warning {
				t.Errorf("the item is warned of with %q, want %q", got, c.warning)
			}
		})
	}
}

func TestTheVersionInForceIsTheNewestFinalisedOne(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.admin()
	w.declare("REJECT", `{"required":["one"]}`)
	missing := func(what string) {
		t.Helper()
		w.do("POST", "/api/events", admin, `{"type":"`+orderType+`","data":{}}`).problem(400, "INVALID", "/data/"+what)
	}
	missing("one") // nothing is finalised yet: what will be counts
	path := "/api/event-types/" + orderType + "/versions"
	w.do("POST", path+"/1/finalise", admin, "").is(200)
	w.do("POST", path, admin, `{"schema":{"required":["two"]}}`).is(200)
	missing("one") // the second is not finalised
	w.do("POST", path+"/2/finalise", admin, "").is(200)
	w.do("POST", path+"/2/finalise", admin, "").is(200) // again is no error
	missing("two")
	w.do("POST", path+"/2/deprecate", admin, "").is(200)
	missing("one")
	w.do("POST", path+"/2/finalise", admin, "").problem(409, "CONFLICT", "do not go back")
	w.do("POST", path+"/3/finalise", admin, "").problem(404, "NOT_FOUND")
	w.do("PUT", "/api/event-types/"+orderType, admin, `{"specVersions":[{"version":"1","schema":{},"status":"FINALISED"}]}`).problem(400, "INVALID", "must not change once the version is finalised")
	w.do("PUT", "/api/event-types/"+orderType, admin, `{"specVersions":[{"version":"1","schema":{"required":["one"]},"status":"FINALISING"}]}`).problem(400, "INVALID", "must not go back")
	w.do("POST", path+"/1/deprecate", admin, "").is(200)
	w.do("POST", "/api/events", admin, `{"type":"`+orderType+`","data":{}}`).is(201) // nothing is in force

	// A client's own event type comes before that of anchor level.
	w.do("POST", "/api/event-types", admin, `{"code":"`+orderType+`","clientId":"acme","validation":"REJECT","specVersions":[{"version":"1","schema":{"required":["own"]}}]}`).is(201)
	w.do("POST", "/api/events", admin, `{"type":"`+orderType+`","clientId":"acme","data":{}}`).problem(400, "INVALID", "/data/own")
}

func TestASchemaIsCheckedWhenItIsSaved(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for schema, says := range map[string][]string{
		`{"type":"objekt"}`:                     {"specVersions[0].schema/type"},
		`{"properties":{"a":{"pattern":"("}}}`:  {"specVersions[0].schema/properties/a/pattern"},
		`{"$ref":"https://hush.example.com/s"}`: {"refers to a document elsewhere"},
	} {
		a := w.do("POST", "/api/event-types", w.admin(), `{"code":"a:b:c:d","specVersions":[{"version":"1","schema":`+schema+`}]}`)
		a.problem(400, "INVALID", says...)
		if strings.Contains(string(a.body), "hush") {
			t.Errorf("the answer repeats the schema: %s", a.body)
		}
	}
}

func TestDataCanBeCheckedWithoutPublishing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.declare("OFF", orderSchema)
	path := "/api/event-types/" + orderType + "/validate"
	var got validatedView
	w.do("POST", path, w.admin(), `{"data":{"total":1}}`).is(200).into(&got)
	if !got.Valid || got.Version != "1" || got.Status != "FINALISING" || len(got.Problems) != 0 {
		t.Errorf("%+v", got)
	}
	w.do("POST", path, w.admin(), `{"data":{},"version":"1"}`).is(200).into(&got)
	if got.Valid || len(got.Problems) != 1 || got.Problems[0].Field != "/data/total" {
		t.Errorf("%+v", got)
	}
	w.do("POST", path, w.admin(), `{"data":{},"version":"2"}`).problem(404, "NOT_FOUND")
	w.do("POST", path, w.admin(), `{}`).problem(400, "INVALID", "data")
	w.do("POST", path, w.of("acme"), `{"data":{}}`).problem(404, "NOT_FOUND") // of anchor level
	if a := w.do("GET", "/api/events?limit=50", w.admin(), "").is(200); !strings.Contains(string(a.body), `"events":[]`) {
		t.Errorf("something was published: %s", a.body)
	}
}

func TestNothingIsAcceptedOfAClientThatIsSuspended(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.admin()
	id := w.do("POST", "/api/clients", admin, `{"identifier":"initech","name":"Initech"}`).is(201).id()
	w.do("PUT", "/api/clients/"+id, admin, `{"status":"SUSPENDED"}`).is(http.StatusNoContent)
	w.do("POST", "/api/events", admin, `{"type":"a:b:c:d","clientId":"initech"}`).problem(403, "FORBIDDEN", "the client is suspended")
	w.do("POST", "/api/dispatch-jobs", admin, `{"code":"x","source":"/x","targetUrl":"https://hooks.example.com","payload":"{}","clientId":"initech"}`).problem(403, "FORBIDDEN", "the client is suspended")
	var batch batchAnswer
	w.do("POST", "/api/events/batch", admin, `{"items":[{"type":"a:b:c:d","clientId":"initech"},{"type":"a:b:c:d"}]}`).is(200).into(&batch)
	if batch.Results[0].Status != "FORBIDDEN" || batch.Results[1].Status != "SUCCESS" {
		t.Errorf("%+v", batch)
	}
	w.do("PUT", "/api/clients/"+id, admin, `{"status":"ACTIVE"}`).is(http.StatusNoContent)
	w.do("POST", "/api/events", admin, `{"type":"a:b:c:d","clientId":"initech"}`).is(201)
}

package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
)

func TestEveryKindIsReadAndChangedByItsRevision(t *testing.T) {
	t.Parallel()
	for _, info := range resource.Kinds {
		t.Run(string(info.Kind), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			thing, there := walkThings["/api/"+info.Collection]
			if !there {
				t.Fatalf("nothing is known of kind %s; give walkThings a row", info.Kind)
			}
			path := "/api/" + info.Collection + "/" + thing.make(w)["id"]
			first := w.do("GET", path, w.admin(), "").is(200)
			tag := first.header.Get("ETag")
			if len(tag) < 3 || tag[0] != '"' {
				t.Fatalf("ETag %q", tag)
			}
			for _, has := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
				a := w.do("GET", path, w.admin(), "", "If-None-Match", has).is(http.StatusNotModified)
				if len(a.body) != 0 || a.header.Get("ETag") != tag || a.header.Get("Content-Type") != "" {
					t.Errorf("%s: %v %q", has, a.header, a.body)
				}
			}
			for _, has := range []string{`"999"`, "nonsense", tag[1 : len(tag)-1]} {
				w.do("GET", path, w.admin(), "", "If-None-Match", has).is(200)
			}
			// Who may not see it learns nothing from a tag that fits.
			w.do("GET", path, "", "", "If-None-Match", tag).problem(401, "UNAUTHENTICATED")

			w.do("PUT", path, w.admin(), `{"protected":false}`, "If-Match", `"999"`).problem(412, "PRECONDITION_FAILED")
			w.do("DELETE", path, w.admin(), "", "If-Match", `"999"`).problem(412, "PRECONDITION_FAILED")
			w.do("PUT", path, w.admin(), `{"protected":false}`, "If-Match", "nonsense").problem(412, "PRECONDITION_FAILED")
			if a := w.do("PUT", path, w.admin(), `{"protected":false}`, "If-Match", tag); a.status != 200 && a.status != 204 {
				t.Errorf("a change that knows the revision: %d %s", a.status, a.body)
			}
		})
	}
}

func TestANewRevisionIsSent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	path := "/api/dispatch-pools/" + w.do("POST", "/api/dispatch-pools", w.admin(), `{"code":"a"}`).is(201).id()
	tag := w.do("GET", path, w.admin(), "").is(200).header.Get("ETag")
	w.do("PUT", path, w.admin(), `{"concurrency":7}`, "If-Match", tag).is(204)
	if a := w.do("GET", path, w.admin(), "", "If-None-Match", tag).is(200); a.get("concurrency") != 7.0 || a.header.Get("ETag") == tag {
		t.Errorf("after a change: %v %s", a.header, a.body)
	}
	w.do("PUT", path, w.admin(), `{"concurrency":8}`, "If-Match", tag).problem(412, "PRECONDITION_FAILED")
}

// FuzzConditional tries headers that clients write: nothing breaks, nothing but
// the right tag fits, and a revision comes only of a tag of ours.
func FuzzConditional(f *testing.F) {
	for _, seed := range []string{"", "*", `"3"`, `W/"3"`, `"3`, `3`, `"-3"`, `"3", "4"`, `"9223372036854775808"`, `W/W/"3"`, "\x00", `"\u0661"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		n, err := ifMatch(header)
		if n < 0 || err != nil && n != 0 {
			t.Errorf("%q: revision %d, %v", header, n, err)
		}
		if p := new(Problem); err != nil && (!asProblem(err, &p) || p.Status != http.StatusPreconditionFailed) {
			t.Errorf("%q: %v", header, err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["If-None-Match"] = []string{header}
		if known(r, &result{Status: 200, ETag: `"1"`}) && !containsAny(header, `"1"`, "*") {
			t.Errorf("%q fits another tag", header)
		}
	})
}

func asProblem(err error, p **Problem) bool { return errors.As(err, p) }

func containsAny(s string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(s, part) })
}

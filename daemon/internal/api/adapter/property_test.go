package adapter_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/flowcatalyst/fc/daemon/internal/api/adapter"
)

// naive says which of the paths matches these decoded segments, trying the
// literal before the parameter at each step.
func naive(paths [][]string, values []string) ([]string, bool) {
	var walk func(depth int, still [][]string) ([]string, bool)
	walk = func(depth int, still [][]string) ([]string, bool) {
		if len(still) == 0 {
			return nil, false
		}
		if depth == len(values) {
			i := slices.IndexFunc(still, func(p []string) bool { return len(p) == depth })
			if i < 0 {
				return nil, false
			}
			return still[i], true
		}
		var literal, param [][]string
		for _, p := range still {
			switch {
			case len(p) <= depth || values[depth] == "":
			case strings.HasPrefix(p[depth], "{"):
				param = append(param, p)
			case p[depth] == values[depth]:
				literal = append(literal, p)
			}
		}
		if p, ok := walk(depth+1, literal); ok {
			return p, true
		}
		return walk(depth+1, param)
	}
	return walk(0, paths)
}

func TestAnyRoutesMatchAsTheNaiveMatcherSays(t *testing.T) {
	t.Parallel()
	segment := rapid.SampledFrom([]string{"a", "ab", "b", "ba", "c", "{x}", "{y}", "{z}"})
	value := rapid.SampledFrom([]string{"a", "%61", "ab", "b", "ba", "c", "d", "a%2Fb", "%7Bx%7D", ":0", "%3A0", "a%25", ""})
	rapid.Check(t, func(t *rapid.T) {
		routes := rapid.SliceOfN(rapid.SliceOfN(segment, 0, 4), 0, 14).Draw(t, "routes")
		methods := rapid.SliceOfN(rapid.SampledFrom([]string{"GET", "POST"}), len(routes), len(routes)).Draw(t, "methods")
		a := adapter.New(adapter.Options{})
		accepted := map[string][][]string{}
		seen := map[string]bool{}
		for i, r := range routes {
			path, shape, twice := "/"+strings.Join(r, "/"), methods[i], map[string]bool{}
			repeated := false
			for _, s := range r {
				if strings.HasPrefix(s, "{") {
					repeated = repeated || twice[s]
					twice[s] = true
					s = "{}"
				}
				shape += "/" + s
			}
			if repeated || seen[shape] {
				continue
			}
			seen[shape] = true
			accepted[methods[i]] = append(accepted[methods[i]], r)
			a.HandleHTTP(methods[i], path, echo(path))
		}
		if err := a.Build(); err != nil {
			t.Fatalf("build: %v", err)
		}

		for range 20 {
			raw := rapid.SliceOfN(value, 0, 5).Draw(t, "request")
			if len(raw) == 1 && raw[0] == "" {
				raw = nil
			}
			values := make([]string, len(raw))
			for i := range raw {
				values[i], _ = url.PathUnescape(raw[i])
			}
			u, err := url.ParseRequestURI("/" + strings.Join(raw, "/"))
			if err != nil {
				t.Fatalf("request: %v", err)
			}
			w := httptest.NewRecorder()
			a.ServeHTTP(w, &http.Request{Method: http.MethodGet, URL: u})

			want, wantBody := http.StatusOK, ""
			if r, ok := naive(accepted["GET"], values); ok {
				wantBody = answer("/"+strings.Join(r, "/"), func(name string) string {
					return values[slices.Index(r, "{"+name+"}")]
				})
			} else if _, ok := naive(accepted["POST"], values); ok {
				want = http.StatusMethodNotAllowed
			} else {
				want = http.StatusNotFound
			}
			if w.Code != want || want == http.StatusOK && w.Body.String() != wantBody {
				t.Fatalf("%s: %d %s, want %d %s", u, w.Code, w.Body, want, wantBody)
			}
			if want == http.StatusMethodNotAllowed && w.Header().Get("Allow") != "POST" {
				t.Fatalf("%s: Allow %q, want POST", u, w.Header().Get("Allow"))
			}
		}
	})
}

package adapter

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/julienschmidt/httprouter"
)

// A table is all routes, ready to serve. It does not change.
type table struct {
	router *httprouter.Router
	miss   http.HandlerFunc // answers when a leaf has no route for the values
	// routes by method and number of segments, for allowed.
	routes  map[string]map[int][]*route
	methods []string
}

func newTable(routes []*route, miss http.HandlerFunc) *table {
	t := &table{router: httprouter.New(), miss: miss, routes: make(map[string]map[int][]*route)}
	byMethod := make(map[string][]*route)
	for _, rt := range routes {
		byMethod[rt.method] = append(byMethod[rt.method], rt)
	}
	byMethod[http.MethodHead] = withGet(byMethod[http.MethodHead], byMethod[http.MethodGet])

	for method, rs := range byMethod {
		if len(rs) == 0 {
			continue
		}
		t.methods = append(t.methods, method)
		t.routes[method] = make(map[int][]*route)
		for _, rt := range rs {
			n := len(rt.segments)
			t.routes[method][n] = append(t.routes[method][n], rt)
		}
		t.register(method, "", 0, nil, rs)
	}
	slices.Sort(t.methods)
	return t
}

// withGet adds to the HEAD routes those of GET that HEAD does not have.
func withGet(head, get []*route) []*route {
	all := slices.Clone(head)
	for _, g := range get {
		same := func(h *route) bool {
			return slices.EqualFunc(h.segments, g.segments, func(x, y segment) bool {
				return x.param == y.param && (x.param || x.text == y.text)
			})
		}
		if !slices.ContainsFunc(head, same) {
			all = append(all, g)
		}
	}
	return all
}

// register gives httprouter the routes that have this prefix in common. Where
// one of them has a parameter next, all of them go through one.
func (t *table) register(method, prefix string, depth int, wild []int, routes []*route) {
	var ending []*route
	next := make(map[string][]*route)
	merged := false
	for _, rt := range routes {
		if len(rt.segments) == depth {
			ending = append(ending, rt)
			continue
		}
		s := rt.segments[depth]
		merged = merged || s.param
		key := s.text
		if s.param {
			key = "" // no literal is empty
		}
		next[key] = append(next[key], rt)
	}
	if len(ending) > 0 {
		t.leaf(method, prefix, newLeaf(ending, wild))
	}
	if merged {
		var all []*route
		for _, rs := range next {
			all = append(all, rs...)
		}
		param := "/:" + strconv.Itoa(len(wild))
		t.register(method, prefix+param, depth+1, append(slices.Clone(wild), depth), all)
		return
	}
	for literal, rs := range next {
		t.register(method, prefix+"/"+literal, depth+1, wild, rs)
	}
}

func (t *table) leaf(method, path string, l leaf) {
	if path == "" {
		path = "/"
	}
	t.router.Handle(method, path, func(w http.ResponseWriter, r *http.Request, ps httprouter.Params) {
		c, ok := l.pick(ps)
		if !ok {
			t.miss(w, r)
			return
		}
		r.Pattern = c.route.pattern
		c.route.serve(w, r, match{names: c.names, values: ps})
	})
}

// allowed are the methods that have a route for this canonical path.
func (t *table) allowed(path string) []string {
	var values []string
	if path != "/" {
		values = strings.Split(path[1:], "/")
	}
	var methods []string
	for _, method := range t.methods {
		fits := func(rt *route) bool { return rt.matches(values) }
		if slices.ContainsFunc(t.routes[method][len(values)], fits) {
			methods = append(methods, method)
		}
	}
	return methods
}

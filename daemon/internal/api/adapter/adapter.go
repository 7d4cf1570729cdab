package adapter

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/danielgtaylor/huma/v2"
)

// Options say what happens to requests that no route matches.
type Options struct {
	// NotFound answers when no method has the path. Nil means
	// http.NotFoundHandler.
	NotFound http.Handler
	// MethodNotAllowed answers when other methods have the path; Allow is set
	// before it is called. Nil means a plain text 405.
	MethodNotAllowed http.Handler
}

// Adapter is a huma.Adapter that also takes plain handlers. Routes are
// registered first; Build then reports mistakes, and ServeHTTP may be called
// from many goroutines.
type Adapter struct {
	opts Options

	mu     sync.Mutex
	routes []*route
	taken  map[string]string // method and shape to the path that has it
	errs   []error

	table atomic.Pointer[table] // nil while routes have changed
}

var _ huma.Adapter = (*Adapter)(nil)

// New returns an adapter without routes.
func New(o Options) *Adapter {
	if o.NotFound == nil {
		o.NotFound = http.NotFoundHandler()
	}
	if o.MethodNotAllowed == nil {
		o.MethodNotAllowed = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		})
	}
	return &Adapter{opts: o, taken: make(map[string]string)}
}

// Handle registers a huma operation. It implements huma.Adapter; a mistake in
// the path comes back from Build.
func (a *Adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	a.add(&route{method: op.Method, path: op.Path, op: op,
		serve: func(w http.ResponseWriter, r *http.Request, m match) {
			handler(&humaContext{op: op, r: r, w: w, match: m})
		}})
}

// HandleHTTP registers a plain handler, past huma's reading and writing of
// bodies. The path has the form of huma's, such as /events/{id}; the values
// are in r.PathValue. A mistake in the path comes back from Build.
func (a *Adapter) HandleHTTP(method, path string, h http.Handler) {
	a.add(&route{method: method, path: path,
		serve: func(w http.ResponseWriter, r *http.Request, m match) {
			for i := range m.names {
				r.SetPathValue(m.names[i].text, m.value(i))
			}
			h.ServeHTTP(w, r)
		}})
}

func (a *Adapter) add(rt *route) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.accept(rt); err != nil {
		a.errs = append(a.errs, fmt.Errorf("route %s %s: %w", rt.method, rt.path, err))
		return
	}
	a.routes = append(a.routes, rt)
	a.table.Store(nil)
}

func (a *Adapter) accept(rt *route) error {
	if rt.method == "" {
		return errors.New("it has no method")
	}
	var err error
	if rt.segments, err = parsePath(rt.path); err != nil {
		return err
	}
	rt.pattern = rt.method + " " + rt.path
	shape := rt.method
	for _, s := range rt.segments {
		if s.param {
			shape += "/{}"
		} else {
			shape += "/" + s.text
		}
	}
	if other, ok := a.taken[shape]; ok {
		return fmt.Errorf("%s matches the same requests", other)
	}
	a.taken[shape] = rt.path
	return nil
}

// Build prepares the routes for serving and reports every registration that
// was refused. ServeHTTP builds by itself what is registered later.
func (a *Adapter) Build() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.table.Store(newTable(a.routes, a.miss))
	return errors.Join(a.errs...)
}

// A Route is one registration.
type Route struct {
	Method string
	Path   string
	// Operation is nil for a plain handler.
	Operation *huma.Operation
}

// Routes lists what is registered, by path and method.
func (a *Adapter) Routes() []Route {
	a.mu.Lock()
	defer a.mu.Unlock()
	rs := make([]Route, len(a.routes))
	for i, rt := range a.routes {
		rs[i] = Route{Method: rt.method, Path: rt.path, Operation: rt.op}
	}
	slices.SortFunc(rs, func(x, y Route) int {
		if c := strings.Compare(x.Path, y.Path); c != 0 {
			return c
		}
		return strings.Compare(x.Method, y.Method)
	})
	return rs
}

// ServeHTTP implements http.Handler. It sets r.Pattern to the method and path
// of the route, for logs and metrics.
func (a *Adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := canonical(r.URL)
	if !ok {
		a.opts.NotFound.ServeHTTP(w, r)
		return
	}
	handle, ps, _ := a.current().router.Lookup(r.Method, path)
	if handle == nil {
		a.miss(w, r)
		return
	}
	handle(w, r, ps)
}

func (a *Adapter) current() *table {
	if t := a.table.Load(); t != nil {
		return t
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := newTable(a.routes, a.miss)
	a.table.Store(t)
	return t
}

// miss answers a request whose method has no route for its path.
func (a *Adapter) miss(w http.ResponseWriter, r *http.Request) {
	path, ok := canonical(r.URL)
	if !ok {
		a.opts.NotFound.ServeHTTP(w, r)
		return
	}
	allowed := a.current().allowed(path)
	if len(allowed) == 0 {
		a.opts.NotFound.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	a.opts.MethodNotAllowed.ServeHTTP(w, r)
}

// canonical is the path with each segment escaped in one way, so that %61 and
// a are the same and %2F is not a slash.
func canonical(u *url.URL) (string, bool) {
	path := u.EscapedPath()
	if path == "" || path[0] != '/' {
		return "", false
	}
	if !strings.Contains(path, "%") {
		return path, true
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil {
			return "", false
		}
		segments[i] = url.PathEscape(plain)
	}
	return strings.Join(segments, "/"), true
}

package client

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestRouterAsksAtTheRightPlaces(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Options{}, answer{status: 200, body: `{}`})
	ctx, r := t.Context(), c.Router
	three := 3
	for _, do := range []func() error{
		func() error { _, err := r.Snapshot(ctx); return err },
		func() error { _, err := r.Pools(ctx); return err },
		func() error { _, err := r.Endpoints(ctx, 5); return err },
		func() error { _, err := r.Breakers(ctx, 0); return err },
		func() error { _, err := r.ResetBreaker(ctx, "https://hooks.example.com/a b"); return err },
		func() error { _, err := r.InFlight(ctx, InFlightFilter{PoolCode: "p", Limit: 7}); return err },
		func() error { _, err := r.Acknowledge(ctx, "w-1"); return err },
		func() error { return r.TunePool(ctx, "priority", PoolTuning{Concurrency: &three}) },
	} {
		if err := do(); err != nil {
			t.Error(err)
		}
	}
	var got []string
	for _, q := range s.requests() {
		line := q.method + " " + q.path
		if q.query != "" {
			line += "?" + q.query
		}
		got = append(got, strings.TrimSpace(line+" "+q.body))
	}
	want := []string{
		"GET /monitoring", "GET /monitoring/pool-stats", "GET /monitoring/endpoints?limit=5", "GET /monitoring/circuit-breakers",
		"POST /monitoring/circuit-breakers/https:%2F%2Fhooks.example.com%2Fa%20b/reset",
		"GET /monitoring/in-flight-messages?limit=7&poolCode=p", "POST /monitoring/warnings/w-1/acknowledge",
		`PUT /monitoring/pools/priority {"concurrency":3}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A process that is not well answers 503 and says what is down; a proxy in front
// of it that has nobody to ask answers 503, too.
func TestHealthIsReadFromA503(t *testing.T) {
	t.Parallel()
	_, c := serve(t, Options{Retries: -1}, answer{status: 503, body: `{"status":"DOWN","ready":false,"phase":"RUNNING","components":[{"name":"stream","status":"DOWN","error":"it has ended by itself"}]}`},
		answer{status: 503, body: `{"status":503,"code":"UNAVAILABLE","detail":"starting"}`}, answer{status: 503, body: `<html>`}, answer{status: 200, body: `{}`})
	h, err := c.Router.Health(t.Context())
	if err != nil || h.Status != Down || len(h.Components) != 1 || h.Components[0].Error != "it has ended by itself" {
		t.Errorf("%+v, %v", h, err)
	}
	for range 3 {
		if h, err := c.Router.Health(t.Context()); err == nil {
			t.Errorf("no error, but %+v", h)
		}
	}
}

func TestRouterAsksAfterMoreMessagesThanFitIntoOneRequest(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Options{}, answer{status: 200, body: `{"m0":true}`}, answer{status: 200, body: `{"m5000":false}`})
	ids := make([]string, 5001)
	for i := range ids {
		ids[i] = fmt.Sprint("m", i)
	}
	got, err := c.Router.AreInFlight(t.Context(), ids...)
	if err != nil || !got["m0"] || got["m5000"] || len(got) != 2 || len(s.requests()) != 2 {
		t.Errorf("%v, %v, %d requests", got, err, len(s.requests()))
	}
}

// snapshots is a stream as the server writes it.
func snapshots(instances ...string) answer {
	body := "retry: 1000\n\n: still here\n\n"
	for i, name := range instances {
		body += fmt.Sprintf("id: %d\nevent: snapshot\ndata: {\"instance\":%q}\n\n", i, name)
	}
	return answer{status: http.StatusOK, body: body, header: map[string]string{"Content-Type": "text/event-stream"}}
}

func TestWatchGoesOnAfterALostConnection(t *testing.T) {
	t.Parallel()
	lost := snapshots("one", "two")
	lost.header["Content-Length"] = "10000" // the rest does not come
	_, c := serve(t, Options{}, lost, snapshots(), answer{status: 503, body: `{}`}, snapshots("three"), answer{status: 403, body: `{"code":"FORBIDDEN","message":"no"}`})
	var seen []string
	for s, err := range c.Router.Watch(t.Context()) {
		if err != nil {
			seen = append(seen, fmt.Sprint("error ", StatusOf(err)))
			continue
		}
		seen = append(seen, s.Instance)
	}
	if want := []string{"one", "two", "error 0", "error 503", "three", "error 403"}; !slices.Equal(seen, want) {
		t.Errorf("saw %q, not %q", seen, want)
	}
}

func TestWatchEndsWithItsLoopAndWithItsContext(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Options{}, snapshots("one", "two"))
	for range c.Router.Watch(t.Context()) {
		break
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for range c.Router.Watch(ctx) {
		n++
		cancel()
	}
	if n < 1 || n > 2 {
		t.Errorf("%d snapshots after the context ended", n)
	}
}

package client

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

func TestFollowGoesOnFromWhereItWas(t *testing.T) {
	t.Parallel()
	stream := func(body string) answer {
		return answer{status: http.StatusOK, body: "retry: 1000\n\n" + body, header: map[string]string{"Content-Type": "text/event-stream"}}
	}
	s, c := serve(t, Options{},
		stream(": still here\nid: p0\n\nid: p1\nevent: event\ndata: {\"id\":\"1\"}\n\n"),
		stream(": still here\nid: p2\n\n"),
		stream("id: p3\nevent: event\ndata: {\"id\":\"2\"}\n\nid: p4\nevent: reset\ndata: {}\n\nid: p5\nevent: end\ndata: {}\n\n"),
		answer{status: 403, body: `{"code":"FORBIDDEN","message":"no"}`})
	var seen []string
	for f, err := range c.Events.Follow(t.Context(), EventFilter{Subject: "x y"}, "from") {
		if err != nil {
			seen = append(seen, fmt.Sprint("error ", StatusOf(err)))
			continue
		}
		seen = append(seen, fmt.Sprint(f.Item.ID, f.Place, f.Reset))
	}
	if want := []string{"1p1false", "2p3false", "p4true", "error 403"}; !slices.Equal(seen, want) {
		t.Errorf("saw %q, not %q", seen, want)
	}
	var from []string
	for _, r := range s.requests() {
		from = append(from, r.header.Get("Last-Event-ID"))
		if r.path != "/api/events/stream" || r.query != "subject=x+y" {
			t.Errorf("asked %s?%s", r.path, r.query)
		}
	}
	if want := []string{"from", "p1", "p2", "p5"}; !slices.Equal(from, want) {
		t.Errorf("went on from %q, not %q", from, want)
	}
}

func TestListenSaysWhatTheStreamDoes(t *testing.T) {
	t.Parallel()
	stream := func(body string) answer {
		return answer{status: http.StatusOK, body: "retry: 1000\n\n" + body, header: map[string]string{"Content-Type": "text/event-stream"}}
	}
	_, c := serve(t, Options{},
		stream("id: p0\n\nid: p1\nevent: event\ndata: {\"id\":\"1\"}\n\nid: p1\nevent: current\ndata: {}\n\n: still here\nid: p2\n\n"),
		answer{status: 503, body: `{"code":"BUSY","message":"later"}`, header: map[string]string{"Retry-After": "7"}},
		stream(""),
		answer{status: 401, body: `{"code":"UNAUTHENTICATED","message":"no"}`})
	var seen []string
	for f, err := range c.Events.Listen(t.Context(), EventFilter{}, "") {
		seen = append(seen, fmt.Sprint(f.Sign, f.Item.ID, f.Place, " ", StatusOf(err), f.Again))
	}
	want := []string{"opened 0 0s", "alivep0 0 0s", "1p1 0 0s", "currentp1 0 0s", "alivep2 0 0s", "p2 503 7s", "openedp2 0 0s", "p2 401 0s"}
	if !slices.Equal(seen, want) {
		t.Errorf("saw  %q\nwant %q", seen, want)
	}
}

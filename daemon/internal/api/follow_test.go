package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

const (
	eventStream = "/api/events/stream"
	jobStream   = "/api/dispatch-jobs/stream"
)

// following is an open stream.
type following struct {
	t    *testing.T
	in   *bufio.Reader
	res  *http.Response
	last string // the last id that came, with an event or alone
}

func (w *world) follow(t *testing.T, path, token, last string) *following {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", w.serve()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %d %s", path, res.StatusCode, res.Header.Get("Content-Type"))
	}
	f := &following{t: t, in: bufio.NewReader(res.Body), res: res}
	f.place() // now it stands somewhere
	return f
}

// place reads up to the next id.
func (f *following) place() {
	f.t.Helper()
	for before := f.last; f.last == before; {
		e := event(f.t, f.in)
		if e["event"] != "" {
			f.t.Fatalf("an event where none was expected: %v", e)
		}
		if e["id"] != "" {
			f.last = e["id"]
			return
		}
	}
}

// next is the next event that is one.
func (f *following) next() (name string, data map[string]any) {
	f.t.Helper()
	for {
		e := event(f.t, f.in)
		if e["id"] != "" {
			f.last = e["id"]
		}
		if e["event"] == "" || e["event"] == "current" {
			continue
		}
		if err := json.Unmarshal([]byte(e["data"]), &data); err != nil {
			f.t.Fatalf("%v: %v", e, err)
		}
		return e["event"], data
	}
}

func (f *following) ids(n int) (ids []string) {
	f.t.Helper()
	for range n {
		_, data := f.next()
		ids = append(ids, fmt.Sprint(data["id"]))
	}
	return ids
}

func (w *world) publish(token, subject string) string {
	w.t.Helper()
	return w.do("POST", "/api/events", token, fmt.Sprintf("{\"type\":\"a:b:c:d\",\"source\":\"/s\",\"subject\":%q,\"data\":{\r\n\"n\":\n1}}", subject)).is(201).id()
}

func TestAFollowerSeesItsClientsEventsInOrderAndMissesNoneWhileAway(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme, globex := w.of("acme"), w.of("globex")
	w.publish(acme, "before")
	f := w.follow(t, eventStream+"?subject=x", acme, "")
	theirs, mine := w.publish(globex, "x"), w.publish(acme, "x")
	w.publish(acme, "y")
	w.fanOut()
	name, e := f.next()
	if name != "event" || e["id"] != mine || e["data"].(map[string]any)["n"] != 1.0 {
		t.Fatalf("%s %v; mine is %s and theirs %s", name, e, mine, theirs)
	}
	_ = f.res.Body.Close()
	var away []string
	for range 2*followStep + 7 {
		w.publish(globex, "x")
		away = append(away, w.publish(acme, "x"))
	}
	w.fanOut()
	again := w.follow(t, eventStream+"?subject=x", acme, f.last)
	if got := again.ids(len(away)); fmt.Sprint(got) != fmt.Sprint(away) {
		t.Errorf("after the pause came %d events, not these %d in their order", len(got), len(away))
	}
	if e := event(t, again.in); e["event"] != "current" || e["id"] == "" {
		t.Errorf("%v follows what was missed", e)
	}
	// From a time on, without an id; and the id may stand in the query.
	begin := w.follow(t, eventStream+"?since=2020-01-01T00:00:00Z&subject=before", acme, "")
	if _, e := begin.next(); e["subject"] != "before" {
		t.Errorf("%v", e)
	}
	query := w.follow(t, eventStream+"?subject=x&lastEventId="+f.last, acme, "")
	if got := query.ids(1); got[0] != away[0] {
		t.Errorf("%v after the id in the query", got)
	}
}

func TestAStreamThatBeganOnAnEmptyStoreGoesOnFromThere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	f := w.follow(t, eventStream, w.admin(), "")
	_ = f.res.Body.Close()
	id := w.publish(w.of("acme"), "first")
	w.fanOut()
	if got := w.follow(t, eventStream, w.admin(), f.last).ids(1); got[0] != id {
		t.Errorf("%v is not %s", got, id)
	}
}

func TestAHeartbeatMovesThePlaceWithoutAnEvent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.api.beat = 20 * time.Millisecond
	f := w.follow(t, eventStream+"?subject=rare", w.admin(), "")
	began := f.last
	w.publish(w.of("acme"), "common")
	w.fanOut()
	for f.last == began {
		if e := event(t, f.in); e["id"] != "" {
			f.last = e["id"]
		}
	}
}

func TestAFollowerOfJobsSeesTheLatestStateOfEach(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme := w.of("acme")
	f := w.follow(t, jobStream, acme, "")
	failed := w.follow(t, jobStream+"?status=FAILED,EXPIRED", acme, "")
	w.do("POST", "/api/dispatch-jobs", w.of("globex"), task).is(201)
	id := w.do("POST", "/api/dispatch-jobs", acme, task).is(201).id()
	until := func(f *following, status string) {
		t.Helper()
		for {
			name, job := f.next()
			if name != "job" || job["id"] != id {
				t.Fatalf("%s %v", name, job)
			}
			if job["status"] == status {
				return
			}
		}
	}
	until(f, "PENDING")
	started := w.begin(id)
	until(f, "PROCESSING")
	_ = f.res.Body.Close()
	w.end(started, flow.Reject)
	until(failed, "FAILED")
	// Who was away sees how it ended.
	until(w.follow(t, jobStream, acme, f.last), "FAILED")
}

func TestAPlaceThatIsForgottenIsAReset(t *testing.T) {
	t.Parallel()
	w := setup(t)
	strange := seal("jobStream", "zz", "5")
	if name, data := w.follow(t, jobStream, w.admin(), strange).next(); name != "reset" || data["detail"] == "" {
		t.Errorf("%s %v", name, data)
	}
	for _, path := range []string{eventStream, jobStream} {
		for _, last := range []string{"x", seal("jobStream", "zz"), seal("events", "3"), seal("jobStream", "zz", "-1")} {
			w.do("GET", path, w.admin(), "", "Last-Event-ID", last).problem(400, "INVALID", "lastEventId")
		}
	}
	w.do("GET", eventStream+"?type=a", w.admin(), "").problem(400, "INVALID", "type")
}

func TestStreamsEndWithTheirTokenAndAreBounded(t *testing.T) {
	t.Parallel()
	w := setup(t)
	viewer := &auth.Principal{ID: "prn_1", Type: auth.TypeUser, Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{auth.RoleViewer}}
	w.seed(viewer)
	short, err := w.tokens.Issue(auth.ClaimsOf(viewer), 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if name, _ := w.follow(t, eventStream, short, "").next(); name != "end" {
		t.Errorf("%s", name)
	}
	f := w.follow(t, jobStream, w.admin(), "")
	for range maxFollowing - 1 {
		if _, ok := w.api.followers.Take("prn_ADMIN"); !ok {
			t.Fatal("no seat")
		}
	}
	if p := w.do("GET", eventStream, w.admin(), "").problem(503, "BUSY"); p.RetryAfter == 0 {
		t.Errorf("%+v", p)
	}
	close(w.closing)
	if name, _ := f.next(); name != "end" {
		t.Errorf("%s", name)
	}
}

func TestStreamsEndWithTheirSession(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.api.beat = 20 * time.Millisecond
	w.first(adminEmail, adminPassword)
	for _, path := range []string{eventStream, jobStream} {
		theirs, _, _ := w.login()
		other, _, _ := w.login()
		ends, stays := w.follow(t, path, theirs.AccessToken, ""), w.follow(t, path, other.AccessToken, "")
		w.do("DELETE", "/auth/sessions/"+theirs.SessionID, other.AccessToken, "").is(204)
		if name, _ := ends.next(); name != "end" {
			t.Errorf("%s: the stream of a session that was ended sends %s", path, name)
		}
		w.do("POST", "/api/dispatch-jobs", w.of("acme"), task).is(201)
		w.publish(w.of("acme"), "x")
		w.fanOut()
		if name, _ := stays.next(); name == "end" {
			t.Errorf("%s: the stream of another session ended with it", path)
		}
	}
}

func TestAStreamHeads(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme := w.of("acme")
	f, whole := w.follow(t, eventStream+"?heads=true", acme, ""), w.follow(t, eventStream, acme, "")
	id := w.publish(acme, "x")
	w.fanOut()
	if _, e := f.next(); e["id"] != id || e["type"] != "a:b:c:d" || e["subject"] != "x" || e["data"] != nil {
		t.Errorf("its head: %v", e)
	}
	if _, e := whole.next(); e["id"] != id || e["data"] == nil {
		t.Errorf("the whole: %v", e)
	}
}

package api

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
)

// event reads the next server-sent event.
func event(t *testing.T, in *bufio.Reader) map[string]string {
	t.Helper()
	got := map[string]string{}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream ended: %v", err)
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			if len(got) > 0 {
				return got
			}
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		got[name] = value
	}
}

func TestTheStreamSendsASnapshotAtOnceAndAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	res := w.open(w.serve(), streaming+"?interval=0.5", w.admin())
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	in := bufio.NewReader(res.Body)
	if e := event(t, in); e["retry"] == "" {
		t.Errorf("first: %v", e)
	}
	last := int64(0)
	for range 3 {
		e := event(t, in)
		var s snapshotView
		if err := json.Unmarshal([]byte(e["data"]), &s); err != nil || e["event"] != "snapshot" || s.Instance != "router-1" {
			t.Fatalf("%v: %v", e, err)
		}
		id, err := strconv.ParseInt(e["id"], 10, 64)
		if err != nil || id < last {
			t.Errorf("id %q after %d", e["id"], last)
		}
		last = id
	}
	close(w.closing)
	for {
		if e := event(t, in); e["event"] == "end" {
			break
		}
	}
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

func TestTheStreamEndsWithItsClientAndWithItsToken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	base := w.serve()
	res := w.open(base, streaming, w.admin())
	event(t, bufio.NewReader(res.Body))
	if n := w.api.streams.open.Load(); n != 1 {
		t.Errorf("%d watch", n)
	}
	_ = res.Body.Close()
	viewer := &auth.Principal{ID: "prn_1", Type: auth.TypeUser, Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{auth.RoleViewer}}
	w.seed(viewer)
	short, err := w.tokens.Issue(auth.ClaimsOf(viewer), 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(w.open(base, streaming, short).Body)
	for {
		if e := event(t, in); e["event"] == "end" {
			break
		}
	}
	if _, err := io.ReadAll(in); err != nil {
		t.Error(err)
	}
	// By now the first one is gone as well: its next snapshot found nobody.
	deadline := time.After(time.Minute)
	for w.api.streams.open.Load() != 0 {
		select {
		case <-deadline:
			t.Fatalf("%d still watch", w.api.streams.open.Load())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestNoMoreThanSoManyWatch(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.api.streams.open.Store(maxStreams)
	if p := w.do("GET", streaming, w.admin(), "").problem(503, "BUSY"); p.RetryAfter == 0 {
		t.Errorf("%+v", p)
	}
	if n := w.api.streams.open.Load(); n != maxStreams {
		t.Errorf("%d watch after one was refused", n)
	}
	w.do("GET", streaming+"?interval=0.1", w.admin(), "").problem(400, "INVALID", "interval")
}

func TestTheStreamEndsForWhoLosesTheRightToLook(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.api.beat = 20 * time.Millisecond
	id := w.do("POST", "/api/principals", w.admin(), `{"email":"ada@acme.example.com","name":"Ada","clientId":"acme","roles":["platform:viewer"]}`).is(201).id()
	ada := w.token(&auth.Principal{ID: id, Scope: auth.ScopeClient, Clients: []string{"acme"}, Roles: []string{auth.RoleViewer}})
	res := w.open(w.serve(), streaming+"?interval=60", ada)
	if res.StatusCode != 200 {
		t.Fatalf("status %d", res.StatusCode)
	}
	in := bufio.NewReader(res.Body)
	event(t, in)
	event(t, in)
	w.do("POST", "/api/principals/"+id+"/deactivate", w.admin(), "").is(200)
	rest, err := io.ReadAll(in) // until the server ends it
	if err != nil || !strings.Contains(string(rest), "event: end") {
		t.Errorf("the stream went on: %v, %q", err, rest)
	}
}

package api

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func TestStampsAreAsTheLayoutHasThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// From before year 0 to after year 9999.
		at := time.Unix(rapid.Int64Range(-65e9, 260e9).Draw(t, "seconds"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).UTC()
		if got, want := string(appendStamp(nil, at)), at.Format(stampLayout); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}

// keeping is a store that remembers events as they were handed to it.
type keeping struct {
	store.Store
	instant
	mu   sync.Mutex
	kept []flow.Event
}

func (s *keeping) Append(ctx context.Context, events []flow.Event, now time.Time) ([]store.Appended, error) {
	s.mu.Lock()
	s.kept = append(s.kept, events...)
	s.mu.Unlock()
	return s.instant.Append(ctx, events, now)
}

// TestEventsOutliveTheBuffersTheyCameIn: bodies and answers share buffers,
// and the store may keep an event for as long as it likes.
func TestEventsOutliveTheBuffersTheyCameIn(t *testing.T) {
	t.Parallel()
	var kept *keeping
	w := setupWith(t, func(st store.Store) store.Store {
		kept = &keeping{Store: st, instant: instant{st, new(flow.IDs)}}
		return kept
	})
	token := w.admin()
	event := func(name string) string {
		return fmt.Sprintf(`{"type":"a:b:c:d","subject":%q,"data":{"name":%q,"long":"%s"}}`, name, name, strings.Repeat(name, 20))
	}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for n := range 25 {
				name := fmt.Sprintf("e-%d-%02d", g, n)
				path, body := "/api/events", event(name)
				if n%2 == 1 {
					path, body = "/api/events/batch", "["+event(name+"a")+","+event(name+"b")+"]"
				}
				a := w.do("POST", path, token, body)
				if a.status/100 != 2 || n%2 == 0 && a.get("subject") != name || a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
					t.Errorf("%s: %d %s", name, a.status, a.body)
				}
			}
		})
	}
	all.Wait()
	for _, e := range kept.kept {
		if want := event(e.Subject); !strings.Contains(want, `"data":`+string(e.Data)) {
			t.Errorf("%s became %s", e.Subject, e.Data)
		}
	}
	if want := 4 * (13 + 2*12); len(kept.kept) != want {
		t.Errorf("kept %d events, want %d", len(kept.kept), want)
	}
}

func TestABodyThatEndsEarlyIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := httptest.NewRequest("POST", "/api/events", strings.NewReader(shipped[:40]))
	r.ContentLength = int64(len(shipped))
	r.Header.Set("Authorization", "Bearer "+w.admin())
	w.send(r).problem(400, "INVALID", "did not arrive whole")
}

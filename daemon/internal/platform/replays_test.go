package platform

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/secrets"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
)

func TestAReplayOfTheLastHourDoesNotWalkOverADay(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "fc.db"), sqlite.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	key, err := secrets.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	box, err := secrets.NewBox(key)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Options{Store: st, Sealer: box, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	publish := func(n int) {
		t.Helper()
		for range n {
			e := flow.Event{Type: "orders:a:b:c", Source: "/s", Data: json.RawMessage(`{}`), CreatedAt: clock}
			if _, err := st.Append(t.Context(), []flow.Event{e}, clock); err != nil {
				t.Fatal(err)
			}
		}
		b, err := st.Unfanned(t.Context(), 1000)
		if err == nil {
			err = st.FanOut(t.Context(), b, nil, clock)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	publish(30)
	day := clock
	clock = clock.Add(24 * time.Hour)
	publish(2)
	hourAgo, before := clock.Add(-time.Hour), day.Add(-time.Hour)
	for name, c := range map[string]struct {
		q                ReplayRequest
		events, examined int
	}{
		"of the last hour":  {ReplayRequest{Since: &hourAgo}, 2, 2},
		"up to an hour ago": {ReplayRequest{Until: &hourAgo}, 30, 30},
		"of all":            {ReplayRequest{All: true}, 32, 32},
		"of a time before":  {ReplayRequest{Until: &before}, 0, 0},
	} {
		got, err := p.PreviewReplay(t.Context(), System(), &c.q)
		if err != nil || got.Events != c.events || got.Examined > c.examined || got.Partial {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	// How far a replay is goes by what it looks through, not by all there is.
	d, _, err := p.CreateReplay(t.Context(), System(), &ReplayRequest{All: true}, "")
	if err != nil || d.Percent() != 0 {
		t.Errorf("a new replay is at %v %%, %v", d.Percent(), err)
	}
}

func TestAnOwnerHasABoundedNumberOfReplaysAndTasksAtOnce(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	acme := Caller{PrincipalID: "prn_A", Scope: store.Scope{Clients: []string{"acme"}}}
	replay := func(c Caller, key string) (ReplayDetail, bool, error) {
		return p.CreateReplay(t.Context(), c, &ReplayRequest{All: true}, key)
	}
	task := func(c Caller) error {
		_, err := p.CreateLetterTask(t.Context(), c, flow.LettersRetry, []byte(`{"all":true}`), "")
		return err
	}
	var last ReplayDetail
	for i := range maxOpenWork {
		var err error
		if last, _, err = replay(acme, fmt.Sprint("key ", i)); err == nil {
			err = task(acme)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := replay(acme, "one more"); codeOf(err) != CodeConflict {
		t.Errorf("one more replay: %v", err)
	}
	if err := task(acme); codeOf(err) != CodeConflict {
		t.Errorf("one more task: %v", err)
	}
	if _, duplicate, err := replay(acme, "key 0"); err != nil || !duplicate {
		t.Errorf("a repeated request: %v, %v", duplicate, err)
	}
	// They are in nobody else's way, and an end makes room.
	if _, _, err := replay(System(), ""); err != nil {
		t.Errorf("somebody else's replay: %v", err)
	}
	if _, err := p.SetReplayStatus(t.Context(), acme, flow.ReplayID(last.ID), flow.WorkCancelled); err != nil {
		t.Fatal(err)
	}
	if _, _, err := replay(acme, "one more"); err != nil {
		t.Errorf("after one was cancelled: %v", err)
	}
}

//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
)

// TestKillLosesNothingOfAReplay kills fcd again and again while it replays,
// and then accounts for every event: each arrived, those of a group in their
// order, and none was made into two jobs.
func TestKillLosesNothingOfAReplay(t *testing.T) {
	t.Parallel()
	const events, groups, kills = 2000, 40, 4
	var mu sync.Mutex
	arrived, last := map[string]bool{}, map[string]int{}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var e struct {
			ID, MessageGroup string
			Data             struct{ N int }
		}
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return // the sender was killed
		}
		if err := json.Unmarshal(body, &e); err != nil || q.Header.Get("X-FlowCatalyst-Replay") == "" {
			t.Errorf("a delivery that is none of the replay's: %s", body)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if !arrived[e.ID] {
			if e.Data.N < last[e.MessageGroup] {
				t.Errorf("group %s got %d after %d", e.MessageGroup, e.Data.N, last[e.MessageGroup])
			}
			arrived[e.ID], last[e.MessageGroup] = true, e.Data.N
		}
	}))
	t.Cleanup(receiver.Close)
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(arrived)
	}

	dir, listen := t.TempDir(), quietPort(t)
	fcd := startDev(t, dir, listen)
	api := connect(t, fcd)
	batch := make([]client.NewEvent, events)
	for i := range batch {
		batch[i] = client.NewEvent{Type: "shop:orders:order:placed", Source: "/shop", MessageGroup: fmt.Sprint("g", i%groups), Data: map[string]int{"n": i}}
	}
	published, err := api.Events.PublishBatch(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	// The subscription comes after the events have passed the fan-out, so only
	// a replay brings them.
	fcd.until("all events are fanned out", func() bool {
		p, err := api.Replays.Preview(t.Context(), client.NewReplay{All: true})
		return err == nil && p.Events == events
	})
	if _, err := api.Resources(resource.KindSubscription).Create(t.Context(), &resource.Subscription{
		Code: "orders", EventTypes: []resource.Binding{{EventTypeCode: "shop:*:*:*"}}, Target: receiver.URL,
		Mode: resource.ModeBlockOnError, MaxRetries: 20, RetryStrategy: resource.StrategyImmediate,
	}); err != nil {
		t.Fatal(err)
	}
	noLimit := 0.0
	replay, err := api.Replays.Create(t.Context(), client.NewReplay{All: true, Rate: &noLimit})
	if err != nil {
		t.Fatal(err)
	}

	for k := range kills {
		goal := events * (k + 1) / (kills + 2)
		fcd.until("the replay goes on", func() bool { return count() >= goal })
		if err := fcd.cmd.Process.Kill(); err != nil {
			t.Fatalf("kill fcd: %v\n%s", err, fcd.output())
		}
		<-fcd.exited
		fcd = startDev(t, dir, listen)
	}
	api = connect(t, fcd)
	fcd.until("the replay is over", func() bool {
		got, err := api.Replays.Get(t.Context(), replay.ID)
		if err == nil {
			replay = got
		}
		return err == nil && got.Over()
	})
	if p := replay.Progress; replay.Status != client.WorkCompleted || p.Created != events || p.Completed != events {
		t.Errorf("it is %s: %+v", replay.Status, p)
	}
	for i, p := range published {
		if !arrived[p.ID] {
			t.Errorf("event %d, %s, did not arrive", i, p.ID)
		}
	}
}

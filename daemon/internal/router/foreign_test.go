package router

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
)

func TestForeignMessagesBecomeTasksOnce(t *testing.T) {
	t.Parallel()
	got := make(chan string, 10)
	w := build(t, func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil {
			got <- r.Header.Get("Content-Type") + " " + r.Header.Get("X-Team") + " " + string(b)
		}
	})
	// The first inserts fail, and then the acks: a repeat makes no second job.
	w.queue.Fail(queuetest.Ack, 7, errors.New("away"))
	failures := 2
	w.store.setFault(func(verb string) error {
		if verb == "insert" && failures > 0 {
			failures--
			return errors.New("away")
		}
		return nil
	})
	err := w.queue.Publish(context.Background(), []queue.Message{
		{ID: "legacy-1", PoolCode: "unknown", MediationTarget: w.receiver.URL, Payload: queue.Payload(`{"n": 1}`), Headers: map[string]string{"x-team": "a"}},
		{ID: `point"er`, MediationType: "HTTP", MediationTarget: w.receiver.URL, DispatchMode: "NEXT_ON_ERROR", MessageGroupID: "g"},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.run()
	seen := map[string]bool{<-got: true, <-got: true}
	if !seen[`application/json a {"n": 1}`] || !seen[`application/json  {"messageId":"point\"er"}`] {
		t.Errorf("saw %v", seen)
	}
	w.settled()
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if len(w.store.jobs) != 2 || len(got) != 0 {
		t.Errorf("%d jobs, %d more deliveries", len(w.store.jobs), len(got))
	}
	for _, j := range w.store.jobs {
		if !strings.HasPrefix(j.Task.IdempotencyKey, "q/default/") || j.Status != flow.Completed {
			t.Errorf("task %+v, %s", j.Task, j.Status)
		}
		if j.Ordered() != (j.MessageGroup == "g") {
			t.Errorf("ordered %v with the group %q", j.Ordered(), j.MessageGroup)
		}
	}
}

func TestMessagesNobodyCanUseGoToTheDeadLetters(t *testing.T) {
	t.Parallel()
	w := setup(t, func(http.ResponseWriter, *http.Request) { t.Error("delivered") })
	for _, body := range []string{
		`not json`, `{"id":""}`, `{"id":"x","jobId":"short","ticket":1,"poolCode":"","mediationType":"HTTP","mediationTarget":"","highPriority":false}`,
		`{"id":"y","mediationType":"FTP","mediationTarget":"https://hooks.example.com"}`,
		`{"id":"z","mediationType":"HTTP","mediationTarget":"https://hooks.example.com","authToken":"t0ken"}`,
	} {
		w.queue.Inject([]byte(body))
	}
	eventually(t, "five dead letters", func() bool {
		s, err := w.queue.Stats(context.Background())
		return err == nil && s.DeadLetters == 5 && s.Pending+s.InFlight == 0
	})
	letters, err := w.queue.DeadLetters(context.Background(), "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		if l.Reason == "" || strings.Contains(l.Reason, "t0ken") {
			t.Errorf("reason %q", l.Reason)
		}
	}
}

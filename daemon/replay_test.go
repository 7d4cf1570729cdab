package daemon_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// ledger is a receiver that keeps account: of which events arrived, in which
// order within each group, and whether two of a group were ever there at once.
// Live deliveries and those of a replay are accounted for apart.
type ledger struct {
	*httptest.Server
	t  *testing.T
	mu sync.Mutex
	// By lane ("live", or the replay's id) and event: the jobs that brought it.
	jobs map[string]map[string]map[string]bool
	last map[string]int  // by lane and group
	busy map[string]bool // by lane and group
}

func newLedger(t *testing.T) *ledger {
	l := &ledger{t: t, jobs: map[string]map[string]map[string]bool{}, last: map[string]int{}, busy: map[string]bool{}}
	l.Server = httptest.NewServer(http.HandlerFunc(l.take))
	t.Cleanup(l.Close)
	return l
}

func (l *ledger) take(w http.ResponseWriter, q *http.Request) {
	var e struct {
		ID, MessageGroup, DispatchJobID string
		Data                            struct{ N int }
	}
	body, err := io.ReadAll(q.Body)
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	if err != nil {
		l.t.Errorf("read a delivery: %v", err)
		return
	}
	lane := q.Header.Get("X-FlowCatalyst-Replay")
	if lane == "" {
		lane = "live"
	}
	if id := q.Header.Get("X-FlowCatalyst-Event-Id"); id != e.ID {
		l.t.Errorf("the header names event %s, the body %s", id, e.ID)
	}
	key := lane + " " + e.MessageGroup
	l.mu.Lock()
	if l.busy[key] {
		l.t.Errorf("two deliveries of %s at once", key)
	}
	l.busy[key] = true
	seen := l.jobs[lane]
	if seen == nil {
		seen = map[string]map[string]bool{}
		l.jobs[lane] = seen
	}
	if seen[e.ID] == nil {
		// A repeated delivery may come late, a first one must not come early.
		if e.Data.N <= l.last[key] {
			l.t.Errorf("%s got %d after %d", key, e.Data.N, l.last[key])
		}
		l.last[key] = e.Data.N
		seen[e.ID] = map[string]bool{}
	}
	seen[e.ID][q.Header.Get("X-FlowCatalyst-Dispatch-Job-Id")] = true
	l.mu.Unlock()
	// The answer leaves when this returns.
	w.WriteHeader(http.StatusOK)
	l.mu.Lock()
	l.busy[key] = false
	l.mu.Unlock()
}

func (l *ledger) count(lane string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.jobs[lane])
}

// brought are the jobs that brought an event, over all lanes.
func (l *ledger) brought(event string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var jobs []string
	for _, seen := range l.jobs {
		for job := range seen[event] {
			jobs = append(jobs, job)
		}
	}
	return jobs
}

// publishGroups publishes n events in order, spread over groups.
func publishGroups(t *testing.T, d *daemontest.Daemon, from, n, groups int) []string {
	t.Helper()
	events := make([]client.NewEvent, n)
	for i := range events {
		events[i] = client.NewEvent{Type: eventType, Source: "/shop", Data: map[string]int{"n": from + i}, MessageGroup: fmt.Sprintf("g%d", i%groups)}
	}
	results, err := d.Client.Events.PublishBatch(t.Context(), events)
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	ids := make([]string, n)
	for i, r := range results {
		if !r.OK() {
			t.Fatalf("publish: %+v", r)
		}
		ids[i] = r.ID
	}
	return ids
}

// unheard publishes events as publishGroups does, and waits until they have
// passed the fan-out: who subscribes then gets them by a replay alone.
func unheard(t *testing.T, d *daemontest.Daemon, n, groups int) []string {
	t.Helper()
	ids := publishGroups(t, d, 1, n, groups)
	eventually(t, "all events are fanned out", func() bool {
		p, err := d.Client.Replays.Preview(t.Context(), client.NewReplay{All: true})
		return err == nil && p.Events == n
	})
	return ids
}

func subscribeOrdered(t *testing.T, d *daemontest.Daemon, target string) {
	t.Helper()
	_, err := d.Client.Resources(resource.KindSubscription).Create(t.Context(), &resource.Subscription{
		Code: "orders", EventTypes: []resource.Binding{{EventTypeCode: "shop:*:*:*"}}, Target: target, Mode: resource.ModeBlockOnError,
		RetrySchedule: []resource.Duration{resource.Duration(10 * time.Millisecond)}, MaxRetries: 100,
	})
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
}

func replayOf(t *testing.T, d *daemontest.Daemon, id string) *client.Replay {
	t.Helper()
	r, err := d.Client.Replays.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("get the replay: %v", err)
	}
	return r
}

func unlimited() *float64 {
	zero := 0.0
	return &zero
}

func TestAReplayRunsBesideLiveTrafficThroughPauseAndRestart(t *testing.T) {
	t.Parallel()
	const past, groups = 3000, 20
	d := daemontest.Start(t, "")
	l := newLedger(t)
	old := unheard(t, d, past, groups)
	subscribeOrdered(t, d, l.URL)
	r, err := d.Client.Replays.Create(t.Context(), client.NewReplay{All: true, Rate: unlimited()})
	if err != nil {
		t.Fatalf("start the replay: %v", err)
	}

	live := publishGroups(t, d, past+1, 300, groups)
	eventually(t, "some of the replay has arrived", func() bool { return l.count(r.ID) > 100 })
	if _, err := d.Client.Replays.Pause(t.Context(), r.ID); err != nil {
		t.Fatalf("pause: %v", err)
	}
	var before client.Progress
	eventually(t, "what was out when it was paused is over", func() bool {
		was := before
		before = replayOf(t, d, r.ID).Progress
		page, err := d.Client.Jobs.Page(t.Context(), client.JobFilter{ReplayID: r.ID, Status: []string{client.JobQueued, client.JobProcessing}}, "")
		return err == nil && len(page.Items) == 0 && before == was
	})
	live = append(live, publishGroups(t, d, past+301, 300, groups)...)
	eventually(t, "live traffic goes on", func() bool { return l.count("live") == 600 })
	if p := replayOf(t, d, r.ID); p.Progress != before || p.Status != client.WorkPaused {
		t.Errorf("paused at %+v, and it is at %+v", before, p.Progress)
	}

	d.Restart()
	if p := replayOf(t, d, r.ID); p.Progress != before || p.Status != client.WorkPaused {
		t.Errorf("after a restart it is %s at %+v, it was at %+v", p.Status, p.Progress, before)
	}
	if _, err := d.Client.Replays.Resume(t.Context(), r.ID); err != nil {
		t.Fatalf("resume: %v", err)
	}
	eventually(t, "it goes on", func() bool { return replayOf(t, d, r.ID).Progress.Completed > before.Completed })
	d.Restart() // in the middle of it
	eventually(t, "the replay is over", func() bool { return replayOf(t, d, r.ID).Status == client.WorkCompleted })

	p := replayOf(t, d, r.ID).Progress
	if p.Created != past || p.Completed != past || p.Open != 0 || p.Percent != 100 {
		t.Errorf("progress: %+v", p)
	}
	if got := l.count(r.ID); got != past {
		t.Errorf("%d of %d events arrived again", got, past)
	}
	for i, id := range old {
		if got := l.brought(id); len(got) != 1 {
			t.Fatalf("event %d was brought by the jobs %v", i, got)
		}
	}
	for i, id := range live {
		if got := l.brought(id); len(got) != 1 {
			t.Fatalf("live event %d was brought by the jobs %v", i, got)
		}
	}
}

func TestAReplayHasJobsOfItsOwnForTheSameEvent(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	l := newLedger(t)
	subscribeOrdered(t, d, l.URL)
	ids := publishGroups(t, d, 1, 10, 2)
	eventually(t, "they have arrived", func() bool { return l.count("live") == 10 })
	backwards := slices.Clone(ids) // the list's order is not the events'
	slices.Reverse(backwards)
	var replays []string
	for range 2 {
		r, err := d.Client.Replays.Create(t.Context(), client.NewReplay{EventIDs: backwards})
		if err != nil {
			t.Fatalf("start the replay: %v", err)
		}
		replays = append(replays, r.ID)
	}
	for _, id := range replays {
		eventually(t, "the replay is over", func() bool { return replayOf(t, d, id).Status == client.WorkCompleted })
		if n := l.count(id); n != 10 {
			t.Errorf("%d of 10 arrived", n)
		}
	}
	for _, id := range ids {
		if jobs := l.brought(id); len(jobs) != 3 {
			t.Errorf("event %s was brought by %v, want three jobs", id, jobs)
		}
	}
}

func TestACancelledReplayEndsWhatIsOpen(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	l := newLedger(t)
	unheard(t, d, 2000, 10)
	subscribeOrdered(t, d, l.URL)
	r, err := d.Client.Replays.Create(t.Context(), client.NewReplay{Type: "shop:*:*:*", Rate: unlimited()})
	if err != nil {
		t.Fatalf("start the replay: %v", err)
	}
	eventually(t, "some has arrived", func() bool { return l.count(r.ID) > 50 })
	if _, err := d.Client.Replays.Cancel(t.Context(), r.ID); err != nil {
		t.Fatalf("cancel: %v", err)
	}
	eventually(t, "nothing of it is open", func() bool { return replayOf(t, d, r.ID).Progress.Open == 0 })
	got := replayOf(t, d, r.ID)
	if got.Status != client.WorkCancelled || got.Progress.Cancelled == 0 || got.Progress.Created == 2000 {
		t.Errorf("it is %s at %+v", got.Status, got.Progress)
	}
	arrived := l.count(r.ID)
	if int64(arrived) < got.Progress.Completed {
		t.Errorf("%d completed, and %d arrived", got.Progress.Completed, arrived)
	}
	for j, err := range d.Client.Jobs.List(t.Context(), client.JobFilter{ReplayID: r.ID, Status: []string{client.JobCancelled}}) {
		if err != nil {
			t.Fatal(err)
		}
		if j.Reason != "REPLAY_CANCELLED" {
			t.Fatalf("job %s is %s for %s", j.ID, j.Status, j.Reason)
		}
	}
	// Live traffic of the same groups was never in its way.
	publishGroups(t, d, 2001, 100, 10)
	eventually(t, "live traffic arrives", func() bool { return l.count("live") == 100 })
	if n := l.count(r.ID); n != arrived {
		t.Errorf("%d more arrived after the end", n-arrived)
	}
}

func TestAReplayElsewhereGoesThereAlone(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	here, there := newLedger(t), newLedger(t)
	unheard(t, d, 500, 5)
	subscribeOrdered(t, d, here.URL)
	r, err := d.Client.Replays.Create(t.Context(), client.NewReplay{All: true, Target: there.URL, Ordered: true, Rate: unlimited()})
	if err != nil {
		t.Fatalf("start the replay: %v", err)
	}
	eventually(t, "it is over", func() bool { return replayOf(t, d, r.ID).Status == client.WorkCompleted })
	if n := there.count(r.ID); n != 500 {
		t.Errorf("%d of 500 arrived there", n)
	}
	if n := here.count(r.ID) + here.count("live"); n != 0 {
		t.Errorf("%d arrived at the subscription", n)
	}
}

func TestAReplayKeepsToItsRate(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	l := newLedger(t)
	unheard(t, d, 1000, 1000)
	subscribeOrdered(t, d, l.URL)
	rate := 10.0
	began := time.Now()
	r, err := d.Client.Replays.Create(t.Context(), client.NewReplay{All: true, Rate: &rate})
	if err != nil {
		t.Fatalf("start the replay: %v", err)
	}
	eventually(t, "twenty have arrived", func() bool { return l.count(r.ID) >= 20 })
	took := time.Since(began)
	if took < 1500*time.Millisecond {
		t.Errorf("20 at 10/s took %s", took)
	}
	// With its limit the rest would take 98 seconds.
	if err := d.Client.Replays.SetRate(t.Context(), r.ID, 0); err != nil {
		t.Fatalf("set the rate: %v", err)
	}
	eventually(t, "it is over", func() bool { return replayOf(t, d, r.ID).Status == client.WorkCompleted })
	if rest := time.Since(began) - took; rest > time.Minute {
		t.Errorf("the rest took %s", rest)
	}
}

func TestATaskSendsAllDeadLettersAgain(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	var mended sync.Map
	r := newReceiver(t, func(w http.ResponseWriter, q *http.Request) {
		if _, ok := mended.Load(true); !ok {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	})
	subscribe(t, d, r.URL)
	publishGroups(t, d, 1, 500, 500)
	letters := func() int {
		n := 0
		for _, err := range d.Client.DeadLetters.List(t.Context(), client.LetterFilter{PageSize: 200}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	for range 500 {
		r.await(t)
	}
	eventually(t, "all are dead letters", func() bool { return letters() == 500 })
	mended.Store(true, true)
	task, err := d.Client.DeadLetters.RetryAll(t.Context(), client.LetterFilter{All: true})
	if err != nil {
		t.Fatalf("retry: %v", err)
	}
	d.Restart() // perhaps in the middle of it
	eventually(t, "the task is over", func() bool {
		got, err := d.Client.DeadLetters.Task(t.Context(), task.ID)
		return err == nil && got.Status == client.WorkCompleted && got.Done == 500
	})
	for range 500 {
		r.await(t)
	}
	eventually(t, "none is left", func() bool { return letters() == 0 })
}

package daemon_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
)

// cutShort is how much sooner than its timeout of a second an exchange may be
// seen to end: clocks of two sides, and the deadline before the lease's.
const cutShort = 100 * time.Millisecond

// leftoverBound is how long what is of no more use may lie about. A message
// that was published twice, before and after a crash, waits for the end of the
// lease that its twin made: a timeout and flow.LeaseSlack.
const leftoverBound = 25 * time.Second

// effective is within how long a change takes effect.
const effective = time.Second

// account compares what was promised with what happened.
func (w *pipeline) account() {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	jobs := map[string]client.Job{}
	for _, j := range w.jobs() {
		jobs[j.ID] = j
	}
	w.accountJobs(jobs)
	w.accountIdentity(jobs)
	w.accountAttempts(jobs)
	w.accountRepetitions(jobs)
	w.accountOrder(jobs)
	w.accountHolds()
	w.accountConcurrency()
	w.accountLeftovers(jobs)
	w.sum.add(w, jobs)
	if w.t.Failed() {
		w.t.Logf("what arrived:%s", w.history())
	}
}

// accountJobs: every event has exactly one job for every subscription that
// matches it, and each has ended for a reason.
func (w *pipeline) accountJobs(jobs map[string]client.Job) {
	have := map[pair]client.Job{}
	for _, j := range jobs {
		p := pair{j.EventID, j.SubscriptionID, j.ReplayID}
		if was, twice := have[p]; twice {
			w.t.Errorf("event %s has jobs %s and %s for one subscription", j.EventID, was.ID, j.ID)
		}
		have[p] = j
	}
	for n, e := range w.events {
		for id, l := range w.subs {
			p := pair{e.id, id, ""}
			j, ok := have[p]
			delete(have, p)
			if ok != l.matches(e.kind) {
				w.t.Errorf("event n%d (%s): a job for %s: %v, want %v", n, e.kind, l.path, ok, !ok)
			}
			if ok {
				w.accountEnd(n, l, j)
			}
		}
	}
	w.accountReplays(have)
	for p, j := range have {
		w.t.Errorf("job %s is of event %s, which nobody published", j.ID, p.event)
	}
}

// pair is what a job is for.
type pair struct{ event, subscription, replay string }

// accountEnd: a job has ended, and for a reason.
func (w *pipeline) accountEnd(n int, l line, j client.Job) {
	what := fmt.Sprintf("job %s of n%d on %s (replay %q)", j.ID, n, l.path, j.ReplayID)
	switch j.Status {
	case client.JobCompleted:
		if !slices.ContainsFunc(w.r.exchanges, func(x *exchange) bool { return x.job == j.ID && x.taken() }) {
			w.t.Errorf("%s is COMPLETED, and the receiver never took it", what)
		}
	case client.JobFailed, client.JobExpired:
		if j.Reason == "" || j.LastError == "" || j.AttemptCount == 0 {
			w.t.Errorf("%s is %s without saying why: reason %q, error %q, %d attempts", what, j.Status, j.Reason, j.LastError, j.AttemptCount)
		}
	case client.JobCancelled:
		if w.acted[j.ID] == "" && !w.emptied[j.OrderKey] {
			w.t.Errorf("%s is CANCELLED (%s), and nobody asked for it", what, j.Reason)
		}
	default:
		w.t.Errorf("%s is %s", what, j.Status)
	}
}

// accountIdentity: what arrives names its job, its event and its subscription
// as the API does.
func (w *pipeline) accountIdentity(jobs map[string]client.Job) {
	for _, x := range w.r.exchanges {
		j, ok := jobs[x.job]
		if !ok || j.EventID != x.event || j.SubscriptionID != x.subscription || j.ReplayID != x.replay || w.subs[x.subscription].path != x.path || w.events[x.number].id != x.event {
			w.t.Errorf("%s got n%d of job %q, event %q, subscription %q, replay %q, which do not belong together", x.path, x.number, x.job, x.event, x.subscription, x.replay)
		}
	}
}

// accountAttempts: numbers begin at 1 and grow by one, those that arrive do
// not repeat, and the list of attempts has them all, as far as it reaches.
func (w *pipeline) accountAttempts(jobs map[string]client.Job) {
	last := map[string]int{}
	for _, x := range w.r.exchanges {
		if x.attempt <= last[x.job] {
			w.t.Errorf("job %s (n%d, %s): attempt %d arrived after attempt %d", x.job, x.number, x.path, x.attempt, last[x.job])
		}
		last[x.job] = x.attempt
	}
	for id, j := range jobs {
		if j.AttemptCount < last[id] {
			w.t.Errorf("job %s has %d attempts, and attempt %d arrived", id, j.AttemptCount, last[id])
		}
		attempts, err := w.d.Client.Jobs.Attempts(w.t.Context(), id)
		w.must(err, "list the attempts of "+id)
		want := min(j.AttemptCount, 23)
		if len(attempts) != want {
			w.t.Errorf("job %s (%s) has %d attempts and a record of %d, want %d", id, j.Status, j.AttemptCount, len(attempts), want)
			continue
		}
		for i, a := range attempts {
			number := i + 1
			if i >= 3 {
				number = j.AttemptCount - (len(attempts) - 1 - i)
			}
			if a.AttemptNumber != number {
				w.t.Errorf("job %s: attempt %d of its record has number %d, want %d", id, i+1, a.AttemptNumber, number)
			}
			if a.Success != (a.ResponseCode/100 == 2 && a.ErrorMessage == "") || !a.Success && a.ErrorMessage == "" {
				w.t.Errorf("job %s, attempt %d: success %v, status %d, error %q", id, number, a.Success, a.ResponseCode, a.ErrorMessage)
			}
		}
	}
}

// accountRepetitions: nothing comes again that was taken, unless a router
// stopped on the way.
func (w *pipeline) accountRepetitions(jobs map[string]client.Job) {
	last := map[string]*exchange{}
	for _, x := range w.r.exchanges {
		was := last[x.job]
		last[x.job] = x
		if was != nil && was.taken() && !w.restarted(was.arrived, x.arrived) {
			w.t.Errorf("job %s (n%d) came to %s again, as attempt %d, after it had been taken as attempt %d", x.job, x.number, x.path, x.attempt, was.attempt)
		}
	}
}

// restarted says whether a router stopped or started within a stretch of time.
func (w *pipeline) restarted(from, to time.Time) bool {
	for _, s := range w.r.restarts {
		if s.from.Before(to) && s.to.After(from) {
			return true
		}
	}
	return false
}

// accountOrder: within an order key, deliveries come in the order in which the
// events were accepted and never two at once.
func (w *pipeline) accountOrder(jobs map[string]client.Job) {
	last := map[string]*exchange{}
	highest := map[string]int{} // of those that are not late
	for _, x := range w.r.exchanges {
		l := w.subs[x.subscription]
		group := w.events[x.number].group
		if l.mode == resource.ModeImmediate || group == "" {
			continue
		}
		key := x.path + " " + group + " " + x.replay
		// Who retries a dead letter after its successors went on gets it late.
		at := w.retry[x.job]
		byHand := !at.IsZero() && !x.arrived.Before(at) || x.attempt > 1 && !w.retriedAll.IsZero() && !x.arrived.Before(w.retriedAll)
		if late := l.mode == resource.ModeNextOnError && byHand; !late {
			if x.number < highest[key] {
				w.t.Errorf("%s: n%d came after n%d", key, x.number, highest[key])
			}
			highest[key] = x.number
		}
		was := last[key]
		last[key] = x
		if was == nil {
			continue
		}
		ended := was.ended
		if ended.IsZero() {
			ended = was.arrived.Add(time.Second - cutShort) // the timeout
		}
		if x.arrived.Before(ended) && !w.restarted(was.arrived, x.arrived) {
			w.t.Errorf("%s: n%d (attempt %d) came while n%d (attempt %d, %s) was going on", key, x.number, x.attempt, was.number, was.attempt, was.fault)
		}
		if l.mode == resource.ModeBlockOnError && x.number != was.number && !was.taken() && w.acted[was.job] == "" && !w.emptied[jobs[was.job].OrderKey] && !w.replayCancelled(was.replay) && !w.restarted(was.arrived, x.arrived) {
			w.t.Errorf("%s: n%d came although n%d had not been taken: %s is %s", key, x.number, was.number, was.job, jobs[was.job].Status)
		}
	}
}

// accountHolds: a second after a pause nothing begins any more.
func (w *pipeline) accountHolds() {
	for _, x := range w.r.exchanges {
		for _, h := range w.held[x.path] {
			if x.arrived.After(h.from.Add(effective)) && x.arrived.Before(h.to) {
				w.t.Errorf("%s got n%d %s after it had been paused", x.path, x.number, x.arrived.Sub(h.from))
			}
		}
	}
}

// accountConcurrency: no more exchanges are going on than the pool allows, or
// allowed when the oldest of them may have begun.
func (w *pipeline) accountConcurrency() {
	var going []*exchange
	for _, x := range w.r.exchanges {
		still := going[:0]
		for _, o := range going {
			end := o.ended
			if end.IsZero() {
				end = o.arrived.Add(time.Second - cutShort)
			}
			if end.After(x.arrived) && !w.restarted(o.arrived, x.arrived) {
				still = append(still, o)
			}
		}
		going = append(still, x)
		allowed := 0
		for i, l := range w.limits {
			if i == len(w.limits)-1 || w.limits[i+1].from.After(x.arrived.Add(-effective-time.Second)) {
				allowed = max(allowed, l.n)
			}
		}
		if len(going) > allowed {
			w.t.Errorf("%d exchanges at once when n%d came to %s, and the pool allows %d", len(going), x.number, x.path, allowed)
		}
	}
}

// accountLeftovers: nothing is in hand, in the queue or blocked any more, and
// what is counted is what is there.
func (w *pipeline) accountLeftovers(jobs map[string]client.Job) {
	letters := 0
	for _, j := range jobs {
		if j.Status == client.JobFailed || j.Status == client.JobExpired {
			letters++
		}
	}
	want := map[string]float64{
		"fc_store_unfanned_positions": 0, "fc_store_open_jobs": 0, "fc_store_blocked_keys": 0, "fc_store_dead_letters": float64(letters),
		"fc_queue_pending_messages": 0, "fc_queue_in_flight_messages": 0, "fc_queue_dead_letters": 0,
	}
	deadline := time.Now().Add(leftoverBound)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		wrong := ""
		for name, n := range want {
			if got := w.metric(name); got != n {
				wrong += fmt.Sprintf(" %s is %v, want %v;", name, got, n)
			}
		}
		if wrong == "" {
			return
		}
		if time.Now().After(deadline) {
			w.t.Errorf("%s after the last job ended:%s\n%s", leftoverBound, wrong, w.metrics())
			return
		}
		<-tick.C
	}
}

func (w *pipeline) replayCancelled(id string) bool {
	return slices.ContainsFunc(w.replays, func(r *replayed) bool { return r.id == id && r.cancelled })
}

// history is what arrived, for people.
func (w *pipeline) history() string {
	s := ""
	for i, x := range w.r.exchanges {
		if i == 400 {
			return s + "\n  …"
		}
		ended := "nobody waited"
		if !x.ended.IsZero() {
			ended = x.ended.Sub(x.arrived).String()
		}
		s += fmt.Sprintf("\n  %8.1f ms %s n%d group %q %s attempt %d: %s, %s", float64(x.arrived.Sub(w.began).Microseconds())/1000,
			x.path, x.number, w.events[x.number].group, x.replay, x.attempt, x.fault, ended)
	}
	for _, r := range w.r.restarts {
		s += fmt.Sprintf("\n  restart from %s to %s", r.from.Sub(w.began), r.to.Sub(w.began))
	}
	return s
}

// A summary says what the runs of a test have met, so that nobody has to
// believe that they met anything.
type summary struct {
	runs, events, restarts, replays int
	faults                          map[fault]int
	ends                            map[string]int
}

func (s *summary) add(w *pipeline, jobs map[string]client.Job) {
	s.runs++
	s.events += len(w.events)
	s.restarts += len(w.r.restarts)
	s.replays += len(w.replays)
	for _, x := range w.r.exchanges {
		s.faults[x.fault]++
	}
	for _, j := range jobs {
		s.ends[j.Status+" "+j.Reason]++
	}
}

func (s *summary) String() string {
	return fmt.Sprintf("%d runs, %d events, %d restarts, %d replays, exchanges %v, ends %v", s.runs, s.events, s.restarts, s.replays, s.faults, s.ends)
}

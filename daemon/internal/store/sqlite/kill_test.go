package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// This test binary can be another process: these variables say in which role
// and on which file.
const (
	roleEnv = "FC_STORE_TEST_ROLE"
	pathEnv = "FC_STORE_TEST_PATH"

	roleOpen = "open" // opens the file and says what came of it
	roleWork = "work" // uses the file until it is killed
)

func TestMain(m *testing.M) {
	var err error
	switch role, path := os.Getenv(roleEnv), os.Getenv(pathEnv); role {
	case roleOpen:
		st, err := Open(path, Options{})
		if locked := new(LockedError); errors.As(err, &locked) {
			fmt.Println("locked:", locked)
			return
		}
		fmt.Println("opened:", err)
		if err == nil {
			_ = st.Close()
		}
		return
	case roleWork:
		err = work(path)
	default:
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func child(t testing.TB, role, path string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), roleEnv+"="+role, pathEnv+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// say tells the parent what the store has promised, a line for each fact.
func say(format string, args ...any) error {
	_, err := os.Stdout.WriteString(fmt.Sprintf(format, args...) + "\n")
	return err
}

// work appends, fans out, delivers, replays and declares as fast as it can, and
// says so after each answer: "event <dedup>", "done <job> <attempts>", "retry
// <job> <attempts>", "step <cursor> <created>", "version <n>".
func work(path string) error {
	st, err := Open(path, Options{})
	if err != nil {
		return err
	}
	ctx := context.Background()
	errs := make(chan error, 4)
	loop := func(do func() error) {
		go func() {
			for {
				if err := do(); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	for g := range 2 {
		n := 0
		loop(func() error {
			n++
			es := events(fmt.Sprintf("%d-%d-%d", os.Getpid(), g, n), fmt.Sprint("g", n%3), 1+n%7, 300)
			if _, err := st.Append(ctx, es, time.Now()); err != nil {
				return err
			}
			for _, e := range es {
				if err := say("event %s", e.DeduplicationID); err != nil {
					return err
				}
			}
			return nil
		})
	}
	loop(func() error {
		b, err := st.Unfanned(ctx, 50)
		if err != nil {
			return err
		}
		if len(b.Events) > 0 {
			if err := st.FanOut(ctx, b, jobsFor(b, "sub_A", flow.NextOnError), time.Now()); err != nil {
				return err
			}
		}
		return workLane(ctx, st, "sub_A")
	})
	loop(func() error {
		if err := workReplay(ctx, st); err != nil {
			return err
		}
		return workLane(ctx, st, flow.ReplayLane(killReplay, "sub_A"))
	})
	loop(func() error {
		v, err := st.Version(ctx)
		if err != nil {
			return err
		}
		next, err := st.Write(ctx, store.WriteSet{IfVersion: v, Put: []store.Document{
			{Kind: "k", ID: "1", Body: fmt.Appendf(nil, "%d", v+1)}, {Kind: "k", ID: "2", Body: fmt.Appendf(nil, "%d", v+1)},
		}}, time.Now())
		if err != nil {
			return err
		}
		return say("version %d", next)
	})
	return <-errs
}

const killReplay flow.ID = 77

// workReplay does the next step of a replay.
func workReplay(ctx context.Context, st *Store) error {
	p, err := st.Progress(ctx, killReplay)
	if err != nil {
		return err
	}
	page, err := st.Scan(ctx, store.Everything, store.ScanQuery{After: p.Cursor, Limit: 7})
	if err != nil || len(page.Events) == 0 {
		return err
	}
	jobs := jobsFor(store.Batch{Events: page.Events}, flow.ReplayLane(killReplay, "sub_A"), flow.BlockOnError)
	for i := range jobs {
		jobs[i].ReplayID, jobs[i].SubscriptionID = killReplay, "sub_A"
	}
	p, err = st.Advance(ctx, store.Advance{Work: killReplay, From: p.Cursor, To: page.Next, Examined: page.Examined, Jobs: jobs}, time.Now())
	if err != nil {
		return err
	}
	return say("step %d %d", p.Cursor, p.Created)
}

func workLane(ctx context.Context, st *Store, lane string) error {
	now := time.Now()
	o, err := st.Offer(ctx, lane, 20, now)
	if err != nil || len(o.Jobs) == 0 {
		return err
	}
	var tickets []store.Ticket
	var starts []store.Start
	for _, j := range o.Jobs {
		tickets = append(tickets, store.Ticket{Job: j.ID, Number: j.Ticket + 1})
		starts = append(starts, store.Start{Job: j.ID, Ticket: j.Ticket + 1, Owner: "r1", Slack: flow.LeaseSlack})
	}
	if err := st.MarkQueued(ctx, tickets, now); err != nil {
		return err
	}
	started, err := st.Start(ctx, starts, now)
	if err != nil {
		return err
	}
	var outs []store.Outcome
	for _, s := range started {
		if s.Result != store.StartOK {
			return fmt.Errorf("start of %s: result %d", s.Job.ID, s.Result)
		}
		v := flow.Delivered
		if s.Job.Attempts == 1 && rand.IntN(10) == 0 {
			v = flow.Deferred // without delay, so it goes again at once
		}
		outs = append(outs, outcome(s.Job, v))
	}
	recorded, err := st.Record(ctx, outs, now)
	if err != nil {
		return err
	}
	for _, r := range recorded {
		word := map[flow.Status]string{flow.Completed: "done", flow.Pending: "retry"}[r.Job.Status]
		if r.Err != nil || word == "" {
			return fmt.Errorf("record: %s, %w", r.Job.Status, r.Err)
		}
		if err := say("%s %s %d", word, r.Job.ID, r.Job.Attempts); err != nil {
			return err
		}
	}
	return nil
}

func TestAKilledProcessKeepsItsPromises(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	said := map[string]map[string]int64{}
	for round := range 4 {
		cmd := child(t, roleWork, path)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == 300+277*round {
				must(t, cmd.Process.Kill())
			}
			word, rest, _ := strings.Cut(lines.Text(), " ")
			var id string
			var num int64
			_, _ = fmt.Sscan(rest, &id, &num)
			if said[word] == nil {
				said[word] = map[string]int64{}
			}
			said[word][id] = num
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended before it was killed")
		}

		st, err := Open(path, Options{})
		must(t, err)
		wantConsistent(t, st)
		wantPromised(t, st, said)
		shut(t, st)
	}
	for _, word := range []string{"event", "done", "retry", "step", "version"} {
		if len(said[word]) == 0 {
			t.Errorf("nothing was said of %q: this test proves less than it claims", word)
		}
	}
}

func wantPromised(t *testing.T, st *Store, said map[string]map[string]int64) {
	t.Helper()
	lost := 0
	for dedup := range said["event"] {
		n, err := st.wc.q("SELECT count(*) FROM events WHERE dedup = ?").text("-/" + dedup).number()
		must(t, err)
		if n != 1 {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d events were acked and are lost", lost, len(said["event"]))
	}
	for _, word := range []string{"done", "retry"} {
		for text, attempts := range said[word] {
			id, err := flow.ParseID(text)
			must(t, err)
			j := job(t, st, id)
			if j.Attempts < int(attempts) || word == "done" && j.Status != flow.Completed {
				t.Errorf("job %s was said to be %s after %d attempts and is %s after %d", id, word, attempts, j.Status, j.Attempts)
			}
			kept, err := st.Attempts(t.Context(), store.Everything, id)
			must(t, err)
			if len(kept) != j.Attempts {
				t.Errorf("job %s has %d attempts and %d rows", id, j.Attempts, len(kept))
			}
		}
	}
	p, err := st.Progress(t.Context(), killReplay)
	must(t, err)
	for text, created := range said["step"] {
		var cursor int64
		_, _ = fmt.Sscan(text, &cursor)
		if cursor > p.Cursor || created > p.Created {
			t.Errorf("the replay was said to be at %d with %d jobs, and is at %d with %d", cursor, created, p.Cursor, p.Created)
		}
	}
	docs, version, err := st.Documents(t.Context(), "k")
	must(t, err)
	for text := range said["version"] {
		var n int64
		_, _ = fmt.Sscan(text, &n)
		if n > version {
			t.Errorf("version %d was answered, and it is %d", n, version)
		}
	}
	for _, d := range docs {
		if string(d.Body) != fmt.Sprint(version) {
			t.Errorf("document %s is of version %s, the store's is %d", d.ID, d.Body, version)
		}
	}
}

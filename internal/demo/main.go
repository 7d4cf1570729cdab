package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
)

// secret is the quickstart's, which is public.
const secret = "whsec_Zm9yLXlvdXItb3duLW1hY2hpbmUtb25seQ=="

func main() {
	bin := flag.String("bin", "bin", "where fcd and fcctl are")
	quickstart := flag.String("quickstart", filepath.Join("examples", "quickstart"), "the manifest and its events")
	timeout := flag.Duration("timeout", time.Minute, "give up after this long")
	flag.Parse()
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(interrupted, *timeout)
	defer cancel()
	if err := run(ctx, *bin, *quickstart); err != nil {
		fmt.Fprintf(os.Stderr, "\nThe demo failed:\n  %v\n", err)
		os.Exit(1)
	}
}

// script prints the demo's steps.
type script struct {
	mu    sync.Mutex
	n     int
	began time.Time
}

func (s *script) step(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	fmt.Printf("\n%d. %s\n", s.n, fmt.Sprintf(format, args...))
}

func (s *script) show(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		fmt.Println(strings.TrimRight("   "+line, " "))
	}
}

// event prints a line with the time since the publish.
func (s *script) event(format string, args ...any) {
	s.mu.Lock()
	since := time.Since(s.began)
	s.mu.Unlock()
	s.show(fmt.Sprintf("%6d ms  ", since.Milliseconds()) + fmt.Sprintf(format, args...))
}

func run(ctx context.Context, bin, quickstart string) (err error) {
	files, err := filepath.Glob(filepath.Join(quickstart, "events", "*.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("there are no events in %s; run this in the repository", quickstart)
	}
	st, err := newStage(bin)
	if err != nil {
		return err
	}
	s := &script{}
	fmt.Println("FlowCatalyst: publish an event, receive the webhook. All of this is real and on this machine.")
	defer func() {
		if serr := st.stop(); err == nil {
			err = serr
		}
		if err != nil {
			if tail := st.logTail(); tail != "" {
				err = fmt.Errorf("%w\n\nThe end of fcd's log (all of it is in %s):\n%s", err, st.dir, tail)
			}
			return
		}
		err = os.RemoveAll(st.dir)
	}()

	began := time.Now()
	cred, err := st.start(ctx)
	if err != nil {
		return err
	}
	s.step("fcd dev was ready after %d ms, at %s, on a fresh SQLite database.", time.Since(began).Milliseconds(), cred.URL)

	c, err := client.New(client.Options{URL: cred.URL, Token: cred.AccessToken, UserAgent: "demo"})
	if err != nil {
		return err
	}
	codes := &codes{c: c}
	t := newTally(expected)
	r, err := receive(secret, t, codes.of, s.event)
	if err != nil {
		return err
	}
	defer r.server.Close()
	s.step("A receiver listens at %s and checks every signature.", r.url)

	s.step("$ fcctl apply -f %s -var hooks=%s -auto-approve", quickstart, r.url)
	out, err := st.fcctl(ctx, "apply", "-f", quickstart, "-var", "hooks="+r.url, "-auto-approve", "-o", "table")
	if err != nil {
		return err
	}
	s.show(applied(out))

	s.step("$ fcctl events publish %s", filepath.Join(quickstart, "events", "*.json"))
	s.show("Eight events. The newsletter matches no subscription, one order is big enough for the\nfilter, the parcels are in groups, and parcel 7 meets a receiver that fails twice first.\n")
	s.began = time.Now()
	if _, err := st.fcctl(ctx, append([]string{"events", "publish"}, files...)...); err != nil {
		return err
	}
	select {
	case <-t.complete:
	case err := <-st.ended:
		st.ended <- err
		return fmt.Errorf("fcd ended in the middle: %v", err)
	case <-ctx.Done():
		return fmt.Errorf("time is up:\n  %w", t.verdict())
	}

	jobs, err := settled(ctx, c)
	if err != nil {
		return err
	}
	s.step("$ fcctl jobs list")
	if out, err = st.fcctl(ctx, "jobs", "list"); err != nil {
		return err
	}
	s.show(out)
	if err := t.verdict(); err != nil {
		return err
	}
	if len(jobs) != len(expected) {
		return fmt.Errorf("there are %d jobs and should be %d", len(jobs), len(expected))
	}
	fmt.Printf("\nAll %d deliveries came, each group in order, every signature verified. Stopping fcd.\n", len(expected))
	fmt.Println("Next: examples/quickstart/README.md does the same by hand.")
	return nil
}

// applied is the part of apply's output that says what was done.
func applied(out string) string {
	if i := strings.LastIndex(out, "Plan for"); i >= 0 {
		if _, rest, ok := strings.Cut(out[i:], "\n"); ok {
			return rest
		}
	}
	return out
}

// settled waits until every job has ended, as the store sees it: the last
// answer reaches the receiver before it reaches the table.
func settled(ctx context.Context, c *client.Client) ([]client.Job, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var jobs []client.Job
		open := 0
		for j, err := range c.Jobs.List(ctx, client.JobFilter{}) {
			if err != nil {
				return nil, err
			}
			jobs = append(jobs, j)
			if !j.IsTerminal {
				open++
			}
		}
		if open == 0 {
			return jobs, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("time is up, and %d jobs are still open", open)
		case <-tick.C:
		}
	}
}

// codes names subscriptions by their ids.
type codes struct {
	c     *client.Client
	mu    sync.Mutex
	known map[string]string
}

func (cs *codes) of(id string) string {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.known[id] == "" {
		cs.known = map[string]string{}
		for r, err := range cs.c.Resources(resource.KindSubscription).List(context.Background(), client.ResourceFilter{}) {
			if err != nil {
				return id
			}
			cs.known[r.Base().ID] = r.Key()
		}
	}
	return cs.known[id]
}

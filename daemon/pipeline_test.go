package daemon_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestPipelineKeepsItsPromises drives a whole daemon with everything that
// operators and receivers do to it, at random, and then looks whether what
// DESIGN §4 promises is true: see account. Nothing polls meanwhile, so that a
// wake-up that gets lost is a job that never ends.
//
// It is a few runs by default; FC_TEST_PIPELINE=10m goes on for ten minutes
// (make test-long). A failure prints its seed and the steps, which rapid has
// made as few as it could; -rapid.seed repeats the steps, though not the way
// in which goroutines meet.
func TestPipelineKeepsItsPromises(t *testing.T) {
	t.Parallel()
	long := time.Duration(0)
	if v := os.Getenv("FC_TEST_PIPELINE"); v != "" {
		var err error
		if long, err = time.ParseDuration(v); err != nil {
			t.Fatalf("FC_TEST_PIPELINE is %q, not a duration such as 10m", v)
		}
	}
	few(t)
	sum := &summary{faults: map[fault]int{}, ends: map[string]int{}}
	defer func() { t.Log(sum) }()
	until := time.Now().Add(long)
	for round := 0; round == 0 || time.Now().Before(until); round++ {
		rapid.Check(t, func(rt *rapid.T) {
			p := plans().Draw(rt, "plan")
			newPipeline(t, rt, p, sum).run()
		})
	}
}

// few makes rapid try few cases, unless its flags say how many.
func few(t *testing.T) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if given {
		return
	}
	checks := "3"
	if testing.Short() {
		checks = "5" // of which rapid makes one
	}
	if err := flag.Set("rapid.checks", checks); err != nil {
		t.Fatal(err)
	}
	// It is not set back: with -count, others of this test may be under way.
}

// A plan is one run: how receivers behave, and what is done to the daemon.
type plan struct {
	concurrency int
	scripts     map[string][]fault
	steps       []step
}

// A step is one act. What n means depends on the act: how many, which, or for
// how long.
type step struct {
	act   act
	n     int
	pause time.Duration // afterwards
}

func (s step) String() string { return fmt.Sprintf("%s(%d)+%s", s.act, s.n, s.pause) }

func (p plan) GoString() string {
	return fmt.Sprintf("concurrency %d, scripts %q, steps %v", p.concurrency, p.scripts, p.steps)
}

type act string

// The acts. Names are what a failure prints.
const (
	publishOne         act = "publish"
	publishBatch       act = "publish a batch"
	changeConcurrency  act = "change the pool's concurrency"
	changeRate         act = "change the pool's rate limit"
	suspendPool        act = "suspend the pool"
	activatePool       act = "activate the pool"
	pauseSubscription  act = "pause a subscription"
	resumeSubscription act = "resume a subscription"
	pauseConnection    act = "pause a connection"
	resumeConnection   act = "resume a connection"
	retryJob           act = "retry a dead letter"
	skipJob            act = "skip a blocked head"
	cancelJob          act = "cancel a job"
	restartRouter      act = "restart the router"
	restartDaemon      act = "restart the daemon"
	letItRun           act = "let it run"
	startReplay        act = "replay everything so far"
	pauseReplay        act = "pause a replay"
	resumeReplay       act = "resume a replay"
	cancelReplay       act = "cancel a replay"
	discardJob         act = "discard a dead letter"
	retryAll           act = "retry all dead letters"
	cancelWaiting      act = "cancel all that wait in a group"
)

// usual is how often each act comes, as copies in a bag.
var usual = map[act]int{
	publishOne: 8, publishBatch: 6, letItRun: 8, changeConcurrency: 2, changeRate: 2, suspendPool: 1, activatePool: 3,
	pauseSubscription: 2, resumeSubscription: 5, pauseConnection: 2, resumeConnection: 4,
	retryJob: 4, skipJob: 3, cancelJob: 3, restartRouter: 2, restartDaemon: 1,
	startReplay: 2, pauseReplay: 1, resumeReplay: 1, cancelReplay: 1, discardJob: 1, retryAll: 1, cancelWaiting: 1,
}

// acts is the bag, simplest first, since rapid shrinks towards the beginning.
var acts = func() (bag []act) {
	for _, a := range []act{
		publishOne, publishBatch, letItRun, changeConcurrency, changeRate, retryJob, cancelJob, skipJob,
		startReplay, retryAll, discardJob, cancelWaiting, cancelReplay, resumeReplay, pauseReplay,
		resumeSubscription, pauseSubscription, resumeConnection, pauseConnection, activatePool, suspendPool, restartRouter, restartDaemon,
	} {
		for range usual[a] {
			bag = append(bag, a)
		}
	}
	return bag
}()

// behaviours is the bag of what receivers do.
var behaviours = []fault{
	takes, takes, takes, takes, takes, takes, takes, takes, takes, takes, takes, takes, takes, takes,
	dawdles, dawdles, dawdles, throttles, absent, fails, away, resets, refuses, defers, holds, hangs, gone,
}

func plans() *rapid.Generator[plan] {
	script := rapid.SliceOfN(rapid.SampledFrom(behaviours), 1, 60)
	one := rapid.Custom(func(t *rapid.T) step {
		return step{
			act:   rapid.SampledFrom(acts).Draw(t, "act"),
			n:     rapid.IntRange(0, 99).Draw(t, "n"),
			pause: time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 3, 10, 30}).Draw(t, "pause")) * time.Millisecond,
		}
	})
	return rapid.Custom(func(t *rapid.T) plan {
		p := plan{concurrency: rapid.IntRange(1, 8).Draw(t, "concurrency"), scripts: map[string][]fault{}}
		for _, l := range lines {
			p.scripts[l.path] = script.Draw(t, "script of "+l.path)
		}
		n := rapid.SampledFrom([]int{10, 20, 40, 80}).Draw(t, "steps")
		p.steps = rapid.SliceOfN(one, n, n).Draw(t, "each step")
		return p
	})
}

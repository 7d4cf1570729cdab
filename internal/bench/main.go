package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "receiver" {
		if err := receive(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	os.Exit(code)
}

// options are the flags.
type options struct {
	fcd         string
	fcctl       string
	dir         string
	scenarios   string
	runs        int
	events      int
	raw         int
	concurrency int
	patience    time.Duration
	down        time.Duration
	json        bool
	check       bool
	pprof       string
	store       string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.fcd, "fcd", filepath.Join("bin", "fcd"), "the fcd `binary` to measure; empty draws the raw line only")
	fs.StringVar(&o.fcctl, "fcctl", filepath.Join("bin", "fcctl"), "the fcctl `binary` whose screen is measured")
	fs.StringVar(&o.dir, "dir", ".bench", "make data directories in this `directory`, which should be on a real disk")
	fs.StringVar(&o.scenarios, "scenario", "", "comma-separated `names`; empty runs all that publish, "+allTrials+" runs all that try the delivery engine")
	fs.IntVar(&o.runs, "runs", 3, "run each scenario this often and take medians; trials run once, but for what aged and screen compare in pairs")
	fs.IntVar(&o.events, "n", 0, "events to publish per scenario; 0 is each scenario's own number")
	fs.IntVar(&o.raw, "raw", 40000, "POSTs of a raw line")
	fs.IntVar(&o.concurrency, "concurrency", 256, "concurrency of the dispatch pool and of each connection")
	fs.DurationVar(&o.patience, "patience", 20*time.Second, "call deliveries lost when none has arrived for this long")
	fs.DurationVar(&o.down, "down", time.Minute, "how long the endpoint of the outage is down")
	fs.BoolVar(&o.json, "json", false, "print JSON")
	fs.BoolVar(&o.check, "check", false, "fail when a target is missed")
	fs.StringVar(&o.store, "store", "", "keep the filled store of the reads in this `directory`, and use it again; empty fills a new one and removes it")
	fs.StringVar(&o.pprof, "pprof", "", "write a CPU profile of fcd per scenario into this `directory`")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.runs < 1:
		err = errors.New("-runs must be at least 1")
	case o.events < 0:
		err = errors.New("-n must not be negative")
	case o.raw < 1:
		err = errors.New("-raw must be at least 1")
	case o.concurrency < 1:
		err = errors.New("-concurrency must be at least 1")
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v. Try: bench -help\n", err)
	}
	return o, err
}

// run is the bench as a function: it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	rp, err := measure(ctx, o, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	if o.json {
		err = rp.machine(stdout)
	} else {
		err = rp.text(stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	if len(rp.Failures) > 0 || o.check && len(rp.Missed) > 0 {
		return 1
	}
	return 0
}

// measure runs the chosen scenarios, each right after a raw line, in turn and
// as often as asked. Talk goes to stderr.
func measure(ctx context.Context, o options, stderr io.Writer) (*report, error) {
	chosen, tried, err := choose(o.scenarios)
	if err != nil {
		return nil, err
	}
	if o.fcd == "" {
		chosen, tried = nil, nil
	}
	for _, dir := range []string{o.dir, o.pprof} {
		if dir != "" {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return nil, err
			}
		}
	}
	defer os.Remove(o.dir) // it goes if it is empty
	fsync, err := timeFsync(o.dir)
	if err != nil {
		return nil, err
	}
	to, err := startReceiver(ctx)
	if err != nil {
		return nil, err
	}
	defer to.stop()

	rp := &report{System: thisSystem(fsync), Failures: []string{}, Missed: []string{}}
	st := &stage{target: to, binary: o.fcd, dir: o.dir, concurrency: o.concurrency, patience: o.patience, pprof: o.pprof}
	results := map[string][]result{}
	draw := func() (float64, error) {
		raw, err := rawLine(ctx, to, o.raw)
		rp.RawLines = append(rp.RawLines, raw)
		return raw, err
	}
	for n := range o.runs {
		if len(chosen)+len(tried) == 0 {
			raw, err := draw()
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(stderr, "run %d of %d: raw line %.0f/s\n", n+1, o.runs, raw)
		}
		for _, sc := range chosen {
			if o.events > 0 {
				sc.events = o.events
			}
			raw, err := draw()
			if err != nil {
				return nil, err
			}
			r, err := st.run(ctx, sc)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sc.name, err)
			}
			r.Raw, r.Ratio = raw, r.PerSecond/raw
			results[sc.name] = append(results[sc.name], r)
			fmt.Fprintf(stderr, "run %d of %d, %s: %.0f deliveries/s, raw line %.0f/s, %.1f %%\n", n+1, o.runs, sc.name, r.PerSecond, raw, 100*r.Ratio)
		}
	}
	for _, tr := range tried {
		fmt.Fprintf(stderr, "%s: %s\n", tr.name, tr.title)
		f := &findings{Name: tr.name, Title: tr.title}
		if err := tr.run(ctx, &court{stage: st, fcctl: o.fcctl, events: cmp.Or(o.events, tr.events), down: o.down, store: o.store, runs: o.runs, talk: stderr}, f); err != nil {
			return nil, fmt.Errorf("%s: %w", tr.name, err)
		}
		rp.judgeTrial(f)
	}
	rp.Raw = median(rp.RawLines)
	for _, sc := range chosen {
		s := summarize(sc, results[sc.name])
		rp.Scenarios = append(rp.Scenarios, s)
		rp.judge(sc, s)
	}
	return rp, nil
}

// timeFsync returns the median time of one 4 KiB append with fsync in dir, so
// that a report shows what kind of disk it was made on.
func timeFsync(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return 0, fmt.Errorf("time an fsync: %w", err)
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	page := make([]byte, 4<<10)
	var times []time.Duration
	for range 31 {
		began := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, fmt.Errorf("time an fsync: %w", err)
		}
		if err := f.Sync(); err != nil {
			return 0, fmt.Errorf("time an fsync: %w", err)
		}
		times = append(times, time.Since(began))
	}
	return median(times), nil
}

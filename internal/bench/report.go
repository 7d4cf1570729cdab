package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A report is everything one call of the bench found out.
type report struct {
	System    system      `json:"system"`
	Raw       float64     `json:"rawPerSecond"` // median of all raw lines
	RawLines  []float64   `json:"rawLines"`
	Scenarios []summary   `json:"scenarios"`
	Trials    []*findings `json:"trials,omitempty"`
	Failures  []string    `json:"failures"` // broken promises
	Missed    []string    `json:"missed"`   // targets that were not reached
}

// system says where the figures come from.
type system struct {
	OS    string        `json:"os"`
	Arch  string        `json:"arch"`
	CPUs  int           `json:"cpus"`
	Go    string        `json:"go"`
	Fsync time.Duration `json:"fsync"` // median of one 4 KiB append with fsync
}

func thisSystem(fsync time.Duration) system {
	return system{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0), Go: runtime.Version(), Fsync: fsync}
}

// A summary is a scenario with its runs and what they come to: medians of
// speeds and times, the largest memory, the sum of everything that must not
// be.
type summary struct {
	Name   string   `json:"name"`
	Title  string   `json:"title"`
	Median result   `json:"median"`
	Runs   []result `json:"runs"`
}

func summarize(sc scenario, runs []result) summary {
	s := summary{Name: sc.name, Title: sc.title, Runs: runs}
	m := &s.Median
	m.PerSecond = medianOf(runs, func(r result) float64 { return r.PerSecond })
	m.Raw = medianOf(runs, func(r result) float64 { return r.Raw })
	m.Ratio = medianOf(runs, func(r result) float64 { return r.Ratio })
	m.Published = medianOf(runs, func(r result) float64 { return r.Published })
	m.P50 = medianOf(runs, func(r result) time.Duration { return r.P50 })
	m.P99 = medianOf(runs, func(r result) time.Duration { return r.P99 })
	m.Max = medianOf(runs, func(r result) time.Duration { return r.Max })
	m.CPU = medianOf(runs, func(r result) time.Duration { return r.CPU })
	m.Ready = medianOf(runs, func(r result) time.Duration { return r.Ready })
	for _, r := range runs {
		m.Expected += r.Expected
		m.Arrived += r.Arrived
		m.Losses += r.Losses
		m.Duplicates += r.Duplicates
		m.OrderViolations += r.OrderViolations
		m.Unsigned += r.Unsigned
		m.Strange += r.Strange
		m.PushedBack += r.PushedBack
		m.PeakMemory = max(m.PeakMemory, r.PeakMemory)
		m.Examples = append(m.Examples, r.Examples...)
	}
	return s
}

// medianOf returns the median of what of picks; of an even number of runs, the
// mean of the two in the middle.
func medianOf[T float64 | time.Duration](runs []result, of func(result) T) T {
	values := make([]T, len(runs))
	for i, r := range runs {
		values[i] = of(r)
	}
	return median(values)
}

func median[T float64 | time.Duration](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// judge writes down broken promises and missed targets.
func (rp *report) judge(sc scenario, s summary) {
	m := s.Median
	fail := func(n int, what string) {
		if n > 0 {
			rp.Failures = append(rp.Failures, fmt.Sprintf("%s: %d %s", sc.name, n, what))
		}
	}
	fail(m.Losses, "lost")
	fail(m.Duplicates, "duplicates")
	fail(m.Unsigned, "without a signature")
	fail(m.Strange, "deliveries that nobody announced")
	if sc.groups > 0 {
		fail(m.OrderViolations, "out of order")
	}
	if len(rp.Failures) > 0 {
		for _, e := range m.Examples {
			rp.Failures = append(rp.Failures, "  "+sc.name+": "+e)
		}
	}

	miss := func(missed bool, format string, args ...any) {
		if missed {
			rp.Missed = append(rp.Missed, sc.name+": "+fmt.Sprintf(format, args...))
		}
	}
	miss(m.Ratio < sc.ratio, "%.1f %% of the raw line, wanted %.0f %%", 100*m.Ratio, 100*sc.ratio)
	miss(sc.p50 > 0 && m.P50 > sc.p50, "p50 %s, wanted %s", millis(m.P50), millis(sc.p50))
	miss(sc.p99 > 0 && m.P99 > sc.p99, "p99 %s, wanted %s", millis(m.P99), millis(sc.p99))
	miss(m.PeakMemory > maxMemory, "fcd took %s, wanted %s", mebibytes(m.PeakMemory), mebibytes(maxMemory))
}

// text writes the report for people.
func (rp *report) text(w io.Writer) error {
	sy := rp.System
	fmt.Fprintf(w, "\n%s/%s, %d CPUs, %s, one fsync %s\n", sy.OS, sy.Arch, sy.CPUs, sy.Go, millis(sy.Fsync))
	if len(rp.RawLines) > 0 {
		fmt.Fprintf(w, "raw line: %.0f POSTs/s (%d clients, %d bytes, median of %d)\n\n", rp.Raw, rawClients, dataSize, len(rp.RawLines))
	}
	if len(rp.Scenarios) > 0 {
		tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(tw, "scenario\tdeliveries/s\tof raw\tp50\tp99\tout of order\tduplicates\tlost\tpushed back\tpeak memory\tCPU each\tready\t")
		for _, s := range rp.Scenarios {
			m := s.Median
			fmt.Fprintf(tw, "%s\t%.0f\t%.1f %%\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t\n", s.Name, m.PerSecond, 100*m.Ratio,
				millis(m.P50), millis(m.P99), m.OrderViolations, m.Duplicates, m.Losses, m.PushedBack,
				mebibytes(m.PeakMemory), m.CPU.Round(time.Microsecond), millis(m.Ready))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(w)
		for _, s := range rp.Scenarios {
			fmt.Fprintf(w, "%s: %s\n", s.Name, s.Title)
		}
		fmt.Fprintf(w, "\nMedians of %d runs; what must not be is summed. Times run from just before the\npublishing request to arrival.\n", len(rp.Scenarios[0].Runs))
	}
	for _, f := range rp.Trials {
		if err := f.text(w); err != nil {
			return err
		}
	}
	for _, f := range rp.Failures {
		fmt.Fprintln(w, "FAILED ", f)
	}
	for _, m := range rp.Missed {
		fmt.Fprintln(w, "missed ", m)
	}
	return nil
}

// machine writes the report for programs. Durations are nanoseconds.
func (rp *report) machine(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(rp)
}

func millis(d time.Duration) string {
	s := fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond))
	return strings.TrimSuffix(s, ".0") + " ms"
}

func mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

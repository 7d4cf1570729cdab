package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// play runs the bench as it is typed, with the fake fcd.
func play(t *testing.T, vice string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("BENCH_FAKE", vice)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // three processes a scenario end, each a second late otherwise
	var out, talk bytes.Buffer
	args = append([]string{"-fcd", self, "-dir", t.TempDir(), "-raw", "200", "-n", "130", "-runs", "1", "-patience", "500ms"}, args...)
	code = run(t.Context(), args, &out, &talk)
	return code, out.String(), talk.String()
}

func TestBenchAgainstAnHonestDaemon(t *testing.T) {
	code, stdout, stderr := play(t, "", "-json", "-runs", "2")
	if code != 0 {
		t.Fatalf("status %d\n%s%s", code, stdout, stderr)
	}
	var rp report
	if err := json.Unmarshal([]byte(stdout), &rp); err != nil {
		t.Fatal(err)
	}
	if len(rp.Scenarios) != len(scenarios) || len(rp.RawLines) != 2*len(scenarios) || rp.Raw <= 0 {
		t.Fatalf("%d scenarios, %d raw lines of %f", len(rp.Scenarios), len(rp.RawLines), rp.Raw)
	}
	for i, s := range rp.Scenarios {
		m, want := s.Median, 2*130*scenarios[i].subscriptions
		if m.Expected != want || m.Arrived != want {
			t.Errorf("%s: %d of %d deliveries, want %d", s.Name, m.Arrived, m.Expected, want)
		}
		if m.PerSecond <= 0 || m.Ratio <= 0 || m.P50 <= 0 || m.P99 < m.P50 || m.Ready <= 0 {
			t.Errorf("%s: a figure is missing: %+v", s.Name, m)
		}
		if runtime.GOOS == "linux" && m.PeakMemory < 1<<20 {
			t.Errorf("%s: peak memory %d", s.Name, m.PeakMemory)
		}
	}
	if paced := rp.Scenarios[3].Median; paced.Published > 220 {
		t.Errorf("paced: %.0f events/s, want about 200", paced.Published)
	}
}

func TestBenchFindsEachVice(t *testing.T) {
	for vice, c := range map[string]struct {
		scenario string
		code     int
		says     string
	}{
		"loses":         {"single", 1, "single: 3 lost"},
		"repeats":       {"fanout", 1, "fanout: 30 duplicates"},
		"does not sign": {"batch", 1, "batch: 3 without a signature"},
		"delays":        {"ordered", 1, "out of order"},
		"pushes back":   {"single", 0, ""},
		"dies":          {"single", 1, "the disk is on fire"},
	} {
		t.Run(vice, func(t *testing.T) {
			code, stdout, stderr := play(t, vice, "-scenario", c.scenario)
			if code != c.code || !strings.Contains(stdout+stderr, c.says) {
				t.Errorf("status %d, want %d and %q\n%s%s", code, c.code, c.says, stdout, stderr)
			}
		})
	}
}

func TestCheckFailsOnAMissedTarget(t *testing.T) {
	old := scenarios
	t.Cleanup(func() { scenarios = old })
	scenarios = []scenario{{name: "single", publishers: 1, batch: 1, subscriptions: 1, ratio: 1000}}
	if code, stdout, stderr := play(t, ""); code != 0 || !strings.Contains(stdout, "missed") {
		t.Errorf("without -check: status %d, want 0 and a word about it\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := play(t, "", "-check"); code != 1 {
		t.Errorf("with -check: status %d, want 1\n%s%s", code, stdout, stderr)
	}
}

func TestUsage(t *testing.T) {
	for args, says := range map[string]string{
		"-runs 0":          "-runs must be at least 1",
		"single":           `unexpected argument "single"`,
		"-scenario unreal": `no scenario is called "unreal". Try: single, batch, fanout, paced, ordered`,
		"-fcd /nowhere":    "no such file",
	} {
		var out, talk bytes.Buffer
		dir := filepath.Join(t.TempDir(), "data")
		typed := append([]string{"-dir", dir, "-raw", "1"}, strings.Fields(args)...)
		if code := run(t.Context(), typed, &out, &talk); code == 0 || !strings.Contains(talk.String(), says) {
			t.Errorf("%s: status %d, %q, want %q", args, code, talk.String(), says)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s: something is left in the data directory: %v", args, err)
		}
	}
}

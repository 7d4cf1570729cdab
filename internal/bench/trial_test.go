package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// The fake fcd keeps no limit, retries nothing and knows no breaker, which
// each trial has to find out.
func TestTrialsFindWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"ratelimit": {[]string{"-n", "300"}, "missed  ratelimit: limit of the connection: most in any second"},
		"soak":      {[]string{"-n", "1000"}, "FAILED  soak: "},
		"outage":    {[]string{"-n", "200", "-down", "10ms"}, "missed  outage: most exchanges in a minute while it was down: 200"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := play(t, "", append(c.args, "-check", "-scenario", name)...)
			if code != 1 || !strings.Contains(stdout, c.says) {
				t.Errorf("status %d, want 1 and %q\n%s%s", code, c.says, stdout, stderr)
			}
			if strings.Contains(stdout, "raw line") {
				t.Errorf("a raw line was drawn for nothing:\n%s", stdout)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	for names, want := range map[string][2]int{"": {len(scenarios), 0}, "batch, soak": {1, 1}, allTrials: {0, len(trials) - 5}, allTrials + ",single": {1, len(trials) - 5}, aged: {0, 1}, aged + "-reads": {0, 1}} {
		sc, tr, err := choose(names)
		if err != nil || len(sc) != want[0] || len(tr) != want[1] {
			t.Errorf("%q: %d scenarios and %d trials (%v), want %v", names, len(sc), len(tr), err, want)
		}
	}
}

func TestARefusedDeliveryHoldsItsGroup(t *testing.T) {
	const yes, no = false, true // refused
	for name, c := range map[string]struct {
		arrivals []delivery
		wrong    int
		refused  int
	}{
		"in order":                     {[]delivery{book(0, 0, yes), book(2, 0, yes)}, 0, 0},
		"refused, then taken":          {[]delivery{book(0, 0, no), book(0, 0, no), book(0, 0, yes), book(2, 0, yes)}, 0, 2},
		"another group goes on":        {[]delivery{book(0, 0, no), book(1, 1, yes), book(0, 0, yes)}, 0, 1},
		"the next goes past":           {[]delivery{book(0, 0, no), book(2, 0, yes)}, 1, 1},
		"the next is refused as well":  {[]delivery{book(0, 0, no), book(2, 0, no)}, 1, 2},
		"an earlier one comes refused": {[]delivery{book(2, 0, yes), book(0, 0, no)}, 1, 1},
	} {
		tl := newTally(expectation{Paths: 1, Events: 4, Groups: 2})
		for _, d := range c.arrivals {
			tl.add(d)
		}
		if v := tl.verdict(); v.OrderViolations != c.wrong || v.Refused != c.refused || v.Duplicates != 0 {
			t.Errorf("%s: %+v, want %d out of order and %d refused", name, v, c.wrong, c.refused)
		}
	}
}

func book(seq, group int, refused bool) delivery {
	return delivery{item: item{seq: seq, group: group}, ok: true, refused: refused, at: time.Unix(1000, 0)}
}

func TestASpreadEventIsForOnePath(t *testing.T) {
	tl := newTally(expectation{Paths: 3, Events: 7, Groups: 1, Spread: true, Mute: 1, Log: true})
	if got := tl.verdict().Expected; got != 5 {
		t.Fatalf("%d expected, want events 0, 1, 3, 4 and 6", got)
	}
	for _, d := range []delivery{{path: 0, item: item{seq: 0}}, {path: 1, item: item{seq: 1}}, {path: 2, item: item{seq: 2}}, {path: 1, item: item{seq: 3}}, {path: 0, item: item{seq: 0}}} {
		d.ok, d.at = true, time.Unix(1000, 0)
		tl.add(d)
	}
	v := tl.verdict()
	if v.Arrived != 2 || v.Strange != 1 || v.Duplicates != 1 || len(tl.arrivals()) != 5 {
		t.Errorf("%+v, %d in the log; want two arrived, one on a path not its own and one twice", v, len(tl.arrivals()))
	}
}

func TestTheReceiverBehavesAsItIsTold(t *testing.T) {
	rc := newReceiver()
	srv := httptest.NewServer(rc)
	t.Cleanup(srv.Close)
	to := &target{url: srv.URL}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	post := func(path int, header string) int {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, to.path(path), strings.NewReader(string(item{seq: path}.appendData(nil))))
		must(err)
		if header != "" {
			req.Header.Set(header, "rpl_1")
		}
		res, err := http.DefaultClient.Do(req)
		must(err)
		must(res.Body.Close())
		return res.StatusCode
	}
	want := expectation{Paths: 3, Events: 3, Groups: 1}
	must(to.expect(t.Context(), want))
	must(to.replays().expect(t.Context(), want))
	must(to.behave(t.Context(), behaviour{From: 1, To: 2, Status: 500}, behaviour{From: 2, To: 3, Hang: true}))
	if got := []int{post(0, ""), post(1, ""), post(0, "X-FlowCatalyst-Replay")}; !slices.Equal(got, []int{200, 500, 200}) {
		t.Errorf("answers %v, want 200, 500, 200", got)
	}
	let := make(chan int)
	go func() { let <- post(2, "") }()
	for v, err := to.verdict(t.Context()); v.Refused < 2; v, err = to.verdict(t.Context()) {
		must(err)
	}
	select {
	case status := <-let:
		t.Fatalf("a path that hangs answered %d", status)
	default:
	}
	must(to.behave(t.Context()))
	if status := <-let; status != http.StatusServiceUnavailable {
		t.Errorf("let go, it answered %d, want 503", status)
	}
	live, err := to.verdict(t.Context())
	must(err)
	replayed, err := to.replays().verdict(t.Context())
	must(err)
	if live.Arrived != 1 || live.Refused != 2 || replayed.Arrived != 1 || replayed.Refused != 0 {
		t.Errorf("live %+v, replayed %+v", live, replayed)
	}
}

func TestJudgeOutage(t *testing.T) {
	back := time.Unix(1000, 0)
	after := func(ms, seq int) arrival {
		return arrival{At: back.UnixNano() + at(ms)[0], Seq: seq}
	}
	down := func(before, seq int) arrival {
		a := after(-before, seq)
		a.Refused = true
		return a
	}
	good := []arrival{down(50000, 0), down(45000, 1), after(3000, 2), after(3010, 3), after(3020, 4), after(3900, 5), after(4500, 6), after(9000, 7)}
	var burst []arrival
	for i := range 30 {
		burst = append(burst, after(3021+i, 8+i))
	}
	for name, c := range map[string]struct {
		as     []arrival
		events int
		says   string // of the first that is wrong; empty is nothing
	}{
		"as wanted":       {good, 8, ""},
		"lost":            {good, 9, "1 not delivered"},
		"a burst":         {append(slices.Clone(good), burst...), 38, "exchanges in the first second after the breaker closed: 31"},
		"late":            {append(slices.Clone(good), after(121000, 8)), 9, "all delivered after its return: 121 s"},
		"all were spent":  {good[:2], 2, "without having been attempted"},
		"asked too often": {slices.Concat(slices.Repeat(good[:1], 21), good[1:]), 8, "in a minute while it was down: 22"},
	} {
		f := &findings{Name: "outage"}
		judgeOutage(f, c.as, back, c.events)
		wrong := append(slices.Clone(f.broken), f.missed...)
		if c.says == "" && len(wrong) > 0 || c.says != "" && (len(wrong) == 0 || !strings.Contains(wrong[0], c.says)) {
			t.Errorf("%s: %q, want %q", name, wrong, c.says)
		}
	}
}

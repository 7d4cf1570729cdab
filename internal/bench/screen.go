package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A view is a page of the screen that is measured.
type view struct {
	name string
	keys string // that open it from the first page
	// live returns what changes on the page as long as it follows events that
	// flow; empty is nothing there.
	live func(text string) string
}

var (
	ratesLine = regexp.MustCompile(`delivered +[1-9][0-9]*/s.*`)
	newestRow = regexp.MustCompile(regexp.QuoteMeta(eventType) + `.*\b([0-9A-HJKMNP-TV-Z]{13})\b`)
)

// views are the pages: the first one, which follows the router's figures, and
// that which has the most to show.
var views = []view{
	{name: "overview", live: ratesLine.FindString},
	{name: "events page", keys: "e", live: newest},
}

// newest is the id of the first event on the page.
func newest(text string) string {
	if m := newestRow.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// strokes are keys that every page knows. What closes the help or the line for
// commands has the whole page drawn again.
var strokes = []stroke{
	{"?", "the help", helps},
	{"\x1b", "the page in place of the help", func(text string) bool { return !helps(text) }},
	{":", "the line for commands", commands},
	{"\x1b", "no line for commands", func(text string) bool { return !commands(text) }},
}

func helps(text string) bool { return strings.Contains(text, "everywhere") }

func commands(text string) bool {
	lines := strings.SplitN(text, "\n", 4)
	return len(lines) > 2 && strings.HasPrefix(lines[2], ":")
}

// screenLoad is what is published beside a screen: single events, as the scenario
// of that name does.
var screenLoad = scenario{publishers: 32, batch: 1, subscriptions: 1}

// screenTimes are how long the screen is looked at, and what it has to do in
// that time.
var screenTimes = struct {
	rate   int           // events a second where it is steady
	settle time.Duration // after a beginning, not measured
	steady time.Duration // for processor times
	keys   time.Duration // for keys
	idle   time.Duration
	shows  time.Duration // in which a screen that follows has shown something new
}{2000, time.Second, 5 * time.Second, 5 * time.Second, 20 * time.Second, 3 * time.Second}

// A watched is what was measured with one page open, or with no screen.
type watched struct {
	full       []float64 // deliveries a second at full speed
	parts      []float64 // of what that is without a screen, in percent
	each       []float64 // processor time of fcd for a delivery at full speed, in microseconds
	eachShown  []float64 // and that of fcctl
	steady     []float64 // deliveries a second at the steady rate
	fcd, fcctl []float64 // at the steady rate, in percent of a core
	keys       []time.Duration
}

// screen asks what an open screen costs those who publish, and how soon it
// answers meanwhile. Each run has an fcd of its own, in which publishing
// without a screen and with one take turns: a figure with a screen stands
// between two without, before and after, so that what grows in the store
// weighs on both.
func screen(ctx context.Context, c *court, f *findings) error {
	none, with := &watched{}, make([]watched, len(views))
	idle := &findings{Name: f.Name}
	for n := range c.runs {
		err := c.within(ctx, func(d *daemon) error {
			if err := c.furnish(ctx, d, screenLoad); err != nil {
				return err
			}
			if err := c.warmUp(ctx, d, screenLoad); err != nil {
				return err
			}
			if err := c.besideFullSpeed(ctx, d, none, with, f); err != nil {
				return err
			}
			if err := c.besideSteady(ctx, d, nil, none, f); err != nil {
				return err
			}
			for i, v := range views {
				if err := c.watching(ctx, d, v, func(t *terminal) error { return c.besideSteady(ctx, d, t, &with[i], f) }); err != nil {
					return err
				}
			}
			c.say("run %d of %d: %.0f deliveries/s without a screen, %.1f %% of that with the %s, %.1f %% with the %s", n+1, c.runs,
				median(ofRun(none.full, n)), median(ofRun(with[0].parts, n)), views[0].name, median(ofRun(with[1].parts, n)), views[1].name)
			if n < c.runs-1 {
				return nil
			}
			return c.besideNothing(ctx, d, idle)
		})
		if err != nil {
			return err
		}
	}
	f.note("full speed without a screen", median(none.full), "deliveries/s")
	f.note("full speed without a screen: fcd", median(none.each), "µs of a core each")
	for i, v := range views {
		f.note("full speed with the "+v.name, median(with[i].full), "deliveries/s")
		f.note("full speed with the "+v.name+": fcd", median(with[i].each), "µs of a core each")
		f.note("full speed with the "+v.name+": fcctl", median(with[i].eachShown), "µs of a core each")
		part := median(with[i].parts)
		f.ask("full speed with the "+v.name+", of that without", part, "%", part >= 95, "at least 95 %")
	}
	none.tell(f, "without a screen")
	for i, v := range views {
		with[i].tell(f, "with the "+v.name)
	}
	f.Figures = append(f.Figures, idle.Figures...)
	f.missed = append(f.missed, idle.missed...)
	return nil
}

// screenRounds is how often each view takes its turn at full speed in one run.
// Short turns that follow each other suffer the same from what else the machine
// does.
const screenRounds = 2

func last(values []float64) float64 { return values[len(values)-1] }

// ofRun are those of the values that the n-th run added, which is the last so
// far; each adds as many.
func ofRun(values []float64, n int) []float64 { return values[n*len(values)/(n+1):] }

// tell writes down what was measured at the steady rate.
func (w *watched) tell(f *findings, how string) {
	at := fmt.Sprintf("%d/s %s: ", screenTimes.rate, how)
	perS, least := median(w.steady), 0.95*float64(screenTimes.rate)
	f.ask(at+"delivered", perS, "/s", perS >= least, fmt.Sprintf("at least %.0f /s", least))
	f.note(at+"fcd", median(w.fcd), "% of a core")
	if len(w.keys) == 0 {
		return
	}
	f.note(at+"fcctl", median(w.fcctl), "% of a core")
	slices.Sort(w.keys)
	f.note(at+fmt.Sprintf("p50 of %d keys", len(w.keys)), milliseconds(quantile(w.keys, 0.5)), "ms")
	f.atMost(at+"p99 from a key to the screen", milliseconds(quantile(w.keys, 0.99)), 100, "ms")
}

// watching runs do while the view is on a screen.
func (c *court) watching(ctx context.Context, d *daemon, v view, do func(t *terminal) error) error {
	t, err := openTerminal(ctx, c.fcctl, d, v)
	if err != nil {
		return err
	}
	return errors.Join(do(t), t.end())
}

// flow publishes and returns deliveries a second. None may be lost or come
// twice.
func (c *court) flow(ctx context.Context, d *daemon, sc scenario, f *findings) (float64, error) {
	if err := c.target.expect(ctx, sc.expectation()); err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := publish(ctx, d.URL, d.token, sc); err != nil {
		return 0, err
	}
	v, err := c.target.wait(ctx, c.patience)
	if err != nil {
		return 0, err
	}
	f.promise(v.Losses, "lost", v.Examples...)
	f.promise(v.Duplicates, "duplicates", v.Examples...)
	f.promise(v.Unsigned, "without a signature")
	f.promise(v.Strange, "deliveries that nobody announced", v.Examples...)
	return perSecond(v.Arrived, began, v.LastArrival), nil
}

// besideFullSpeed publishes as fast as it is taken, without a screen and with
// each view in turn.
func (c *court) besideFullSpeed(ctx context.Context, d *daemon, none *watched, with []watched, f *findings) error {
	sc := screenLoad
	sc.events = c.events
	full := func(w *watched, t *terminal) error {
		before, err := used(d, t)
		if err != nil {
			return err
		}
		perS, err := c.flow(ctx, d, sc, f)
		if err != nil {
			return err
		}
		after, err := used(d, t)
		each := func(i int) float64 { return (after[i] - before[i]).Seconds() * 1e6 / float64(sc.events) }
		w.full, w.each, w.eachShown = append(w.full, perS), append(w.each, each(0)), append(w.eachShown, each(1))
		return err
	}
	warm := sc // the first seconds are slower, whatever is open
	warm.events = max(1, sc.events/4)
	if _, err := c.flow(ctx, d, warm, f); err != nil {
		return err
	}
	if err := full(none, nil); err != nil {
		return err
	}
	for turn := range screenRounds * len(views) {
		v, w, before := views[turn%len(views)], &with[turn%len(views)], last(none.full)
		err := c.watching(ctx, d, v, func(t *terminal) error {
			began, seen := time.Now(), t.seen()
			err := full(w, t)
			t.mustFollow(t.seen()-seen, time.Since(began), f)
			return err
		})
		if err != nil {
			return err
		}
		if err := full(none, nil); err != nil {
			return err
		}
		w.parts = append(w.parts, 100*last(w.full)/((before+last(none.full))/2))
	}
	return nil
}

// besideSteady publishes at the steady rate and measures fcd, and of a screen
// what it takes and how soon it answers. No key is pressed while processor time
// is measured: nobody presses that many.
func (c *court) besideSteady(ctx context.Context, d *daemon, t *terminal, w *watched, f *findings) error {
	length := screenTimes.settle + screenTimes.steady
	if t != nil {
		length += screenTimes.keys
	}
	sc := screenLoad
	sc.rate = float64(screenTimes.rate)
	sc.events = int(sc.rate * length.Seconds())
	changes, once, name := 0, 2, ofScreen
	if c.pprof != "" {
		once++
	}
	if t != nil {
		name += "-" + strings.ReplaceAll(t.view.name, " ", "-")
	}
	err := together(ctx, once, func(ctx context.Context, i int) error {
		if i == 0 {
			perS, err := c.flow(ctx, d, sc, f)
			w.steady = append(w.steady, perS)
			return err
		}
		if err := pause(ctx, screenTimes.settle); err != nil {
			return err
		}
		if i == 2 {
			return d.profile(ctx, screenTimes.steady, filepath.Join(c.pprof, name+".pprof"))
		}
		before := t.seen()
		fcd, fcctl, err := processors(ctx, d, t, screenTimes.steady)
		if err != nil {
			return err
		}
		changes = t.seen() - before
		w.fcd, w.fcctl = append(w.fcd, fcd), append(w.fcctl, fcctl)
		if t == nil {
			return nil
		}
		return t.answer(ctx, w)
	})
	if err == nil && t != nil {
		t.mustFollow(changes, screenTimes.steady, f)
		t.mustShow(screenTimes.rate, f)
	}
	return err
}

// besideNothing measures the screen while nothing is published, over a store
// that has something to show.
func (c *court) besideNothing(ctx context.Context, d *daemon, f *findings) error {
	for _, v := range views {
		err := c.watching(ctx, d, v, func(t *terminal) error {
			if err := pause(ctx, 2*screenTimes.settle); err != nil {
				return err
			}
			fcd, fcctl, err := processors(ctx, d, t, screenTimes.idle)
			if err != nil {
				return err
			}
			if text := t.look(); !strings.Contains(text, connected) {
				return fmt.Errorf("the screen has lost its connection while nothing was published:\n%s", text)
			}
			f.note("idle with the "+v.name+": fcd", fcd, "% of a core")
			f.atMost("idle with the "+v.name+": fcctl", fcctl, 5, "% of a core")
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// used returns the processor times that fcd and the screen, where there is one,
// have used.
func used(d *daemon, t *terminal) (both [2]time.Duration, err error) {
	if both[0], err = cpuOf(d.cmd.Process.Pid); err == nil && t != nil {
		both[1], err = cpuOf(t.cmd.Process.Pid)
	}
	return both, err
}

// processors returns what fcd and the screen take over a while, in percent of a
// core.
func processors(ctx context.Context, d *daemon, t *terminal, length time.Duration) (fcd, fcctl float64, err error) {
	before, err := used(d, t)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := pause(ctx, length); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	after, err := used(d, t)
	part := func(i int) float64 { return 100 * float64(after[i]-before[i]) / float64(took) }
	return part(0), part(1), err
}

// answer presses keys at random moments and notes how soon the screen answers.
func (t *terminal) answer(ctx context.Context, w *watched) error {
	for end, i := time.Now().Add(screenTimes.keys), 0; time.Now().Before(end); i++ {
		if err := pause(ctx, time.Duration(rand.Int64N(int64(100*time.Millisecond)))); err != nil {
			return err
		}
		took, err := t.press(ctx, strokes[i%len(strokes)])
		if err != nil {
			return err
		}
		w.keys = append(w.keys, took)
	}
	return nil
}

// mustFollow notes a screen that stood still while events flowed: one that
// follows shows something new about each second.
func (t *terminal) mustFollow(changes int, length time.Duration, f *findings) {
	if least := int(length / screenTimes.shows); changes < least {
		f.broken = append(f.broken, fmt.Sprintf("%s: the %s showed something new %d times in %s, wanted at least %d; at last it showed:\n%s",
			f.Name, t.view.name, changes, length.Round(time.Second), least, t.look()))
	}
}

// mustShow notes a screen that shows less than half of the deliveries.
func (t *terminal) mustShow(perSecond int, f *findings) {
	if most := t.mostDelivered(); t.view.keys == "" && most < perSecond/2 {
		f.broken = append(f.broken, fmt.Sprintf("%s: the %s showed at most %d deliveries/s of %d; at last it showed:\n%s", f.Name, t.view.name, most, perSecond, t.look()))
	}
}

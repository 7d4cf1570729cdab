package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func (w *world) hold(h store.Hold) {
	w.Helper()
	w.must(w.s.Hold(w.ctx, h), "hold "+h.Endpoint)
	w.note("hold %s for %s until %s, window %d", h.Endpoint, h.Reason, w.clock(h.Until), h.Window)
}

func (w *world) release(endpoint, reason string) {
	w.Helper()
	w.must(w.s.Release(w.ctx, endpoint, reason), "release "+endpoint)
	w.note("release %s from %q", endpoint, reason)
}

func (w *world) holds() []store.Hold {
	w.Helper()
	hs, err := w.s.ListHolds(w.ctx, w.now)
	w.must(err, "list holds")
	return hs
}

// wantHolds compares the holds that stand, as "endpoint reason until".
func (w *world) wantHolds(wanted ...string) {
	w.Helper()
	var got []string
	for _, h := range w.holds() {
		got = append(got, fmt.Sprintf("%s %s %s", h.Endpoint, h.Reason, w.clock(h.Until)))
	}
	want(w, "the holds", strings.Join(got, ", "), strings.Join(wanted, ", "))
}

var holdCases = []testCase{
	{name: "stand until their time and come by endpoint, then reason", run: func(w *world) {
		w.wantHolds()
		w.hold(store.Hold{Endpoint: "con_2", Reason: store.HoldPaused, Until: epoch.Add(time.Minute), Since: w.now})
		w.hold(store.Hold{Endpoint: "con_1", Reason: store.HoldRetryAfter, Until: epoch.Add(time.Hour), Since: w.now})
		w.hold(store.Hold{Endpoint: "con_1", Reason: store.HoldBreaker, Until: epoch.Add(time.Hour), Since: w.now})
		w.wantHolds("con_1 BREAKER +1h0m0s", "con_1 RETRY_AFTER +1h0m0s", "con_2 PAUSED +1m0s")
		w.sleep(time.Minute)
		w.crash()
		w.wantHolds("con_1 BREAKER +1h0m0s", "con_1 RETRY_AFTER +1h0m0s")
		w.sleep(time.Hour)
		w.wantHolds()
	}},
	{name: "keep all that they were set with", run: func(w *world) {
		h := store.Hold{
			Endpoint: "https://hooks.example.com/a?b=c", Reason: store.HoldBreaker, Until: w.now.Add(5 * time.Second),
			Window: 4, Trips: 7, Detail: "10 of 12 calls failed: \"connection refused\"", Since: w.now,
		}
		w.hold(h)
		for range 2 {
			hs := w.holds()
			want(w, "holds", len(hs), 1)
			got := hs[0]
			w.wantTime("until", got.Until, h.Until)
			w.wantTime("since", got.Since, h.Since)
			got.Until, got.Since = h.Until, h.Since
			want(w, "the hold", got, h)
			w.crash()
		}
	}},
	{name: "are lengthened and never shortened", run: func(w *world) {
		for _, d := range []time.Duration{time.Minute, 2 * time.Minute, time.Second} {
			w.hold(store.Hold{Endpoint: "con_1", Reason: store.HoldRetryAfter, Until: epoch.Add(d), Since: w.now})
		}
		w.wantHolds("con_1 RETRY_AFTER +2m0s")
		// Another reason has a time of its own.
		w.hold(store.Hold{Endpoint: "con_1", Reason: store.HoldBreaker, Until: epoch.Add(time.Second), Since: w.now})
		w.wantHolds("con_1 BREAKER +1s", "con_1 RETRY_AFTER +2m0s")
	}},
	{name: "never come to an end early", run: func(w *world) {
		w.hold(store.Hold{Endpoint: "con_1", Reason: store.HoldBreaker, Until: epoch.Add(1500 * time.Microsecond), Since: w.now})
		w.sleep(time.Millisecond)
		want(w, "holds half a millisecond before the end", len(w.holds()), 1)
		w.sleep(time.Millisecond)
		want(w, "holds after the end", len(w.holds()), 0)
	}},
	{name: "take window, trips and detail as given, and remember since when they stand", run: func(w *world) {
		set := func(window, trips int, detail string, until time.Duration) store.Hold {
			w.hold(store.Hold{Endpoint: "con_1", Reason: store.HoldBreaker, Until: epoch.Add(until), Window: window, Trips: trips, Detail: detail, Since: w.now})
			hs := w.holds()
			want(w, "holds", len(hs), 1)
			want(w, "window", hs[0].Window, window)
			want(w, "trips", hs[0].Trips, trips)
			want(w, "detail", hs[0].Detail, detail)
			return hs[0]
		}
		set(1, 1, "down", 5*time.Second)
		w.sleep(4 * time.Second)
		w.wantTime("since of a hold that stood", set(1, 2, "down again", 14*time.Second).Since, epoch)
		// Beyond its time it stands by its window.
		w.sleep(time.Hour)
		w.wantTime("since of a hold that stood by its window", set(8, 2, "", 14*time.Second).Since, epoch)
		w.wantTime("until", set(2, 0, "", 0).Until, epoch.Add(14*time.Second))
		w.release("con_1", store.HoldBreaker)
		w.wantTime("since of a new hold", set(1, 1, "down", 2*time.Hour).Since, w.now)
		w.release("con_1", store.HoldBreaker)
		w.hold(store.Hold{Endpoint: "con_1", Reason: store.HoldBreaker, Until: w.now.Add(time.Second), Since: w.now})
		w.sleep(time.Minute)
		want(w, "holds after the end", len(w.holds()), 0)
		w.wantTime("since of a hold after one that had ended", set(1, 1, "down", 2*time.Hour).Since, w.now)
	}},
	{name: "with a window stand until they are released", run: func(w *world) {
		w.hold(store.Hold{Endpoint: "con_1", Reason: store.HoldBreaker, Until: epoch.Add(time.Second), Window: 1, Since: w.now})
		w.hold(store.Hold{Endpoint: "con_2", Reason: store.HoldBreaker, Until: epoch.Add(time.Second), Since: w.now})
		w.sleep(1000 * time.Hour)
		w.hold(store.Hold{Endpoint: "con_3", Reason: store.HoldBreaker, Until: w.now.Add(time.Second), Since: w.now})
		w.crash()
		w.wantHolds("con_1 BREAKER +1s", "con_3 BREAKER +1000h0m1s")
		w.release("con_1", store.HoldBreaker)
		w.wantHolds("con_3 BREAKER +1000h0m1s")
	}},
	{name: "are released for one reason or for all", run: func(w *world) {
		all := func() {
			for _, e := range []string{"con_1", "con_2"} {
				for _, r := range []string{store.HoldBreaker, store.HoldPaused, store.HoldRetryAfter} {
					w.hold(store.Hold{Endpoint: e, Reason: r, Until: epoch.Add(time.Hour), Since: w.now})
				}
			}
		}
		all()
		w.release("con_1", store.HoldPaused)
		w.release("con_1", store.HoldPaused)
		w.release("con_9", "")
		w.release("con_9", store.HoldBreaker)
		w.wantHolds("con_1 BREAKER +1h0m0s", "con_1 RETRY_AFTER +1h0m0s",
			"con_2 BREAKER +1h0m0s", "con_2 PAUSED +1h0m0s", "con_2 RETRY_AFTER +1h0m0s")
		w.release("con_2", "")
		w.crash()
		w.wantHolds("con_1 BREAKER +1h0m0s", "con_1 RETRY_AFTER +1h0m0s")
		all()
		want(w, "holds that are set again", len(w.holds()), 6)
		// A hold that was released may be set for a shorter time.
		w.release("con_1", "")
		w.hold(store.Hold{Endpoint: "con_1", Reason: store.HoldBreaker, Until: epoch.Add(time.Second), Since: w.now})
		want(w, "the first", w.holds()[0].Until.Equal(epoch.Add(time.Second)), true)
	}},
	{name: "tell of each change once it can be read", run: func(w *world) {
		l := w.s.Wakes().Holds.Listen()
		defer l.Close()
		told := func(what string, verb func() error, holds int) {
			w.Helper()
			failed := make(chan error, 1)
			go func() { failed <- verb() }()
			keys, all := w.woken(l, what)
			want(w, "told of the endpoint by "+what, all || slices.Contains(keys, "con_1"), true)
			want(w, "holds by the time of the wake of "+what, len(w.holds()), holds)
			w.must(<-failed, what)
		}
		for range 10 {
			told("a hold", func() error {
				return w.s.Hold(w.ctx, store.Hold{Endpoint: "con_1", Reason: store.HoldBreaker, Until: epoch.Add(time.Hour), Since: epoch})
			}, 1)
			told("a release", func() error { return w.s.Release(w.ctx, "con_1", store.HoldBreaker) }, 0)
			told("a release of what is not held", func() error { return w.s.Release(w.ctx, "con_1", "") }, 0)
		}
	}},
}

package listen

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// brings is a stream of signs and events, which say "!" before what they are.
func brings(items ...string) func(context.Context, string, time.Time) iter.Seq2[client.Followed[client.Event], error] {
	return func(ctx context.Context, _ string, _ time.Time) iter.Seq2[client.Followed[client.Event], error] {
		return func(yield func(client.Followed[client.Event], error) bool) {
			for i, item := range items {
				f := client.Followed[client.Event]{Place: fmt.Sprint("p", i)}
				if sign, is := strings.CutPrefix(item, "!"); is {
					f.Sign = client.Sign(sign)
				} else {
					f.Item = client.Event{ID: item, Type: "a:b:c:d", CreatedAt: time.Now(), Expunged: item == "erased"}
				}
				if ctx.Err() != nil || !yield(f, nil) {
					return
				}
			}
		}
	}
}

// recorder notes what a listener shows, says and waits for.
func recorder(l *Listener) *[]string {
	notes := new([]string)
	note := func(format string, args ...any) { *notes = append(*notes, fmt.Sprintf(format, args...)) }
	l.Say = note
	l.Show = func(e *client.Event, o *Outcome) error {
		answer := "shown"
		if o != nil {
			answer = o.Answer()
		}
		note("%s: %s", e.ID, answer)
		return nil
	}
	l.Failed = func(e *client.Event, o Outcome, again time.Duration) error {
		note("%s: %s, again in %s", e.ID, o.Answer(), again)
		return nil
	}
	l.Wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	l.Why = error.Error
	return notes
}

func TestAFailingTargetIsTriedAgain(t *testing.T) {
	t.Parallel()
	var answers []string
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := answers[0]
		answers = answers[1:]
		switch next {
		case "later":
			_, _ = w.Write([]byte(`{"ack":false,"delaySeconds":7}`))
		case "busy":
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(http.StatusTooManyRequests)
		case "moved":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "no":
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(web.Close)
	for name, tc := range map[string]struct {
		events, answers string
		max             int
		skip            bool
		want            []string
		failed          bool
	}{
		"until it takes it": {events: "1 2", answers: "no no no moved ok ok", want: []string{
			"1: 500 Internal Server Error, again in 1s", "1: 500 Internal Server Error, again in 2s", "1: 500 Internal Server Error, again in 4s",
			"1: 302 Found, again in 8s", "1: 200 OK", "2: 200 OK",
		}},
		"when it says":             {events: "1", answers: "later busy ok", max: 2, want: []string{"1: 200, later, again in 7s", "1: 429 Too Many Requests, again in 9s", "1: 200 OK"}},
		"so many times":            {events: "1 2", answers: "no no", max: 2, want: []string{"1: 500 Internal Server Error, again in 1s"}, failed: true},
		"and skipped":              {events: "1 2", answers: "no no ok", max: 2, skip: true, want: []string{"1: 500 Internal Server Error, again in 1s", "1: 500 Internal Server Error", "2: 200 OK"}},
		"but what is erased never": {events: "erased 2", answers: "ok", want: []string{"erased: its data was erased, so there is nothing to hand over", "2: 200 OK"}},
	} {
		t.Run(name, func(t *testing.T) {
			answers = strings.Fields(tc.answers)
			l := &Listener{Stream: brings(strings.Fields(tc.events)...), Target: NewTarget(web.URL), MaxAttempts: tc.max, SkipFailed: tc.skip}
			notes := recorder(l)
			sum, err := l.Run(t.Context(), Place{}, time.Time{})
			if !slices.Equal(*notes, tc.want) || errors.Is(err, ErrGivenUp) != tc.failed || len(answers) > 0 {
				t.Errorf("%v, %q left over, noted\n%s", err, answers, strings.Join(*notes, "\n"))
			}
			if tc.failed && sum.Place.Event != "" {
				t.Errorf("it stands at %+v, behind what was not taken", sum.Place)
			}
		})
	}
}

func TestAnInterruptEndsTheExchangeInGoodOrder(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	web := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { interrupt() }))
	t.Cleanup(web.Close)
	l := &Listener{Stream: brings("1", "2"), Target: NewTarget(web.URL)}
	notes := recorder(l)
	sum, err := l.Run(ctx, Place{}, time.Time{})
	if err != nil || sum.Taken != 1 || sum.Place.Cursor != "p0" || !slices.Equal(*notes, []string{"1: 200 OK"}) {
		t.Errorf("%+v, %v, %q", sum, err, *notes)
	}
}

// Where the server has lost the event of a place, it is said, and what there is
// from its time on is shown.
func TestAPlaceThatIsGoneIsSaid(t *testing.T) {
	t.Parallel()
	stood := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var asked []string
	stream := brings("!opened", "7", "!current")
	l := &Listener{
		Stream: func(ctx context.Context, cursor string, since time.Time) iter.Seq2[client.Followed[client.Event], error] {
			asked = append(asked, fmt.Sprint(cursor, " ", since.Year()))
			return stream(ctx, cursor, since)
		},
		Has: func(_ context.Context, id string) (bool, error) { return id == "7", nil },
	}
	notes := recorder(l)
	if _, err := l.Run(t.Context(), Place{Cursor: "far", Event: "5", Time: stood}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"far 1", " 2026"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, not %q", asked, want)
	}
	if len(*notes) != 2 || !strings.Contains((*notes)[0], "5 of 2026-01-02T03:04:05Z") || (*notes)[1] != "7: shown" {
		t.Errorf("%q", *notes)
	}
}

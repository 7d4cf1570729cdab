package listen

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/client"
)

const (
	// behind is how old an event is that counts as missed.
	behind = 5 * time.Second
	// reportEvery is how often it is said how far behind one is.
	reportEvery = 10 * time.Second
	// firstWait and maxWait bound the pauses before an event is handed over
	// again; each is twice the last.
	firstWait, maxWait = time.Second, 30 * time.Second
)

// ErrGivenUp says that the target did not take an event in as many attempts as
// it may have.
var ErrGivenUp = errors.New("the target has not taken an event")

// Listener is one run. Stream and Say are needed, the others may be nil.
type Listener struct {
	// Stream follows events from a cursor on, or from a time; with signs.
	Stream func(ctx context.Context, cursor string, since time.Time) iter.Seq2[client.Followed[client.Event], error]
	// Has says whether the server still has an event; it may fail.
	Has func(ctx context.Context, id string) (bool, error)
	// Wanted chooses events.
	Wanted func(*client.Event) bool
	// Show shows an event, and what the last attempt came to if there is a target.
	Show func(*client.Event, *Outcome) error
	// Failed shows an attempt that failed and will be repeated after a wait.
	Failed func(e *client.Event, o Outcome, again time.Duration) error
	// Say talks to the person at the terminal.
	Say func(format string, args ...any)
	// Why is an error as a sentence.
	Why func(error) string
	// Keep keeps the place once an event is dealt with.
	Keep func(Place) error
	// Target gets the events.
	Target *Target
	// MaxAttempts is how often an event may fail; 0 is no end.
	MaxAttempts int
	// SkipFailed goes on with the next event after MaxAttempts.
	SkipFailed bool
	// Count ends the run after so many events; 0 is no end.
	Count int
	// Wait waits; it fails when ctx ends.
	Wait func(context.Context, time.Duration) error

	place Place
	sum   Summary
	state state
}

// Summary is what a run has come to.
type Summary struct {
	// Taken are events that were shown, and handed over if there is a target.
	Taken int
	// Skipped are those that the target never took.
	Skipped int
	// Failures are attempts that failed.
	Failures int
	// Losses is how often the connection was lost.
	Losses int
	// Connected says that the server was reached at all.
	Connected bool
	// Place is where it stands now.
	Place Place
}

// state is what was said of the connection.
type state struct {
	lost    bool          // said, and not yet found again
	current bool          // caught up since the connection stands
	again   time.Duration // the longest pause that was said
	slow    bool          // the last event took long, so that the server may have hung up
	late    int           // events since it was said that one is behind
	said    time.Time
}

// errMoved says that the stream must begin anew, at a time.
var errMoved = errors.New("the place is not on this server any more")

// Run listens from a place on, or if it has none from a time on, until ctx
// ends or the count is reached, which are no errors.
func (l *Listener) Run(ctx context.Context, from Place, since time.Time) (Summary, error) {
	l.place = from
	for {
		err := l.follow(ctx, since)
		if errors.Is(err, errMoved) {
			since = l.place.Time
			l.place.Cursor, l.place.Event = "", ""
			continue
		}
		if errors.Is(err, errDone) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = nil
		}
		l.sum.Place = l.place
		return l.sum, err
	}
}

// errDone says that the count is reached.
var errDone = errors.New("enough")

func (l *Listener) follow(ctx context.Context, since time.Time) error {
	for f, err := range l.Stream(ctx, l.place.Cursor, since) {
		if err != nil {
			if final(err, f.Again) {
				return err
			}
			l.lost(err, f.Again)
			continue
		}
		switch f.Sign {
		case client.Opened:
			err = l.opened(ctx)
		case client.Alive:
			err = l.reach(f.Place)
		case client.Current:
			l.caughtUp()
			err = l.reach(f.Place)
		default:
			err = l.take(ctx, &f.Item, f.Place)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// final says whether an error will not mend by trying again.
func final(err error, again time.Duration) bool {
	return again <= 0 || errors.Is(err, client.ErrSessionOver)
}

func (l *Listener) lost(err error, again time.Duration) {
	if l.state.slow {
		// The target took so long that the server hung up: nothing is wrong,
		// and it goes on where it was.
		l.state.slow = false
		return
	}
	if !l.state.lost {
		l.sum.Losses++
	} else if again <= l.state.again {
		return // it is known
	}
	l.state.lost, l.state.again = true, again
	l.Say("The connection is lost; trying again in %s: %s", span(again), l.Why(err))
}

// opened says that the connection stands, and makes sure that the server is
// the one that the place is of.
func (l *Listener) opened(ctx context.Context) error {
	if l.state.lost {
		l.Say("Connected again.")
	}
	l.state, l.sum.Connected = state{}, true
	if l.place.Event == "" || l.Has == nil {
		return nil
	}
	has, err := l.Has(ctx, l.place.Event)
	switch {
	case err != nil:
		return nil // the stream will say it, if it lasts
	case has:
		return nil
	}
	l.Say("The server does not have the event any more at which this stood (%s of %s): it is too old, or the server has other data now. What came since then may be missing; going on with what there is from that time on.",
		l.place.Event, l.place.Time.UTC().Format(time.RFC3339))
	return errMoved
}

// reach moves the place without an event.
func (l *Listener) reach(cursor string) error {
	if cursor == l.place.Cursor {
		return nil
	}
	l.place.Cursor = cursor
	return l.keep()
}

func (l *Listener) keep() error {
	if l.Keep == nil {
		return nil
	}
	return l.Keep(l.place)
}

func (l *Listener) caughtUp() {
	if !l.state.said.IsZero() {
		l.Say("Caught up, after %s.", plural(l.state.late, "event"))
	}
	l.state.current, l.state.said, l.state.late = true, time.Time{}, 0
}

// report says how far behind an event is, now and then.
func (l *Listener) report(e *client.Event) {
	age := time.Since(e.CreatedAt)
	if age < behind {
		if l.state.current && !l.state.said.IsZero() {
			l.caughtUp()
		}
		return
	}
	if time.Since(l.state.said) >= reportEvery {
		l.state.said = time.Now()
		l.Say("Behind by %s.", span(age))
	}
	l.state.late++
}

func (l *Listener) take(ctx context.Context, e *client.Event, cursor string) error {
	if l.Wanted == nil || l.Wanted(e) {
		l.report(e)
		begun := time.Now()
		o, err := l.hand(ctx, e)
		l.state.slow = time.Since(begun) > behind
		if err != nil {
			return err
		}
		if o != nil && !o.OK() {
			l.sum.Skipped++
		} else {
			l.sum.Taken++
		}
		l.place.Event, l.place.Time = e.ID, e.CreatedAt
		l.place.Cursor = cursor
		if err := errors.Join(l.Show(e, o), l.keep()); err != nil {
			return err
		}
		if l.sum.Taken+l.sum.Skipped == l.Count {
			return errDone
		}
		return nil
	}
	l.place.Cursor = cursor // kept with the next sign or event
	return nil
}

// hand gives an event to the target until it takes it, or may not try again.
func (l *Listener) hand(ctx context.Context, e *client.Event) (*Outcome, error) {
	if l.Target == nil {
		return nil, nil
	}
	failures := 0
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if e.Expunged {
			return &Outcome{Error: "its data was erased, so there is nothing to hand over"}, nil
		}
		o := l.Target.Send(ctx, e, attempt)
		if o.OK() {
			return &o, nil
		}
		if !o.Deferred {
			failures++
			l.sum.Failures++
		}
		if failures == l.MaxAttempts && failures > 0 {
			if l.SkipFailed {
				return &o, nil
			}
			return nil, fmt.Errorf("%w: %s, %s: %s", ErrGivenUp, e.ID, plural(attempt, "attempt"), o.Answer())
		}
		wait := min(firstWait<<min(max(failures-1, 0), 10), maxWait)
		if o.After > 0 {
			wait = o.After
		}
		if err := l.Failed(e, o, wait); err != nil {
			return nil, err
		}
		if err := l.Wait(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// Answer is an outcome in a few words.
func (o Outcome) Answer() string {
	switch {
	case o.Error != "":
		return o.Error
	case o.Deferred:
		return fmt.Sprintf("%d, later", o.Status)
	case http.StatusText(o.Status) == "":
		return fmt.Sprint(o.Status)
	}
	return fmt.Sprintf("%d %s", o.Status, http.StatusText(o.Status))
}

// span is a duration as people say it.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < 48*time.Hour:
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

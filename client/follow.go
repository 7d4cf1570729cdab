package client

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"time"
)

// Followed is one thing that a stream brought.
type Followed[T any] struct {
	Item T
	// Reset says that changes are missing before this one, so that what is
	// known of the list must be read again. There is no Item then.
	Reset bool
	// Sign, if not empty, says what the stream itself does; there is no Item
	// then. Only the Listen functions yield signs.
	Sign Sign
	// Again, with an error, is how long it is until the next try; 0 is never.
	Again time.Duration
	// Place is where the stream stands: following from there brings what
	// comes after this. Keep it once this is dealt with, and a program that
	// was ended goes on where it was.
	Place string
}

// Sign is something that a stream says about itself.
type Sign string

// The signs of a stream.
const (
	// Opened: the server was reached, at first or again after a loss.
	Opened Sign = "opened"
	// Current: what was there when the stream was opened has come. The stream
	// of jobs does not say it.
	Current Sign = "current"
	// Alive: the server is there, and so is Place.
	Alive Sign = "alive"
)

// Follow yields events as they are accepted, in their order, until ctx ends,
// and goes on by itself after a lost connection without missing any. With an
// empty place it begins with what comes, or at the filter's Since; the filter's
// Until and PageSize do not apply. Errors are as Router.Watch yields them.
func (e *Events) Follow(ctx context.Context, f EventFilter, place string) iter.Seq2[Followed[Event], error] {
	return follow(ctx, e.c, "/api/events/stream", "event", e.followed(f), place, decode[Event], false)
}

// Listen is Follow that also yields signs: for whoever wants to know when the
// connection stands, how far it is, and when all that was missed has come.
func (e *Events) Listen(ctx context.Context, f EventFilter, place string) iter.Seq2[Followed[Event], error] {
	return follow(ctx, e.c, "/api/events/stream", "event", e.followed(f), place, decode[Event], true)
}

func (e *Events) followed(f EventFilter) url.Values {
	q := f.values("")
	q.Del("limit")
	q.Del("until")
	if f.Heads {
		q.Set("heads", "true")
	}
	return q
}

// Follow yields jobs after they change, each in its latest state: a job that
// goes through several states in no time may come once, and after a lost
// connection it may come again as it was. Where changes are missing, after a
// restart of the server say, a Reset comes first. The filter's Since, Until and
// PageSize do not apply.
func (j *Jobs) Follow(ctx context.Context, f JobFilter, place string) iter.Seq2[Followed[Job], error] {
	return follow(ctx, j.c, "/api/dispatch-jobs/stream", "job", j.followed(f), place, decode[Job], false)
}

// Listen is Follow that also yields signs, as Events.Listen does.
func (j *Jobs) Listen(ctx context.Context, f JobFilter, place string) iter.Seq2[Followed[Job], error] {
	return follow(ctx, j.c, "/api/dispatch-jobs/stream", "job", j.followed(f), place, decode[Job], true)
}

func (j *Jobs) followed(f JobFilter) url.Values {
	q := f.values("")
	q.Del("limit")
	q.Del("since")
	q.Del("until")
	return q
}

func follow[T any](ctx context.Context, c *Client, path, event string, q url.Values, place string, item func(json.RawMessage) (T, error), signs bool) iter.Seq2[Followed[T], error] {
	if more := q.Encode(); more != "" {
		path += "?" + more
	}
	return func(yield func(Followed[T], error) bool) {
		at := place
		t := taker{
			event: func(name, id string, data []byte) (bool, error) {
				f := Followed[T]{Place: cmp.Or(id, at), Reset: name == "reset"}
				switch {
				case signs && name == string(Current):
					f.Sign = Current
				case name == event:
					var err error
					if f.Item, err = item(data); err != nil {
						return false, fmt.Errorf("read what a stream brought: %w", err)
					}
				case !f.Reset:
					return true, nil
				}
				return yield(f, nil), nil
			},
			lost: func(err error, again time.Duration) bool { return yield(Followed[T]{Place: at, Again: again}, err) },
		}
		if signs {
			t.opened = func() bool { return yield(Followed[T]{Place: at, Sign: Opened}, nil) }
			t.alive = func(id string) bool { return yield(Followed[T]{Place: id, Sign: Alive}, nil) }
		}
		c.follow(ctx, path, &at, t)
	}
}

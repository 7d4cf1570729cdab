package client

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
)

// Followed is one thing that a stream brought.
type Followed[T any] struct {
	Item T
	// Reset says that changes are missing before this one, so that what is
	// known of the list must be read again. There is no Item then.
	Reset bool
	// Place is where the stream stands: following from there brings what
	// comes after this. Keep it once this is dealt with, and a program that
	// was ended goes on where it was.
	Place string
}

// Follow yields events as they are accepted, in their order, until ctx ends,
// and goes on by itself after a lost connection without missing any. With an
// empty place it begins with what comes, or at the filter's Since; the filter's
// Until and PageSize do not apply. Errors are as Router.Watch yields them.
func (e *Events) Follow(ctx context.Context, f EventFilter, place string) iter.Seq2[Followed[Event], error] {
	q := f.values("")
	q.Del("limit")
	q.Del("until")
	return follow(ctx, e.c, "/api/events/stream", "event", q, place, decode[Event])
}

// Follow yields jobs after they change, each in its latest state: a job that
// goes through several states in no time may come once, and after a lost
// connection it may come again as it was. Where changes are missing, after a
// restart of the server say, a Reset comes first. The filter's Since, Until and
// PageSize do not apply.
func (j *Jobs) Follow(ctx context.Context, f JobFilter, place string) iter.Seq2[Followed[Job], error] {
	q := f.values("")
	q.Del("limit")
	q.Del("since")
	q.Del("until")
	return follow(ctx, j.c, "/api/dispatch-jobs/stream", "job", q, place, decode[Job])
}

func follow[T any](ctx context.Context, c *Client, path, event string, q url.Values, place string, item func(json.RawMessage) (T, error)) iter.Seq2[Followed[T], error] {
	if more := q.Encode(); more != "" {
		path += "?" + more
	}
	return func(yield func(Followed[T], error) bool) {
		at := place
		c.follow(ctx, path, &at, func(name, id string, data []byte) (bool, error) {
			f := Followed[T]{Place: cmp.Or(id, at), Reset: name == "reset"}
			if name != event && !f.Reset {
				return true, nil
			}
			if !f.Reset {
				var err error
				if f.Item, err = item(data); err != nil {
					return false, fmt.Errorf("read what a stream brought: %w", err)
				}
			}
			return yield(f, nil), nil
		}, func(err error) bool { return yield(Followed[T]{Place: at}, err) })
	}
}

package tui

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/client"
)

const (
	// again is when a stream that can not be had is asked for again; where
	// somebody has to sign in first, that may take longer.
	again    = 2 * time.Second
	unsigned = 15 * time.Second

	// A stream of more than flood things within floodFor is too much to look at,
	// and costs a server that is busy: for calmFor the list is read instead.
	flood    = 6000
	floodFor = 2 * time.Second
	calmFor  = 10 * time.Second
)

// feed reads the stream of a list.
type feed[T any] struct {
	follow func(context.Context) iter.Seq2[client.Followed[T], error]
	fetch  func(context.Context) ([]T, bool, error)
	out    chan news[T]
	flood  int // how many within floodFor are too many; 0 is no bound
}

// say hands on news, unless nobody waits for them any more.
func (f *feed[T]) say(ctx context.Context, n news[T]) bool {
	n.from = f
	select {
	case f.out <- n:
		return true
	case <-ctx.Done():
		return false
	}
}

// run follows until ctx ends, or the server says that it has no such stream.
func (f *feed[T]) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := f.once(ctx)
		switch {
		case errors.Is(err, errBehind):
			continue
		case errors.Is(err, errFlood):
			if !f.say(ctx, news[T]{state: floods}) {
				return
			}
			select {
			case <-time.After(calmFor):
			case <-ctx.Done():
			}
			continue
		case final(err):
			// An older server has none. If it is something else, what asks in
			// its place is refused too, and that is shown.
			f.say(ctx, news[T]{state: polled})
			return
		}
		if !f.say(ctx, news[T]{state: waits, err: err}) {
			return
		}
		pause := again
		if client.StatusOf(err) == http.StatusUnauthorized {
			pause = unsigned
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// final says that an answer will be the same the next time: a refusal, but that
// somebody has to sign in again.
func final(err error) bool {
	var refused *client.Error
	return errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests && refused.Status != http.StatusUnauthorized
}

// errFlood says that more comes than anybody can look at.
var errFlood = errors.New("too much comes to follow it")

// errBehind says that more was missed than a list keeps.
var errBehind = errors.New("more was missed than is kept")

// once follows from now on until that ends. The newest page is read when the
// stream is open, and what the stream brings comes after it: so nothing is
// missing between the two, and what is in both is there once, by its id.
func (f *feed[T]) once(ctx context.Context) (end error) {
	// How many came since the connection was made again, until all that was
	// missed is there: -1. The stream of jobs does not say when that is, and
	// says itself when it was too much.
	missed, says := -1, false
	began, n := time.Now(), 0
	for got, err := range f.follow(ctx) {
		switch {
		case err != nil:
			end = err
			if got.Again == 0 { // it has ended
				return end
			}
			if !f.say(ctx, news[T]{state: waits, err: err}) {
				return ctx.Err()
			}
		case got.Reset, got.Sign == client.Opened && got.Place == "":
			n, err := f.page(ctx)
			if err != nil {
				return err
			}
			if !f.say(ctx, n) {
				return ctx.Err()
			}
		case got.Sign == client.Opened: // again: it goes on where it was
			if says {
				missed = 0
			}
			if !f.say(ctx, news[T]{state: flows}) {
				return ctx.Err()
			}
		case got.Sign == client.Current:
			missed, says = -1, true
		case got.Sign == "":
			if now := time.Now(); now.Sub(began) > floodFor {
				began, n = now, 0
			}
			if n++; f.flood > 0 && n > f.flood {
				return errFlood
			}
			if missed >= 0 {
				if missed++; missed > mostRows {
					return errBehind
				}
			}
			if !f.say(ctx, news[T]{state: flows, things: []T{got.Item}}) {
				return ctx.Err()
			}
		}
	}
	return end
}

// page reads the newest page.
func (f *feed[T]) page(ctx context.Context) (news[T], error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	things, more, err := f.fetch(ctx)
	return news[T]{state: flows, fresh: &listed[T]{things, more}}, err
}

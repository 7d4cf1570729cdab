package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorded notes when it was asked to send what.
type recorded struct {
	mu    sync.Mutex
	at    []string
	began time.Time
	say   func(n int) error
}

func (r *recorded) Send(_ context.Context, m Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = append(r.at, fmt.Sprint(m.To, " ", time.Since(r.began)))
	return r.say(len(r.at))
}

func to(name string) func(context.Context) (Message, error) {
	return func(context.Context) (Message, error) { return Message{To: name}, nil }
}

func TestAnOutboxTriesAgainWhatIsRefusedForNow(t *testing.T) {
	for name, c := range map[string]struct {
		say  func(n int) error
		want []string
	}{
		"at once":        {func(int) error { return nil }, []string{"a 0s"}},
		"the third time": {func(n int) error { return map[bool]error{true: errors.New("later")}[n < 3] }, []string{"a 0s", "a 10s", "a 1m10s"}},
		"never":          {func(int) error { return errors.New("later") }, []string{"a 0s", "a 10s", "a 1m10s", "a 6m10s"}},
		"for good":       {func(int) error { return errForGood{errors.New("no")} }, []string{"a 0s"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &recorded{began: time.Now(), say: c.say}
				b := NewOutbox(OutboxOptions{Sender: r})
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error)
				go func() { ended <- b.Run(ctx) }()
				if !b.Post(to("a")) {
					t.Fatal("there was no room")
				}
				time.Sleep(time.Hour) // of the bubble
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if !slices.Equal(r.at, c.want) {
					t.Errorf("got %v, want %v", r.at, c.want)
				}
			})
		})
	}
}

func TestAMessageThatIsRefusedDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorded{began: time.Now(), say: func(n int) error { return map[bool]error{true: errors.New("later")}[n == 1] }}
		b := NewOutbox(OutboxOptions{Sender: r})
		b.Post(to("a"))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.Run(ctx) }()
		synctest.Wait()
		b.Post(func(context.Context) (Message, error) { return Message{}, ErrNothing })
		b.Post(to("b"))
		time.Sleep(time.Minute)
		cancel()
		<-ended
		if want := []string{"a 0s", "b 0s", "a 10s"}; !slices.Equal(r.at, want) {
			t.Errorf("got %v, want %v", r.at, want)
		}
	})
}

// stuck sends until its context ends.
type stuck struct{}

func (stuck) Send(ctx context.Context, _ Message) error { <-ctx.Done(); return ctx.Err() }

func TestAnOutboxIsBoundedAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewOutbox(OutboxOptions{Sender: stuck{}, Limit: 5})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.Run(ctx) }()
		took := 0
		for range 10 {
			if b.Post(to("a")) {
				took++
			}
			synctest.Wait()
		}
		if took != 5 {
			t.Errorf("%d messages were taken, want 5", took)
		}
		cancel()
		began := time.Now()
		<-ended
		if waited := time.Since(began); waited != finish {
			t.Errorf("it ended after %v", waited)
		}
	})
}

func TestALogShowsPrivateTextsOnlyWhereItShould(t *testing.T) {
	for _, everything := range []bool{false, true} {
		var b strings.Builder
		l := Log{Logger: slog.New(slog.NewTextHandler(&b, nil)), Everything: everything}
		if err := l.Send(t.Context(), Message{To: "ada@example.com", Text: "SECRET", Private: true}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), "SECRET"); got != everything || !strings.Contains(b.String(), "ada@example.com") {
			t.Errorf("everything %v: %s", everything, b.String())
		}
	}
}

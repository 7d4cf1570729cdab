package queuetest_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
)

func TestFake(t *testing.T) {
	t.Parallel()
	var (
		mu    sync.Mutex
		disks = map[string]*queuetest.Fake{} // what a broker would keep of each dir
	)
	queuetest.Run(t, queuetest.Backend{
		Open: func(_ testing.TB, dir string, now func() time.Time) queue.Queue {
			mu.Lock()
			defer mu.Unlock()
			if f := disks[dir]; f != nil {
				disks[dir] = f.Reopen()
			} else {
				disks[dir] = queuetest.NewFake(queuetest.FakeOptions{Visibility: 10 * time.Minute, Now: now})
			}
			return disks[dir]
		},
		Crash: func(tb testing.TB, q queue.Queue) {
			if err := q.Close(); err != nil {
				tb.Errorf("close: %v", err)
			}
		},
		Inject: func(_ testing.TB, q queue.Queue, body []byte) { q.(*queuetest.Fake).Inject(body) },
		Features: queue.Features{
			Visibility: 10 * time.Minute, MaxBytes: 1 << 20, Peek: true, DeadLetters: true, InOrder: true,
		},
	})
}

var errBroker = errors.New("the broker is away")

func TestFakeFailsOnRequest(t *testing.T) {
	t.Parallel()
	f := queuetest.NewFake(queuetest.FakeOptions{})
	ctx := t.Context()
	batch := queuetest.Tickets("job-1", 2)

	f.Fail(queuetest.Publish, 2, errBroker)
	for range 2 {
		if err := f.Publish(ctx, batch); !errors.Is(err, errBroker) {
			t.Fatalf("publish: %v, want %v", err, errBroker)
		}
	}
	if n := len(f.Published()); n != 0 {
		t.Fatalf("%d messages were taken by failed publishes", n)
	}
	f.FailAfter(queuetest.Publish, 1, errBroker)
	if err := f.Publish(ctx, batch); !errors.Is(err, errBroker) {
		t.Fatalf("publish: %v, want %v", err, errBroker)
	}
	if err := f.Publish(ctx, batch); err != nil {
		t.Fatalf("publish: %v", err)
	}
	if n := len(f.Published()); n != 4 {
		t.Fatalf("%d messages were taken, want 4", n)
	}

	f.FailAfter(queuetest.Receive, 1, errBroker)
	if got, err := f.Receive(ctx, 4, 0); !errors.Is(err, errBroker) || got != nil {
		t.Fatalf("receive: %v, %v; want none and %v", got, err, errBroker)
	}
	if got, err := f.Receive(ctx, 4, 0); err != nil || len(got) != 0 {
		t.Fatalf("receive: %v, %v; want none, as their leases went with the answer", got, err)
	}
	f.ExpireLeases()
	if got, err := f.Receive(ctx, 4, 0); err != nil || len(got) != 4 {
		t.Fatalf("receive: %v, %v; want four", got, err)
	}
}

func TestFakeDropsDuplicatesAndDelays(t *testing.T) {
	t.Parallel()
	f := queuetest.NewFake(queuetest.FakeOptions{})
	ctx := t.Context()
	publish := func(job string) {
		t.Helper()
		if err := f.Publish(ctx, queuetest.Tickets(job, 1)); err != nil {
			t.Fatalf("publish: %v", err)
		}
	}
	f.Drop(1)
	publish("dropped")
	f.Duplicate(1)
	publish("twice")
	f.Delay(1, 10*time.Millisecond)
	publish("later")

	got, err := f.Receive(ctx, 10, 0)
	if err != nil || len(got) != 2 || got[0].JobID != "twice" || got[1].JobID != "twice" {
		t.Fatalf("received %v, %v; want one message twice", got, err)
	}
	got, err = f.Receive(ctx, 10, time.Minute)
	if err != nil || len(got) != 1 || got[0].JobID != "later" {
		t.Fatalf("received %v, %v; want the delayed one", got, err)
	}
}

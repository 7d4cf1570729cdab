package sqlite

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
)

// A message's whole life in batches by one goroutine: publish, receive, ack.
func BenchmarkLife(b *testing.B) {
	for _, linger := range []time.Duration{0, DefaultLinger} {
		for _, size := range []int{1, 10, 100, 500} {
			b.Run(fmt.Sprintf("linger=%v/batch=%d", linger, size), func(b *testing.B) {
				benchmarkLife(b, Options{Linger: linger}, size)
			})
		}
	}
}

// The same when nothing may stay in memory and every message is read back.
func BenchmarkLifeOverDisk(b *testing.B) { benchmarkLife(b, Options{MemoryBytes: 1}, 100) }

func benchmarkLife(b *testing.B, o Options, size int) {
	q := open(b, b.TempDir(), o)
	defer q.Close()
	batch := oneKiB(size)
	b.ReportAllocs()
	for n := 0; n < b.N; n += size {
		if err := q.Publish(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		for left := size; left > 0; {
			got, err := q.Receive(b.Context(), size, time.Second)
			if err != nil {
				b.Fatal(err)
			}
			if err := q.Ack(b.Context(), got); err != nil {
				b.Fatal(err)
			}
			left -= len(got)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// Eight publishers of single messages and one receiver: group commit at work,
// or nothing to commit.
func BenchmarkSingles(b *testing.B) {
	for _, linger := range []time.Duration{0, DefaultLinger} {
		b.Run(fmt.Sprint("linger=", linger), func(b *testing.B) { benchmarkSingles(b, linger) })
	}
}

func benchmarkSingles(b *testing.B, linger time.Duration) {
	const publishers = 8
	q := open(b, b.TempDir(), Options{Linger: linger})
	defer q.Close()
	message := oneKiB(1)
	b.ReportAllocs()
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for n := p; n < b.N; n += publishers {
				if err := q.Publish(b.Context(), message); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	for n := 0; n < b.N && !b.Failed(); {
		got, err := q.Receive(b.Context(), 100, time.Second)
		if err == nil {
			err = q.Ack(b.Context(), got)
		}
		if err != nil {
			b.Fatal(err)
		}
		n += len(got)
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// From just before Publish to the return of a Receive that was waiting.
func BenchmarkWake(b *testing.B) {
	for _, linger := range []time.Duration{0, DefaultLinger} {
		b.Run(fmt.Sprint("linger=", linger), func(b *testing.B) { benchmarkWake(b, linger) })
	}
}

func benchmarkWake(b *testing.B, linger time.Duration) {
	q := open(b, b.TempDir(), Options{Linger: linger})
	defer q.Close()
	message := oneKiB(1)
	answers := make(chan error)
	for range b.N {
		go func() {
			got, err := q.Receive(b.Context(), 1, time.Minute)
			if err == nil {
				err = q.Ack(b.Context(), got)
			}
			answers <- err
		}()
		if err := q.Publish(b.Context(), message); err != nil {
			b.Fatal(err)
		}
		if err := <-answers; err != nil {
			b.Fatal(err)
		}
	}
}

func oneKiB(n int) []queue.Message {
	batch := queuetest.Tickets("0HZXEQ5Y8JY5Z", n)
	for i := range batch {
		batch[i].Payload = queue.Payload(`{"note":"` + strings.Repeat("x", 1000) + `"}`)
	}
	return batch
}

package router

import "sync"

// A funnel gathers what many goroutines put in. Whoever takes gets all of it,
// so that a slow taker makes larger batches instead of a longer line.
type funnel[T any] struct {
	mu   sync.Mutex
	buf  []T
	wake chan struct{}
	stop chan struct{}
}

func newFunnel[T any]() *funnel[T] {
	return &funnel[T]{wake: make(chan struct{}, 1), stop: make(chan struct{})}
}

func (f *funnel[T]) put(items ...T) {
	if len(items) == 0 {
		return
	}
	f.mu.Lock()
	f.buf = append(f.buf, items...)
	f.mu.Unlock()
	signal(f.wake)
}

// gather puts n items in as they are made.
func (f *funnel[T]) gather(n int, item func(i int) T) {
	if n == 0 {
		return
	}
	f.mu.Lock()
	for i := range n {
		f.buf = append(f.buf, item(i))
	}
	f.mu.Unlock()
	signal(f.wake)
}

// take moves what is there into spare, at most limit of it.
func (f *funnel[T]) take(spare []T, limit int) []T {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.buf) <= limit {
		got := f.buf
		clear(spare[:cap(spare)])
		f.buf = spare[:0]
		return got
	}
	got := append(spare[:0], f.buf[:limit]...)
	n := copy(f.buf, f.buf[limit:])
	clear(f.buf[n:])
	f.buf = f.buf[:n]
	signal(f.wake) // there is work for another taker
	return got
}

// run calls do with every batch until the funnel is closed and empty.
func (f *funnel[T]) run(limit int, do func([]T)) {
	var batch []T
	for {
		batch = f.take(batch, limit)
		if len(batch) > 0 {
			do(batch)
			continue
		}
		select {
		case <-f.wake:
		case <-f.stop:
			if batch = f.take(batch, limit); len(batch) == 0 {
				return
			}
			do(batch)
		}
	}
}

// close lets the takers end once nothing is left. Nobody may put after it.
func (f *funnel[T]) close() { close(f.stop) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

package router

import (
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestRingIsAQueue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var r ring[int]
		var model []int
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"push":  func(*rapid.T) { next++; r.push(next); model = append(model, next) },
			"front": func(*rapid.T) { next++; r.pushFront(next); model = slices.Insert(model, 0, next) },
			"pop": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip("empty")
				}
				if got := r.pop(); got != model[0] {
					t.Fatalf("popped %d, want %d", got, model[0])
				}
				model = model[1:]
			},
			"filter": func(t *rapid.T) {
				m := rapid.IntRange(1, 4).Draw(t, "m")
				r.filter(func(i, v int) bool {
					if v != model[i] {
						t.Fatalf("filter sees %d at %d, want %d", v, i, model[i])
					}
					return v%m != 0
				})
				model = slices.DeleteFunc(model, func(v int) bool { return v%m == 0 })
			},
			"": func(t *rapid.T) {
				if r.len() != len(model) {
					t.Fatalf("len %d, want %d", r.len(), len(model))
				}
				for i, v := range model {
					if *r.at(i) != v {
						t.Fatalf("at %d is %d, want %d", i, *r.at(i), v)
					}
				}
			},
		})
	})
}

func TestFunnelLosesNothingAndEndsWhenClosed(t *testing.T) {
	t.Parallel()
	f := newFunnel[int]()
	var mu sync.Mutex
	seen := map[int]int{}
	var takers, givers sync.WaitGroup
	for range 3 {
		takers.Go(func() {
			f.run(7, func(batch []int) {
				if len(batch) > 7 {
					t.Errorf("a batch of %d", len(batch))
				}
				mu.Lock()
				defer mu.Unlock()
				for _, v := range batch {
					seen[v]++
				}
			})
		})
	}
	for g := range 4 {
		givers.Go(func() {
			for i := range 500 {
				f.put(g*1000 + i)
			}
		})
	}
	givers.Wait()
	f.close()
	takers.Wait()
	if len(seen) != 2000 {
		t.Errorf("%d of 2000 came through", len(seen))
	}
	for v, n := range seen {
		if n != 1 {
			t.Errorf("%d came %d times", v, n)
		}
	}
}

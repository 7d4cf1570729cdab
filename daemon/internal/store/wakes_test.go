package store

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

func woken(l *Listener) bool {
	select {
	case <-l.C:
		return true
	default:
		return false
	}
}

func TestPostsCoalesceAndReachEveryListener(t *testing.T) {
	t.Parallel()
	w := NewWakes()
	a, b := w.Lanes.Listen(), w.Lanes.Listen()
	other := w.Events.Listen()
	w.Lanes.Post("x")
	w.Lanes.Post("y", "x")
	for _, l := range []*Listener{a, b} {
		if !woken(l) || woken(l) {
			t.Error("two posts are not one wake")
		}
		keys, all := l.Take()
		slices.Sort(keys)
		if !slices.Equal(keys, []string{"x", "y"}) || all {
			t.Errorf("took %v, all %v", keys, all)
		}
		if keys, all = l.Take(); len(keys) > 0 || all {
			t.Errorf("took %v, all %v again", keys, all)
		}
	}
	if woken(other) {
		t.Error("a post of one topic woke another")
	}
}

func TestAPostWithoutKeysSaysAll(t *testing.T) {
	t.Parallel()
	l := NewWakes().Lanes.Listen()
	l.w.Post("x")
	l.w.Post()
	if keys, all := l.Take(); len(keys) != 1 || !all {
		t.Errorf("took %v, all %v", keys, all)
	}
}

func TestAListenerThatIsFarBehindIsToldToLookAtAll(t *testing.T) {
	t.Parallel()
	l := NewWakes().Lanes.Listen()
	for i := range maxKeys {
		l.w.Post(fmt.Sprint(i))
	}
	l.w.Post("0") // known already
	if len(l.keys) != maxKeys {
		t.Fatalf("%d keys", len(l.keys))
	}
	l.w.Post("one more")
	if keys, all := l.Take(); len(keys) > maxKeys || !all {
		t.Errorf("took %d keys, all %v", len(keys), all)
	}
}

func TestAClosedListenerHearsNothing(t *testing.T) {
	t.Parallel()
	w := NewWakes()
	l := w.Lanes.Listen()
	l.Close()
	l.Close()
	w.Lanes.Post("x")
	if woken(l) {
		t.Error("it was woken")
	}
}

// What is posted while a listener takes is taken then or wakes it once more.
func TestNothingIsLostBetweenPostAndTake(t *testing.T) {
	t.Parallel()
	l := NewWakes().Lanes.Listen()
	const posters, posts = 4, 500
	var wg sync.WaitGroup
	for g := range posters {
		wg.Go(func() {
			for i := range posts {
				l.w.Post(fmt.Sprint(g, ".", i))
			}
		})
	}
	seen := map[string]bool{}
	for len(seen) < posters*posts {
		<-l.C // a lost wake hangs here
		keys, _ := l.Take()
		for _, k := range keys {
			seen[k] = true
		}
	}
	wg.Wait()
}

package store

import (
	"slices"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

func TestAFeedTellsEachChangeOnceAndOwnsUpToWhatItForgot(t *testing.T) {
	t.Parallel()
	f := &NewWakes().Jobs
	f.Note(1) // nobody reads it yet
	at := f.At()
	l := f.Listen()
	defer l.Close()
	f.Note(3, 2, 3)
	select {
	case <-l.C:
	default:
		t.Error("nobody was woken")
	}
	jobs, next, whole := f.After(at, 10)
	if !whole || !slices.Equal(jobs, []flow.ID{2, 3}) {
		t.Errorf("%v, whole %v", jobs, whole)
	}
	if jobs, same, whole := f.After(next, 10); !whole || len(jobs) != 0 || same != next {
		t.Errorf("nothing new is %v at %v, whole %v", jobs, same, whole)
	}
	// A small page goes on where it ended.
	first, mid, _ := f.After(at, 1)
	rest, end, whole := f.After(mid, 10)
	if !whole || !slices.Equal(first, []flow.ID{3}) || !slices.Equal(rest, []flow.ID{2, 3}) || end != next {
		t.Errorf("in two pages %v and %v", first, rest)
	}
	for range FeedSize {
		f.Note(7)
	}
	if jobs, _, whole := f.After(next, 10); !whole || !slices.Equal(jobs, []flow.ID{7}) {
		t.Errorf("a full feed: %v, whole %v", jobs, whole)
	}
	f.Note(8)
	if _, now, whole := f.After(next, 10); whole || now != f.At() {
		t.Errorf("what is forgotten is not owned up to: %v", now)
	}
	for name, strange := range map[string]Place{
		"of another feed": NewWakes().Jobs.At(), "of the future": {f.At().Epoch, f.At().Next + 1}, "zero": {},
	} {
		if _, _, whole := f.After(strange, 10); whole {
			t.Errorf("a place %s is taken for one of this feed", name)
		}
	}
}

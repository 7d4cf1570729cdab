package store

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// FeedSize is how many changes a Feed remembers.
const FeedSize = 1 << 16

// Feed remembers which jobs changed of late, in the order of their commits, for
// those who watch jobs. It is memory of this process only and forgets the
// oldest, so a reader must be able to bear that: At says from where it goes on,
// and After whether something is missing. It costs next to nothing before
// somebody first reads it. Its Wake is posted at each change.
type Feed struct {
	Wake
	read  atomic.Bool // somebody ever did
	mu    sync.Mutex
	epoch uint64
	ring  []flow.ID
	next  uint64 // the number of the change that comes next
}

// Place is where a reader of a Feed stands. A Feed of another process, or of
// this one's life before, has another epoch.
type Place struct{ Epoch, Next uint64 }

// At is the place after all changes so far.
func (f *Feed) At() Place {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring == nil {
		f.ring = make([]flow.ID, FeedSize)
		f.epoch = rand.Uint64() | 1
		f.read.Store(true)
	}
	return Place{f.epoch, f.next}
}

// After returns up to limit jobs that changed from a place on, each once, and
// the place to go on from. When changes from that place on are forgotten, or
// it is a place of another feed, whole is false and the place is the present.
func (f *Feed) After(at Place, limit int) (jobs []flow.ID, next Place, whole bool) {
	now := f.At()
	f.mu.Lock()
	defer f.mu.Unlock()
	now.Next = f.next
	if at.Epoch != f.epoch || at.Next > f.next || f.next-at.Next > FeedSize {
		return nil, now, false
	}
	end := min(f.next, at.Next+uint64(max(limit, 1)))
	for n := at.Next; n < end; n++ {
		jobs = append(jobs, f.ring[n%FeedSize])
	}
	slices.Sort(jobs)
	return slices.Compact(jobs), Place{f.epoch, end}, true
}

// Watched says whether changes are worth noting.
func (f *Feed) Watched() bool { return f.read.Load() }

// Note takes changes in. Whoever is told of one finds the job as it became by
// it, or by a later one.
func (f *Feed) Note(jobs ...flow.ID) {
	if len(jobs) == 0 || !f.Watched() {
		return
	}
	f.mu.Lock()
	for _, id := range jobs {
		f.ring[f.next%FeedSize] = id
		f.next++
	}
	f.mu.Unlock()
	f.Post()
}

package sqlite

import (
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	suite := func(o Options) func(*testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, storetest.Features{
				SingleOwner: true,
				Crash:       storetest.CrashByCopy,
				Open: func(t testing.TB, dir string, now time.Time) store.Store {
					o := o
					o.Now = now
					return open(t, dir, o)
				},
			})
		}
	}
	t.Run("as it is", suite(Options{}))
	// With next to no memory every event and most jobs take the way over the disk.
	t.Run("without memory", suite(Options{CacheBytes: 1, Readers: 1, HotJobs: 2}))
}

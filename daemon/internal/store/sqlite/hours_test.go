package sqlite

import (
	"reflect"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func rollupsOf(t *testing.T, st *Store, since time.Time) []store.Rollup {
	t.Helper()
	out, err := st.Rollups(t.Context(), store.Everything, store.RollupQuery{Since: since})
	must(t, err)
	return out
}

func TestSumsFromMemoryAreThoseOnDisk(t *testing.T) {
	t.Parallel()
	st := setup(t)
	at := noon
	for round := range 6 {
		es := events("sums", "", 3, 10)
		for i := range es {
			es[i].DeduplicationID, es[i].ClientID = "", "clt_A"
		}
		_, err := st.Append(t.Context(), es, at)
		must(t, err)
		first := rollupsOf(t, st, noon.Add(-time.Hour))
		again := rollupsOf(t, st, noon.Add(-time.Hour))
		st.hours.init()
		if disk := rollupsOf(t, st, noon.Add(-time.Hour)); !reflect.DeepEqual(first, disk) || !reflect.DeepEqual(again, disk) {
			t.Fatalf("round %d: %v, then %v; on disk %v", round, first, again, disk)
		}
		if round%2 == 1 {
			at = at.Add(time.Hour)
		}
	}
	if total := rollupsOf(t, st, noon.Add(-time.Hour)); len(total) != 3 || total[0].N != 6 {
		t.Errorf("three hours of six events each came as %v", total)
	}
	sums, err := st.Totals(t.Context(), store.Everything)
	must(t, err)
	if len(sums) != 1 || sums[0].N != 18 {
		t.Errorf("18 events in all came as %v", sums)
	}
}

func TestWhatWasCountedWhileHoursWereReadIsNotHidden(t *testing.T) {
	var h hours
	h.init()
	asked := h.now()
	h.count(map[int64]bool{7: true}) // a commit after the snapshot
	h.keep(7, asked, []store.Rollup{{N: 1}})
	if rows, known := h.get(7); known {
		t.Errorf("an hour is known as %v though it was counted in after it was read", rows)
	}
	h.keep(7, h.now(), []store.Rollup{{N: 2}})
	if rows, known := h.get(7); !known || rows[0].N != 2 {
		t.Errorf("hour 7 is %v, known %v", rows, known)
	}
	h.count(map[int64]bool{8: true})
	if _, known := h.get(7); !known {
		t.Error("counting in hour 8 has made hour 7 unknown")
	}
	h.count(map[int64]bool{7: true})
	if _, known := h.get(7); known {
		t.Error("hour 7 is known though it was counted in")
	}
}

func TestHoursInMemoryAreBounded(t *testing.T) {
	var h hours
	h.init()
	h.most = 10
	for at := range int64(8) {
		h.keep(at+1, 0, make([]store.Rollup, 3))
	}
	known := 0
	for at := range int64(8) {
		if _, ok := h.get(at + 1); ok {
			known++
		}
	}
	if _, newest := h.get(8); known != 3 || !newest || h.rows != 9 {
		t.Errorf("%d hours with %d rows are known, the newest %v; want 3 with 9", known, h.rows, newest)
	}
	if h.keep(9, 0, make([]store.Rollup, 11)); h.rows > h.most {
		t.Errorf("%d rows are kept, at most %d may be", h.rows, h.most)
	}
}

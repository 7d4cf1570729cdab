package sqlite

import (
	"sync"

	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// hours keep the sums of hours that were asked for, as long as nothing more is
// counted in them: who looks at a day every few seconds reads the hour that runs
// and no others.
type hours struct {
	mu      sync.Mutex
	seq     uint64           // commits that have counted since opening
	counted map[int64]uint64 // the last of them in each hour
	kept    map[int64][]store.Rollup
	rows    int
	most    int // rows in memory
	texts   map[string]string
}

// keptRows bounds the rows in memory to about 10 MB: a day of some thousand sums
// an hour.
const keptRows = 100_000

func (h *hours) init() {
	h.counted, h.kept, h.texts, h.most = map[int64]uint64{}, map[int64][]store.Rollup{}, map[string]string{}, keptRows
}

// count says that a commit has counted in some hours.
func (h *hours) count(touched map[int64]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	for at := range touched {
		h.counted[at] = h.seq
		h.drop(at)
	}
}

func (h *hours) drop(at int64) {
	h.rows -= len(h.kept[at])
	delete(h.kept, at)
}

// now is what keep wants to know: asked before the snapshot that is read.
func (h *hours) now() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seq
}

// get returns the rows of an hour if they are known.
func (h *hours) get(at int64) (rows []store.Rollup, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rows, known = h.kept[at]
	return rows, known
}

// keep keeps the rows of an hour unless it was counted in meanwhile. If there is no
// room, older hours go.
func (h *hours) keep(at int64, asked uint64, rows []store.Rollup) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counted[at] > asked || len(rows) > h.most {
		return
	}
	h.drop(at)
	for h.rows+len(rows) > h.most {
		first := at
		for k, kept := range h.kept {
			if k < first && len(kept) > 0 {
				first = k
			}
		}
		if first == at {
			return
		}
		h.drop(first)
	}
	for i := range rows {
		rows[i].ClientID, rows[i].Name = h.text(rows[i].ClientID), h.text(rows[i].Name)
	}
	h.kept[at], h.rows = rows, h.rows+len(rows)
}

// text is the one text that is kept of those that are equal.
func (h *hours) text(s string) string {
	if t, known := h.texts[s]; known {
		return t
	}
	if len(h.texts) >= h.most {
		clear(h.texts)
	}
	h.texts[s] = s
	return s
}

package main

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// A behaviour is what some paths of the receiver do instead of taking
// everything at once.
type behaviour struct {
	From   int           `json:"from"` // the paths, up to but not including To
	To     int           `json:"to"`
	Status int           `json:"status,omitempty"` // answered instead of 200
	Share  float64       `json:"share,omitempty"`  // of requests that Status is for; 0 is all
	Delay  time.Duration `json:"delay,omitempty"`  // before the answer
	Hang   bool          `json:"hang,omitempty"`   // no answer until the behaviour is another
}

// status is what one request is answered with.
func (b *behaviour) status() int {
	switch {
	case b.Hang:
		return http.StatusServiceUnavailable // once it is let go
	case b.Status == 0, b.Share > 0 && rand.Float64() >= b.Share:
		return http.StatusOK
	}
	return b.Status
}

// manners are the behaviours of one time.
type manners struct {
	list    []behaviour
	changed chan struct{} // closed when others take their place
}

// of is the behaviour of a path, or nil.
func (m *manners) of(path int) *behaviour {
	if m == nil {
		return nil
	}
	for i := range m.list {
		if b := &m.list[i]; b.From <= path && path < b.To {
			return b
		}
	}
	return nil
}

// dwell returns when it is time to answer, or nobody waits for one any more.
func (m *manners) dwell(r *http.Request, b *behaviour) {
	var due <-chan time.Time
	switch {
	case b.Hang:
	case b.Delay > 0:
		timer := time.NewTimer(b.Delay)
		defer timer.Stop()
		due = timer.C
	default:
		return
	}
	select {
	case <-due:
	case <-m.changed:
	case <-r.Context().Done():
	}
}

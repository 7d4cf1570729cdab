package tui

import (
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// past keeps the last figures of the router, one a second, for the sparklines.
type past struct {
	seen                      time.Time
	delivered, failed, p99    []float64
	lastSuccess, lastFailures uint64
}

const kept = 240

func totals(s *client.Snapshot) (good, bad uint64, p99 float64) {
	for i := range s.Pools.Pools {
		m := s.Pools.Pools[i].Metrics
		good += m.TotalSuccess
		bad += m.TotalFailure + m.TotalRateLimited
		p99 = max(p99, m.Last5Min.ProcessingTime.P99Ms)
	}
	return good, bad, p99
}

// add takes a snapshot. Figures that went back are those of another process.
func (p *past) add(s *client.Snapshot) {
	good, bad, p99 := totals(s)
	if !p.seen.IsZero() && s.At.After(p.seen) && good >= p.lastSuccess && bad >= p.lastFailures {
		per := s.At.Sub(p.seen).Seconds()
		p.delivered = push(p.delivered, float64(good-p.lastSuccess)/per)
		p.failed = push(p.failed, float64(bad-p.lastFailures)/per)
		p.p99 = push(p.p99, p99)
	}
	p.seen, p.lastSuccess, p.lastFailures = s.At, good, bad
}

func push(vs []float64, v float64) []float64 {
	if len(vs) >= kept {
		copy(vs, vs[1:])
		vs = vs[:kept-1]
	}
	return append(vs, v)
}

func last(vs []float64) float64 {
	if len(vs) == 0 {
		return 0
	}
	return vs[len(vs)-1]
}

var bars = []rune("▁▂▃▄▅▆▇█")

// spark draws the last values in so many columns; the highest is a full bar.
func spark(vs []float64, width int) string {
	if len(vs) > width {
		vs = vs[len(vs)-width:]
	}
	most := 0.0
	for _, v := range vs {
		most = max(most, v)
	}
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", width-len(vs)))
	for _, v := range vs {
		n := 0
		if most > 0 {
			n = int(v / most * float64(len(bars)-1))
		}
		b.WriteRune(bars[n])
	}
	return b.String()
}

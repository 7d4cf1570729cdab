package tui

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// past keeps the last figures of the router, one a second, for the sparklines.
type past struct {
	seen                      time.Time
	delivered, failed, p99    []float64
	lastSuccess, lastFailures uint64
	// events are those accepted: how many a second, from what they are in all.
	events   []float64
	counted  time.Time
	accepted int64
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

// count takes how many events were accepted in all. What came since the last
// count is spread evenly over the seconds in between: nobody knows better.
func (p *past) count(at time.Time, total int64) {
	if secs := at.Sub(p.counted).Seconds(); !p.counted.IsZero() && total >= p.accepted {
		if secs < 0.5 {
			return
		}
		for range min(kept, max(1, int(math.Round(secs)))) {
			p.events = push(p.events, float64(total-p.accepted)/secs)
		}
	}
	p.counted, p.accepted = at, total
}

// perSecond is the last rate; before the second reading nobody knows one.
func perSecond(vs []float64) string {
	if len(vs) == 0 {
		return "–"
	}
	if v := last(vs); v > 0 && v < 10 {
		return fmt.Sprintf("%.1f/s", v)
	}
	return fmt.Sprintf("%.0f/s", last(vs))
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

package tui

import (
	"fmt"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// manyJobs are jobs as a busy platform has them, newest first.
func manyJobs(n int) []client.Job {
	js := make([]client.Job, n)
	states := []string{client.JobCompleted, client.JobPending, client.JobFailed}
	for i := range js {
		js[i] = exampleJob(fmt.Sprintf("6H%011d", n-i), states[i%3])
		js[i].MessageGroup = fmt.Sprint("order-", i*7919%n)
		js[i].CreatedAt = noon.Add(-time.Duration(i) * time.Millisecond)
	}
	return js
}

// withJobs is a screen with so many jobs on it.
func withJobs(t testing.TB, n int) (*stage, *list[client.Job]) {
	t.Helper()
	s := newStage(t, 140, 45)
	p := newJobs(s.desk, jobsOf{})
	s.at(p, listed[client.Job]{manyJobs(n), false})
	return s, p
}

// What a screen costs depends on what is seen and not on what is there.
func TestOnlyWhatIsSeenIsDrawn(t *testing.T) {
	cost := map[int]float64{}
	for _, n := range []int{100, 10_000} {
		s, p := withJobs(t, n)
		drawn, draw := 0, p.row
		p.row = func(j client.Job) row { drawn++; return draw(j) }
		s.keys("down")
		_ = s.View()
		if drawn == 0 || drawn > s.height {
			t.Errorf("%d rows of %d were drawn on %d lines", drawn, n, s.height)
		}
		cost[n] = testing.AllocsPerRun(20, func() { _ = s.View() })
	}
	if cost[10_000] > cost[100]*1.1 {
		t.Errorf("a view of 10,000 rows takes %.0f allocations, one of 100 takes %.0f", cost[10_000], cost[100])
	}
}

func BenchmarkTenThousandRows(b *testing.B) {
	s, p := withJobs(b, 10_000)
	b.Run("down", func(b *testing.B) {
		for b.Loop() {
			s.keys("down")
			_ = s.View()
		}
	})
	for name, typed := range map[string]string{"a word": "order-7", "not a word": "!completed", "an expression": `order-\d+7|fail.*500$`} {
		b.Run("type "+name, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				end := len(typed) - n%2 // each key is another filter
				if err := p.Filter(typed[:end]); err != nil {
					b.Fatal(err)
				}
				_ = s.View()
			}
		})
	}
	_ = p.Filter("")
	b.Run("sort", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			p.grid.sort(n % len(p.grid.columns))
			_ = s.View()
		}
	})
	p.grid.sortBy = -1
	b.Run("300 changes", func(b *testing.B) {
		changed := manyJobs(10_000)[100:400]
		for b.Loop() {
			p.merge(changed)
			_ = s.View()
		}
	})
	b.Run("300 new", func(b *testing.B) {
		added := manyJobs(300)
		for n := 0; b.Loop(); n++ {
			for i := range added {
				added[i].ID = fmt.Sprintf("6I%011d", n*300+300-i)
			}
			p.merge(added)
			_ = s.View()
		}
	})
}

package flow

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDelays(t *testing.T) {
	t.Parallel()
	const s, m, h = time.Second, time.Minute, time.Hour
	for name, c := range map[string]struct {
		p    Policy
		want []time.Duration // after the first, second, … spent exchange
	}{
		"the default":                   {Policy{}, []time.Duration{m, 5 * m, 15 * m, h, h, h}},
		"a schedule":                    {Policy{Schedule: []time.Duration{s, m}}, []time.Duration{s, m, m, m}},
		"a fixed delay":                 {Policy{Strategy: FixedDelay, Schedule: []time.Duration{7 * s, m}}, []time.Duration{7 * s, 7 * s, 7 * s}},
		"a fixed delay by default":      {Policy{Strategy: FixedDelay}, []time.Duration{m, m, m}},
		"exponential":                   {Policy{Strategy: ExponentialBackoff, Schedule: []time.Duration{10 * m}}, []time.Duration{10 * m, 20 * m, 40 * m, h, h}},
		"exponential by default":        {Policy{Strategy: ExponentialBackoff}, []time.Duration{m, 2 * m, 4 * m, 8 * m, 16 * m, 32 * m, h, h}},
		"exponential beyond its bound":  {Policy{Strategy: ExponentialBackoff, Schedule: []time.Duration{2 * h}}, []time.Duration{2 * h, 2 * h, 2 * h}},
		"exponential from nothing":      {Policy{Strategy: ExponentialBackoff, Schedule: []time.Duration{0}}, []time.Duration{0, 0, 0}},
		"none":                          {Policy{Strategy: NoDelay, Schedule: []time.Duration{h}}, []time.Duration{0, 0, 0}},
		"none, whatever the jitter":     {Policy{Strategy: NoDelay, Jitter: 1}, []time.Duration{0, 0}},
		"a jitter in its middle is nil": {Policy{Schedule: []time.Duration{m}, Jitter: 0.5}, []time.Duration{m, m}},
	} {
		for i, want := range c.want {
			if got := c.p.Delay(i+1, 0.5); got != want {
				t.Errorf("%s: after %d spent the delay is %s, want %s", name, i+1, got, want)
			}
		}
		if c.p.Delay(0, 0.5) != c.p.Delay(1, 0.5) || c.p.Delay(-3, 0.5) != c.p.Delay(1, 0.5) {
			t.Errorf("%s: with nothing spent the delay is not the first", name)
		}
	}
}

func TestJitterStaysInItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{
			Strategy: Strategy(rapid.IntRange(0, 3).Draw(t, "strategy")),
			Schedule: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
				return time.Duration(rapid.Int64Range(0, int64(30*24*time.Hour)).Draw(t, "delay"))
			}), 0, 5).Draw(t, "schedule"),
		}
		spent := rapid.IntRange(1, 2000).Draw(t, "spent")
		exact := p.Delay(spent, 0.5)
		p.Jitter = rapid.Float64Range(0, 1).Draw(t, "jitter")
		got := p.Delay(spent, rapid.Float64Range(0, 0.999999).Draw(t, "roll"))
		low, high := float64(exact)*(1-p.Jitter)-1, float64(exact)*(1+p.Jitter)+1
		if got < 0 || float64(got) < low || float64(got) > high {
			t.Fatalf("the delay %s with jitter %v is %s", exact, p.Jitter, got)
		}
	})
	p := Policy{Schedule: []time.Duration{time.Minute}, Jitter: 0.2}
	if got := p.Delay(1, 0); got != 48*time.Second {
		t.Errorf("the shortest is %s", got)
	}
	if got := p.Delay(1, 0.75); got != 66*time.Second {
		t.Errorf("three quarters are %s", got)
	}
}

func TestPoliciesAreEqual(t *testing.T) {
	t.Parallel()
	base := func() Policy {
		return Policy{MaxRetries: 5, Strategy: FixedDelay, Schedule: []time.Duration{1, 2}, Jitter: 0.1, MaxAge: 3, Timeout: 4, RetryOn: []int{409}}
	}
	if !base().Equal(base()) {
		t.Error("a policy is not its like")
	}
	for name, change := range map[string]func(*Policy){
		"maxRetries": func(p *Policy) { p.MaxRetries++ }, "strategy": func(p *Policy) { p.Strategy = NoDelay },
		"schedule": func(p *Policy) { p.Schedule[1]++ }, "jitter": func(p *Policy) { p.Jitter = 0.2 },
		"maxAge": func(p *Policy) { p.MaxAge++ }, "timeout": func(p *Policy) { p.Timeout++ }, "retryOn": func(p *Policy) { p.RetryOn = nil },
	} {
		p := base()
		change(&p)
		if p.Equal(base()) || base().Equal(p) {
			t.Errorf("another %s makes no difference", name)
		}
	}
}

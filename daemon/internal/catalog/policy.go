package catalog

import (
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// Policy is the retry policy that a subscription gives to its jobs.
func Policy(s *resource.Subscription) flow.Policy {
	p := flow.Policy{
		MaxRetries: s.MaxRetries,
		Jitter:     s.RetryJitter,
		MaxAge:     time.Duration(s.MaxAgeSeconds) * time.Second,
		Timeout:    time.Duration(s.TimeoutSeconds) * time.Second,
		RetryOn:    s.RetryOn,
	}
	if st, ok := flow.ParseStrategy(s.RetryStrategy); ok {
		p.Strategy = st
	}
	for _, d := range s.RetrySchedule {
		p.Schedule = append(p.Schedule, time.Duration(d))
	}
	return p
}

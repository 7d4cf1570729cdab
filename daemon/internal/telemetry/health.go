package telemetry

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Phase is where a process is in its life.
type Phase string

// The phases.
const (
	Starting Phase = "STARTING"
	Running  Phase = "RUNNING"
	Draining Phase = "DRAINING"
)

// Check says what is wrong with a component, or nil.
type Check func(context.Context) error

// checkTimeout bounds one check: a probe waits no longer.
const checkTimeout = 2 * time.Second

// Health knows how the parts of a process are. Its methods may be called from
// any goroutine.
type Health struct {
	mu         sync.Mutex
	phase      Phase
	components []*component
}

type component struct {
	name  string
	check Check

	mu      sync.Mutex
	pending chan struct{} // closed when the check under way is done
	err     error         // of the last check
}

// NewHealth returns the health of a process that starts.
func NewHealth() *Health { return &Health{phase: Starting} }

// Add adds a component that the process needs. Components are shown in the
// order in which they were added.
func (h *Health) Add(name string, c Check) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.components = append(h.components, &component{name: name, check: c})
}

// SetPhase moves the process on. Nothing leads out of Draining.
func (h *Health) SetPhase(p Phase) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.phase != Draining {
		h.phase = p
	}
}

// Component is how one component is.
type Component struct {
	Name   string `json:"name"`
	Status string `json:"status"` // UP or DOWN
	Error  string `json:"error,omitempty"`
}

// Report is how a process is.
type Report struct {
	Status     string      `json:"status"` // UP or DOWN
	Ready      bool        `json:"ready"`
	Phase      Phase       `json:"phase"`
	Components []Component `json:"components"`
}

// Report asks every component, all at once, for no longer than two seconds.
func (h *Health) Report(ctx context.Context) Report {
	h.mu.Lock()
	phase, components := h.phase, h.components
	h.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	r := Report{Status: "UP", Phase: phase, Components: make([]Component, len(components))}
	var asked sync.WaitGroup
	for i, c := range components {
		asked.Go(func() {
			r.Components[i] = Component{Name: c.name, Status: "UP"}
			if err := c.ask(ctx); err != nil {
				r.Components[i].Status, r.Components[i].Error = "DOWN", err.Error()
			}
		})
	}
	asked.Wait()
	for _, c := range r.Components {
		if c.Status != "UP" {
			r.Status = "DOWN"
		}
	}
	r.Ready = phase == Running && r.Status == "UP"
	return r
}

// ask checks the component once, however many ask: a check that hangs costs
// one goroutine, not one per probe.
func (c *component) ask(ctx context.Context) error {
	c.mu.Lock()
	done := c.pending
	if done == nil {
		done = make(chan struct{})
		c.pending = done
		// Who asked first may leave; the others still want the answer.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
		go func() {
			defer cancel()
			err := c.check(ctx)
			c.mu.Lock()
			c.err, c.pending = err, nil
			c.mu.Unlock()
			close(done)
		}()
	}
	c.mu.Unlock()
	select {
	case <-done:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.err
	case <-ctx.Done():
		return fmt.Errorf("no answer within %s", checkTimeout)
	}
}

package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// undoList is what to close, by name, in the order of opening.
type undoList struct{ steps []undoStep }

type undoStep struct {
	name string
	do   func() error
}

// add registers an undo; it belongs on the line after the do.
func (u *undoList) add(name string, do func() error) {
	u.steps = append(u.steps, undoStep{name, do})
}

func (u *undoList) empty() bool { return len(u.steps) == 0 }

// run undoes everything, last opened first. One that fails keeps no other
// from its turn.
func (u *undoList) run(log *slog.Logger) error {
	var errs []error
	for len(u.steps) > 0 {
		last := len(u.steps) - 1
		s := u.steps[last]
		u.steps = u.steps[:last]
		began := time.Now()
		err := s.do()
		said := []any{"what", s.name, "took", time.Since(began).Round(time.Microsecond)}
		if err != nil {
			said = append(said, "error", err)
			errs = append(errs, fmt.Errorf("close %s: %w", s.name, err))
		}
		log.Debug("closed", said...)
	}
	return errors.Join(errs...)
}

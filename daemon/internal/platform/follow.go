package platform

import (
	"context"
	"errors"
	"fmt"

	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Wakes tells of the store's commits.
func (p *Platform) Wakes() *store.Wakes { return p.st.Wakes() }

// LastEvent is the position of the newest event of anybody; 0 if there is none.
func (p *Platform) LastEvent(ctx context.Context) (int64, error) {
	page, err := p.st.ListEvents(ctx, store.Everything, store.EventQuery{Limit: 1})
	if err != nil || len(page.Events) == 0 {
		return 0, err
	}
	return page.Events[0].Position, nil
}

// ScanEvents returns the caller's events after a position, oldest first, as
// far as the fan-out has come.
func (p *Platform) ScanEvents(ctx context.Context, c Caller, q store.ScanQuery) (store.ScanPage, error) {
	page, err := p.st.Scan(ctx, c.Scope, q)
	if err != nil {
		return page, fmt.Errorf("follow events: %w", err)
	}
	return page, nil
}

// IsCode says whether an error is a refusal with this code.
func IsCode(err error, code Code) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Code == code
}

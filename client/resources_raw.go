package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// CreateFrom makes a resource from anything that encodes to a JSON object and
// returns the whole answer. What the server says only once, such as the
// secret of a new OAuth client, is in the answer and in no resource.
func (r *Resources) CreateFrom(ctx context.Context, body any) (json.RawMessage, error) {
	var raw json.RawMessage
	if _, err := r.c.do(ctx, call{method: http.MethodPost, path: r.path("", ""), body: body, key: newKey()}, &raw); err != nil {
		return nil, fmt.Errorf("create %s: %w", r.info.Title, err)
	}
	return raw, nil
}

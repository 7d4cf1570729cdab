package apidoc

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Example is one exchange with the API as a test recorded it, with the ids,
// times and secrets of that run replaced.
type Example struct {
	Path     map[string]string `json:"path,omitempty"` // the parameters of the path
	Request  json.RawMessage   `json:"request,omitempty"`
	Status   int               `json:"status"`
	Response json.RawMessage   `json:"response,omitempty"` // of a stream, a text
}

//go:embed examples.json
var recorded []byte

// Recorded are the examples of the operations, by their ids.
func Recorded() (map[string]Example, error) {
	all := map[string]Example{}
	if err := json.Unmarshal(recorded, &all); err != nil {
		return nil, fmt.Errorf("read the examples of the API: %w", err)
	}
	return all, nil
}

// addExamples puts an exchange beside what it is one of.
func addExamples(op *huma.Operation, e Example) {
	setPath(op, e.Path)
	if op.RequestBody != nil && e.Request != nil {
		for _, media := range op.RequestBody.Content {
			media.Example = decoded(e.Request)
		}
	}
	if e.Response == nil {
		return
	}
	for status, answer := range op.Responses {
		if !strings.HasPrefix(status, "2") { // a repeat may be 200 where the first was 201
			continue
		}
		for _, media := range answer.Content {
			media.Example = decoded(e.Response)
		}
	}
}

func decoded(raw json.RawMessage) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil // Recorded has read it: it is valid
	}
	return v
}

// problemExamples are errors as they leave, by their status.
func problemExamples() map[int]any {
	all := map[int]any{}
	for status, p := range map[int]struct {
		kind, code, detail string
		more               map[string]any
	}{
		400: {"invalid", "INVALID", "the request has a field that can not be accepted: target: must be a URL with http or https",
			map[string]any{"problems": []any{map[string]any{"field": "target", "detail": "must be a URL with http or https", "try": someTarget}}}},
		401: {"unauthenticated", "UNAUTHENTICATED", "the token has expired; POST /auth/refresh gives a new one", nil},
		403: {"forbidden", "FORBIDDEN", "this needs the permission platform:messaging:subscription:create", nil},
		404: {"not-found", "NOT_FOUND", "there is no subscription with this id or code", nil},
		409: {"already-exists", "ALREADY_EXISTS", "there is a subscription with this code already", nil},
		412: {"precondition-failed", "PRECONDITION_FAILED", "the subscription has revision 4 by now", nil},
		413: {"too-large", "TOO_LARGE", "the body is larger than 1048576 bytes", nil},
		415: {"unsupported-media-type", "UNSUPPORTED_MEDIA_TYPE", "the body must be application/json", nil},
		429: {"rate-limited", "RATE_LIMITED", "the client publishes more than it may, and nothing of this request was accepted; send it again later", map[string]any{"retryAfter": 2}},
		503: {"unavailable", "UNAVAILABLE", "the store can not do this now, and nothing was accepted; try again later", map[string]any{"retryAfter": 5}},
	} {
		body := map[string]any{
			"type": "https://flowcatalyst.example.com/problems/" + p.kind, "title": http.StatusText(status), "status": status, "detail": p.detail,
			"code": p.code, "message": p.detail, "error": p.code, "requestId": "Q3ZKX5T7N2M4B6C8D1F3G5H7J9",
		}
		for name, v := range p.more {
			body[name] = v
		}
		all[status] = body
	}
	return all
}

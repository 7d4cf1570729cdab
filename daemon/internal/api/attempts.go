package api

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

type attemptView struct {
	AttemptNumber   int               `json:"attemptNumber"`
	AttemptedAt     stamp             `json:"attemptedAt"`
	CompletedAt     stamp             `json:"completedAt"`
	DurationMillis  int64             `json:"durationMillis"`
	DurationMicros  int64             `json:"durationMicros" doc:"The same, to the microsecond"`
	DNSMillis       float64           `json:"dnsMillis,omitempty"`
	ConnectMillis   float64           `json:"connectMillis,omitempty"`
	TLSMillis       float64           `json:"tlsMillis,omitempty"`
	FirstByteMillis float64           `json:"firstByteMillis,omitempty"`
	Verdict         string            `json:"verdict"`
	ResponseCode    int               `json:"responseCode,omitempty"`
	ResponseHeaders map[string]string `json:"responseHeaders,omitempty"`
	ResponseBody    string            `json:"responseBody,omitempty" doc:"The first 8 KiB"`
	Success         bool              `json:"success"`
	ErrorMessage    string            `json:"errorMessage,omitempty"`
	ErrorType       string            `json:"errorType,omitempty"`
	RouterInstance  string            `json:"routerInstance,omitempty"`
}

func (s *server) listAttempts(ctx context.Context, c *call, in *idInput) (*result, error) {
	as, err := s.p.Attempts(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(viewAttempts(as)), nil
}

func viewAttempts(as []flow.Attempt) []attemptView {
	views := make([]attemptView, len(as))
	millis := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	for i := range as {
		a := &as[i]
		views[i] = attemptView{
			AttemptNumber: a.Number, AttemptedAt: stamp(a.At), CompletedAt: stamp(a.At.Add(a.Duration)),
			DurationMillis: a.Duration.Milliseconds(), DurationMicros: a.Duration.Microseconds(), DNSMillis: millis(a.Timing.DNS), ConnectMillis: millis(a.Timing.Connect),
			TLSMillis: millis(a.Timing.TLS), FirstByteMillis: millis(a.Timing.FirstByte), Verdict: a.Verdict.String(),
			ResponseCode: a.Status, ResponseHeaders: headersOf(a.Header), ResponseBody: strings.ToValidUTF8(string(a.Body), "\uFFFD"),
			Success: a.Verdict == flow.Delivered, ErrorMessage: a.Error, ErrorType: string(a.ErrorType), RouterInstance: a.Router,
		}
	}
	return views
}

// headersOf reads recorded headers, whether each has one value or several.
func headersOf(raw json.RawMessage) map[string]string {
	var one map[string]string
	if len(raw) == 0 || json.Unmarshal(raw, &one) == nil {
		return one
	}
	var many map[string][]string
	if json.Unmarshal(raw, &many) != nil {
		return nil
	}
	one = make(map[string]string, len(many))
	for name, values := range many {
		one[name] = strings.Join(values, ", ")
	}
	return one
}

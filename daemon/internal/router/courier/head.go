package courier

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// appendHead writes the head of a delivery up to its blank line: what the
// route prepared, then what is this delivery's own. Token, if any, is the value
// of Authorization. The error is the name of a task's header that HTTP does not
// allow.
func appendHead(b []byte, j *flow.Job, ev *flow.Event, p *prepared, id, contentType, token string, body []byte, at time.Time) (head []byte, bad string) {
	var correlation, eventType, trace string
	if ev != nil {
		correlation, eventType, trace = ev.CorrelationID, ev.Type, ev.Traceparent
	} else if t := j.Task; t != nil {
		correlation, eventType = t.CorrelationID, t.Code
	}
	if t := j.Task; t != nil && len(t.Headers) > 0 {
		if b, bad = appendTaskHeaders(b, p, t.Headers, trace == ""); bad != "" {
			return nil, bad
		}
	} else {
		b = append(b, p.static...)
	}
	b = appendLine(b, "Authorization", token)
	b = appendLine(b, "Content-Type", contentType)
	b = appendLine(b, "traceparent", trace)
	if ev != nil {
		b = append(b, "X-FlowCatalyst-Event-Id: "...)
		b = append(b, ev.ID.String()...)
		b = append(b, "\r\n"...)
	} else if j.Task != nil {
		b = appendLine(b, "X-FlowCatalyst-Event-Id", j.Task.EventID)
	}
	b = appendLine(b, "X-FlowCatalyst-Event-Type", eventType)
	b = appendLine(b, "X-FlowCatalyst-Dispatch-Job-Id", id)
	b = appendLine(b, "X-FlowCatalyst-Subscription-Id", j.SubscriptionID)
	b = appendLine(b, "X-FlowCatalyst-Client-Id", j.ClientID)
	b = appendLine(b, "X-FlowCatalyst-Correlation-Id", correlation)
	b = append(b, "X-FlowCatalyst-Attempt: "...)
	b = strconv.AppendInt(b, int64(j.Attempts), 10)
	b = append(b, "\r\n"...)
	if j.ReplayID != 0 {
		b = appendLine(b, "X-FlowCatalyst-Replay", flow.ReplayID(j.ReplayID))
	}
	b = appendSigned(b, p.signer, id, body, at)
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	return append(b, "\r\n\r\n"...), ""
}

// appendSigned writes the timestamp and, if the route signs, the signature.
// The scheme "flowcatalyst" signs a timestamp under the very name that the
// unsigned one has.
func appendSigned(b []byte, s *webhook.Signer, id string, body []byte, at time.Time) []byte {
	if s == nil || s.Scheme() != webhook.FlowCatalyst {
		b = append(b, "X-FlowCatalyst-Timestamp: "...)
		b = at.UTC().AppendFormat(b, isoMillis)
		b = append(b, "\r\n"...)
	}
	if s == nil {
		return b
	}
	sig := s.Sign(id, at, body)
	if s.Scheme() == webhook.FlowCatalyst {
		b = appendLine(b, "X-FLOWCATALYST-TIMESTAMP", sig.Timestamp)
		return appendLine(b, "X-FLOWCATALYST-SIGNATURE", sig.Value)
	}
	b = appendLine(b, "webhook-id", sig.ID)
	b = appendLine(b, "webhook-timestamp", sig.Timestamp)
	return appendLine(b, "webhook-signature", sig.Value)
}

// appendTaskHeaders writes the route's part together with the headers of a
// task, which go before those of the connection.
func appendTaskHeaders(b []byte, p *prepared, own map[string]string, trace bool) (head []byte, bad string) {
	own, bad = taskHeaders(own, trace)
	if bad != "" {
		return nil, bad
	}
	delete(own, p.own) // who we are is the connection's to say
	b = append(b, p.line...)
	for _, h := range p.headers {
		if own[h.name] == "" {
			b = appendLine(b, h.name, h.value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		b = appendLine(b, name, own[name])
	}
	return b, ""
}

// taskHeaders are those that a task may set, under their canonical names.
func taskHeaders(given map[string]string, trace bool) (own map[string]string, bad string) {
	own = make(map[string]string, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := given[name]
		if !validHeader(name, value) {
			return nil, name
		}
		name = http.CanonicalHeaderKey(name)
		if !reserved(name) || name == "Traceparent" && trace {
			own[name] = value
		}
	}
	return own, ""
}

// appendLine writes one header line, or none without a value. Whatever the
// value is, it ends where its line ends: names are ours or were checked, and
// what HTTP does not allow in values becomes a space. An event with a line
// break in its correlation id is delivered all the same; the envelope has the
// true value.
func appendLine(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, name...)
	b = append(b, ": "...)
	if plainValue(value) {
		b = append(b, strings.Trim(value, " \t")...)
		return append(b, "\r\n"...)
	}
	for i := range len(value) {
		c := value[i]
		if c < 0x20 && c != '\t' || c == 0x7f {
			c = ' '
		}
		b = append(b, c)
	}
	return append(b, "\r\n"...)
}

// appendTarget writes a request's target. A URL may have been saved with a
// space or other text in its query that only a lenient reader takes; nothing
// but visible ASCII goes into the request line.
func appendTarget(b []byte, uri string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(uri) {
		if c := uri[i]; c <= 0x20 || c >= 0x7f {
			b = append(b, '%', digits[c>>4], digits[c&15])
			continue
		}
		b = append(b, uri[i])
	}
	return b
}

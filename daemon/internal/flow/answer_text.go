package flow

import (
	"fmt"
	"strconv"
	"time"
	"unicode"
)

// The texts tell an operator what to check. They go into lastError and the
// attempt, where a person reads them at night.

var statusNamesHTTP = map[int]string{
	101: "Switching Protocols",
	301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
	307: "Temporary Redirect", 308: "Permanent Redirect",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required",
	408: "Request Timeout", 409: "Conflict", 411: "Length Required", 412: "Precondition Failed",
	413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
	421: "Misdirected Request", 422: "Unprocessable Content", 423: "Locked", 424: "Failed Dependency",
	425: "Too Early", 426: "Upgrade Required", 428: "Precondition Required",
	431: "Request Header Fields Too Large", 451: "Unavailable For Legal Reasons",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
	503: "Service Unavailable", 504: "Gateway Timeout", 507: "Insufficient Storage",
}

func statusText(status int) string {
	if name := statusNamesHTTP[status]; name != "" {
		return strconv.Itoa(status) + " " + name
	}
	return "status " + strconv.Itoa(status)
}

func throttledText(delay time.Duration) string {
	if delay > 0 {
		return fmt.Sprintf("429 Too Many Requests: the receiver asks to wait %s. If this is frequent, set a rate_limit on its connection", delay.Round(time.Second))
	}
	return "429 Too Many Requests: the receiver gave no Retry-After. If this is frequent, set a rate_limit on its connection"
}

func redirectText(x *Exchange) string {
	if x.Status < 300 {
		return statusText(x.Status) + ": the answer is not final. Check that the target is a webhook endpoint"
	}
	if x.Location == "" {
		return statusText(x.Status) + ": deliveries do not follow redirects. Set the target to the final URL"
	}
	return fmt.Sprintf("%s to %q: deliveries do not follow redirects. Set the target to the final URL", statusText(x.Status), clip(x.Location, 200))
}

func rejectedAdvice(status int) string {
	switch status {
	case 400, 422:
		return "the receiver refuses this content. Compare what the event carries with what the receiver expects, then retry the job"
	case 405, 501:
		return "the endpoint does not take POST. Check the target's path"
	case 406, 415:
		return "the receiver does not take this content type. Check that the target is a webhook endpoint"
	case 413:
		return "the event is larger than the receiver allows. Raise its limit, then retry the job"
	}
	return "the receiver refuses such requests. Check the target"
}

func retryText(status int) string {
	switch status {
	case 401, 403:
		return statusText(status) + ": the receiver does not accept our credentials or signature. Check the auth and signing blocks of the connection, and its headers"
	case 404:
		return statusText(status) + ": there is nothing at the target. Check its path, and whether the receiver is deployed"
	case 407:
		return statusText(status) + ": a proxy before the receiver wants credentials"
	case 431:
		return statusText(status) + ": the receiver does not take so many headers. Check the connection's headers and the subscription's config"
	}
	return "the receiver answered " + statusText(status)
}

// clip bounds what a stranger wrote and keeps control characters out.
func clip(s string, n int) string {
	out := make([]rune, 0, min(len(s), n))
	for _, r := range s {
		if len(out) == n {
			return string(out) + "…"
		}
		if !unicode.IsPrint(r) {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}

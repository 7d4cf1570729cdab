package api

import (
	"encoding/json"
	"net/http"
	"net/textproto"
	"net/url"
)

// binaryAttributes are the attributes that a CloudEvent in binary mode may
// bring in headers: those of the standard and our extensions. Others are left
// out, as they are in structured mode.
var binaryAttributes = []string{
	"specversion", "id", "type", "source", "subject", "time", "traceparent",
	"messagegroup", "correlationid", "causationid", "deduplicationid", "clientid",
}

// binaryHeaders are their headers, as net/http spells them.
var binaryHeaders = func() []string {
	hs := make([]string, len(binaryAttributes))
	for i, a := range binaryAttributes {
		hs[i] = textproto.CanonicalMIMEHeaderKey("ce-" + a)
	}
	return hs
}()

// fromBinary turns a CloudEvent in binary mode (CloudEvents HTTP binding
// §3.1), whose attributes are headers and whose data is the whole body, into
// its structured form. Anything else stays as it is.
func fromBinary(r *http.Request, body []byte, structured bool) ([]byte, bool) {
	if structured || r.Header["Ce-Specversion"] == nil && r.Header["Ce-Type"] == nil {
		return body, structured
	}
	if !json.Valid(body) {
		return body, true // it is refused for that
	}
	e := map[string]string{"datacontenttype": r.Header.Get("Content-Type")}
	for i, h := range binaryHeaders {
		if v := r.Header.Get(h); v != "" {
			e[binaryAttributes[i]] = percentDecoded(v)
		}
	}
	out, err := json.Marshal(e)
	if err != nil {
		return body, true // texts always encode
	}
	// The data goes in as it came, byte by byte.
	out = append(out[:len(out)-1], `,"data":`...)
	return append(append(out, body...), '}'), true
}

// percentDecoded undoes the encoding that the binding (§3.1.3.2) asks for.
func percentDecoded(v string) string {
	if s, err := url.PathUnescape(v); err == nil {
		return s
	}
	return v
}

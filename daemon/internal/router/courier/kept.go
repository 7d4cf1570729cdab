package courier

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// kept writes an answer's headers as JSON, sorted and bounded. Cookies are
// secrets of the receiver and stay out.
func (h *answer) kept() []byte {
	if len(h.fields) == 0 {
		return nil
	}
	slices.SortStableFunc(h.fields, func(a, b field) int { return bytes.Compare(h.name(a), h.name(b)) })
	size := 2
	for _, f := range h.fields {
		size += f.colon - f.name + f.end - f.value + len(`"":"",`)
	}
	b := append(make([]byte, 0, min(size, keptHeaders)), '{')
	for i := 0; i < len(h.fields); {
		name := h.name(h.fields[i])
		value := slices.Clip(h.value(h.fields[i])) // what is appended goes elsewhere
		for i++; i < len(h.fields) && bytes.Equal(h.name(h.fields[i]), name); i++ {
			value = append(value, ", "...)
			value = append(value, h.value(h.fields[i])...)
		}
		if !utf8.Valid(value) {
			value = bytes.ToValidUTF8(value, []byte("?"))
		}
		switch string(name) {
		case "Set-Cookie", "Set-Cookie2":
		default:
			b = appendKept(b, name, value)
		}
	}
	return append(b, '}')
}

// keepHeaders does the same for an answer that net/http has read.
func keepHeaders(h http.Header) []byte {
	if len(h) == 0 {
		return nil
	}
	var few [16]string
	names := few[:0]
	for name := range h {
		if name != "Set-Cookie" && name != "Set-Cookie2" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	b := append(make([]byte, 0, 256), '{')
	for _, name := range names {
		b = appendKept(b, name, strings.ToValidUTF8(strings.Join(h[name], ", "), "?"))
	}
	return append(b, '}')
}

// appendKept writes one header if there is room for it.
func appendKept[T string | []byte](b []byte, name, value T) []byte {
	if len(b)+len(name)+len(value)+8 > keptHeaders {
		return b
	}
	if len(b) > 1 {
		b = append(b, ',')
	}
	b = appendString(b, name)
	b = append(b, ':')
	return appendString(b, value)
}

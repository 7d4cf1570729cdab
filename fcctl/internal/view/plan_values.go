package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/flowcatalyst/fc/client/resource"
)

// How much of a value a plan shows, in characters, and how much around what
// differs.
const (
	valueHead, valueTail = 70, 30
	valueContext         = 20
)

// value is a JSON value as manifests write it, durations and rates
// with their unit.
func value(path string, v json.RawMessage, secret bool) string {
	if v == nil {
		return ""
	}
	if secret {
		return "(secret " + strings.Trim(string(v), `"`) + ")"
	}
	if word, ok := words[path][strings.Trim(string(v), `"`)]; ok {
		return strconv.Quote(word)
	}
	if n, err := strconv.Atoi(string(v)); err == nil && strings.HasSuffix(path, "Seconds") {
		return strconv.Quote(resource.Duration(time.Duration(n) * time.Second).String())
	}
	if n, err := strconv.ParseFloat(string(v), 64); err == nil && path == "rateLimit" {
		return strconv.Quote(resource.Rate(n).String())
	}
	var one bytes.Buffer
	if json.Compact(&one, v) != nil {
		return string(v)
	}
	return one.String()
}

// words are values that manifests write otherwise than the API does.
var words = map[string]map[string]string{
	"auth.type":       {resource.AuthBearer: "bearer", resource.AuthBasic: "basic", resource.AuthAPIKey: "api_key", resource.AuthOAuth2: "oauth2"},
	"concurrencyMode": {resource.ConcurrencyFixed: "fixed", resource.ConcurrencyAdaptive: "adaptive"},
	"validation":      {resource.ValidationOff: "off", resource.ValidationWarn: "warn", resource.ValidationReject: "reject"},
	"type":            {resource.ApplicationOwn: "application", resource.ApplicationIntegration: "integration"},
}

// clip leaves out the middle of a long value, and says how much that is.
func clip(s string) string {
	r := []rune(s)
	more := len(r) - valueHead - valueTail
	if more <= valueContext { // the mark is as long
		return s
	}
	return fmt.Sprintf("%s… (%s) …%s", string(r[:valueHead]), count(more, "character"), string(r[len(r)-valueTail:]))
}

// whereTheyDiffer leaves out what the beginnings and the ends of two long
// values have in common, but for some context: a change that is not seen is
// approved unseen.
func whereTheyDiffer(before, after string) (string, string) {
	b, a := []rune(before), []rune(after)
	if max(len(b), len(a)) <= valueHead+valueTail {
		return before, after
	}
	head, tail := 0, 0
	shorter := min(len(b), len(a))
	for head < shorter && b[head] == a[head] {
		head++
	}
	for tail < shorter-head && b[len(b)-1-tail] == a[len(a)-1-tail] {
		tail++
	}
	part := func(r []rune) string {
		from, to := max(head-valueContext, 0), min(len(r)-tail+valueContext, len(r))
		s := string(r[from:to])
		if from > 0 {
			s = "…" + s
		}
		if to < len(r) {
			s += "…"
		}
		return s
	}
	return part(b), part(a)
}

// oneLine shows what would end a line, play with a terminal, or be read
// otherwise than it is, such as a change of the direction of writing: as JSON
// escapes it.
func oneLine(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

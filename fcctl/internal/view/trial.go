package view

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// soon is how long before its end a certificate is worth a remark.
const soon = 21 * 24 * time.Hour

// ConnectionTested is the exchange of a test: what was met on the way, then the
// request and the answer as they went over the wire.
func ConnectionTested(t *client.ConnectionTested, now time.Time, ink Ink) string {
	var f facts
	f.add("connection", t.ConnectionCode+", "+t.Status)
	f.add("url", t.URL)
	f.add("address", t.Address)
	if t.Proxied {
		f.add("address", "through the egress proxy")
	}
	if x := t.TLS; x != nil {
		f.add("tls", strings.Trim(x.Version+", "+x.Protocol, ", "))
		f.add("certificate", fmt.Sprintf("for %s, by %s", first(strings.Join(x.Names, ", "), x.Subject), x.Issuer))
		f.put("valid until", untilCell(x.NotAfter, now, ink))
	}
	f.add("timing", timing(t.Timing))
	if t.Answer == nil {
		f.add("answer", "none")
	}
	outcome := cell{"a delivery would be COMPLETED", ink.Green}
	if !t.Success {
		outcome = cell{WouldBe(t), ink.Red}
	}
	f.put("outcome", outcome)
	var b strings.Builder
	b.WriteString(f.String(ink))
	if r := t.Request; r != nil {
		lines := []string{r.Method + " " + r.Target}
		for _, h := range r.Headers {
			lines = append(lines, h.Name+": "+h.Value)
		}
		b.WriteString("\n" + wireText(">", lines, r.Body, ink))
	}
	if r := t.Answer; r != nil {
		lines := []string{strconv.Itoa(r.Status)}
		for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
			lines = append(lines, name+": "+r.Headers[name])
		}
		body := r.Body
		if r.Truncated {
			body += "…"
		}
		b.WriteString("\n" + wireText("<", lines, body, ink))
	}
	return b.String()
}

// WouldBe says what the answer would mean for a delivery, and why.
func WouldBe(t *client.ConnectionTested) string {
	means := map[string]string{
		"DELIVERED": "would be COMPLETED", "DEFERRED": "would be sent again later, spending nothing", "THROTTLED": "would wait and be sent again, spending nothing",
		"RETRY": "would be tried again by its schedule", "REJECTED": "would be FAILED at once", "GONE": "would be FAILED, and its subscription paused",
	}[t.Verdict]
	if means == "" {
		means = "was not carried out"
	}
	s := "a delivery " + means
	if t.Error != "" {
		s += ": " + t.Error
	}
	return s
}

func untilCell(end, now time.Time, ink Ink) cell {
	left := end.Sub(now)
	days := int(left.Hours() / 24)
	switch {
	case left < 0:
		return cell{clock(end) + ", which is over", ink.Red}
	case left < soon:
		return cell{clock(end) + ", which is soon: " + short(left.Round(time.Hour)), ink.Yellow}
	}
	return plain(fmt.Sprintf("%s, %d days from now", clock(end), days))
}

// timing leaves out what did not happen.
func timing(t client.TestTiming) string {
	var parts []string
	for _, p := range []struct {
		name   string
		millis float64
	}{{"DNS", t.DNS}, {"connect", t.Connect}, {"TLS", t.TLS}, {"first byte after", t.FirstByte}, {"all in", t.Total}} {
		if p.millis > 0 {
			parts = append(parts, p.name+" "+strconv.FormatFloat(p.millis, 'f', 1, 64)+" ms")
		}
	}
	return strings.Join(parts, ", ")
}

// wireText marks the lines of a message with its direction.
func wireText(mark string, head []string, body string, ink Ink) string {
	lines := append(head, "")
	if body = strings.TrimRight(body, "\n"); body != "" {
		lines = append(lines, strings.Split(body, "\n")...)
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.TrimRight(ink.Dim(mark)+" "+l, " ") + "\n")
	}
	return b.String()
}

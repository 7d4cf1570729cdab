package tui

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
)

// testPatience is how long a test may take: as long as the slowest receiver is
// given, and then some.
const testPatience = 2 * time.Minute

// testKey is the key that tests a connection.
var testKey = key{name: "t", does: "test it", writes: true}

// newTrial tests a connection and shows the exchange. To read the page is to
// test again, so that it has no pace.
func newTrial(d *desk, id, code string) *detail {
	p := &detail{
		desk: d, name: "test of " + code, equivalent: "fcctl connections test " + code, id: code,
		waiting: "sending a test event, and waiting for the answer …",
		fetch: func(context.Context) (any, error) {
			ctx, cancel := context.WithTimeout(d.ctx, testPatience)
			defer cancel()
			return d.TestConnection(ctx, id, client.ConnectionTest{})
		},
		render: func(v any, width int) []string { return d.tested(v.(*client.ConnectionTested), width) },
		keys:   []key{{name: "t", does: "test it again", writes: true}},
	}
	p.press = func(_ any, k string) (tea.Cmd, bool) {
		if k != "t" {
			return nil, false
		}
		p.ready = false
		return p.Read(), true
	}
	return p
}

// testsConnection makes the key of a page about a connection.
func testsConnection(d *desk, kind resource.Kind, id, code string) ([]key, func(any, string) (tea.Cmd, bool)) {
	if kind != resource.KindConnection {
		return nil, nil
	}
	return []key{testKey}, func(_ any, k string) (tea.Cmd, bool) {
		if k != testKey.name {
			return nil, false
		}
		return show(newTrial(d, id, code)), true
	}
}

// tested draws the exchange of a test: what came of it first, the texts last.
func (d *desk) tested(t *client.ConnectionTested, width int) []string {
	f := &facts{p: d.palette, width: width}
	if t.Success {
		f.add("outcome", "✓ a delivery would be COMPLETED", good)
	} else {
		f.add("outcome", "✗ "+view.WouldBe(t), bad)
	}
	f.add("connection", t.ConnectionCode+", "+t.Status, toneOf(t.Status))
	f.add("URL", t.URL, plain)
	f.add("address", t.Address, plain)
	if t.Proxied {
		f.add("address", "through the egress proxy", plain)
	}
	if x := t.TLS; x != nil {
		f.add("TLS", strings.Trim(x.Version+", "+x.Protocol, ", "), plain)
		f.add("certificate", fmt.Sprintf("of %s, by %s", nameOf(strings.Join(x.Names, ", "), x.Subject), x.Issuer), plain)
		ends := plain
		if x.NotAfter.Before(d.now()) {
			ends = bad
		}
		f.add("valid until", d.moment(x.NotAfter), ends)
	}
	f.add("time", timeOf(t.Timing), plain)
	if r := t.Answer; r != nil {
		f.title("What came back")
		f.text(fmt.Sprint(r.Status))
		for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
			f.text(name + ": " + r.Headers[name])
		}
		if r.Body != "" {
			f.lines = append(f.lines, "")
			f.text(r.Body)
		}
		if r.Truncated {
			f.text("… and more")
		}
	} else {
		f.title("Nothing came back")
	}
	if r := t.Request; r != nil {
		f.title("What was sent")
		f.text(r.Method + " " + r.Target)
		for _, h := range r.Headers {
			f.text(h.Name + ": " + h.Value)
		}
		f.lines = append(f.lines, "")
		f.text(r.Body)
	}
	return f.lines
}

// timeOf says where the time of a test went, as far as it went anywhere.
func timeOf(t client.TestTiming) string {
	var parts []string
	for _, p := range []struct {
		name   string
		millis float64
	}{{"DNS", t.DNS}, {"connect", t.Connect}, {"TLS", t.TLS}, {"first byte after", t.FirstByte}, {"all in", t.Total}} {
		if p.millis >= 0.05 { // what is less is shown as nothing
			parts = append(parts, p.name+" "+millis(p.millis))
		}
	}
	return strings.Join(parts, ", ")
}

package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// listener is an address someone wants.
type listener struct {
	name    string
	address string
	s       *section
}

func (dr *daemonReader) services() []listener {
	kinds := []string{"platform", "stream", "scheduler", "router", "outbox"}
	dr.kids = append(dr.kids, "service")
	seen := map[string]hcl.Range{}
	blocks := map[string][]*hclsyntax.Block{}
	for _, b := range dr.body.Blocks {
		if b.Type != "service" {
			continue
		}
		s := dr.inside(b)
		example := []string{"platform"}
		if len(b.Labels) > 0 && b.Labels[0] == "outbox" {
			example = []string{"outbox", "orders"}
		}
		if len(b.Labels) != len(example) {
			dr.wrongLabels(b, example)
			continue
		}
		if !slices.Contains(kinds, b.Labels[0]) {
			s.fail(b.LabelRanges[0], fmt.Sprintf("Unknown service %q", b.Labels[0]),
				fmt.Sprintf("A service is %s.", or(kinds)), tryNear(b.Labels[0], kinds))
			continue
		}
		name := strings.Join(b.Labels, " ")
		if first, dup := seen[name]; dup {
			dr.duplicate(b, first, fmt.Sprintf("service %q", name))
			continue
		}
		seen[name] = b.DefRange()
		blocks[b.Labels[0]] = append(blocks[b.Labels[0]], b)
	}
	var ls []listener
	for _, k := range kinds {
		for _, b := range blocks[k] {
			s := dr.inside(b)
			if at := dr.service(k, s, b); at != "" {
				ls = append(ls, listener{fmt.Sprintf("service %q", k), at, s})
			}
			s.close()
		}
	}
	return ls
}

// service reads one service block and returns the address it listens on.
func (dr *daemonReader) service(k string, s *section, b *hclsyntax.Block) string {
	d, rng := dr.d, rangeOf(*s.header)
	switch k {
	case "platform":
		p := &Platform{Range: rng, Listen: dr.listen(s, "8080", EnvAPIPort)}
		p.PublicURL = read(s, "public_url", httpURL, opts[string]{def: localURL(p.Listen)})
		p.MaxBody = read(s, "max_body", size, opts[int64]{def: 32 << 20})
		p.TrustedProxies = read(s, "trusted_proxies", networks, opts[[]netip.Prefix]{def: []netip.Prefix{}})
		p.UnknownEventTypes = read(s, "unknown_event_types", choice("way", "accept", "warn", "reject"), opts[string]{def: "accept"})
		readCORS(s, &p.CORS)
		readPublishLimits(s, p)
		keys, _ := s.child("signing_keys")
		p.RotateKeys = read(keys, "rotate_after", keyAge, opts[time.Duration]{def: 90 * 24 * time.Hour})
		keys.close()
		d.Platform = p
		return p.Listen
	case "stream":
		d.Stream = &Stream{Range: rng, BatchSize: read(s, "batch_size", whole(1, 10000), opts[int]{def: 500})}
	case "scheduler":
		d.Scheduler = &Scheduler{
			Range:        rng,
			PollInterval: read(s, "poll_interval", duration(10*time.Millisecond), opts[time.Duration]{def: time.Second}),
			BatchSize:    read(s, "batch_size", whole(1, 10000), opts[int]{def: 500}),
			StaleAfter:   read(s, "stale_after", duration(time.Second), opts[time.Duration]{def: 5 * time.Minute}),
		}
	case "router":
		r := &Router{Range: rng, Listen: dr.listen(s, "8081", EnvRouterPort)}
		r.Auth = read(s, "auth", boolean, opts[bool]{def: d.Platform != nil})
		if r.Auth && d.Platform == nil {
			s.fail(s.at("auth"), "Nobody to check tokens", `Tokens are checked with the keys of the platform, and this process has no service "platform".`,
				"auth = false, with a listen address that only operators reach")
		}
		e, _ := s.child("egress")
		r.Egress = Egress{
			DenyPrivate: read(e, "deny_private", boolean, opts[bool]{def: dr.def.denyPrivate}),
			AllowCIDRs:  read(e, "allow_cidrs", networks, opts[[]netip.Prefix]{def: []netip.Prefix{}}),
			HTTPSOnly:   read(e, "https_only", boolean, opts[bool]{}),
			Proxy:       read(e, "proxy", proxyURL, opts[Secret]{}),
		}
		e.close()
		d.Router = r
		return r.Listen
	case "outbox":
		o := Outbox{Name: b.Labels[1], Range: rng}
		src := s.children("source", []string{"postgres"}, false)
		if len(src) == 0 {
			s.fail(s.place(), `Missing block "source"`, "An outbox needs the database it reads.", `source "postgres" { url = … }`)
			return ""
		}
		o.Source = outboxSource(s, src[0])
		d.Outboxes = append(d.Outboxes, o)
		dr.notBuilt(s, "outbox", "remove the block, and publish through the API")
	}
	return ""
}

func outboxSource(s *section, b *hclsyntax.Block) Source {
	kinds := []string{"postgres", "mysql", "sqlite", "mongodb"}
	sub := s.inside(b)
	if !slices.Contains(kinds, b.Labels[0]) {
		sub.fail(b.LabelRanges[0], fmt.Sprintf("Unknown source %q", b.Labels[0]),
			fmt.Sprintf("A source is %s.", or(kinds)), tryNear(b.Labels[0], kinds))
	}
	src := Source{
		Kind:  b.Labels[0],
		URL:   read(sub, "url", secretURL, opts[Secret]{required: true, example: `env("ORDERS_DATABASE_URL")`}),
		Table: read(sub, "table", filledText, opts[string]{def: "outbox_messages"}),
		Range: rangeOf(b.DefRange()),
	}
	sub.close()
	return src
}

// localURL is how this machine reaches a listener.
func localURL(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" {
		return ""
	}
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// conflicts reports listeners that cannot both have their address.
func conflicts(ls []listener) {
	for i, b := range ls {
		for _, a := range ls[:i] {
			if !overlap(a.address, b.address) {
				continue
			}
			// Point at an address that somebody wrote, if there is one.
			at := b
			if _, given := b.s.places["listen"]; !given {
				at = a
			}
			at.s.fail(at.s.at("listen"), fmt.Sprintf("Two listeners on port %s", portOf(b.address)),
				fmt.Sprintf("%s and %s would both listen on it (%s and %s).", a.name, b.name, strconv.Quote(a.address), strconv.Quote(b.address)),
				fmt.Sprintf("another port for %s, or %q to let the system choose", at.name, ":0"))
			break
		}
	}
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// overlap reports whether two addresses are one: the same port, not chosen by
// the system, and the same host or one that is every interface.
func overlap(a, b string) bool {
	ha, pa, erra := net.SplitHostPort(a)
	hb, pb, errb := net.SplitHostPort(b)
	if erra != nil || errb != nil || pa != pb || pa == "0" {
		return false
	}
	return wildcard(ha) || wildcard(hb) || canonical(ha) == canonical(hb)
}

func wildcard(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "" || err == nil && a.IsUnspecified()
}

func canonical(host string) string {
	if strings.EqualFold(host, "localhost") {
		return "127.0.0.1"
	}
	return strings.ToLower(host)
}

package config

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/flowcatalyst/fc/client/resource"
)

// readCORS reads who may call the API from a browser.
func readCORS(s *section, c *CORS) {
	b, _ := s.child("cors")
	c.AllowedOrigins = read(b, "allowed_origins", origins, opts[[]string]{def: []string{}})
	c.Credentials = read(b, "credentials", boolean, opts[bool]{})
	c.MaxAge = read(b, "max_age", duration(0), opts[time.Duration]{def: 10 * time.Minute})
	for _, o := range c.AllowedOrigins {
		if o == "*" && c.Credentials {
			b.fail(b.at("credentials"), "Cookies for any origin", `With "*" every page on the web could act as whoever is logged in; browsers refuse it.`,
				`allowed_origins = ["https://app.example.com"]`)
		}
	}
	if len(c.AllowedOrigins) == 0 && c.Credentials {
		b.fail(b.at("credentials"), "Credentials of nobody", "No origin may call, so none may send cookies.", `allowed_origins = ["https://app.example.com"]`)
	}
	b.close()
}

// readPublishLimits reads how much clients may publish.
func readPublishLimits(s *section, p *Platform) {
	b, _ := s.child("publish_limit")
	p.PublishLimit = readPublishLimit(b, PublishLimit{})
	for _, block := range b.children("client", []string{"acme"}, true) {
		c, name := b.inside(block), block.Labels[0]
		if _, dup := p.ClientLimits[name]; dup {
			c.fail(block.LabelRanges[0], fmt.Sprintf("Client %q is there twice", name), "Each client has one block of limits.", "remove one of the two")
		}
		if p.ClientLimits == nil {
			p.ClientLimits = map[string]PublishLimit{}
		}
		p.ClientLimits[name] = readPublishLimit(c, p.PublishLimit)
		c.close()
	}
	b.close()
}

func readPublishLimit(s *section, general PublishLimit) (l PublishLimit) {
	l.Rate = read(s, "rate", publishRate, opts[resource.Rate]{def: general.Rate})
	// By default as much at once as in one second.
	burst := int(math.Ceil(min(max(l.Rate.PerSecond(), 0), maxBurst)))
	l.Burst = read(s, "burst", whole(0, maxBurst), opts[int]{def: burst})
	if _, given := s.places["burst"]; given && l.Rate == 0 && l.Burst > 0 && !s.r.diags.HasErrors() {
		s.fail(s.at("burst"), "A burst of no limit", "Without a rate nothing is limited, and a burst means nothing.", `rate = "1000/s"`)
	}
	return l
}

const maxBurst = 10_000_000

// publishRate is a rate as it is written: 0 is no limit.
var publishRate = kind[resource.Rate]{
	want: rate.want,
	from: func(v cty.Value) (resource.Rate, error) { return rate.from(v) },
	show: func(r resource.Rate) string {
		if s := r.PerSecond(); s == math.Trunc(s) {
			return quote(strconv.FormatFloat(s, 'f', -1, 64) + "/s")
		}
		return quote(strconv.FormatFloat(float64(r), 'f', -1, 64) + "/m")
	},
}

// origins are origins as browsers write them in the Origin header, or "*".
var origins = kind[[]string]{
	want: `a list of origins such as ["https://app.example.com"]`,
	from: func(v cty.Value) ([]string, error) {
		items, err := stringsOf(`a list of origins such as ["https://app.example.com"]`, v)
		if err != nil {
			return nil, err
		}
		for _, s := range items {
			if s == "*" {
				continue
			}
			u, err := url.Parse(s)
			if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && s == u.Scheme+"://"+strings.ToLower(u.Host) {
				continue
			}
			f := &fault{summary: fmt.Sprintf("Bad origin %q", s), detail: "An origin is a scheme, a host in lower case and a port, if that is not the scheme's own; it has no path."}
			if err == nil && u.Host != "" {
				f.try = strconv.Quote(u.Scheme + "://" + strings.ToLower(u.Host))
			}
			return nil, f
		}
		return items, nil
	},
	show: func(items []string) string {
		q := make([]string, len(items))
		for i, s := range items {
			q[i] = quote(s)
		}
		return "[" + strings.Join(q, ", ") + "]"
	},
}

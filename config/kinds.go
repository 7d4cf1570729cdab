package config

import (
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// kind is a type of attribute: how to read it from HCL (or from the text of
// an environment variable) and how to write it back as HCL.
type kind[T any] struct {
	want string // "a duration such as \"30s\"", for messages
	from func(cty.Value) (T, error)
	show func(T) string
}

func wrongType(want string, v cty.Value) *fault {
	return &fault{summary: "Wrong type", detail: fmt.Sprintf("Expected %s, got %s.", want, typeName(v.Type()))}
}

func typeName(t cty.Type) string {
	switch {
	case t == cty.String:
		return "a string"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "true or false"
	case t.IsTupleType(), t.IsListType(), t.IsSetType():
		return "a list"
	case t.IsObjectType(), t.IsMapType():
		return "an object"
	default:
		return t.FriendlyName()
	}
}

// textOf insists on a string: a number where text is due is more often a
// forgotten colon (":8080") than a wish.
func textOf(want string, v cty.Value) (string, error) {
	if v.Type() != cty.String {
		return "", wrongType(want, v)
	}
	return v.AsString(), nil
}

// parsed is a kind that is written as a string in HCL.
func parsed[T any](want string, parse func(string) (T, error), show func(T) string) kind[T] {
	return kind[T]{
		want: want,
		from: func(v cty.Value) (T, error) {
			t, err := textOf(want, v)
			if err != nil {
				var zero T
				return zero, err
			}
			return parse(t)
		},
		show: func(v T) string { return quote(show(v)) },
	}
}

// quote writes a string as HCL: its escapes are not Go's, and "${" is not text.
func quote(s string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes())
}

func same(s string) string { return s }

var text = parsed("a string", func(s string) (string, error) { return s, nil }, same)

// filledText is a string that says something.
var filledText = parsed("a string", func(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", &fault{summary: "Empty value", detail: "This must not be empty."}
	}
	return s, nil
}, same)

// choice is a string out of a closed set.
func choice(what string, names ...string) kind[string] {
	return parsed("one of "+or(names), func(s string) (string, error) {
		if slices.Contains(names, s) {
			return s, nil
		}
		return "", &fault{
			summary: fmt.Sprintf("Unknown %s %q", what, s),
			detail:  fmt.Sprintf("The %s is %s.", what, or(names)),
			try:     tryNear(s, names),
		}
	}, same)
}

var boolean = kind[bool]{
	want: "true or false",
	from: func(v cty.Value) (bool, error) {
		c, err := convert.Convert(v, cty.Bool)
		if err != nil {
			return false, wrongType("true or false", v)
		}
		return c.True(), nil
	},
	show: strconv.FormatBool,
}

// whole is a whole number from low to high.
func whole(low, high int) kind[int] {
	want := fmt.Sprintf("a whole number from %d to %d", low, high)
	return kind[int]{
		want: want,
		from: func(v cty.Value) (int, error) {
			c, err := convert.Convert(v, cty.Number)
			if err != nil {
				return 0, wrongType(want, v)
			}
			n, acc := c.AsBigFloat().Int64()
			if acc != big.Exact || n < int64(low) || n > int64(high) {
				return 0, &fault{
					summary: "Number out of range",
					detail:  fmt.Sprintf("Expected %s, got %s.", want, c.AsBigFloat().Text('f', -1)),
				}
			}
			return int(n), nil
		},
		show: strconv.Itoa,
	}
}

// duration is Go's notation and whole days ("7d"), from low up.
func duration(low time.Duration) kind[time.Duration] {
	k := parsed(`a duration such as "30s", "5m" or "24h"`, parseDuration, formatDuration)
	from := k.from
	k.from = func(v cty.Value) (time.Duration, error) {
		d, err := from(v)
		if err == nil && d < low {
			return 0, &fault{
				summary: "Duration too short",
				detail:  fmt.Sprintf("The shortest that makes sense here is %s, got %s.", formatDuration(low), formatDuration(d)),
			}
		}
		return d, err
	}
	return k
}

// age is how old something becomes; 0 is for ever.
var age = parsed(`an age such as "30d", or "forever"`, func(s string) (time.Duration, error) {
	if s == "forever" {
		return 0, nil
	}
	d, err := parseDuration(s)
	if err == nil && d < time.Minute {
		return 0, &fault{summary: "Age too short", detail: "The shortest that makes sense here is 1m.", try: `"30d", or "forever"`}
	}
	return d, err
}, func(d time.Duration) string {
	if d == 0 {
		return "forever"
	}
	return formatDuration(d)
})

func parseDuration(s string) (time.Duration, error) {
	d, err := resource.ParseDuration(s)
	if err == nil {
		return time.Duration(d), nil
	}
	f := &fault{
		summary: fmt.Sprintf("Bad duration %q", s),
		detail:  `A duration is a number with a unit: ms, s, m, h or d, as in "250ms", "30s" or "1h30m". It is not negative.`,
	}
	if _, err := strconv.ParseUint(s, 10, 32); err == nil {
		f.try = fmt.Sprintf("%q for seconds, %q for minutes", s+"s", s+"m")
	}
	return 0, f
}

func formatDuration(d time.Duration) string { return resource.Duration(d).String() }

var units = []struct {
	suffix string
	bytes  int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"kB", 1e3}, {"B", 1}}

// size is a number of bytes, as in "32MiB"; at least 1.
var size = parsed(`a size such as "32MiB"`, parseSize, formatSize)

func parseSize(s string) (int64, error) {
	f := &fault{
		summary: fmt.Sprintf("Bad size %q", s),
		detail:  `A size is a whole number with a unit: B, KB, MB, GB, KiB, MiB or GiB, as in "512KiB" or "32MiB".`,
	}
	for _, u := range units {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n <= 0 || n > (1<<40)/u.bytes {
			return 0, f
		}
		return n * u.bytes, nil
	}
	return 0, f
}

func formatSize(n int64) string {
	for _, u := range units {
		if n >= u.bytes && n%u.bytes == 0 {
			return fmt.Sprintf("%d%s", n/u.bytes, u.suffix)
		}
	}
	return fmt.Sprintf("%dB", n)
}

// address is where a listener binds: "host:port", the host may be empty and
// port 0 lets the system choose.
var address = parsed(`an address such as ":8080" or "127.0.0.1:8080"`, func(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err == nil {
		if n, perr := strconv.ParseUint(port, 10, 16); perr == nil && !strings.ContainsAny(host, " /") {
			return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
		}
	}
	f := &fault{
		summary: fmt.Sprintf("Bad address %q", s),
		detail:  `An address to listen on is "host:port"; without a host it is every interface, and the port is a number up to 65535.`,
	}
	if _, err := strconv.ParseUint(s, 10, 16); err == nil {
		f.try = strconv.Quote(":" + s)
	}
	return "", f
}, func(s string) string { return strings.TrimPrefix(s, "[]") })

// httpURL is an absolute http or https URL, returned without a final slash.
var httpURL = parsed(`a URL such as "https://events.example.com"`, func(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		f := &fault{
			summary: "Bad URL",
			detail:  "Expected an absolute http or https URL with a host.",
		}
		if err == nil && u.Scheme == "" && s != "" && !strings.HasPrefix(s, "/") {
			f.try = strconv.Quote("https://" + s)
		}
		return "", f
	}
	return strings.TrimRight(s, "/"), nil
}, same)

// networks is a list of CIDRs; a single address counts as a network of one.
var networks = kind[[]netip.Prefix]{
	want: `a list of networks such as ["10.20.0.0/16"]`,
	from: func(v cty.Value) ([]netip.Prefix, error) {
		items, err := stringsOf(`a list of networks such as ["10.20.0.0/16"]`, v)
		if err != nil {
			return nil, err
		}
		out := make([]netip.Prefix, 0, len(items))
		for _, s := range items {
			p, err := netip.ParsePrefix(s)
			if err != nil {
				a, aerr := netip.ParseAddr(s)
				if aerr != nil {
					return nil, &fault{
						summary: fmt.Sprintf("Bad network %q", s),
						detail:  "A network is an address and a prefix length.",
						try:     `"10.20.0.0/16" or "192.0.2.7"`,
					}
				}
				p = netip.PrefixFrom(a, a.BitLen())
			}
			out = append(out, p.Masked())
		}
		return out, nil
	},
	show: func(ps []netip.Prefix) string {
		q := make([]string, len(ps))
		for i, p := range ps {
			q[i] = quote(p.String())
		}
		return "[" + strings.Join(q, ", ") + "]"
	},
}

// stringsOf reads a list of strings.
func stringsOf(want string, v cty.Value) ([]string, error) {
	if !v.CanIterateElements() || v.Type().IsObjectType() || v.Type().IsMapType() {
		return nil, wrongType(want, v)
	}
	out := make([]string, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() || e.Type() != cty.String {
			return nil, &fault{
				summary: "Wrong type",
				detail:  fmt.Sprintf("Expected %s; element %d is %s.", want, len(out)+1, typeName(e.Type())),
			}
		}
		out = append(out, e.AsString())
	}
	return out, nil
}

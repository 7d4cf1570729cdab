package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

func readEventType(s *section, it *item, t *resource.EventType) {
	it.set(s, "status", "status", func(n string) { t.Status = read(s, n, text, opts[string]{}) })
	it.set(s, "validation", "validation", func(n string) {
		t.Validation = strings.ToUpper(read(s, n, choice("validation", "off", "warn", "reject"), opts[string]{}))
	})
	seen := map[string]hcl.Range{}
	for _, b := range s.children("schema", []string{"1"}, true) {
		version := b.Labels[0]
		if first, dup := seen[version]; dup {
			s.duplicate(b, first, fmt.Sprintf("schema %q", version))
			continue
		}
		seen[version] = b.DefRange()
		sub := s.inside(b)
		at := fmt.Sprintf("specVersions[%d]", len(t.SpecVersions))
		it.fields[at] = field{fmt.Sprintf("schema %q", version), b.DefRange()}
		v := resource.SpecVersion{Version: version}
		v.Schema = read(sub, "body", document, opts[json.RawMessage]{required: true, example: `file("schemas/shipped.json")`})
		it.fields[at+".schema"] = field{"body", sub.at("body")}
		it.set(sub, at+".status", "status", func(n string) { v.Status = read(sub, n, text, opts[string]{}) })
		sub.close()
		t.SpecVersions = append(t.SpecVersions, v)
	}
}

func readDispatchPool(s *section, it *item, p *resource.DispatchPool) {
	it.set(s, "rateLimit", "rate_limit", func(n string) { p.RateLimit = read(s, n, rate, opts[resource.Rate]{}) })
	it.set(s, "status", "status", func(n string) { p.Status = read(s, n, text, opts[string]{}) })
	it.set(s, "concurrencyMode", "concurrency_mode", func(n string) {
		p.ConcurrencyMode = strings.ToUpper(read(s, n, choice("mode", "fixed", "adaptive"), opts[string]{}))
	})
}

func readSubscription(s *section, it *item, sub *resource.Subscription) {
	it.bindings(s, sub)
	it.set(s, "connectionId", "connection", func(n string) { sub.ConnectionCode = read(s, n, codeOf("connection"), opts[string]{}) })
	it.set(s, "dispatchPoolCode", "pool", func(n string) { sub.DispatchPoolCode = read(s, n, codeOf("dispatch_pool"), opts[string]{}) })
	it.fields["connectionCode"], it.fields["dispatchPoolId"] = it.find("connectionId"), it.find("dispatchPoolCode")
	if _, both := s.places["target"]; both && sub.ConnectionCode != "" {
		s.fail(s.at("target"), "Both target and connection", "A subscription has one endpoint: a URL of its own, or a connection.", "remove one of the two")
	}
	for attr, to := range map[string]struct {
		json string
		into *int
		low  time.Duration
	}{
		"timeout": {"timeoutSeconds", &sub.TimeoutSeconds, time.Second},
		"max_age": {"maxAgeSeconds", &sub.MaxAgeSeconds, time.Second},
		"delay":   {"delaySeconds", &sub.DelaySeconds, 0},
	} {
		it.set(s, to.json, attr, func(n string) { *to.into = read(s, n, seconds(to.low), opts[int]{}) })
	}
	it.set(s, "maxRetries", "max_retries", func(n string) { sub.MaxRetries = it.number(s, n, &sub.MaxRetries) })
	it.set(s, "sequence", "sequence", func(n string) { sub.Sequence = it.number(s, n, &sub.Sequence) })
	it.set(s, "dataOnly", "data_only", func(n string) { sub.DataOnly = read(s, n, boolean, opts[bool]{}) })
	it.set(s, "queue", "queue", func(n string) { sub.Queue = read(s, n, text, opts[string]{}) })
	it.set(s, "status", "status", func(n string) { sub.Status = read(s, n, text, opts[string]{}) })
	it.set(s, "customConfig", "custom_config", func(n string) {
		m := read(s, n, stringMap, opts[map[string]string]{})
		for _, k := range slices.Sorted(maps.Keys(m)) {
			sub.CustomConfig = append(sub.CustomConfig, resource.KeyValue{Key: k, Value: m[k]})
		}
	})
	if r, present := s.child("retry"); present {
		it.retry(r, sub)
	}
}

func (it *item) retry(r *section, sub *resource.Subscription) {
	it.set(r, "retrySchedule", "schedule", func(n string) { sub.RetrySchedule = read(r, n, schedule, opts[[]resource.Duration]{}) })
	it.set(r, "retryJitter", "jitter", func(n string) { sub.RetryJitter = read(r, n, fraction, opts[float64]{}) })
	it.set(r, "retryStrategy", "strategy", func(n string) { sub.RetryStrategy = read(r, n, text, opts[string]{}) })
	it.set(r, "retryOn", "on", func(n string) { sub.RetryOn = read(r, n, integers, opts[[]int]{}) })
	r.close()
}

// bindings reads event_types, a list of patterns or of { type, filter }, and
// filter, which goes for the patterns that have none of their own.
func (it *item) bindings(s *section, sub *resource.Subscription) {
	it.set(s, "eventTypes", "event_types", func(n string) {
		sub.EventTypes = read(s, n, bindings, opts[[]resource.Binding]{required: true, example: `["orders:fulfillment:shipment:*"]`})
	})
	var filter resource.Filter
	s.lookup("filter")
	it.set(s, "filter", "filter", func(n string) { filter = read(s, n, filterOf, opts[resource.Filter]{}) })
	// A literal list has a place for each element.
	var elements []hclsyntax.Expression
	if a := s.lookup("event_types"); a != nil {
		if list, ok := a.Expr.(*hclsyntax.TupleConsExpr); ok && len(list.Exprs) == len(sub.EventTypes) {
			elements = list.Exprs
		}
	}
	for i := range sub.EventTypes {
		at := fmt.Sprintf("eventTypes[%d]", i)
		if elements != nil {
			it.fields[at] = field{"event_types", elements[i].Range()}
		}
		if sub.EventTypes[i].Filter == "" && filter != "" {
			sub.EventTypes[i].Filter = filter
			it.fields[at+".filter"] = it.fields["filter"]
		}
	}
}

var bindings = kind[[]resource.Binding]{
	want: `a list of patterns such as ["orders:fulfillment:shipment:*"]`,
	from: func(v cty.Value) ([]resource.Binding, error) {
		const want = `a list of patterns such as ["orders:fulfillment:shipment:*"]`
		if !isList(v.Type()) {
			return nil, wrongType(want, v)
		}
		var out []resource.Binding
		for i := v.ElementIterator(); i.Next(); {
			_, e := i.Element()
			b, err := bindingOf(e)
			if err != nil {
				return nil, &fault{
					summary: "Wrong type",
					detail:  fmt.Sprintf("Element %d of event_types should be a pattern, or an object with type and filter.", len(out)+1),
					try:     `{ type = "orders:*:*:*", filter = "data.total > 100.0" }`,
				}
			}
			out = append(out, b)
		}
		return out, nil
	},
	show: showNothing[[]resource.Binding],
}

func bindingOf(e cty.Value) (resource.Binding, error) {
	var b resource.Binding
	if !e.IsNull() && e.Type() == cty.String {
		b.EventTypeCode = e.AsString()
		return b, nil
	}
	fault := wrongType("a pattern", e)
	if e.IsNull() || !(e.Type().IsObjectType() || e.Type().IsMapType()) {
		return b, fault
	}
	for k, v := range e.AsValueMap() {
		var err error
		switch {
		case v.IsNull():
		case k == "type":
			b.EventTypeCode, err = textOf("a pattern", v)
		case k == "filter":
			b.Filter, err = filterOf.from(v)
		default:
			err = fault
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

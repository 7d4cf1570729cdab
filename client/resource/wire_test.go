package resource

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestNounsSurviveJSON(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	meta := Meta{ID: "x_1", ClientID: "clt_A", ManagedBy: "orders", Protected: true, Source: "CODE", Revision: 7, CreatedBy: "prn_1", CreatedAt: at, UpdatedAt: at}
	sub := goodSubscription()
	sub.Meta, sub.RetrySchedule, sub.RetryOn, sub.CustomConfig = meta, []Duration{Duration(90 * time.Second), Duration(24 * time.Hour)}, []int{409}, []KeyValue{{"a", "b"}}
	sub.EventTypes = append(sub.EventTypes, Binding{EventTypeCode: "a:b:c:d", Filter: `{"path":"$.a","operator":"EXISTS"}`})
	con := goodConnection()
	con.Meta, con.RateLimit, con.MaxConcurrency = meta, 30000, 8
	pool := goodPool()
	pool.Meta, pool.RateLimit = meta, 0.5
	typ := goodEventType()
	typ.Meta, typ.SpecVersions[0].FinalisedAt = meta, &at
	for _, r := range []Resource{sub, con, pool, typ} {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		info, ok := InfoOf(r.Kind())
		if !ok {
			t.Fatalf("%s has no row in Kinds", r.Kind())
		}
		back := info.New()
		if err := json.Unmarshal(b, back); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		again, err := json.Marshal(back)
		if err != nil {
			t.Fatal(err)
		}
		if string(again) != string(b) {
			t.Errorf("%s came back as\n%s from\n%s", r.Kind(), again, b)
		}
		if c, isConnection := back.(*Connection); isConnection {
			if !c.Signing.Secret.Equal(con.Signing.Secret) {
				t.Error("the fingerprint was lost")
			}
			c.Signing.Secret = con.Signing.Secret // the value does not travel
		}
		if !reflect.DeepEqual(back, r) {
			t.Errorf("%s came back as\n%+v from\n%+v", r.Kind(), back, r)
		}
	}
}

func TestFilterJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`"data.total == 100"`:                     `"data.total == 100"`,
		`{ "path" : "$.a", "operator":"EXISTS" }`: `{"path":"$.a","operator":"EXISTS"}`,
		`[ {"path":"$.a"} ]`:                      `[{"path":"$.a"}]`,
		`"[1, 2].exists(x, x == data.n)"`:         `"[1, 2].exists(x, x == data.n)"`,
		`null`:                                    `""`,
		`""`:                                      `""`,
		`"{\"path\":\"$.a\"}"`:                    `{"path":"$.a"}`, // older clients send the JSON as a string
	} {
		var f Filter
		if err := json.Unmarshal([]byte(in), &f); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		b, err := json.Marshal(f)
		if err != nil || string(b) != want {
			t.Errorf("%s came back as %s, %v; want %s", in, b, err, want)
		}
	}
	for _, bad := range []string{"1", "true", "{", `{"a":}`} {
		var f Filter
		if err := json.Unmarshal([]byte(bad), &f); err == nil {
			t.Errorf("%s is read as %q", bad, f)
		}
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct {
		d    time.Duration
		text string
	}{
		`"30s"`: {30 * time.Second, "30s"}, `"90s"`: {90 * time.Second, "1m30s"}, `"60m"`: {time.Hour, "1h"}, `"24h"`: {24 * time.Hour, "24h"},
		`"7d"`: {7 * 24 * time.Hour, "168h"}, `"0d"`: {0, "0s"}, `0`: {0, "0s"}, `30`: {30 * time.Second, "30s"}, `0.5`: {500 * time.Millisecond, "500ms"},
		`"1h0m5s"`: {time.Hour + 5*time.Second, "1h0m5s"}, `"1h5m"`: {65 * time.Minute, "1h5m"}, `"10m0s"`: {10 * time.Minute, "10m"}, `"100ms"`: {100 * time.Millisecond, "100ms"},
	} {
		var d Duration
		if err := json.Unmarshal([]byte(in), &d); err != nil || time.Duration(d) != want.d || d.String() != want.text {
			t.Errorf("%s is read as %s, %v; want %s", in, d, err, want.text)
		}
		var back Duration
		if b, err := json.Marshal(d); err != nil || json.Unmarshal(b, &back) != nil || back != d {
			t.Errorf("%s comes back as %s, %v", d, back, err)
		}
	}
	for _, bad := range []string{`"-1s"`, `"x"`, `""`, `"1.5d"`, `"-1d"`, `"99999d"`, `-1`, `1e12`, `true`, `"d"`} {
		var d Duration
		if err := json.Unmarshal([]byte(bad), &d); err == nil {
			t.Errorf("%s is read as %s", bad, d)
		}
	}
}

func TestRates(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]float64{`"500/s"`: 30000, `"500/sec"`: 30000, `"100/m"`: 100, `"100"`: 100, `100`: 100, `0.5`: 0.5, `"6000/h"`: 100, `" 5 /min"`: 5, `null`: 0, `0`: 0} {
		var r Rate
		if err := json.Unmarshal([]byte(in), &r); err != nil || float64(r) != want {
			t.Errorf("%s is read as %v, %v; want %v", in, r, err, want)
		}
	}
	for _, bad := range []string{`"5/d"`, `"5/"`, `"/s"`, `""`, `"x"`, `-1`, `"-5/s"`, `"NaN"`, `"Inf"`, `1e12`, `true`} {
		var r Rate
		if err := json.Unmarshal([]byte(bad), &r); err == nil {
			t.Errorf("%s is read as %v", bad, r)
		}
	}
	if Rate(30000).PerSecond() != 500 {
		t.Errorf("30000 a minute are %v a second", Rate(30000).PerSecond())
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for n, info := range Kinds {
		r := info.New()
		if r.Kind() != info.Kind || info.Kind.Order() != n {
			t.Errorf("row %d is of kind %s and makes %s", n, info.Kind, r.Kind())
		}
		for _, name := range []string{string(info.Kind), strings.ReplaceAll(string(info.Kind), "_", "-"), info.Collection, strings.ToUpper(info.Collection), info.Prefix} {
			if got, ok := ParseKind(name); !ok || got.Kind != info.Kind {
				t.Errorf("%q is read as %q", name, got.Kind)
			}
		}
		for _, ref := range r.Refs() {
			t.Errorf("an empty %s names %v", info.Kind, ref)
		}
	}
	for _, name := range []string{"pool", "pools"} {
		if got, ok := ParseKind(name); !ok || got.Kind != KindDispatchPool {
			t.Errorf("%q is read as %q", name, got.Kind)
		}
	}
	for _, name := range []string{"", "items", "thing"} {
		if got, ok := ParseKind(name); ok {
			t.Errorf("%q is read as %q", name, got.Kind)
		}
	}
	sub := goodSubscription()
	sub.DispatchPoolCode = "priority"
	for _, ref := range sub.Refs() {
		if ref.Kind.Order() >= sub.Kind().Order() {
			t.Errorf("%s comes after the subscription that names it", ref.Kind)
		}
	}
	rs := []Resource{sub, with(goodPool, func(p *DispatchPool) { p.Code = "b" }), goodConnection(), goodEventType(), with(goodPool, func(p *DispatchPool) { p.Code = "a" })}
	Sort(rs)
	var got []string
	for _, r := range rs {
		got = append(got, fmt.Sprint(r.Kind(), " ", r.Key()))
	}
	if want := "event_type orders:fulfillment:shipment:shipped, dispatch_pool a, dispatch_pool b, connection warehouse, subscription ship"; strings.Join(got, ", ") != want {
		t.Errorf("sorted as %q", got)
	}
}

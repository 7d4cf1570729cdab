package main

import (
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestDataIsJSONOfTheRightSize(t *testing.T) {
	for _, it := range []item{{}, {seq: 7, group: 3, sentAt: 1}, {seq: 1 << 30, group: 9999, sentAt: time.Now().UnixNano()}} {
		data := it.appendData(nil)
		if len(data) != dataSize || !json.Valid(data) {
			t.Errorf("%d bytes, valid %v: %s", len(data), json.Valid(data), data)
		}
		for _, ordered := range []bool{true, false} {
			var e struct {
				Type, Source, MessageGroup string
				Data                       json.RawMessage
			}
			if err := json.Unmarshal(it.appendEvent(nil, ordered), &e); err != nil {
				t.Fatal(err)
			}
			if e.Type != eventType || (e.MessageGroup != "") != ordered || string(e.Data) != string(data) {
				t.Errorf("ordered %v: %+v", ordered, e)
			}
		}
	}
}

func TestScan(t *testing.T) {
	it := item{seq: 41, group: 12, sentAt: 1790000000123456789}
	data := string(it.appendData(nil))
	for name, c := range map[string]struct {
		body string
		ok   bool
	}{
		"bare data":             {data, true},
		"in an envelope":        {`{"id":"0","sequence":99,"messageGroup":"g7","data":` + data + `,"attemptNumber":3}`, true},
		"keys in other order":   {`{"sentAt": 1790000000123456789, "group":"g12", "seq": 41}`, true},
		"a number is missing":   {`{"seq":41,"sentAt":1790000000123456789}`, false},
		"a number has no digit": {strings.Replace(data, `"seq":41`, `"seq":"41"`, 1), false},
		"nothing":               {``, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := scan([]byte(c.body))
			if ok != c.ok || ok && got != it {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
}

func TestTally(t *testing.T) {
	at := time.Unix(1000, 0)
	d := func(path, seq, group int, job string) delivery {
		at = at.Add(time.Millisecond)
		sent := at.Add(-time.Duration(seq+1) * time.Millisecond).UnixNano()
		return delivery{path: path, item: item{seq: seq, group: group, sentAt: sent}, ok: true, job: job, signed: true, at: at}
	}
	tl := newTally(expectation{Paths: 2, Events: 4, Groups: 2, Signed: true})
	for _, x := range []delivery{
		d(0, 0, 0, "a"), d(0, 2, 0, "b"), d(0, 1, 1, "c"), d(0, 3, 1, "d"),
		d(1, 2, 0, "e"), d(1, 0, 0, "f"), // one out of order, on this path only
		d(1, 2, 0, "e"),                                                      // one duplicate, which is not also out of order
		d(2, 0, 0, "x"), d(0, 4, 0, "x"), d(0, 0, 2, "x"), {path: 0, at: at}, // four strange
	} {
		tl.add(x)
	}
	unsigned := d(1, 1, 1, "g")
	unsigned.signed = false
	tl.add(unsigned)
	select {
	case <-tl.done:
		t.Error("done with a delivery missing")
	default:
	}

	v := tl.verdict()
	if v.Expected != 8 || v.Arrived != 7 || v.Losses != 1 || v.Duplicates != 1 || v.OrderViolations != 1 || v.Unsigned != 1 || v.Strange != 4 {
		t.Errorf("%+v", v)
	}
	if v.P50 != 2*time.Millisecond || v.Max != 4*time.Millisecond || v.LastArrival != at.UnixNano() {
		t.Errorf("p50 %s, max %s, last %d", v.P50, v.Max, v.LastArrival)
	}
	if len(v.Examples) != maxExamples || !strings.Contains(strings.Join(v.Examples, "\n"), "event 2 came twice on path 1: first as job e") {
		t.Errorf("%q", v.Examples)
	}

	tl.add(d(1, 3, 1, "h"))
	select {
	case <-tl.done:
	default:
		t.Error("not done with everything there")
	}
}

func TestQuantile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for q, want := range map[float64]time.Duration{0.5: 50, 0.99: 99, 1: 100, 0: 1} {
		if got := quantile(hundred, q); got != want {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("of nothing: %d", got)
	}
	if got := quantile(hundred[:1], 0.99); got != 1 {
		t.Errorf("of one: %d", got)
	}
}

func TestMedian(t *testing.T) {
	values := []float64{9, 1, 5}
	if got := median(values); got != 5 || !slices.Equal(values, []float64{9, 1, 5}) {
		t.Errorf("got %v of %v", got, values)
	}
	if got := median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Errorf("of four: %v", got)
	}
}

// Every number is published once, and within a group by one publisher in
// rising order: else an order violation would be the bench's own.
func TestShare(t *testing.T) {
	for _, sc := range []scenario{
		{events: 1000, publishers: 32, batch: 1, groups: 64},
		{events: 1000, publishers: 7, batch: 1, groups: 10},
		{events: 50, publishers: 32, batch: 1, groups: 8},
		{events: 1000, publishers: 5, batch: 1},
		{events: 1050, publishers: 3, batch: 100},
	} {
		var next atomic.Int64
		published := make([]int, sc.events)
		owner, newest := map[int]int{}, map[int]int{}
		for p := range sc.publishers {
			for it := range sc.share(p, &next) {
				for seq := it.seq; seq < min(it.seq+sc.batch, sc.events); seq++ {
					published[seq]++
				}
				if o, known := owner[it.group]; known && (o != p || newest[it.group] >= it.seq) {
					t.Fatalf("%+v: group %d: publisher %d after %d, event %d after %d", sc, it.group, p, o, it.seq, newest[it.group])
				}
				owner[it.group], newest[it.group] = p, it.seq
			}
		}
		if i := slices.IndexFunc(published, func(n int) bool { return n != 1 }); i >= 0 {
			t.Errorf("%+v: event %d was published %d times", sc, i, published[i])
		}
	}
}

package flow

import (
	"encoding/json"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestIDsRise(t *testing.T) {
	t.Parallel()
	var g IDs
	last := ID(0)
	next := func(at time.Time) ID {
		t.Helper()
		id := g.New(at)
		if id <= last {
			t.Fatalf("%s follows %s", id, last)
		}
		if strings.Compare(id.String(), last.String()) <= 0 {
			t.Fatalf("%q does not sort after %q", id, last)
		}
		last = id
		return id
	}
	if id := next(t0); !id.Time().Equal(t0) {
		t.Errorf("an id of %s says %s", t0, id.Time())
	}
	for range 10_000 { // the clock stands still
		next(t0)
	}
	for range 100 { // it jumps back
		next(t0.Add(-time.Hour))
	}
	if id := next(t0.Add(time.Hour)); !id.Time().Equal(t0.Add(time.Hour)) {
		t.Errorf("after a jump the clock is not followed again: %s", id.Time())
	}
	future := ID(uint64(t0.Add(48*time.Hour).UnixMilli()) << 22)
	g.After(future)
	if id := next(t0); id <= future {
		t.Errorf("%s does not come after %s", id, future)
	}
	g.After(1) // nothing is taken back
	next(t0)
}

func TestIDsAreUniqueAmongWriters(t *testing.T) {
	t.Parallel()
	var g IDs
	var mu sync.Mutex
	seen := map[ID]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			last := ID(0)
			for range 1000 {
				id := g.New(t0)
				if id <= last {
					t.Errorf("%s follows %s", id, last)
				}
				last = id
				mu.Lock()
				if seen[id] {
					t.Errorf("%s was made twice", id)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func TestIDText(t *testing.T) {
	t.Parallel()
	for text, id := range map[string]ID{"0000000000001": 1, "000000000000Z": 31, "0000000000010": 32, "FZZZZZZZZZZZZ": math.MaxUint64} {
		if id.String() != text {
			t.Errorf("%d is written %s", id, id)
		}
		for _, s := range []string{text, strings.ToLower(text)} {
			if got, err := ParseID(s); err != nil || got != id {
				t.Errorf("%s is read as %d, %v", s, got, err)
			}
		}
	}
	for _, bad := range []string{"", "0", "0000000000000", "G000000000000", "000000000000U", "000000000000I", "000000000000L", "000000000000O",
		"00000000000001", "000000000000 ", "00000000000é", "000000000000-"} {
		if id, err := ParseID(bad); err == nil {
			t.Errorf("%q is read as %s", bad, id)
		}
	}
	var v struct{ ID ID }
	for _, text := range []string{`{"ID":"000000000000Z"}`, `{"ID":""}`} {
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if b, err := json.Marshal(v); err != nil || string(b) != text {
			t.Errorf("%s came back as %s, %v", text, b, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"ID":"nonsense"}`), &v); err == nil {
		t.Error("nonsense is read as an id")
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("000000000000Z")
	f.Add("GGGGGGGGGGGGG")
	f.Add("0h455vb4pex5v")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			if id != 0 {
				t.Errorf("an error and %s", id)
			}
			return
		}
		if id == 0 || id.String() != strings.ToUpper(s) {
			t.Errorf("%q is read as %d and written as %q", s, id, id)
		}
	})
}

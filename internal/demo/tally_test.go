package main

import (
	"strings"
	"testing"
)

func TestTally(t *testing.T) {
	t.Parallel()
	wants := []want{{"s", "a", "g", 1}, {"s", "b", "g", 0}, {"s", "c", "", 0}}
	for name, tc := range map[string]struct {
		arrivals []string // subscription/fact
		say      string
	}{
		"all in order":         {[]string{"s/a", "s/c", "s/a", "s/b"}, ""},
		"one is missing":       {[]string{"s/a", "s/a", "s/c"}, "missing: b for s (0 attempts seen)"},
		"one is out of order":  {[]string{"s/a", "s/b", "s/a", "s/c"}, "out of order: b for s came before a"},
		"one comes twice":      {[]string{"s/a", "s/a", "s/b", "s/b", "s/c"}, "twice: b for s"},
		"one was not expected": {[]string{"s/a", "s/a", "s/b", "s/c", "other/c"}, `unexpected: c for "other"`},
		"failed once only":     {[]string{"s/a", "s/c"}, "missing: a for s (1 attempts seen)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tl := newTally(wants)
			for _, a := range tc.arrivals {
				sub, fact, _ := strings.Cut(a, "/")
				tl.arrive(sub, fact)
			}
			err := tl.verdict()
			if tc.say == "" && err != nil || tc.say != "" && (err == nil || !strings.Contains(err.Error(), tc.say)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTallySaysWhenAllCame(t *testing.T) {
	t.Parallel()
	tl := newTally([]want{{"s", "a", "", 1}})
	if tl.arrive("s", "a") {
		t.Error("the first attempt was taken")
	}
	select {
	case <-tl.complete:
		t.Fatal("complete after a failure")
	default:
	}
	if !tl.arrive("s", "a") {
		t.Error("the second attempt failed")
	}
	<-tl.complete
	tl.refuse("no signature matches")
	if err := tl.verdict(); err == nil {
		t.Error("an unverified request is fine")
	}
}

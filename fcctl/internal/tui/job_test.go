package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// The exchange that a person looks at stays while others follow.
func TestAnotherAttemptOfAJobCanBeSeen(t *testing.T) {
	attempts := func(numbers ...int) fetched {
		j := exampleJob("6H0JJ5MVDVE3W", client.JobPending)
		var as []client.Attempt
		for _, n := range numbers {
			as = append(as, client.Attempt{AttemptNumber: n, AttemptedAt: noon.Add(time.Duration(n) * time.Second), ResponseCode: 500, ResponseBody: fmt.Sprintf(`{"try":%d}`, n)})
		}
		return fetched{tried{&j, as}}
	}
	s := newStage(t, 140, 60)
	p := newJob(s.desk, "6H0JJ5MVDVE3W")
	shows := func(n int, after string) {
		t.Helper()
		v := s.View()
		if !strings.Contains(v, fmt.Sprint("Came back at attempt ", n)) || !strings.Contains(v, fmt.Sprintf(`"try": %d`, n)) || !strings.Contains(v, fmt.Sprintf("> %2d ", n)) {
			t.Errorf("%s it does not show attempt %d:\n%s", after, n, v)
		}
	}
	s.at(p, attempts(1, 2))
	shows(2, "at first")
	s.give(p, attempts(1, 2, 3), nil)
	shows(3, "after another attempt")
	s.keys("h", "h", "h")
	shows(1, "going back")
	s.give(p, attempts(1, 2, 3, 40), nil)
	shows(1, "after another attempt, while one looks at the first,")
	if !strings.Contains(s.View(), "… 36 more, which are not kept") {
		t.Errorf("it does not say that attempts are missing:\n%s", s.View())
	}
	s.keys("l", "l", "l")
	shows(40, "going on to the last")
	s.give(p, attempts(1, 2, 3, 40, 41), nil)
	shows(41, "after another attempt")
}

// A long line of a body goes on within the place of its line.
func TestALongLineIsBrokenWithinItsPlace(t *testing.T) {
	f := &facts{p: newPalette(nil, false), width: 40}
	f.text("{\n      \"sku\": \"a long name of a thing that does not fit\"\n}")
	want := []string{
		"  {",
		`        "sku": "a long name of a thing`,
		`          that does not fit"`,
		"  }",
	}
	if got := strings.Join(f.lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("it is broken as\n%s\nnot as\n%s", got, strings.Join(want, "\n"))
	}
}

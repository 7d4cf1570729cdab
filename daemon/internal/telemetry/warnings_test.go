package telemetry

import (
	"fmt"
	"testing"
	"time"
)

// clocked is a list of warnings whose clock the test sets.
func clocked() (*Warnings, *time.Time) {
	now := time.Unix(1_800_000_000, 0)
	return NewWarnings(func() time.Time { return now }), &now
}

func TestTheSameWarningIsCountedAndNotRepeated(t *testing.T) {
	t.Parallel()
	ws, now := clocked()
	ws.Warn(Warning{Category: "CONFIGURATION", Severity: Warn, Source: "sub_1", Key: "404", Message: "job 1: not found"})
	first := *now
	*now = now.Add(time.Minute)
	ws.Warn(Warning{Category: "CONFIGURATION", Severity: Warn, Source: "sub_1", Key: "404", Message: "job 2: not found"})
	ws.Warn(Warning{Category: "CONFIGURATION", Severity: Warn, Source: "sub_1", Key: "401", Message: "job 3: who are you"})
	ws.Warn(Warning{Category: "CONFIGURATION", Severity: Warn, Source: "sub_2", Key: "404", Message: "job 4: not found"})
	got := ws.List()
	if len(got) != 3 {
		t.Fatalf("%d warnings: %+v", len(got), got)
	}
	for _, s := range got {
		switch {
		case s.Source == "sub_1" && s.Key == "404":
			if s.Count != 2 || s.Message != "job 2: not found" || !s.First.Equal(first) || !s.At.Equal(*now) {
				t.Errorf("%+v", s)
			}
		case s.Count != 1:
			t.Errorf("%+v", s)
		}
	}
}

func TestTheSameWarningOfTwoClientsIsTwo(t *testing.T) {
	t.Parallel()
	ws, _ := clocked()
	for _, client := range []string{"clt_1", "clt_2", "clt_1"} {
		ws.Warn(Warning{Category: "CONFIGURATION", Severity: Warn, Source: "https://hooks.example.com", Key: "404", ClientID: client})
	}
	got := map[string]int{}
	for _, s := range ws.List() {
		got[s.ClientID] = s.Count
	}
	if len(got) != 2 || got["clt_1"] != 2 || got["clt_2"] != 1 {
		t.Errorf("%v", got)
	}
}

func TestAWarningExpiresEightHoursAfterItCameLast(t *testing.T) {
	t.Parallel()
	ws, now := clocked()
	w := Warning{Category: "GONE", Severity: Error, Source: "sub_1", Message: "gone"}
	ws.Warn(w)
	*now = now.Add(7 * time.Hour)
	ws.Warn(w)
	*now = now.Add(7 * time.Hour)
	if got := ws.List(); len(got) != 1 || got[0].Count != 2 {
		t.Fatalf("%+v", got)
	}
	id := ws.List()[0].ID
	*now = now.Add(time.Hour + time.Second)
	if got := ws.List(); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
	if _, ok := ws.Acknowledge(id); ok {
		t.Error("an expired warning was acknowledged")
	}
	ws.Warn(w)
	if got := ws.List(); len(got) != 1 || got[0].Count != 1 || got[0].ID == id {
		t.Errorf("after it expired it is not a new one: %+v", got)
	}
}

func TestAnAcknowledgedWarningStaysSoUnlessItBecomesWorse(t *testing.T) {
	t.Parallel()
	ws, _ := clocked()
	w := Warning{Category: "CONFIGURATION", Severity: Warn, Source: "sub_1", Key: "404", Message: "not found"}
	ws.Warn(w)
	id := ws.List()[0].ID
	for range 2 {
		if s, ok := ws.Acknowledge(id); !ok || !s.Acknowledged {
			t.Fatalf("%+v, %v", s, ok)
		}
	}
	ws.Warn(w)
	if s, _ := ws.Get(id); !s.Acknowledged || s.Count != 2 {
		t.Errorf("it came again: %+v", s)
	}
	w.Severity = Error
	ws.Warn(w)
	if s, _ := ws.Get(id); s.Acknowledged {
		t.Errorf("it became worse: %+v", s)
	}
	if _, ok := ws.Acknowledge("no-such"); ok {
		t.Error("an unknown id was acknowledged")
	}
}

func TestNoMoreThanAThousandStandAndTheAcknowledgedGoFirst(t *testing.T) {
	t.Parallel()
	ws, now := clocked()
	warn := func(i int) {
		*now = now.Add(time.Second)
		ws.Warn(Warning{Category: "CONFIGURATION", Severity: Warn, Source: fmt.Sprint(i), Message: "wrong"})
	}
	for i := range MaxWarnings {
		warn(i)
	}
	for _, s := range ws.List()[:MaxWarnings/8] { // the newest
		ws.Acknowledge(s.ID)
	}
	warn(MaxWarnings)
	got := ws.List()
	if len(got) != MaxWarnings-MaxWarnings/8+1 {
		t.Fatalf("%d stand", len(got))
	}
	for _, s := range got {
		if s.Acknowledged {
			t.Fatalf("%+v is still there", s)
		}
	}
	for i := range 5 * MaxWarnings {
		warn(2*MaxWarnings + i)
		if n := len(ws.List()); n > MaxWarnings {
			t.Fatalf("%d stand", n)
		}
	}
}

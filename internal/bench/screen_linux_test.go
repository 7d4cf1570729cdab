package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

// Only Linux tells what another process has used.
func TestTheTrialOfTheScreenFindsEachVice(t *testing.T) {
	times, patience := screenTimes, terminalPatience
	t.Cleanup(func() { screenTimes, terminalPatience = times, patience })
	screenTimes.rate = 300
	screenTimes.settle, screenTimes.steady, screenTimes.keys, screenTimes.idle = 20*time.Millisecond, 400*time.Millisecond, 200*time.Millisecond, 100*time.Millisecond
	screenTimes.shows = 400 * time.Millisecond
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for vice, c := range map[string]struct {
		code int
		says []string
	}{
		"":                        {0, []string{"full speed with the events page, of that without"}},
		"repeats":                 {1, []string{"FAILED  screen: 3 duplicates"}},
		"the screen is dark":      {1, []string{"it does not show a connection that is live after 2s"}},
		"the screen stands still": {1, []string{"FAILED  screen: the overview showed something new 0 times"}},
		"the screen is deaf":      {1, []string{"it does not show the help after 2s"}},
		"the screen is late and lies": {1, []string{
			"missed  screen: 300/s with the overview: p99 from a key to the screen",
			"FAILED  screen: the overview showed at most 4 deliveries/s of 300",
		}},
	} {
		t.Run(vice, func(t *testing.T) {
			terminalPatience = patience
			if vice == "the screen is dark" || vice == "the screen is deaf" {
				terminalPatience = 2 * time.Second // it is waited for in vain
			}
			code, stdout, stderr := play(t, vice, "-scenario", ofScreen, "-fcctl", self)
			for _, says := range c.says {
				if code != c.code || !strings.Contains(stdout+stderr, says) {
					t.Errorf("status %d, want %d and %q\n%s%s", code, c.code, says, stdout, stderr)
				}
			}
			if vice == "" && strings.Contains(stdout, "p99 from a key to the screen  0 ms") {
				t.Errorf("no key was pressed:\n%s", stdout)
			}
		})
	}
}

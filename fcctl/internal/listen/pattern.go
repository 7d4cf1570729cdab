package listen

import "strings"

// Fits says whether a type fits a pattern of four segments, each a word or *.
func Fits(pattern, eventType string) bool {
	want, got := strings.Split(pattern, ":"), strings.Split(eventType, ":")
	if len(want) != len(got) {
		return false
	}
	for i, w := range want {
		if w != "*" && w != got[i] {
			return false
		}
	}
	return true
}

package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// nearest is the name among names that someone who typed given probably
// meant, or "". Short names must be closer than long ones: everything is two
// letters away from "url".
func nearest(given string, names []string) string {
	allowed := 1
	switch {
	case len(given) >= 8:
		allowed = 3
	case len(given) >= 4:
		allowed = 2
	}
	best, dist := "", allowed+1
	lower := strings.ToLower(given)
	for _, n := range names {
		if d := levenshtein.Distance(lower, strings.ToLower(n), nil); d < dist {
			best, dist = n, d
		}
	}
	if best != "" || len(given) < 3 {
		return best
	}
	for _, n := range names {
		if len(n) >= 3 && (strings.Contains(lower, n) || strings.Contains(n, lower)) {
			return n
		}
	}
	return ""
}

// tryNear is the Try line for an unknown name whose detail lists them all.
func tryNear(given string, names []string) string {
	if n := nearest(given, names); n != "" {
		return fmt.Sprintf("%s, if that is what you meant", n)
	}
	return ""
}

// tryName is the Try line for an unknown name: the nearest one, or all.
func tryName(given string, names []string) string {
	if try := tryNear(given, names); try != "" {
		return try
	}
	if len(names) == 0 {
		return ""
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return "one of " + strings.Join(sorted, ", ")
}

// or joins quoted names: "a", "b" or "c".
func or(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = fmt.Sprintf("%q", n)
	}
	if len(q) < 2 {
		return strings.Join(q, "")
	}
	return strings.Join(q[:len(q)-1], ", ") + " or " + q[len(q)-1]
}

package fault

import (
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest is the name that someone who typed given probably meant, or "".
func Nearest(given string, names []string) string {
	best, least := "", 1+len(given)/3
	for _, n := range names {
		if len(n) == 1 {
			continue
		}
		d := levenshtein.Distance(strings.ToLower(given), strings.ToLower(n), nil)
		if strings.HasPrefix(n, given) && len(given) > 1 {
			d = 0
		}
		if d <= least && (best == "" || d < least) {
			best, least = n, d
		}
	}
	return best
}

package manifests

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A patch of two texts turns one into the other.
func TestUnifiedIsAPatch(t *testing.T) {
	t.Parallel()
	line := rapid.SampledFrom([]string{"a", "b", "c", "d", ""})
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOfN(line, 0, 30).Draw(t, "a"), rapid.SliceOfN(line, 0, 30).Draw(t, "b")
		var was, is []string
		for _, e := range edits(a, b) {
			if e.sign != '+' {
				was = append(was, e.text)
			}
			if e.sign != '-' {
				is = append(is, e.text)
			}
		}
		if strings.Join(was, "|") != strings.Join(a, "|") || strings.Join(is, "|") != strings.Join(b, "|") {
			t.Fatalf("%q to %q became %q to %q", a, b, was, is)
		}
		patch := unified(text(a), text(b), "a", "b")
		if (patch == "") != (strings.Join(a, "|") == strings.Join(b, "|") && len(a) == len(b)) {
			t.Fatalf("%q to %q: %q", a, b, patch)
		}
	})
}

func text(ls []string) string {
	var b strings.Builder
	for _, l := range ls {
		b.WriteString(l + "\n")
	}
	return b.String()
}

func TestUnifiedShowsHunks(t *testing.T) {
	t.Parallel()
	before := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n"
	after := strings.Replace(strings.Replace(before, "2\n", "two\n", 1), "11\n", "", 1)
	want := `--- x
+++ y
@@ -1,5 +1,5 @@
 1
-2
+two
 3
 4
 5
@@ -8,5 +8,4 @@
 8
 9
 10
-11
 12
`
	if got := unified(before, after, "x", "y"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

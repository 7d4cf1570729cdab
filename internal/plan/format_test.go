package plan

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The page about the format has a row for each field, and for no others.
func TestThePageDescribesEveryField(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/plan-format.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")
	for title, v := range map[string]any{"Plan": document{}, "Change": Change{}, "Attribute": Attribute{}} {
		_, section, found := strings.Cut(string(b), "\n## "+title+"\n")
		if !found {
			t.Fatalf("docs/plan-format.md has no section %s", title)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		var described, there []string
		for _, m := range row.FindAllStringSubmatch(section, -1) {
			described = append(described, m[1])
		}
		for i := range reflect.TypeOf(v).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(v).Field(i).Tag.Get("json"), ",")
			there = append(there, name)
		}
		slices.Sort(described)
		slices.Sort(there)
		if !slices.Equal(described, there) {
			t.Errorf("docs/plan-format.md describes of a %s the fields\n%v\nand there are\n%v", strings.ToLower(title), described, there)
		}
	}
}

package layout

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A pkg is a package of the module as the checker sees it.
type pkg struct {
	dir   string              // relative to the module
	files map[string][]string // file name → import paths
}

// check holds the packages of a module against a plan and returns one sentence
// per broken rule, sorted.
func check(module string, plan []place, pkgs []pkg) []string {
	var broken []string
	for _, p := range pkgs {
		at, room := find(plan, p.dir)
		if at == nil {
			broken = append(broken, fmt.Sprintf("%s has no place in the house: give it one in internal/layout/house.go, with the places it may import", p.dir))
			continue
		}
		for file, imports := range p.files {
			for _, imp := range imports {
				if why := at.refuses(module, plan, p.dir, room, file, imp); why != "" {
					broken = append(broken, fmt.Sprintf("%s imports %s: %s", path.Join(p.dir, file), strings.TrimPrefix(imp, module+"/"), why))
				}
			}
		}
	}
	slices.Sort(broken)
	return slices.Compact(broken)
}

// refuses says why a file of this place must not import imp, or "".
func (at *place) refuses(module string, plan []place, dir, room, file, imp string) string {
	inner, ours := strings.CutPrefix(imp, module+"/")
	switch {
	case imp == "C":
		return "there is no cgo here"
	case !ours && standard(imp):
		for _, never := range at.never {
			if _, ok := under(never, imp); ok {
				return at.name + " does not touch the world outside"
			}
		}
		return ""
	case !ours:
		if at.closed && !slices.ContainsFunc(at.outside, func(prefix string) bool { return strings.HasPrefix(imp, prefix) }) {
			return at.name + " may not use this library"
		}
		return ""
	}

	to, toRoom := find(plan, inner)
	switch {
	case to == nil:
		return "" // reported where that package is looked at
	case to.name == at.name && (at.kin || toRoom == room):
		return ""
	case to.name == at.name:
		return "two of the kind " + at.name + " do not import each other"
	case forTests(inner) && !forTests(dir):
		return "that package serves tests only"
	case forTests(inner) && path.Base(inner) == "golden":
		return ""
	case !slices.Contains(at.may, to.name):
		return at.name + " may not import " + to.name
	case to.only != "" && path.Join(dir, file) != to.only:
		return "only " + to.only + " knows every " + to.name
	}
	return ""
}

// find returns the place of a package directory and its room.
func find(plan []place, dir string) (*place, string) {
	for i := range plan {
		for _, d := range plan[i].dirs {
			if room, ok := under(d, dir); ok {
				return &plan[i], room
			}
		}
	}
	return nil, ""
}

// under matches a path with a pattern and returns the part that the pattern
// names, without what "/..." took in.
func under(pattern, dir string) (string, bool) {
	pattern, deep := strings.CutSuffix(pattern, "/...")
	want, have := strings.Split(pattern, "/"), strings.Split(dir, "/")
	if len(have) < len(want) || (!deep && len(have) > len(want)) {
		return "", false
	}
	for i, w := range want {
		if w != "*" && w != have[i] {
			return "", false
		}
	}
	return strings.Join(have[:len(want)], "/"), true
}

// forTests says that a package exists for tests: suites, fakes, goldens.
func forTests(dir string) bool {
	base := path.Base(dir)
	return base == "golden" || strings.HasSuffix(base, "test")
}

// standard says that an import path belongs to Go itself: only those have no
// dot in their first element.
func standard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}

package sqlite

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
)

// walkers are the parts of statements that may walk over many rows or sort
// them, and what bounds them. All others find what they look for, however many
// events, jobs, order keys and dead letters there are.
var walkers = map[string]string{
	"FROM sqlite_schema":                    "the tables of this schema",
	"FROM policies":                         "at opening; there are as many as there are retry policies",
	"SELECT DISTINCT lane FROM jobs":        "at opening",
	"WHERE ready = 1 AND status = 12":       "at opening",
	"SELECT max(ifnull(":                    "at opening; the first entry of each index",
	"SELECT count(*) FROM events":           "at opening",
	"SELECT count(*) FROM gates":            "at opening",
	"jobs_letters WHERE status IN (14, 16)": "at opening, or the first entry",
	"SELECT (SELECT count(*) FROM jobs":     "at opening",

	"FROM gates INDEXED BY gates_blocked WHERE blocked IS NOT NULL ORDER BY blocked LIMIT 1": "the first entry",
	"(blocked, key) > (?, ?)":                                           "a page, of at most MaxExamined rows",
	"WHERE position < ? AND position >= ? ORDER BY position DESC":       "a page",
	"WHERE correlation_id = ?":                                          "a page",
	"WHERE position > ? AND position <= ? ORDER BY position":            "a page",
	"SELECT 1 FROM events WHERE position > ? AND position <= ? LIMIT 1": "the first row",
	"FROM events WHERE position > ? ORDER BY position LIMIT ?":          "a batch",
	"WHERE position BETWEEN ? AND ?":                                    "given up where most rows are not wanted",
	"FROM audit WHERE id < ? AND id >= ? ORDER BY id DESC":              "a page",
	"FROM jobs WHERE 1 AND id < ? AND id >= ? ORDER BY id DESC":         "a page",
	"WHERE ready = 1 LIMIT ?":                                           "a page",
	"WHERE waiting = 1 LIMIT ?":                                         "a page",

	"FROM events WHERE position > ? AND position < ? ORDER BY position LIMIT ?": "a step of retention",
	"WHERE tasks.job > ? AND tasks.job < ? ORDER BY tasks.job LIMIT ?":          "a step of retention",
	"FROM jobs WHERE id > ? AND id < ? ORDER BY id LIMIT ?":                     "a step of retention",
	"WHERE tasks.job > ? AND tasks.job <= ? ORDER BY tasks.job":                 "a page",
	"FROM audit WHERE id > ? AND id < ? ORDER BY id LIMIT ?":                    "a step of retention",
	"INDEXED BY entries_end WHERE expires_at <= ? LIMIT ?":                      "at most as many as are removed",

	"SELECT space, key, grp, owner, body, revision, expires_at FROM entries": "the beginning of a statement that names a space and more",

	"SELECT entity_type, operation, client_id FROM audit ORDER BY id DESC LIMIT ?": "the newest MaxFaceted rows",
	"SELECT type, client_id FROM events ORDER BY position DESC LIMIT ?":            "the newest MaxFaceted rows",
	"SELECT hour FROM rollups WHERE hour":                                          "the first row",

	"FROM jobs WHERE position = ? AND id": "the jobs of one event",
	"FROM documents":                      "what operators have declared",
	"FROM holds WHERE until > ?":          "endpoints in trouble; others are removed",
	"DELETE FROM holds WHERE until < ?":   "what has ended is removed",
}

// statements are the texts of all SQL in the package's files, put together as
// the code does it.
func statements(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	must(t, err)
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0)
		must(t, err)
	}
	texts := map[string][]string{} // what a name of a constant or variable may stand for, by file or for all
	all := map[string]string{}
	visit := func(do func(file string, n ast.Node) bool) {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			ast.Inspect(files[name], func(n ast.Node) bool { return n == nil || do(name, n) })
		}
	}
	var eval func(file string, e ast.Expr) []string
	eval = func(file string, e ast.Expr) []string {
		switch e := e.(type) {
		case *ast.BasicLit:
			if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
				return []string{s}
			}
		case *ast.Ident:
			if v := texts[file+" "+e.Name]; v != nil {
				return v
			}
			return texts[e.Name]
		case *ast.ParenExpr:
			return eval(file, e.X)
		case *ast.BinaryExpr:
			var out []string
			for _, a := range eval(file, e.X) {
				for _, b := range eval(file, e.Y) {
					out = append(out, a+b)
				}
			}
			return out
		}
		return nil
	}
	for range 3 { // a name may stand for what a later one does
		visit(func(file string, n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, v := range n.Values {
					if s := eval(file, v); s != nil && i < len(n.Names) {
						texts[file+" "+n.Names[i].Name], texts[n.Names[i].Name] = s, s
					}
				}
			case *ast.AssignStmt:
				for i, v := range n.Rhs {
					name, ok := n.Lhs[i].(*ast.Ident)
					s := eval(file, v)
					if !ok || s == nil {
						break
					}
					name2 := file + " " + name.Name
					if n.Tok == token.ADD_ASSIGN {
						more := s[0]
						s = slices.Clone(texts[name2])
						for _, was := range texts[name2] {
							if !strings.HasSuffix(was, more) {
								s = append(s, was+more)
							}
						}
					} else {
						s = append(s, texts[name2]...)
					}
					slices.Sort(s)
					if s = slices.Compact(s); len(s) < 10 {
						texts[name2] = s
					}
				}
			}
			return true
		})
	}
	visit(func(file string, n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		first := e
		for {
			b, ok := first.(*ast.BinaryExpr)
			if !ok {
				break
			}
			first = b.X
		}
		lit, ok := first.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		verb, _, _ := strings.Cut(strings.Trim(lit.Value, "\"`"), " ")
		if !slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}, verb) {
			return true
		}
		found := eval(file, e)
		if found == nil {
			t.Errorf("%s: the text of a statement that begins with %s can not be put together", file, lit.Value)
		}
		for _, s := range found {
			all[s] = file
		}
		return false
	})
	return all
}

// walks says that a step of a plan may look at everything, or at everything
// beyond a bound: nothing in it is searched for by equality.
func walks(step string) bool {
	switch {
	case strings.HasPrefix(step, "SCAN CONSTANT ROW"), strings.HasPrefix(step, "SCAN (subquery"):
		return false // what is within the brackets has a step of its own
	case strings.HasPrefix(step, "SCAN"), strings.HasPrefix(step, "USE TEMP B-TREE"):
		return true
	}
	return strings.HasPrefix(step, "SEARCH") && !strings.Contains(step, "=?")
}

func TestNoStatementWalksATable(t *testing.T) {
	t.Parallel()
	st := setup(t)
	all := statements(t)
	if len(all) < 80 {
		t.Fatalf("%d statements were found; there are more", len(all))
	}
	explain := func(sql string) (steps []string) {
		s, _, err := st.wc.c.PrepareTransient("EXPLAIN QUERY PLAN " + sql)
		if err != nil {
			t.Errorf("%s (%s): %v", sql, all[sql], err)
			return nil
		}
		defer func() { must(t, s.Finalize()) }()
		must(t, stmt{s: s, n: 1}.each(func(s *sqlite.Stmt) bool {
			steps = append(steps, s.ColumnText(3))
			return true
		}))
		return steps
	}
	used := map[string]bool{}
	must(t, st.write(t.Context(), func(*tx) error {
		for sql, file := range all {
			for _, step := range explain(sql) {
				if !walks(step) {
					continue
				}
				known := false
				for part := range walkers {
					if strings.Contains(sql, part) {
						known, used[part] = true, true
					}
				}
				if !known {
					t.Errorf("%s: %s\n\t%s", file, sql, step)
				}
			}
		}
		return nil
	}))
	for part := range walkers {
		if !used[part] {
			t.Errorf("no statement walks %s any more", part)
		}
	}
}

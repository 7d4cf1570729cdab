package sqlite

import (
	"bytes"
	"os"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// What was expunged is not only out of reach: the bytes are gone from the file,
// from the pages that the rows stood on and from those of a large payload.
func TestTheFileForgetsWhatWasExpunged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	st := open(t, dir, Options{Now: noon})
	es := events("e", "g", 6, 100)
	for i := range es {
		es[i].Subject = "kept-subject"
	}
	const subject, small, large, body = "Ann-Example-Subject", "Ann-Example-Data", "Ann-Example-Large", "Ann-Example-Answer"
	es[2].Subject, es[2].Data = subject, []byte(`"`+small+`"`)
	es[4].Subject, es[4].Data = subject, append(append([]byte(`"`+large), bytes.Repeat([]byte("x"), 50_000)...), large+`"`...)
	appendAll(t, st, es)
	fanOut(t, st, "sub_A", flow.Immediate)
	jobs := jobsOf(t, st, "sub_A")
	for _, j := range jobs {
		o := outcome(start(t, st, j.ID, 1), flow.Delivered)
		o.Attempt.Body = []byte(body)
		_, err := st.Record(t.Context(), []store.Outcome{o}, noon)
		must(t, err)
	}
	shut(t, st)
	file := func() []byte {
		b, err := os.ReadFile(st.path)
		must(t, err)
		return b
	}
	for _, text := range []string{subject, small, large, body} {
		if !bytes.Contains(file(), []byte(text)) {
			t.Fatalf("%q is not in the file before", text)
		}
	}

	st = open(t, dir, Options{Now: noon})
	page, err := st.Erasable(t.Context(), store.Everything, store.EraseQuery{To: 1<<63 - 1, Subject: subject})
	must(t, err)
	rows := []flow.ID{}
	for _, f := range page.Found {
		rows = append(rows, f.ID)
	}
	if len(rows) != 2 {
		t.Fatalf("%d events are found, want 2", len(rows))
	}
	p, err := st.Erase(t.Context(), store.Erase{Work: 1, To: page.Next, Rows: rows}, noon)
	must(t, err)
	if p.Erased.Events != 2 || p.Erased.Attempts != 2 {
		t.Errorf("erased: %+v", p.Erased)
	}
	shut(t, st)
	after := file()
	for _, text := range []string{subject, small, large} {
		if bytes.Contains(after, []byte(text)) {
			t.Errorf("%q is in the file still", text)
		}
	}
	if n := bytes.Count(after, []byte(body)); n != 4 {
		t.Errorf("the answers of %d jobs are in the file, want those of the 4 others", n)
	}
	if !bytes.Contains(after, []byte("kept-subject")) {
		t.Error("what was not asked for is gone")
	}
}

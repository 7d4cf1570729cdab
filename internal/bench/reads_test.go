package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/internal/fill"
)

func TestReadPage(t *testing.T) {
	for body, want := range map[string]page{
		`[{"id":"1"},{"id":"2"}]`:                                 {items: 2},
		`{"dispatchJobs":[{}],"nextCursor":"abc","partial":true}`: {items: 1, partial: true},
		`{"events":[],"nextCursor":"","hasMore":false}`:           {},
		`{"id":"1"}`: {items: -1},
	} {
		if got := readPage([]byte(body)); got != want {
			t.Errorf("%s: %+v, want %+v", body, got, want)
		}
	}
}

// TestEveryQuestionIsAsked asks a server that knows no id but takes every filter
// for what it is.
func TestEveryQuestionIsAsked(t *testing.T) {
	h := &history{Clients: make([]string, historyClients), Types: make([]string, historyTypes), Subscriptions: make([]string, historySubscriptions),
		Token: "all", Tenant: "one", Filled: fill.Filled{EventID: "e", JobID: "j", LetterID: "l", AuditID: "a"}}
	asked := map[string]int{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+" "+r.URL.Path]++
		_, _ = w.Write([]byte(`[]`))
	}))
	defer srv.Close()
	r := &reader{base: srv.URL}
	for _, q := range h.questions() {
		if _, _, err := r.get(t.Context(), q.path, q.token); err != nil {
			t.Fatal(err)
		}
	}
	for path, least := range map[string]int{
		"all /api/events": 30, "all /api/dispatch-jobs": 60, "all /api/dead-letters": 8, "all /api/groups": 3, "all /api/audit-logs": 5, "one /api/events": 3, "one /api/dispatch-jobs": 5,
		"all /api/events/e/explain": 1, "all /api/dispatch-jobs/j/attempts": 1, "all /api/dead-letters/l": 1, "all /api/audit-logs/a": 1,
	} {
		if asked[path] < least {
			t.Errorf("%s was asked %d times, want %d at least", path, asked[path], least)
		}
	}
}

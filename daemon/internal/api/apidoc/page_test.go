package apidoc

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	p := NewPage()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest("GET", "/docs", nil))
	body, policy := w.Body.String(), w.Header().Get("Content-Security-Policy")
	for _, other := range []string{"http://", "https://", "//cdn", "@import", "unsafe-inline", "unsafe-eval", "innerHTML", "/*STYLE*/", "/*SCRIPT*/"} {
		if strings.Contains(body, other) || strings.Contains(policy, other) {
			t.Errorf("the page or its policy has %q", other)
		}
	}
	if got := regexp.MustCompile(` (style|on[a-z]+)="`).FindString(body); got != "" {
		t.Errorf("the page has %q, which its policy does not allow", got)
	}
	if n := strings.Count(body, "<script"); n != 1 || strings.Count(policy, "'sha256-") != 2 || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("%d scripts under %s", n, policy)
	}
	// The hashes are of what the browser will find between the tags.
	for tag, part := range map[string]string{"style": pageCSS, "script": pageJS} {
		if !strings.Contains(body, "<"+tag+">"+part+"</"+tag+">") || strings.Contains(part, "</"+tag) {
			t.Errorf("the %s does not stand alone between its tags", tag)
		}
	}
	r := httptest.NewRequest("GET", "/docs", nil)
	r.Header.Set("If-None-Match", w.Header().Get("ETag"))
	again := httptest.NewRecorder()
	if p.ServeHTTP(again, r); again.Code != 304 || again.Body.Len() != 0 {
		t.Errorf("a page that is known: %d", again.Code)
	}
}

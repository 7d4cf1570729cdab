package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// FuzzCursor tries cursors that nobody gave: they are refused or read, and what
// was sealed comes back as it was, for its own list only.
func FuzzCursor(f *testing.F) {
	for _, seed := range []string{"", "MQBldmVudHMANDQwMTY0NjM2NzQ3Mjc0MTQw", seal("events", "12"), seal("events", "0"), seal("events", "-1"), seal("events", "9223372036854775808"), seal("pools", "a", "b"), "!!", "MQ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		if n, err := unsealNumber("events", cursor); err == nil && n == 0 && cursor != "" {
			t.Errorf("%q is the beginning", cursor)
		}
		if strings.Contains(cursor, "\x00") {
			return // no part of a cursor has one: they are ids and codes
		}
		got, err := unseal("pools", seal("pools", cursor, "x"), 2)
		if err != nil || got[0] != cursor || got[1] != "x" {
			t.Errorf("%q came back as %q, %v", cursor, got, err)
		}
		if _, err := unseal("events", seal("pools", cursor), 1); err == nil {
			t.Errorf("a cursor of another list was taken")
		}
	})
}

// FuzzRequestID: what a client calls its request goes into headers and logs.
func FuzzRequestID(f *testing.F) {
	for _, seed := range []string{"", "abc-1", "a b", "a\nb", "a\r\nSet-Cookie: x=y", "é", "\x1b[31m", `","level":"ERROR`, strings.Repeat("x", 200)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		id := requestID(asked)
		if id == "" || len(id) > 128 || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }) {
			t.Errorf("%q became %q", asked, id)
		}
	})
}

// FuzzReports tries what applications report: it is refused field by field or
// kept within its bounds.
func FuzzReports(f *testing.F) {
	for _, seed := range []string{`{"items":[]}`, `[{"entityType":"a","entityId":"b","operation":"c","operationData":"{}"}]`, `[{"id":1,"payload":{"entityType":"a"}}]`, `[null]`, `{"items":[{"performedAt":"x"}]}`, `[{"metadata":[]}]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		drafts, err := platform.DecodeReports(body)
		if err != nil && len(drafts) > 0 {
			t.Errorf("drafts beside %v", err)
		}
	})
}

// FuzzPublish sends bodies and headers as CloudEvents come, in each of their
// modes: no answer is a failure of ours, and each is JSON.
func FuzzPublish(f *testing.F) {
	w := setup(f)
	token := w.admin()
	const ce = `{"specversion":"1.0","id":"1","source":"/s","type":"a:b:c:d","data":{"x":1}}`
	f.Add("application/cloudevents+json", "", "", ce)
	f.Add("application/cloudevents-batch+json", "", "", "["+ce+"]")
	f.Add("application/json", "a:b:c:d", "1", `{"x":1}`)
	f.Add("application/json", "", "", smallEvent)
	f.Add("application/json", "a:b:c:d", "%00%", `"text"`)
	f.Add("application/json; charset=utf-8", "a\tb", "", `{"data":`)
	f.Add("text/plain", "a:b:c:d", "1", "x")
	f.Fuzz(func(t *testing.T, contentType, ceType, ceID, body string) {
		r := httptest.NewRequest(http.MethodPost, "/api/events", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header["Content-Type"] = []string{contentType}
		if ceType != "" {
			r.Header["Ce-Type"], r.Header["Ce-Id"], r.Header["Ce-Source"], r.Header["Ce-Specversion"] = []string{ceType}, []string{ceID}, []string{"/s"}, []string{"1.0"}
		}
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, r)
		if rec.Code >= 500 || !json.Valid(rec.Body.Bytes()) || !utf8.Valid(rec.Body.Bytes()) {
			t.Errorf("%q %q %q %q: %d %s", contentType, ceType, ceID, body, rec.Code, rec.Body)
		}
	})
}

// FuzzListQueries tries filters of lists, as they are and decoded.
func FuzzListQueries(f *testing.F) {
	w := setup(f)
	token := w.admin()
	for _, seed := range []string{"", "limit=1", "limit=-1", "since=x", "type=a:*:*:*", "type=a:b", "clientId=acme,globex", "cursor=MQBldmVudHMANDQwMTY0NjM2NzQ3Mjc0MTQw", "size=5&types=a", "a=%zz", "status=%00", "page=99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/api/events", "/api/dispatch-jobs", "/api/audit-logs", "/api/subscriptions"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.URL.RawQuery = query
			r.Header.Set("Authorization", "Bearer "+token)
			rec := httptest.NewRecorder()
			w.api.ServeHTTP(rec, r)
			if rec.Code >= 500 || !json.Valid(rec.Body.Bytes()) {
				t.Errorf("%s?%q: %d %s", path, query, rec.Code, rec.Body)
			}
		}
	})
}

// FuzzIdempotencyKey: a key is refused, or one of its own.
func FuzzIdempotencyKey(f *testing.F) {
	w := setup(f)
	for _, seed := range []string{"", `""`, `"k"`, "k", "a b", "é", "a\x01", strings.Repeat("x", 256), `"`, `"a`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		r := httptest.NewRequest(http.MethodPost, "/api/events", strings.NewReader("{}"))
		r.Header[idempotencyKey] = []string{key}
		got, print, err := w.api.readOnce(httptest.NewRecorder(), r, &caller{})
		if (err == nil) != (len(got.Key) == 64 && print != nil) {
			t.Errorf("%q: %+v %v", key, got, err)
		}
		if err != nil && problemOf(err).Status != http.StatusBadRequest {
			t.Errorf("%q: %v", key, err)
		}
	})
}

// What strangers write never begins a line of the log, and never a member of
// one of its objects.
func TestNobodyWritesLinesIntoTheLog(t *testing.T) {
	t.Parallel()
	const forged = "x\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\nlevel=ERROR msg=forged \x1b[31m"
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler {
			return slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug})
		},
		"json": func(b *bytes.Buffer) slog.Handler {
			return slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			var b bytes.Buffer
			o := w.options
			o.Logger, o.Registerer = slog.New(handler(&b)), nil
			var err error
			if w.api, err = newServer(o); err != nil {
				t.Fatal(err)
			}
			w.first(adminEmail, adminPassword)
			quoted, err := json.Marshal(forged)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct{ method, path, body string }{
				{"POST", "/auth/login", `{"email":` + string(quoted) + `,"password":` + string(quoted) + `}`},
				{"POST", "/api/events", `{"type":` + string(quoted) + `,"deduplicationId":` + string(quoted) + `,"correlationId":` + string(quoted) + `}`},
				{"POST", "/api/audit-logs/batch", `[{"entityType":` + string(quoted) + `,"entityId":"1","operation":"x"}]`},
				{"GET", "/api/events/x%0Alevel=ERROR%20msg=forged", ""},
				{"GET", "/api/nothing%0Alevel=ERROR", ""},
				{"GET", "/health", ""},
			} {
				r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
				r.Header.Set("Authorization", "Bearer "+w.admin())
				for _, header := range []string{requestIDHeader, "User-Agent", "X-Forwarded-For", "Forwarded", "Traceparent", "Origin", "X-Real-Ip"} {
					r.Header[header] = []string{forged}
				}
				if c.body != "" {
					r.Header.Set("Content-Type", "application/json")
				}
				rec := httptest.NewRecorder()
				w.api.ServeHTTP(rec, r)
				for header, values := range rec.Header() {
					if strings.ContainsAny(strings.Join(values, ""), "\r\n\x1b") {
						t.Errorf("%s %s: header %s is %q", c.method, c.path, header, values)
					}
				}
			}
			for _, line := range strings.Split(strings.TrimSpace(b.String()+w.log.String()), "\n") {
				if strings.HasPrefix(line, "level=") || strings.HasPrefix(line, `{"level"`) || strings.Contains(line, "\x1b") {
					t.Errorf("a stranger wrote a line: %q", line)
				}
			}
		})
	}
}

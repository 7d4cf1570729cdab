package flow

import (
	"strings"
	"testing"
	"time"
)

var answerNow = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

func TestJudgeEveryRowOfTheTable(t *testing.T) {
	t.Parallel()
	ok := func(body string) Exchange { return Exchange{Status: 200, Body: []byte(body), Complete: true} }
	type want struct {
		verdict Verdict
		delay   time.Duration
		kind    ErrorType
		warn    bool
	}
	delivered := want{verdict: Delivered}
	rejected := want{Reject, 0, ErrorConfiguration, true}
	tests := []struct {
		name string
		x    Exchange
		on   []int // RetryOn
		last string
		want want
	}{
		{name: "2xx without a body", x: Exchange{Status: 204, Complete: true}, want: delivered},
		{name: "2xx that is not JSON", x: ok("<html>ok false \"ack\"</html>"), want: delivered},
		{name: "2xx with ack true", x: ok(`{"ack":true}`), want: delivered},
		{name: "2xx without ack", x: ok(`{"ok":false}`), want: delivered},
		{name: "2xx with ack false", x: ok(`{"ack":false}`), want: want{verdict: Deferred, delay: 30 * time.Second}},
		{name: "2xx with ack false in white space", x: ok(" \r\n\t{ \"ack\" : false }\n"), want: want{verdict: Deferred, delay: 30 * time.Second}},
		{name: "2xx with a delay", x: ok(`{"ack":false,"delaySeconds":90}`), want: want{verdict: Deferred, delay: 90 * time.Second}},
		{name: "2xx with half a second", x: ok(`{"ack":false,"delaySeconds":0.5}`), want: want{verdict: Deferred, delay: time.Second}},
		{name: "2xx with no delay", x: ok(`{"ack":false,"delaySeconds":0}`), want: want{verdict: Deferred, delay: time.Second}},
		{name: "2xx with a delay in the past", x: ok(`{"ack":false,"delaySeconds":-5}`), want: want{verdict: Deferred, delay: time.Second}},
		{name: "2xx with a delay of years", x: ok(`{"ack":false,"delaySeconds":1e300}`), want: want{verdict: Deferred, delay: 24 * time.Hour}},
		{name: "2xx with a delay that is no number", x: ok(`{"ack":false,"delaySeconds":"soon"}`), want: want{verdict: Deferred, delay: 30 * time.Second}},
		{name: "2xx with delay null", x: ok(`{"ack":false,"delaySeconds":null}`), want: want{verdict: Deferred, delay: 30 * time.Second}},
		{name: "2xx with ack as text", x: ok(`{"ack":"false"}`), want: delivered},
		{name: "2xx with ACK", x: ok(`{"ACK":false,"x":"\"ack\""}`), want: delivered},
		{name: "2xx with ack within", x: ok(`{"data":{"ack":false}}`), want: delivered},
		{name: "2xx cut in ack false", x: ok(`{"ack":false,`), want: delivered},
		{name: "2xx of which the end is not here", x: Exchange{Status: 200, Body: []byte(`{"ack":false}`)}, want: delivered},
		{name: "2xx with an array", x: ok(`[{"ack":false}]`), want: delivered},

		{name: "429", x: Exchange{Status: 429}, want: want{Throttled, 0, ErrorRateLimited, false}},
		{name: "429 with seconds", x: Exchange{Status: 429, RetryAfter: "120"}, want: want{Throttled, 2 * time.Minute, ErrorRateLimited, false}},
		{name: "429 with a date", x: Exchange{Status: 429, RetryAfter: "Fri, 02 Jan 2026 15:05:05 GMT"}, want: want{Throttled, time.Minute, ErrorRateLimited, false}},
		{name: "503", x: Exchange{Status: 503}, want: want{Retry, 0, ErrorServer, false}},
		{name: "503 with seconds", x: Exchange{Status: 503, RetryAfter: "7"}, want: want{Retry, 7 * time.Second, ErrorServer, false}},
		{name: "500 with seconds", x: Exchange{Status: 500, RetryAfter: "7"}, want: want{Retry, 0, ErrorServer, false}},
		{name: "408", x: Exchange{Status: 408}, want: want{Retry, 0, ErrorClient, false}},
		{name: "425", x: Exchange{Status: 425}, want: want{Retry, 0, ErrorClient, false}},
		{name: "599", x: Exchange{Status: 599}, want: want{Retry, 0, ErrorServer, false}},
		{name: "a status that does not exist", x: Exchange{Status: 799}, want: want{Retry, 0, ErrorServer, false}},

		{name: "400", x: Exchange{Status: 400}, want: rejected},
		{name: "405", x: Exchange{Status: 405}, want: rejected},
		{name: "406", x: Exchange{Status: 406}, want: rejected},
		{name: "411", x: Exchange{Status: 411}, want: rejected},
		{name: "413", x: Exchange{Status: 413}, want: rejected},
		{name: "414", x: Exchange{Status: 414}, want: rejected},
		{name: "415", x: Exchange{Status: 415}, want: rejected},
		{name: "422", x: Exchange{Status: 422}, want: rejected},
		{name: "501", x: Exchange{Status: 501}, want: rejected},
		{name: "422 that retry_on names", x: Exchange{Status: 422}, on: []int{422}, want: want{Retry, 0, ErrorClient, false}},
		{name: "501 that retry_on names", x: Exchange{Status: 501}, on: []int{400, 501}, want: want{Retry, 0, ErrorServer, false}},
		{name: "429 that retry_on names spends nothing", x: Exchange{Status: 429}, on: []int{429}, want: want{Throttled, 0, ErrorRateLimited, false}},

		{name: "401", x: Exchange{Status: 401}, want: want{Retry, 0, ErrorClient, true}},
		{name: "403", x: Exchange{Status: 403}, want: want{Retry, 0, ErrorClient, true}},
		{name: "404", x: Exchange{Status: 404}, want: want{Retry, 0, ErrorClient, true}},
		{name: "409", x: Exchange{Status: 409}, want: want{Retry, 0, ErrorClient, true}},
		{name: "404 again", x: Exchange{Status: 404}, last: retryText(404), want: want{Retry, 0, ErrorClient, false}},
		{name: "404 after 401", x: Exchange{Status: 404}, last: retryText(401), want: want{Retry, 0, ErrorClient, true}},
		{name: "410", x: Exchange{Status: 410}, want: want{Gone, 0, ErrorClient, true}},
		{name: "301", x: Exchange{Status: 301, Location: "https://hooks.example.com/new"}, want: rejected},
		{name: "304", x: Exchange{Status: 304}, want: rejected},
		{name: "101", x: Exchange{Status: 101}, want: rejected},

		{name: "timeout", x: Exchange{Failure: ErrorTimeout, Problem: "p"}, want: want{Retry, 0, ErrorTimeout, false}},
		{name: "TLS", x: Exchange{Failure: ErrorTLS, Problem: "p"}, want: want{Retry, 0, ErrorTLS, false}},
		{name: "network", x: Exchange{Failure: ErrorConnection, Problem: "p"}, want: want{Retry, 0, ErrorConnection, false}},
		{name: "egress", x: Exchange{Failure: ErrorEgressDenied, Problem: "p"}, want: want{Reject, 0, ErrorEgressDenied, true}},
		{name: "configuration", x: Exchange{Failure: ErrorConfiguration, Problem: "p"}, want: rejected},
		{name: "nothing known", x: Exchange{}, want: want{Retry, 0, ErrorUnknown, false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := Attempt{Number: 3, Delay: time.Hour, Warn: true, PauseSubject: true, Error: "old"}
			a.Judge(&Job{Policy: Policy{RetryOn: tt.on}, LastError: tt.last}, &tt.x, answerNow)
			if got := (want{a.Verdict, a.Delay, a.ErrorType, a.Warn}); got != tt.want {
				t.Errorf("judged %+v (%s), want %+v", got, a.Error, tt.want)
			}
			if a.Status != tt.x.Status || a.Number != 3 {
				t.Errorf("status %d, number %d", a.Status, a.Number)
			}
			if a.PauseSubject != (tt.x.Status == 410) {
				t.Error("only a 410 pauses the subscription")
			}
			if (a.Error == "") != (a.Verdict == Delivered) {
				t.Errorf("verdict %s with the error %q", a.Verdict, a.Error)
			}
		})
	}
}

func TestRetryAfterReadsSecondsAndDates(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]time.Duration{
		"": 0, "0": 0, " 5 ": 5 * time.Second, "86399": 86399 * time.Second, "86400": MaxDelay,
		"86401": MaxDelay, "99999999999999999999999999": MaxDelay, "-5": 0, "1.5": 0, "5s": 0, "soon": 0,
		"Fri, 02 Jan 2026 16:04:05 GMT":   time.Hour,
		"Friday, 02-Jan-26 15:05:05 GMT":  time.Minute,
		"Fri Jan  2 15:04:35 2026":        30 * time.Second,
		"Fri, 02 Jan 2026 15:04:04 GMT":   0,
		"Sat, 02 Jan 2027 15:04:05 GMT":   MaxDelay,
		"Fri, 02 Jan 2026 16:04:05 +0100": 0,
	} {
		if got := retryAfter(v, answerNow); got != want {
			t.Errorf("Retry-After %q is %s, want %s", v, got, want)
		}
	}
}

func TestMayDeferIsNeverTooSure(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{"": true, " \n": true, "{": true, "\t{}": true, "x": false, " [": false, "\ufeff{": false} {
		if got := MayDefer([]byte(body)); got != want {
			t.Errorf("MayDefer(%q) = %v", body, got)
		}
	}
}

func TestTextsNeverRepeatControlCharacters(t *testing.T) {
	t.Parallel()
	var a Attempt
	a.Judge(&Job{}, &Exchange{Status: 302, Location: "https://x\x1b[2J\n" + strings.Repeat("é", 5000)}, answerNow)
	if strings.ContainsAny(a.Error, "\x1b\n") || len(a.Error) > 700 {
		t.Errorf("the text is %d bytes: %q", len(a.Error), a.Error)
	}
}

func FuzzJudge(f *testing.F) {
	f.Add(200, []byte(`{"ack":false,"delaySeconds":1e9}`), "")
	f.Add(429, []byte(nil), "Fri, 02 Jan 2026 15:05:05 GMT")
	f.Add(503, []byte("{"), "99999999999999999999")
	f.Add(200, []byte(`{"ack":false,"ack":true}`), "-1")
	f.Add(302, []byte("\xff\xfe"), "\x00")
	f.Fuzz(func(t *testing.T, status int, body []byte, header string) {
		x := Exchange{Status: status, Body: body, Complete: true, RetryAfter: header, Location: header}
		var a Attempt
		a.Judge(&Job{}, &x, answerNow)
		if a.Delay < 0 || a.Delay > MaxDelay {
			t.Fatalf("delay %s", a.Delay)
		}
		if a.Verdict == Deferred && (a.Delay < MinDefer || !MayDefer(body)) {
			t.Fatalf("deferred by %q for %s", body, a.Delay)
		}
		if a.Verdict == Delivered && (status < 200 || status > 299) {
			t.Fatalf("status %d counts as delivered", status)
		}
	})
}

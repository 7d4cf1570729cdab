package router

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

type seen struct {
	header http.Header
	body   []byte
	host   string
}

// recorder answers 200 and hands on what it saw.
func recorder() (http.HandlerFunc, chan seen) {
	c := make(chan seen, 100)
	return func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil {
			c <- seen{r.Header.Clone(), b, r.Host}
		}
	}, c
}

func TestTheDeliveryOfAnEvent(t *testing.T) {
	t.Parallel()
	h, got := recorder()
	w := build(t, h)
	w.subscribe(subID, w.receiver.URL+"/hooks?x=1", func(s *resource.Subscription) {
		s.CustomConfig = []resource.KeyValue{{Key: "region", Value: "eu-west"}}
	})
	w.run()
	at := time.Date(2026, 1, 2, 15, 4, 5, 678900000, time.FixedZone("", 3600))
	replay := flow.ID(1 << 30)
	id := w.publish(func(j *flow.Job, e *flow.Event) {
		j.ClientID, j.ReplayID = "clt_1", replay
		e.Subject, e.CorrelationID, e.MessageGroup, e.ClientID = "order/7", "line\nbreak \"quoted\" é", "g1", "clt_1"
		e.Time, e.Traceparent = at, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		e.Data = json.RawMessage("{ \"total\" : 12.50, \"big\": 12345678901234567890 }")
	})
	j, _ := w.final(id)
	s := <-got
	want := `{"id":"` + j.EventID.String() + `","type":"orders:fulfillment:shipment:shipped","source":"/shop","subject":"order/7",` +
		`"time":"2026-01-02T14:04:05.678Z","data":{ "total" : 12.50, "big": 12345678901234567890 },` +
		`"correlationId":"line\nbreak \"quoted\" é","causationId":null,"messageGroup":"g1","clientId":"clt_1","specVersion":"1.0",` +
		`"dispatchJobId":"` + id.String() + `","attemptNumber":1}`
	if string(s.body) != want {
		t.Errorf("body\n%s, want\n%s", s.body, want)
	}
	for name, value := range map[string]string{
		"Content-Type":                   "application/json",
		"User-Agent":                     "FlowCatalyst/1.2.3",
		"X-Flowcatalyst-Event-Id":        j.EventID.String(),
		"X-Flowcatalyst-Event-Type":      "orders:fulfillment:shipment:shipped",
		"X-Flowcatalyst-Dispatch-Job-Id": id.String(),
		"X-Flowcatalyst-Subscription-Id": subID,
		"X-Flowcatalyst-Client-Id":       "clt_1",
		"X-Flowcatalyst-Correlation-Id":  "line break \"quoted\" é",
		"X-Flowcatalyst-Attempt":         "1",
		"X-Flowcatalyst-Replay":          "rpl_" + replay.String(),
		"Traceparent":                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"X-Fc-Config-Region":             "eu-west",
		"Accept-Encoding":                "",
	} {
		if got := s.header.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000Z", s.header.Get("X-Flowcatalyst-Timestamp")); err != nil {
		t.Error(err)
	}
	if s.host != strings.TrimPrefix(w.receiver.URL, "http://") {
		t.Errorf("host %q", s.host)
	}
}

func TestDataOnlySendsTheBytesAsPublished(t *testing.T) {
	t.Parallel()
	h, got := recorder()
	w := build(t, h)
	w.subscribe(subID, w.receiver.URL, func(s *resource.Subscription) { s.DataOnly = true })
	w.run()
	w.final(w.publish(func(_ *flow.Job, e *flow.Event) { e.Data = json.RawMessage(" [1, 2.0] ") }))
	if s := <-got; string(s.body) != " [1, 2.0] " || s.header.Get("Content-Type") != "application/json" {
		t.Errorf("body %q, content type %q", s.body, s.header.Get("Content-Type"))
	}
}

func TestATaskIsSentWithItsHeadersAndNotWithOurs(t *testing.T) {
	t.Parallel()
	h, got := recorder()
	w := setup(t, h)
	task := func(dataOnly bool, headers map[string]string) flow.ID {
		return w.store.publish(flow.Job{Task: &flow.Task{
			Code: "billing:invoice", Source: "/billing", TargetURL: w.receiver.URL, Payload: "plain <text>",
			PayloadContentType: "text/plain", DataOnly: dataOnly, CorrelationID: "c1", Headers: headers,
		}}, nil)
	}
	w.final(task(true, map[string]string{"X-Team": "billing", "Host": "evil.example.com", "content-length": "3", "x-flowcatalyst-attempt": "9", "Traceparent": "00-1"}))
	s := <-got
	if string(s.body) != "plain <text>" || s.header.Get("Content-Type") != "text/plain" || s.header.Get("X-Team") != "billing" ||
		s.header.Get("X-Flowcatalyst-Attempt") != "1" || s.host == "evil.example.com" || s.header.Get("Traceparent") != "00-1" {
		t.Errorf("saw %+v", s)
	}
	id := task(false, nil)
	w.final(id)
	var e struct {
		ID, Type, Source, Data, DispatchJobID string
		AttemptNumber                         int
	}
	if err := json.Unmarshal((<-got).body, &e); err != nil || e.ID != id.String() || e.Type != "billing:invoice" || e.Data != "plain <text>" || e.DispatchJobID != id.String() || e.AttemptNumber != 1 {
		t.Errorf("envelope %+v: %v", e, err)
	}
	if j, as := w.final(task(true, map[string]string{"X Team": "b"})); j.Status != flow.Failed || as[0].ErrorType != flow.ErrorConfiguration {
		t.Errorf("a bad header: %s, %+v", j.Status, as)
	}
	if j, as := w.final(w.store.publish(flow.Job{Task: &flow.Task{TargetURL: "gopher://x"}}, nil)); j.Status != flow.Failed || as[0].ErrorType != flow.ErrorConfiguration {
		t.Errorf("a bad target: %s, %+v", j.Status, as)
	}
}

const (
	whsec    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	whsecOld = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

func connection(id, url string, s resource.Signing) *resource.Connection {
	return &resource.Connection{Meta: resource.Meta{ID: id}, Code: "warehouse", URL: url, Signing: s, Headers: map[string]string{"x-team": "shipping"}}
}

func TestSignaturesVerify(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(time.Hour)
	private, public, err := webhook.NewKeyPair()
	if err != nil {
		t.Fatal(err)
	}
	standard := resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec)}
	rotating := standard
	rotating.Previous = []resource.PreviousSecret{{Secret: resource.NewSecret(whsecOld), Until: soon}}
	over := standard
	over.Previous = []resource.PreviousSecret{{Secret: resource.NewSecret(whsecOld), Until: time.Now().Add(-time.Second)}}
	for _, tt := range []struct {
		name     string
		signing  resource.Signing
		secret   string
		verifies bool
		library  bool
	}{
		{"flowcatalyst", resource.Signing{Scheme: resource.SchemeFlowCatalyst, Secret: resource.NewSecret("s3cret")}, "s3cret", true, false},
		{"flowcatalyst in unix seconds", resource.Signing{Scheme: resource.SchemeFlowCatalyst, Secret: resource.NewSecret("s3cret"), Timestamp: "unix"}, "s3cret", true, false},
		{"standard webhooks", standard, whsec, true, true},
		{"the old secret in its overlap", rotating, whsecOld, true, true},
		{"the new secret in the overlap", rotating, whsec, true, true},
		{"the old secret after its overlap", over, whsecOld, false, true},
		{"a key pair", resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(private)}, public, true, false},
		{"the old secret while a key pair comes", resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(private), Previous: rotating.Previous}, whsecOld, true, true},
		{"the key pair while it comes", resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(private), Previous: rotating.Previous}, public, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, got := recorder()
			w := build(t, h)
			w.store.declare(connection("con_1", w.receiver.URL, tt.signing))
			w.subscribe(subID, "", func(s *resource.Subscription) { s.ConnectionID = "con_1" })
			w.run()
			id := w.publish()
			if j, as := w.final(id); j.Status != flow.Completed {
				t.Fatalf("job %s: %+v", j.Status, as)
			}
			s := <-got
			if s.header.Get("X-Team") != "shipping" {
				t.Error("the connection's header is missing")
			}
			if err := webhook.Verify(s.header, s.body, tt.secret); (err == nil) != tt.verifies {
				t.Errorf("client/webhook: %v", err)
			}
			if !tt.library {
				return
			}
			if s.header.Get("webhook-id") != id.String() {
				t.Errorf("webhook-id %q", s.header.Get("webhook-id"))
			}
			lib, err := standardwebhooks.NewWebhook(tt.secret)
			if err != nil {
				t.Fatal(err)
			}
			if err := lib.Verify(s.body, s.header); (err == nil) != tt.verifies {
				t.Errorf("the Standard Webhooks library: %v", err)
			}
		})
	}
}

func TestUnusableSecretFailsTheJobAndNamesTheConnection(t *testing.T) {
	t.Parallel()
	h, _ := recorder()
	w := build(t, h)
	w.store.declare(connection("con_1", w.receiver.URL, resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret("whsec_!!")}))
	w.subscribe(subID, "", func(s *resource.Subscription) { s.ConnectionID = "con_1" })
	w.run()
	j, as := w.final(w.publish())
	if j.Status != flow.Failed || as[0].ErrorType != flow.ErrorConfiguration || !strings.Contains(j.LastError, "warehouse") || strings.Contains(j.LastError, "!!") {
		t.Errorf("job %s: %s", j.Status, j.LastError)
	}
}

// raw serves a connection by hand.
func raw(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				// Closing with something unread would be a reset.
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err == nil {
					_, err = io.Copy(io.Discard, r.Body)
				}
				if err == nil {
					serve(c)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// endless writes until the other side is gone.
func endless(c net.Conn, head string) {
	_, err := io.WriteString(c, head)
	chunk := make([]byte, 64<<10)
	for i := range chunk {
		chunk[i] = ' '
	}
	for err == nil {
		_, err = c.Write(chunk)
	}
}

func hang(c net.Conn) {
	_, _ = io.Copy(io.Discard, c) // ends when the router closes
}

func TestBadReceivers(t *testing.T) {
	t.Parallel()
	say := func(s string) func(net.Conn) { return func(c net.Conn) { fmt.Fprint(c, s) } }
	sayAndHang := func(s string) func(net.Conn) { return func(c net.Conn) { fmt.Fprint(c, s); hang(c) } }
	for _, tt := range []struct {
		name  string
		serve func(net.Conn)
		want  flow.Verdict
		kind  flow.ErrorType
	}{
		{"closes without a word", func(net.Conn) {}, flow.Retry, flow.ErrorConnection},
		{"resets", func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }, flow.Retry, flow.ErrorConnection},
		{"closes in the status line", say("HTTP/1.1 20"), flow.Retry, flow.ErrorConnection},
		{"closes in a body that may be ack:false", say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ack\":"), flow.Retry, flow.ErrorConnection},
		{"closes before such a body", say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"), flow.Retry, flow.ErrorConnection},
		{"closes in a body that is no JSON", say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<html>"), flow.Delivered, flow.ErrorNone},
		{"closes in the body of a 500", say("HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\nstack"), flow.Retry, flow.ErrorServer},
		{"answers garbage", say("\x00\xff\x16\x03 what?\r\n\r\n"), flow.Retry, flow.ErrorConnection},
		{"answers SSH", say("SSH-2.0-OpenSSH_9.0\r\n"), flow.Retry, flow.ErrorConnection},
		{"hangs", hang, flow.Retry, flow.ErrorTimeout},
		{"hangs in the header", sayAndHang("HTTP/1.1 200 OK\r\n"), flow.Retry, flow.ErrorTimeout},
		{"hangs in a body that may be ack:false", sayAndHang("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n {"), flow.Retry, flow.ErrorTimeout},
		{"drips", func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n")
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for range tick.C {
				if _, err := c.Write([]byte(" ")); err != nil {
					return
				}
			}
		}, flow.Retry, flow.ErrorTimeout},
		{"sends a body of gigabytes", func(c net.Conn) { endless(c, "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n{\"ack\":false") }, flow.Delivered, flow.ErrorNone},
		{"sends a body without end", func(c net.Conn) { endless(c, "HTTP/1.1 200 OK\r\n\r\nhello") }, flow.Delivered, flow.ErrorNone},
		{"sends a header without end", func(c net.Conn) { endless(c, "HTTP/1.1 200 OK\r\nX-Long: ") }, flow.Retry, flow.ErrorConnection},
		{"sends a 101", say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"), flow.Reject, flow.ErrorConfiguration},
		{"sends informational answers without end", func(c net.Conn) {
			for {
				if _, err := fmt.Fprint(c, "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"); err != nil {
					return
				}
			}
		}, flow.Retry, flow.ErrorConnection},
		{"defers", say("HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{\"ack\":false,\"delaySeconds\":7 }"), flow.Deferred, flow.ErrorNone},
		{"defers before it closes", say("HTTP/1.1 200 OK\r\n\r\n{\"ack\":false}"), flow.Deferred, flow.ErrorNone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := build(t, nil)
			w.subscribe(subID, raw(t, tt.serve))
			w.run()
			began := time.Now()
			id := w.publish(func(j *flow.Job, _ *flow.Event) {
				j.Policy = flow.Policy{MaxRetries: 1, Timeout: time.Second}
			})
			if err := w.store.wait("the attempt", func(s *fakeStore) bool { return len(s.attempts[id]) > 0 }); err != nil {
				t.Fatal(err)
			}
			_, as := w.store.job(id)
			a := as[0]
			if a.Verdict != tt.want || a.ErrorType != tt.kind {
				t.Errorf("verdict %s %s (%s), want %s %s", a.Verdict, a.ErrorType, a.Error, tt.want, tt.kind)
			}
			if took := time.Since(began); took > 4*time.Second || a.Duration > 3*time.Second {
				t.Errorf("took %s, attempt %s", took, a.Duration)
			}
			if len(a.Body) > 8<<10 || len(a.Header) > 4<<10 {
				t.Errorf("kept %d bytes of body, %d of header", len(a.Body), len(a.Header))
			}
			if a.Error != "" && strings.ContainsAny(a.Error, "\r\n\x00") {
				t.Errorf("the error has control characters: %q", a.Error)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		w := setup(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		j, as := w.final(w.publish())
		if j.Status != flow.Failed || j.Reason != flow.ReasonConfiguration || as[0].Status != status || !strings.Contains(j.LastError, other.URL) {
			t.Errorf("%d: job %s, %s", status, j.Status, j.LastError)
		}
	}
	if reached.Load() {
		t.Error("a redirect was followed")
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	_ = l.Close()
	w := build(t, nil)
	w.subscribe(subID, url)
	w.run()
	j, as := w.final(w.publish())
	if j.Reason != flow.ReasonExhausted || len(as) != 5 || as[0].ErrorType != flow.ErrorConnection || !strings.Contains(j.LastError, "refused") {
		t.Errorf("job %s %s after %d attempts: %s", j.Status, j.Reason, len(as), j.LastError)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	h, got := recorder()
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())

	trusting := build(t, nil, func(o *Options) { o.Roots = pool })
	trusting.subscribe(subID, srv.URL)
	trusting.run()
	j, as := trusting.final(trusting.publish())
	if j.Status != flow.Completed || as[0].Timing.TLS <= 0 || as[0].Timing.Connect <= 0 || as[0].Timing.FirstByte <= 0 {
		t.Fatalf("job %s, attempts %+v", j.Status, as)
	}
	<-got
	if _, as := trusting.final(trusting.publish()); as[0].Timing.TLS != 0 || as[0].Timing.Connect != 0 {
		t.Errorf("the connection was not used again: %+v", as[0].Timing)
	}

	strict := build(t, nil)
	strict.subscribe(subID, srv.URL)
	strict.subscribe("sub_2", strings.Replace(srv.URL, "https", "http", 1))
	plain := httptest.NewServer(h)
	defer plain.Close()
	strict.subscribe("sub_3", strings.Replace(plain.URL, "http", "https", 1))
	strict.run()
	if j, as := strict.final(strict.publish()); as[0].ErrorType != flow.ErrorTLS || !strings.Contains(j.LastError, "trust") {
		t.Errorf("an unknown authority: %s, %+v", j.LastError, as[0])
	}
	if _, as := strict.final(strict.publish(func(j *flow.Job, _ *flow.Event) { j.SubscriptionID = "sub_2" })); as[0].Verdict != flow.Reject {
		t.Errorf("http to https: %+v", as[0])
	}
	if j, as := strict.final(strict.publish(func(j *flow.Job, _ *flow.Event) { j.SubscriptionID = "sub_3" })); as[0].ErrorType != flow.ErrorTLS || !strings.Contains(j.LastError, "http://") {
		t.Errorf("https to http: %s, %+v", j.LastError, as[0])
	}
}

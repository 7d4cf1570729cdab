package courier

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// post makes one exchange with a body.
func post(c *Courier, o *Order, data string, w *Desk) flow.Attempt {
	ev, job := *o.Event, *o.Job
	ev.Data = json.RawMessage(data)
	again := *o
	again.Event, again.Job = &ev, &job
	return c.Exchange(context.Background(), &again, w)
}

// dialogue is a receiver by hand: serve gets each connection with a reader of
// its requests.
func dialogue(t *testing.T, serve func(n int, c net.Conn, r *bufio.Reader)) (url string, conns *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	conns = new(atomic.Int32)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := int(conns.Add(1))
			go func() {
				defer func() { _ = c.Close() }()
				serve(n, c, bufio.NewReader(c))
			}()
		}
	}()
	return "http://" + l.Addr().String(), conns
}

// readWhole reads one request; it is false at the end of the connection.
func readWhole(r *bufio.Reader) bool {
	req, err := http.ReadRequest(r)
	if err == nil {
		_, err = io.Copy(io.Discard, req.Body)
	}
	return err == nil
}

const okEmpty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

func TestTheRequestOnTheWire(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	url, _ := dialogue(t, func(_ int, c net.Conn, _ *bufio.Reader) {
		b := make([]byte, 64<<10)
		n, _ := c.Read(b) // one write comes as one read here
		got <- string(b[:n])
		fmt.Fprint(c, okEmpty)
	})
	con := connection("con_1", url+"/hooks/a b?q=x y\u00e9&z", resource.Signing{})
	con.Headers = map[string]string{"x-team": "shipping", "X-Flowcatalyst-Attempt": "9", "content-length": "1"}
	o, c := oneOrder("", resource.Signing{})
	rt := *routeTo(con)
	rt.Subscription = &resource.Subscription{CustomConfig: []resource.KeyValue{{Key: "region", Value: "eu"}}}
	o.Route = rt
	o.Job.SubscriptionID = "sub_1\r\nX-Evil: 1"
	o.Event.CorrelationID, o.Event.Traceparent = "a\r\n\r\nPOST /evil HTTP/1.1\x00", "00-1\n"
	o.Event.Type = "\r\n\r\n"
	var w Desk
	at := time.Date(2026, 1, 2, 15, 4, 5, 678e6, time.UTC)
	c.Now = func() time.Time { return at }
	if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Delivered {
		t.Fatal(a.Error)
	}
	head, body, _ := strings.Cut(<-got, "\r\n\r\n")
	want := strings.Join([]string{
		"POST /hooks/a%20b?q=x%20y%C3%A9&z HTTP/1.1",
		"Host: " + strings.TrimPrefix(url, "http://"),
		"User-Agent: FlowCatalyst/1",
		"X-Fc-Config-Region: eu",
		"X-Team: shipping",
		"Content-Type: application/json",
		"traceparent: 00-1 ",
		"X-FlowCatalyst-Event-Id: " + o.Event.ID.String(),
		"X-FlowCatalyst-Event-Type:     ",
		"X-FlowCatalyst-Dispatch-Job-Id: " + o.Job.ID.String(),
		"X-FlowCatalyst-Subscription-Id: sub_1  X-Evil: 1",
		"X-FlowCatalyst-Client-Id: clt_1",
		"X-FlowCatalyst-Correlation-Id: a    POST /evil HTTP/1.1 ",
		"X-FlowCatalyst-Attempt: 1",
		"X-FlowCatalyst-Timestamp: 2026-01-02T15:04:05.678Z",
		"Content-Length: " + strconv.Itoa(len(body)),
	}, "\r\n")
	if head != want {
		t.Errorf("head\n%q, want\n%q", head, want)
	}
	if !json.Valid([]byte(body)) {
		t.Errorf("body %s", body)
	}
}

// A head that is one answer and nothing else can be used again; every other
// end of an exchange ends the connection with it.
func TestConnectionsAreUsedAgainOnlyWhenTheyCanBe(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, answer string
		again        bool
	}{
		{"a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true},
		{"no body", "HTTP/1.1 204 No Content\r\n\r\n", true},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true},
		{"chunks and a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n", true},
		{"chunks that end in a bare line feed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\n", false},
		{"an error", "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", true},
		{"informational answers before", "HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
		{"HTTP/1.0 that stays", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", true},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
		{"a close", "HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 2\r\n\r\nok", false},
		{"more than was announced", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Evil\r\nContent-Length: 0\r\n\r\n", false},
		{"a second answer", okEmpty + okEmpty, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url, conns := dialogue(t, func(_ int, c net.Conn, r *bufio.Reader) {
				for readWhole(r) {
					fmt.Fprint(c, tt.answer)
				}
			})
			o, c := oneOrder(url, resource.Signing{})
			var w Desk
			for range 4 {
				if a := post(c, o, "1", &w); a.Status == 0 || strings.Contains(tt.answer, "Evil") && a.Status != 200 {
					t.Fatalf("%d %s", a.Status, a.Error)
				}
			}
			if want := map[bool]int32{true: 1, false: 4}[tt.again]; conns.Load() != want {
				t.Errorf("%d connections for 4 exchanges, want %d", conns.Load(), want)
			}
		})
	}
}

// The receiver closes a kept connection, or says something on it unasked.
// Neither costs an attempt.
func TestAKeptConnectionThatEndedIsReplaced(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]string{"closed": "", "closed with a word": "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end, ended := make(chan struct{}), make(chan struct{})
			var requests atomic.Int32
			url, conns := dialogue(t, func(n int, c net.Conn, r *bufio.Reader) {
				for readWhole(r) {
					requests.Add(1)
					fmt.Fprint(c, okEmpty)
					if n == 1 {
						<-end
						fmt.Fprint(c, last)
						_ = c.Close()
						close(ended)
						return
					}
				}
			})
			o, c := oneOrder(url, resource.Signing{})
			var w Desk
			for i := range 3 {
				if a := post(c, o, "1", &w); a.Verdict != flow.Delivered {
					t.Fatalf("exchange %d: %s", i, a.Error)
				}
				if i == 0 {
					close(end)
					<-ended
					kept := c.carrier.(*wire).newest
					eventually(t, "the end to be seen", func() bool { return !kept.alive() })
				}
			}
			if conns.Load() != 2 || requests.Load() != 3 {
				t.Errorf("%d connections, %d requests", conns.Load(), requests.Load())
			}
		})
	}
}

// A receiver that takes a request and closes may have acted on it: the
// exchange has failed and is not made again by itself.
func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	url, _ := dialogue(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for i := 0; readWhole(r); i++ {
			requests.Add(1)
			if i == 1 {
				return
			}
			fmt.Fprint(c, okEmpty)
		}
	})
	o, c := oneOrder(url, resource.Signing{})
	var w Desk
	for i, data := range []string{"1", "2", "3", `"` + strings.Repeat("x", 1<<20) + `"`} {
		a := post(c, o, data, &w)
		if ok := i%2 == 0; ok != (a.Verdict == flow.Delivered) || !ok && a.ErrorType != flow.ErrorConnection {
			t.Errorf("exchange %d: %s %s", i, a.Verdict, a.Error)
		}
	}
	if requests.Load() != 4 {
		t.Errorf("%d requests for 4 exchanges", requests.Load())
	}
}

func TestLongBodies(t *testing.T) {
	t.Parallel()
	long := `"` + strings.Repeat("long ", 4<<20) + `"`
	for _, tt := range []struct {
		name  string
		serve func(c net.Conn, r *bufio.Reader)
		want  int
	}{
		{"read to their end", func(c net.Conn, r *bufio.Reader) {
			for {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				b, err := io.ReadAll(req.Body)
				if err != nil || int64(len(b)) != req.ContentLength || !bytes.Contains(b, []byte(long)) {
					fmt.Fprint(c, "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")
					return
				}
				fmt.Fprint(c, okEmpty)
			}
		}, 200},
		{"refused early, and the rest not read", func(c net.Conn, r *bufio.Reader) {
			_, _ = http.ReadRequest(r)
			fmt.Fprint(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
			<-t.Context().Done()
		}, 413},
		{"refused early, and half closed", func(c net.Conn, r *bufio.Reader) {
			_, _ = http.ReadRequest(r)
			fmt.Fprint(c, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			_ = c.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, c) // closing now would be a reset
		}, 413},
		{"not read at all", func(c net.Conn, r *bufio.Reader) {
			_, _ = http.ReadRequest(r)
			<-t.Context().Done()
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url, _ := dialogue(t, func(_ int, c net.Conn, r *bufio.Reader) { tt.serve(c, r) })
			o, c := oneOrder(url, resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec)})
			o.Job.Policy.Timeout = 30 * time.Second
			if tt.want == 0 {
				o.Job.Policy.Timeout = time.Second
			}
			var w Desk
			for range 2 {
				if a := post(c, o, long, &w); a.Status != tt.want || tt.want == 0 && a.ErrorType != flow.ErrorTimeout {
					t.Errorf("%d %s %s", a.Status, a.ErrorType, a.Error)
				}
			}
			if cap(w.head) > keptDesk || cap(w.body) > keptDesk {
				t.Error("the Desk keeps large buffers")
			}
		})
	}
}

func TestBothProtocolsOverTLS(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		t.Run(strconv.Itoa(version), func(t *testing.T) {
			t.Parallel()
			var proto, fresh atomic.Int32
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				proto.Store(int32(r.ProtoMajor))
				w.Header().Set("X-Seen", r.Header.Get("Webhook-Id")+r.Header.Get("X-Team"))
				_, _ = io.WriteString(w, `{"ack":false,"delaySeconds":7}`)
			}))
			srv.EnableHTTP2 = version == 2
			srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
				if s == http.StateNew {
					fresh.Add(1)
				}
			}
			srv.StartTLS()
			defer srv.Close()
			roots := x509.NewCertPool()
			roots.AddCert(srv.Certificate())
			o, c := oneOrder(srv.URL, resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec)}, trusting(roots))
			defer c.Close()
			var w Desk
			for i := range 3 {
				a := post(c, o, "1", &w)
				if a.Verdict != flow.Deferred || a.Delay != 7*time.Second || (a.Timing.TLS > 0) != (i == 0) || (a.Timing.Connect > 0) != (i == 0) || a.Timing.FirstByte <= 0 {
					t.Fatalf("exchange %d: %s %s, %+v", i, a.Verdict, a.Error, a.Timing)
				}
				if !bytes.Contains(a.Header, []byte(`"X-Seen":"`+o.Job.ID.String()+`shipping"`)) {
					t.Errorf("headers %s", a.Header)
				}
			}
			if proto.Load() != int32(version) || fresh.Load() != 1 {
				t.Errorf("HTTP/%d on %d connections", proto.Load(), fresh.Load())
			}
		})
	}
}

// A host that spoke HTTP/2 once may be another one today.
func TestAHostThatSpeaksHTTP2NoMore(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	srv := httptest.NewTLSServer(h)
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	o, c := oneOrder(srv.URL, resource.Signing{}, trusting(roots))
	defer c.Close()
	wi := c.wire
	plain, err := wi.ways.get(nil, true, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	plain.foreign.speaks.add(srv.URL)
	var w Desk
	for range 2 {
		if a := post(c, o, "1", &w); a.Verdict != flow.Delivered {
			t.Fatal(a.Error)
		}
	}
	if plain.foreign.speaks.has(srv.URL) || wi.idle != 1 {
		t.Errorf("it is still taken for a host with HTTP/2; %d connections are kept", wi.idle)
	}
}

func TestKeptConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	var s stable
	open := func(host string) *conn {
		a, b := net.Pipe()
		t.Cleanup(func() { _ = a.Close(); _ = b.Close() })
		c := newConn(a, a, &s.cut)
		s.add(c, host)
		return c
	}
	now := time.Now()
	fill := func(host string, n int) {
		cs := make([]*conn, n)
		for i := range cs {
			cs[i] = open(host)
		}
		for i, c := range cs {
			s.keep(c, now.Add(time.Duration(i)))
		}
	}
	fill("a", idlePerHost+10)
	if s.idle != idlePerHost || len(s.all) != idlePerHost || s.hosts["a"].conns != idlePerHost {
		t.Errorf("%d idle, %d in all", s.idle, len(s.all))
	}
	for i := range idleInAll / idlePerHost {
		fill(strconv.Itoa(i), idlePerHost)
	}
	if s.idle != idleInAll || len(s.all) != idleInAll || s.hosts["a"] != nil {
		t.Errorf("%d idle, %d in all; the oldest went: %v", s.idle, len(s.all), s.hosts["a"] == nil)
	}
	last := s.newest
	host := last.host.key
	if got := s.take(host); got != last {
		t.Error("the connection that was used last does not go first")
	} else {
		s.keep(got, now.Add(time.Hour))
	}
	s.expire(now.Add(time.Minute))
	if s.idle != 1 || len(s.hosts) != 1 || s.newest != last || s.oldest != last {
		t.Errorf("%d idle of %d hosts after all but one expired", s.idle, len(s.hosts))
	}
	busy := s.take(host)
	s.close()
	s.keep(busy, now)
	if s.idle != 0 || len(s.all) != 0 || len(s.hosts) != 0 {
		t.Errorf("%d idle, %d in all after the end", s.idle, len(s.all))
	}
}

// Receivers that close when they like, and workers that share the stable:
// each exchange is answered or failed, and seen once at most.
func TestManyWorkersOneStable(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	url, _ := dialogue(t, func(n int, c net.Conn, r *bufio.Reader) {
		for i := 0; ; i++ {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			id := req.Header.Get("X-Flowcatalyst-Correlation-Id")
			mu.Lock()
			seen[id]++
			mu.Unlock()
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Id: %s\r\nContent-Length: 0\r\n\r\n", id)
			if i == n%7 {
				return
			}
		}
	})
	o, c := oneOrder(url, resource.Signing{})
	var workers sync.WaitGroup
	var failed atomic.Int32
	for n := range 8 {
		workers.Go(func() {
			var w Desk
			for i := range 100 {
				ev := *o.Event
				ev.CorrelationID = fmt.Sprint(n, "/", i)
				again := *o
				again.Event = &ev
				a := c.Exchange(context.Background(), &again, &w)
				if a.Verdict != flow.Delivered {
					failed.Add(1)
				} else if !bytes.Contains(a.Header, []byte(`"X-Id":"`+ev.CorrelationID+`"`)) {
					t.Errorf("%s has the answer of another: %s", ev.CorrelationID, a.Header)
				}
			}
		})
	}
	workers.Wait()
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	if n := failed.Load(); n > 400 || int(n)+len(seen) < 800 {
		t.Errorf("%d failed, %d seen", n, len(seen))
	}
}

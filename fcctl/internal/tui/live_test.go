package tui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
)

// script is a server whose streams do what a test says, one function for each
// connection, the last one for all after it; and whose lists are what it says.
type script struct {
	*httptest.Server
	t       *testing.T
	list    func() string // the newest page
	streams []func(*connection)

	mu    sync.Mutex
	from  []string // Last-Event-ID of each connection
	query []string
	lists int
	ended chan struct{} // a connection was left by the screen
}

// connection is a stream that is open.
type connection struct {
	w    http.ResponseWriter
	r    *http.Request
	done <-chan struct{}
}

func serveScript(t *testing.T, list func() string, streams ...func(*connection)) *script {
	t.Helper()
	s := &script{t: t, list: list, streams: streams, ended: make(chan struct{}, 100)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/stream") {
			s.mu.Lock()
			s.lists++
			s.mu.Unlock()
			_, _ = io.WriteString(w, s.list())
			return
		}
		s.mu.Lock()
		n := len(s.from)
		s.from, s.query = append(s.from, r.Header.Get("Last-Event-ID")), append(s.query, r.URL.RawQuery)
		s.mu.Unlock()
		s.streams[min(n, len(s.streams)-1)](&connection{w, r, r.Context().Done()})
		if r.Context().Err() != nil {
			s.ended <- struct{}{}
		}
	}))
	t.Cleanup(s.CloseClientConnections)
	t.Cleanup(s.Close)
	return s
}

// asked is what the screen has asked for so far.
func (s *script) asked() (from, query []string, lists int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.from), slices.Clone(s.query), s.lists
}

// say writes lines of a stream.
func (c *connection) say(lines ...string) {
	c.w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(c.w, strings.Join(lines, "\n")+"\n\n")
	c.w.(http.Flusher).Flush()
}

func (c *connection) event(place, id string) {
	c.say("id: "+place, "event: event", fmt.Sprintf(`data: {"id":%q,"type":"a:b:c:d"}`, id))
}

func (c *connection) job(place, id, status string) {
	c.say("id: "+place, "event: job", fmt.Sprintf(`data: {"id":%q,"status":%q,"code":"a:b:c:d"}`, id, status))
}

func (c *connection) stay() { <-c.done }

func refuse(status int) func(*connection) {
	return func(c *connection) {
		c.w.WriteHeader(status)
		_, _ = io.WriteString(c.w, `{"code":"NO","message":"no"}`)
	}
}

func eventsOf(ids ...string) string {
	var all []map[string]string
	for _, id := range ids {
		all = append(all, map[string]string{"id": id, "type": "a:b:c:d"})
	}
	b, _ := json.Marshal(map[string]any{"events": all})
	return string(b)
}

// watching is a screen that has a server, and takes what comes by itself.
type watching struct {
	*stage
	came  chan tea.Msg
	heard int // how often a stream had the screen drawn
}

func watchOf(t *testing.T, s *script) *watching {
	t.Helper()
	w := &watching{stage: newStage(t, 120, 40), came: make(chan tea.Msg)}
	c, err := client.New(client.Options{URL: s.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	w.desk.Client, w.desk.ctx = c, ctx
	w.streams = map[Page]func(){}
	w.send = func(m tea.Msg) {
		select {
		case w.came <- m:
		case <-ctx.Done():
		}
	}
	return w
}

// show opens a page as the screen does.
func (w *watching) show(p Page) { w.take(open{p}) }

// take takes a message, and runs what follows from it.
func (w *watching) take(m tea.Msg) {
	if all, is := m.(tea.BatchMsg); is {
		for _, cmd := range all {
			w.run(cmd)
		}
		return
	}
	_, cmd := w.Update(m)
	w.run(cmd)
}

func (w *watching) run(cmd tea.Cmd) {
	if cmd != nil {
		go func() { w.send(cmd()) }()
	}
}

// until takes what comes until a fact is one.
func (w *watching) until(what string, fact func() bool) {
	w.t.Helper()
	end := time.After(20 * time.Second)
	for !fact() {
		select {
		case m := <-w.came:
			if _, is := m.(streamed); is {
				w.heard++
			}
			w.take(m)
		case <-end:
			w.t.Fatalf("waited in vain until %s:\n%s", what, w.View())
		}
	}
}

// shown are the ids on the screen, from above.
func shown[T any](l *list[T]) string {
	var ids []string
	for _, r := range l.grid.shown {
		ids = append(ids, r.key)
	}
	return strings.Join(ids, " ")
}

func TestALiveListGoesOnWhereItWasAfterACut(t *testing.T) {
	opened := make(chan struct{})
	cut := make(chan struct{})
	s := serveScript(t, func() string {
		<-opened // the page is read when the stream is open, so that nothing is missed between them
		return eventsOf("e3", "e2", "e1")
	}, func(c *connection) {
		c.say("id: p0")
		close(opened)
		c.event("p1", "e3") // it is in the page too
		c.event("p2", "e4")
		<-cut
	}, func(c *connection) {
		c.event("p3", "e5")
		c.event("p3", "e4") // at least once
		c.stay()
	})
	w := watchOf(t, s)
	p := newEvents(w.desk, "a:*:*:*")
	w.show(p)
	w.until("the first four are there", func() bool { return shown(p) == "e4 e3 e2 e1" })
	close(cut)
	w.until("it went on", func() bool { return shown(p) == "e5 e4 e3 e2 e1" && p.state == flows })
	from, query, lists := s.asked()
	if want := []string{"", "p2"}; !slices.Equal(from, want) {
		t.Errorf("it went on from %q, not %q", from, want)
	}
	if lists > 2 || query[1] != "heads=true&type=a%3A%2A%3A%2A%3A%2A" {
		t.Errorf("the list was read %d times, the stream with %s", lists, query[1])
	}
	// The page is closed, and the stream with it.
	w.keys("esc")
	<-s.ended
}

// A cut in good order is none that a person needs to know of; one that lasts
// shows its age.
func TestALostStreamShowsItsAge(t *testing.T) {
	back := make(chan struct{})
	s := serveScript(t, func() string { return eventsOf("e1") },
		func(c *connection) { c.say("id: p0"); c.event("p1", "e2") },
		func(c *connection) {
			select {
			case <-back:
				c.event("p2", "e3")
				c.stay()
			default:
				refuse(503)(c)
			}
		})
	w := watchOf(t, s)
	p := newEvents(w.desk, "")
	w.show(p)
	w.until("there is no stream", func() bool { return p.state == waits })
	w.time = noon.Add(12 * time.Second)
	if v := w.View(); !strings.Contains(v, "(2, not live for 12s)") {
		t.Errorf("it does not say for how long it was not live:\n%s", v)
	}
	close(back)
	w.until("it comes back", func() bool { return shown(p) == "e3 e2 e1" && p.state == flows })
	if v := w.View(); !strings.Contains(v, "events  (3)") {
		t.Errorf("it says more than that there are 3:\n%s", v)
	}
}

func TestAnOlderServerIsPolled(t *testing.T) {
	n := 0
	s := serveScript(t, nil, refuse(404))
	s.list = func() string { n++; return eventsOf(fmt.Sprint("e", n)) }
	w := watchOf(t, s)
	p := newEvents(w.desk, "")
	w.show(p)
	w.until("its list is there, without a stream", func() bool { return shown(p) != "" && p.state == polled })
	was := shown(p)
	w.time = noon.Add(2 * time.Second)
	w.take(tick(w.time))
	w.until("it is read again", func() bool { return shown(p) != was })
	if v := w.View(); !strings.Contains(v, "(1, polled)") {
		t.Errorf("it does not say that it is polled:\n%s", v)
	}
}

func TestAStreamThatIsSignedOutAsksForThePassword(t *testing.T) {
	s := serveScript(t, func() string { return eventsOf("e1") }, refuse(401), func(c *connection) { c.say("id: p0"); c.stay() })
	w := watchOf(t, s)
	var password string
	w.o.Login = func(_ context.Context, p string) error { password = p; return nil }
	p := newEvents(w.desk, "")
	w.show(p)
	w.until("the password is asked for", func() bool { return w.mode == toPassword })
	for _, k := range []string{"s", "e", "c"} {
		w.take(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)})
	}
	w.take(tea.KeyMsg{Type: tea.KeyEnter})
	w.until("the list is there", func() bool { return shown(p) == "e1" && p.state == flows })
	w.stopLive()
	if password != "sec" {
		t.Errorf("signed in with %q", password)
	}
}

func TestABurstIsHandedOverInFewPieces(t *testing.T) {
	const many = 5000
	s := serveScript(t, func() string { return eventsOf("e00000") }, func(c *connection) {
		c.say("id: p0")
		for i := range many {
			c.event(fmt.Sprint("p", i+1), fmt.Sprintf("e%05d", i+1))
		}
		c.stay()
	})
	w := watchOf(t, s)
	p := newEvents(w.desk, "")
	began := time.Now()
	w.show(p)
	w.until("all are there", func() bool { return len(p.grid.rows) == many+1 })
	if most := int(time.Since(began)/handOver) + 2; w.heard > most {
		t.Errorf("%d events were drawn in %d pieces, more than %d", many, w.heard, most)
	}
	for i, r := range p.grid.rows {
		if want := fmt.Sprintf("e%05d", many-i); r.key != want {
			t.Fatalf("row %d is %s, not %s", i, r.key, want)
		}
	}
}

// More than anybody can look at is not followed, but read now and then.
func TestAFloodIsReadAndNotFollowed(t *testing.T) {
	s := serveScript(t, func() string { return eventsOf("e99999") }, func(c *connection) {
		c.say("id: p0")
		for i := 0; i <= flood && c.r.Context().Err() == nil; i++ {
			c.event(fmt.Sprint("p", i+1), fmt.Sprintf("e%05d", i+1))
		}
		c.stay()
	})
	w := watchOf(t, s)
	p := newEvents(w.desk, "")
	w.show(p)
	w.until("it is not followed any more", func() bool { return p.state == floods })
	if !strings.Contains(w.View(), "too many to follow") {
		t.Errorf("it does not say so:\n%s", w.View())
	}
	<-s.ended
	if p.Every() != time.Second {
		t.Errorf("it is read every %s", p.Every())
	}
}

func TestAJobThatChangesChangesItsRow(t *testing.T) {
	jobs := func() string {
		return `{"jobs":[{"id":"j3","status":"PENDING"},{"id":"j1","status":"PENDING"}]}`
	}
	next := make(chan struct{})
	stream := func(c *connection) {
		c.say("id: p0")
		c.job("p1", "j3", "COMPLETED")
		c.job("p1", "j2", "PENDING") // it is as old as its id says
		c.job("p2", "j4", "QUEUED")
		<-next
		c.say("id: p3", "event: reset", "data: {}")
		c.stay()
	}
	s := serveScript(t, jobs, stream)
	w := watchOf(t, s)
	p := newJobs(w.desk, jobsOf{})
	w.show(p)
	w.until("all are there", func() bool { return shown(p) == "j4 j3 j2 j1" })
	if v := w.View(); !strings.Contains(v, "COMPLETED") || p.things["j3"].Status != client.JobCompleted {
		t.Errorf("j3 has not changed:\n%s", v)
	}
	close(next)
	w.until("the list is read again, as changes are missing", func() bool { return shown(p) == "j3 j1" && p.things["j3"].Status == client.JobPending })
}

func TestAJobThatLeavesAStateLeavesItsList(t *testing.T) {
	s := serveScript(t, func() string { return `{"jobs":[{"id":"j3","status":"PENDING"},{"id":"j1","status":"PENDING"}]}` }, func(c *connection) {
		c.say("id: p0")
		c.job("p1", "j3", "COMPLETED")
		c.job("p2", "j2", "PENDING")
		c.job("p3", "j4", "QUEUED")
		c.stay()
	})
	w := watchOf(t, s)
	p := newJobs(w.desk, jobsOf{status: []string{"PENDING"}, subscription: "sub_1"})
	w.show(p)
	w.until("j3 has left and j2 has come", func() bool { return shown(p) == "j2 j1" })
	if _, query, _ := s.asked(); query[0] != "subscriptionId=sub_1" {
		t.Errorf("the stream was asked for %s; with a state it does not say when a job leaves that", query[0])
	}
}

// Who was away for long is not shown all that came and went meanwhile. What comes
// later is no reason to begin anew, nor what a stream brings that does not say
// when all is there.
func TestMoreMissedThanIsKeptIsNotCaughtUpWith(t *testing.T) {
	type followed = client.Followed[client.Event]
	opened, current := followed{Sign: client.Opened, Place: "p"}, followed{Sign: client.Current, Place: "p"}
	for name, c := range map[string]struct {
		before, after []followed
		anew          bool
	}{
		"before it is current":         {before: []followed{current}, anew: true},
		"after it is current":          {before: []followed{current}, after: []followed{current}},
		"of one that is never current": {},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		begun, anew := 0, false
		f := &feed[client.Event]{out: make(chan news[client.Event], 3*mostRows)}
		f.fetch = func(context.Context) ([]client.Event, bool, error) { return nil, false, nil }
		f.follow = func(context.Context) iter.Seq2[followed, error] {
			begun++
			return func(yield func(followed, error) bool) {
				if begun == 2 {
					anew = true
					cancel()
					return
				}
				all := append([]followed{{Sign: client.Opened}}, c.before...)
				for _, got := range all {
					yield(got, nil)
				}
				yield(followed{Place: "p", Again: time.Second}, errors.New("cut"))
				for _, got := range append([]followed{opened}, c.after...) {
					yield(got, nil)
				}
				for range mostRows + 1 {
					if !yield(followed{Item: client.Event{ID: "e"}, Place: "p"}, nil) {
						return
					}
				}
				cancel()
			}
		}
		f.run(ctx)
		if anew != c.anew {
			t.Errorf("%s: it has begun anew: %v", name, anew)
		}
	}
}

// A list is full when it has as many rows as it keeps: the oldest goes, and with
// it the cursor to the next.
func TestAFullListDropsTheOldest(t *testing.T) {
	s := newStage(t, 100, 20)
	p := newJobs(s.desk, jobsOf{})
	s.at(p, listed[client.Job]{manyJobs(mostRows), false}).keys("G")
	p.grid.heads = true
	p.merge([]client.Job{exampleJob("7H00000000001", client.JobPending)})
	if n := len(p.grid.rows); n != mostRows || len(p.things) != n || len(p.rows) != n {
		t.Errorf("there are %d rows of %d things, %d of them found by their keys", n, len(p.things), len(p.rows))
	}
	if first, last := p.grid.rows[0].key, p.grid.rows[mostRows-1].key; first != "7H00000000001" || last != "6H00000000002" || p.grid.key() != last {
		t.Errorf("it goes from %s to %s, with the cursor at %s", first, last, p.grid.key())
	}
	if v := s.View(); !strings.Contains(v, "(10000+, ↑ ") {
		t.Errorf("it does not say that there are more:\n%s", v)
	}
}

// What comes above the cursor does not move what a person looks at.
func TestTheViewStandsStillBeneathNewRows(t *testing.T) {
	s := newStage(t, 100, 20)
	p := newJobs(s.desk, jobsOf{})
	s.at(p, listed[client.Job]{manyJobs(500), false})
	p.grid.heads = true
	news := func(n int) { p.merge([]client.Job{exampleJob(fmt.Sprintf("7H%011d", n), client.JobPending)}) }
	line := func(key string) int {
		return slices.IndexFunc(strings.Split(s.View(), "\n"), func(l string) bool { return strings.Contains(l, key) })
	}
	news(1)
	if got := p.grid.key(); got != "7H00000000001" {
		t.Errorf("on the first row the cursor is at %s, not at what is new", got)
	}
	s.keys("down", "down")
	key := p.grid.key()
	was := line(key)
	for n := range 40 {
		news(n + 2)
	}
	if now := line(key); p.grid.key() != key || now != was {
		t.Errorf("the cursor is at %s in line %d; it was at %s in line %d", p.grid.key(), now, key, was)
	}
	if v := s.View(); !strings.Contains(v, "↑ 40") {
		t.Errorf("it does not say how much is above:\n%s", v)
	}
	// Nor does it go on from the first row while something is done about that.
	s.keys("g")
	key = p.grid.key()
	s.keys("ctrl+d")
	if s.mode != toQuestion {
		t.Fatal("no question")
	}
	news(100)
	if p.grid.key() != key {
		t.Errorf("the cursor went from %s to %s during a question about it", key, p.grid.key())
	}
}

// Who goes down to the last row finds older ones beneath it, and the list says when
// there are none.
func TestOlderOnesAreReadAtTheEndOfAList(t *testing.T) {
	at := func(n int) string {
		return fmt.Sprintf(`{"id":"e%d","type":"a:b:c:d"}`, n)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := `{"events":[` + at(4) + "," + at(3) + `],"nextCursor":"c","hasMore":true}`
		if r.URL.Query().Get("cursor") == "c" {
			answer = `{"events":[` + at(3) + "," + at(2) + "," + at(1) + `]}`
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	s := newStage(t, 100, 30)
	c, err := client.New(client.Options{URL: server.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	s.desk.Client = c
	p := newEvents(s.desk, "")
	s.open(p)
	s.Update(p.Read()())
	if got := shown(p); got != "e4 e3" || !p.more {
		t.Fatalf("it begins with %s, more: %v", got, p.more)
	}
	cmd, _ := p.Key("G")
	if cmd == nil {
		t.Fatal("nothing is read at the end")
	}
	if again, _ := p.Key("G"); again != nil {
		t.Error("it is read twice at once")
	}
	s.Update(cmd())
	if got := shown(p); got != "e4 e3 e2 e1" || p.more || p.grid.key() != "e3" {
		t.Errorf("then it has %s, more: %v, the cursor at %s", got, p.more, p.grid.key())
	}
	if cmd, _ := p.Key("G"); cmd != nil {
		t.Error("it reads on where there is nothing")
	}
}

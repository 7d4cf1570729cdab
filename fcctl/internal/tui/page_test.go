package tui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/internal/golden"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// Pictures have the same times everywhere. It is set once, as servers of tests
// read it too.
func init() { time.Local = time.UTC }

// stage is a screen without a server: what pages would have read is given to
// them.
type stage struct {
	t testing.TB
	*root
	time time.Time
}

func newStage(t testing.TB, width, height int) *stage {
	t.Helper()
	c, err := client.New(client.Options{URL: "https://events.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, time: noon}
	s.root = newRoot(t.Context(), Options{Client: c, Context: "prod", Out: io.Discard, Now: func() time.Time { return s.time }})
	s.desk.codes = codes{"clt_1": "acme", "con_1": "warehouse", "sub_1": "ship-notifications"}
	s.Update(identity{"Ada"})
	s.Update(tea.WindowSizeMsg{Width: width, Height: height})
	return s
}

// give brings a page what it has read.
func (s *stage) give(p Page, msg any, err error) { s.Update(forPage{p, msg, err}) }

func (s *stage) at(p Page, msg any) *stage {
	s.open(p)
	s.give(p, msg, nil)
	return s
}

// keys presses keys, and runs what follows that needs no server.
func (s *stage) keys(names ...string) *stage {
	s.t.Helper()
	for _, n := range names {
		m := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(n)}
		switch n {
		case "enter":
			m = tea.KeyMsg{Type: tea.KeyEnter}
		case "esc":
			m = tea.KeyMsg{Type: tea.KeyEsc}
		case "tab":
			m = tea.KeyMsg{Type: tea.KeyTab}
		case "down":
			m = tea.KeyMsg{Type: tea.KeyDown}
		case "pgdown":
			m = tea.KeyMsg{Type: tea.KeyPgDown}
		case " ":
			m = tea.KeyMsg{Type: tea.KeySpace, Runes: []rune(" ")}
		case "ctrl+d":
			m = tea.KeyMsg{Type: tea.KeyCtrlD}
		}
		if _, cmd := s.Update(m); cmd != nil {
			switch msg := cmd().(type) {
			case open, ask, replace:
				s.Update(msg)
			}
		}
	}
	return s
}

// check compares the screen with its picture, and that it fits.
func (s *stage) check(name string) {
	s.t.Helper()
	view := s.View()
	lines := strings.Split(view, "\n")
	if len(lines) != s.height {
		s.t.Errorf("%s has %d lines of %d", name, len(lines), s.height)
	}
	for i, l := range lines {
		if w := ansi.StringWidth(l); w > s.width {
			s.t.Errorf("%s: line %d has %d columns of %d: %q", name, i+1, w, s.width, l)
		}
		lines[i] = strings.TrimRight(l, " ")
	}
	golden.String(s.t, fmt.Sprintf("%s-%dx%d.txt", name, s.width, s.height), strings.Join(lines, "\n")+"\n")
}

func exampleSnapshot() *client.Snapshot {
	figures := client.Figures{TotalSuccess: 1200, TotalFailure: 30, SuccessRate: 0.9756, ThroughputPerSec: 412.5, ProcessingTime: client.Latency{P50Ms: 4.2, P99Ms: 88, P95Ms: 31, MaxMs: 140}}
	limit := 30000.0
	s := &client.Snapshot{At: noon, Instance: "router-1", InFlight: 25, Waiting: 7, Active: 18}
	s.Pools.Pools = []client.PoolStats{
		{PoolCode: "DEFAULT-POOL", PoolID: "dpl_1", Status: "ACTIVE", Concurrency: 20, ActiveWorkers: 18, QueueSize: 7, EndpointCount: 12, Metrics: client.Metrics{Figures: figures, Last5Min: figures}},
		{PoolCode: "priority", PoolID: "dpl_2", Status: "SUSPENDED", Concurrency: 50, RateLimitPerMinute: &limit, IsRateLimited: true},
	}
	s.Endpoints.Endpoints = []client.EndpointStats{{Endpoint: "con_1", ConnectionCode: "warehouse", URL: "https://hooks.example.com/shipments", Active: 8, Waiting: 3, Breaker: client.BreakerOpen, Metrics: client.Metrics{Last5Min: figures},
		Holds: []client.EndpointHold{{Reason: "BREAKER", Until: noon.Add(5 * time.Second)}}}}
	s.Breakers.Breakers = []client.Breaker{{Name: "con_1", ConnectionCode: "warehouse", Target: "https://hooks.example.com/shipments", State: client.BreakerOpen, Story: "open for the 2nd time in a row; nothing is sent for another 5s, then one delivery probes"}}
	s.Queues = []client.QueueStats{{Name: "default", Pending: 120, InFlight: 25, OldestAgeSeconds: 3.2}}
	s.Consumer = client.ConsumerHealth{Queue: "default", Healthy: true}
	return s
}

func exampleJob(id, status string) client.Job {
	j := client.Job{ID: id, Kind: "EVENT", Code: "shop:sales:order:placed", EventID: "6H0JJ5MV808KH", SubscriptionID: "sub_1", SubscriptionCode: "ship-notifications", ConnectionID: "con_1", ClientID: "clt_1",
		TargetURL: "https://hooks.example.com/shipments", MessageGroup: "order-7", Mode: "BLOCK_ON_ERROR", Status: status, AttemptCount: 2, Spent: 2, MaxRetries: 2, CreatedAt: noon.Add(-3 * time.Minute), Payload: `{"total":120,"customer":{"name":"Nordwind"}}`}
	switch status {
	case client.JobFailed:
		j.Reason, j.LastError, j.IsTerminal, j.Blocked, j.BlockedSince = "RETRIES_EXHAUSTED", "the receiver answered 500 Internal Server Error", true, true, noon.Add(-2*time.Minute)
	case client.JobPending:
		j.Due = noon.Add(45 * time.Second)
	case client.JobCompleted:
		j.IsTerminal = true
	}
	return j
}

func exampleAttempts() []client.Attempt {
	return []client.Attempt{
		{AttemptNumber: 1, AttemptedAt: noon.Add(-3 * time.Minute), DurationMillis: 2.6, ResponseCode: 500, ErrorMessage: "the receiver answered 500 Internal Server Error", Verdict: "RETRY"},
		{AttemptNumber: 2, AttemptedAt: noon.Add(-2 * time.Minute), DurationMillis: 31, RouterInstance: "router-1", ResponseCode: 500, ErrorMessage: "the receiver answered 500 Internal Server Error", Verdict: "RETRY", FirstByteMillis: 30,
			ResponseHeaders: map[string]string{"Content-Type": "application/json"}, ResponseBody: `{"error":"the warehouse is closed"}`},
	}
}

func exampleFindings() *Findings {
	f := &Findings{At: noon, Router: exampleSnapshot(), Blocked: 3, Letters: 200, LettersMore: true, Warnings: []client.Warning{{ID: "w1", Severity: "ERROR"}},
		Health: exampleHealth(), Leader: &leadership{Instance: "router-1", Role: "ACTIVE", Leads: true, LeaderID: "router-1"}, Platform: exampleAccepted(noon, 90_000)}
	f.weigh()
	return f
}

func exampleHealth(down ...string) *client.Health {
	h := &client.Health{Status: client.Up, Phase: "RUNNING"}
	for _, name := range []string{"store", "queue default", "router", "stream", "scheduler", "platform"} {
		c := client.Component{Name: name, Status: client.Up}
		if slices.Contains(down, name) {
			c.Status, c.Error, h.Status = client.Down, "no answer within 2s", client.Down
		}
		h.Components = append(h.Components, c)
	}
	return h
}

func exampleAccepted(at time.Time, events int64) *accepted {
	a := &accepted{at: at, Events: events, Jobs: 2 * events, LastHour: 4100}
	a.Process.UpSeconds, a.Process.CPUPercent, a.Process.MemoryMiB = 3*86400, 4.2, 112
	return a
}

// exampleTest is a test of a connection that went well, or that failed.
func exampleTest(err error) *client.ConnectionTested {
	t := &client.ConnectionTested{ConnectionID: "con_1", ConnectionCode: "warehouse", Status: "ACTIVE", URL: "https://hooks.example.com/shipments", Success: true, Verdict: "DELIVERED", Address: "192.0.2.7:443",
		Timing: client.TestTiming{DNS: 1.2, Connect: 18, TLS: 31, FirstByte: 92, Total: 93},
		Request: &client.TestSent{Method: "POST", Target: "https://hooks.example.com/shipments", Body: `{"message":"This is a test of the connection."}`,
			Headers: []client.TestHeader{{Name: "Authorization", Value: "[secret]"}, {Name: "Content-Type", Value: "application/json"}, {Name: "X-FlowCatalyst-Test", Value: "true"}}}}
	if err != nil {
		t.Success, t.Verdict, t.Error, t.Timing = false, "RETRY", err.Error(), client.TestTiming{DNS: 1.2, Total: 19}
		return t
	}
	t.TLS = &client.TestedTLS{Version: "TLS 1.3", Protocol: "h2", Names: []string{"hooks.example.com"}, Issuer: "CN=Example CA", NotAfter: noon.Add(40 * 24 * time.Hour)}
	t.Answer = &client.TestAnswer{Status: 200, Headers: map[string]string{"Content-Type": "application/json"}, Body: `{"ack":true}`, Truncated: true}
	return t
}

// each page in a state that matters, at the two sizes.
func pictures() map[string]func(s *stage) {
	event := client.Event{ID: "6H0JJ5MV808KH", Type: "shop:sales:order:placed", Source: "/shop", Subject: "order-7", ClientID: "clt_1", MessageGroup: "order-7", CreatedAt: noon.Add(-3 * time.Minute), Data: json.RawMessage(`{"total":120,"note":"straße\u001b[31m"}`)}
	return map[string]func(s *stage){
		"overview-connecting": func(s *stage) {},
		"overview-quiet": func(s *stage) {
			q := &client.Snapshot{At: noon, Instance: "router-1", Consumer: client.ConsumerHealth{Queue: "default", Healthy: true}}
			f := &Findings{At: noon, Router: q, Health: &client.Health{Status: client.Up, Components: []client.Component{{Name: "store", Status: client.Up}, {Name: "router", Status: client.Up}}}}
			f.weigh()
			s.Update(snapshot{q, nil, s.desk.Client})
			s.give(s.page(), f, nil)
		},
		"overview-broken": func(s *stage) {
			one := exampleSnapshot()
			s.Update(snapshot{one, nil, s.desk.Client})
			for i := range 30 {
				two := exampleSnapshot()
				two.At = noon.Add(time.Duration(i+1) * time.Second)
				two.Pools.Pools[0].Metrics.TotalSuccess = uint64(1200 + 40*(i+1)*(i%7+1))
				two.Pools.Pools[0].Metrics.TotalFailure = uint64(30 + i/5)
				s.Update(snapshot{two, nil, s.desk.Client})
			}
			for i := range 5 {
				f := exampleFindings()
				f.Platform = exampleAccepted(noon.Add(time.Duration(i)*5*time.Second), int64(90_000+i*i*500))
				s.give(s.page(), f, nil)
			}
		},
		"overview-part-down": func(s *stage) {
			s.Update(snapshot{exampleSnapshot(), nil, s.desk.Client})
			f := exampleFindings()
			f.Health = exampleHealth("store", "queue default")
			f.weigh()
			s.give(s.page(), f, nil)
		},
		"overview-lost": func(s *stage) {
			s.Update(snapshot{exampleSnapshot(), nil, s.desk.Client})
			s.give(s.page(), exampleFindings(), nil)
			s.Update(snapshot{nil, errors.New("connect to https://events.example.com: connection refused"), s.desk.Client})
			s.time = noon.Add(42 * time.Second)
		},
		"overview-refused": func(s *stage) {
			s.give(s.page(), nil, &client.Error{Status: 403, Message: "this needs the permission platform:router:stats:view"})
		},
		"help":         func(s *stage) { s.at(newLetters(s.desk), listed[client.Job]{}).keys("?") },
		"events-empty": func(s *stage) { s.at(newEvents(s.desk, ""), listed[client.Event]{}) },
		"events":       func(s *stage) { s.at(newEvents(s.desk, ""), listed[client.Event]{[]client.Event{event}, true}) },
		"event": func(s *stage) {
			s.at(newEvent(s.desk, event.ID), fetched{way{event: &event, jobs: []client.Job{exampleJob("6H0JJ5MVDVE3W", client.JobFailed)}, tries: map[string][]client.Attempt{"6H0JJ5MVDVE3W": exampleAttempts()},
				says: &client.Explanation{Subscriptions: []client.Verdict{{SubscriptionID: "sub_1", Code: "ship-notifications", Matched: true},
					{SubscriptionID: "sub_2", Code: "large-orders", Clause: "filter", Detail: "the filter of pattern shop:sales:order:* is false", Value: "data.total = 120"}}}}})
		},
		"jobs": func(s *stage) {
			p := newJobs(s.desk, jobsOf{})
			s.at(p, listed[client.Job]{[]client.Job{exampleJob("6H0JJ5MVDVE3W", client.JobFailed), exampleJob("6H0JJ5MVDVE3X", client.JobPending), exampleJob("6H0JJ5MVDVE3Y", client.JobCompleted)}, false}).keys("down", " ")
		},
		"job": func(s *stage) {
			j := exampleJob("6H0JJ5MVDVE3W", client.JobFailed)
			s.at(newJob(s.desk, j.ID), fetched{tried{&j, exampleAttempts()}})
		},
		"dead-letters-question": func(s *stage) {
			s.at(newLetters(s.desk), listed[client.Job]{[]client.Job{exampleJob("6H0JJ5MVDVE3W", client.JobFailed)}, false}).keys("R")
		},
		"dead-letters-filtered": func(s *stage) {
			s.at(newLetters(s.desk), listed[client.Job]{[]client.Job{exampleJob("6H0JJ5MVDVE3W", client.JobFailed)}, false}).keys("/", "x", "y", "z")
		},
		"groups": func(s *stage) {
			s.at(newGroups(s.desk), listed[client.Group]{[]client.Group{{OrderKey: "k1", SubscriptionCode: "ship-notifications", MessageGroup: "order-7", BlockedSince: noon.Add(-2 * time.Minute), Waiting: 1000, Head: exampleJob("6H0JJ5MVDVE3W", client.JobFailed), ClientID: "clt_1"}}, false})
		},
		"subscriptions": func(s *stage) {
			s.at(newSubscriptions(s.desk), listed[*resource.Subscription]{[]*resource.Subscription{{Meta: resource.Meta{ID: "sub_1", ManagedBy: "orders"}, Code: "ship-notifications", Status: "ACTIVE", Mode: "BLOCK_ON_ERROR", ConnectionCode: "warehouse",
				DispatchPoolCode: "priority", EventTypes: []resource.Binding{{EventTypeCode: "orders:fulfillment:shipment:*"}, {EventTypeCode: "orders:fulfillment:return:*"}}}}, false})
		},
		"connections-question": func(s *stage) {
			s.desk.live = exampleSnapshot()
			s.at(newConnections(s.desk), listed[*resource.Connection]{[]*resource.Connection{{Meta: resource.Meta{ID: "con_1", ManagedBy: "orders", ClientID: "clt_1"}, Code: "warehouse", Status: "ACTIVE", URL: "https://hooks.example.com/shipments"}}, false}).keys("p")
		},
		"pools": func(s *stage) { s.at(newPools(s.desk), listed[client.PoolStats]{exampleSnapshot().Pools.Pools, false}) },
		"endpoints": func(s *stage) {
			s.at(newEndpoints(s.desk), listed[client.EndpointStats]{exampleSnapshot().Endpoints.Endpoints, false})
		},
		"breaker-question": func(s *stage) {
			one := exampleSnapshot()
			s.at(newBreaker(s.desk, one.Endpoints.Endpoints[0]), fetched{met{one.Endpoints.Endpoints[0], one.Breakers.Breakers[0]}}).keys("x")
		},
		"queues": func(s *stage) { s.at(newQueues(s.desk), listed[client.QueueStats]{exampleSnapshot().Queues, false}) },
		"replays": func(s *stage) {
			s.at(newReplays(s.desk), listed[client.Replay]{[]client.Replay{{ID: "rpl_6H0JJ5MVDVE3W", Status: client.WorkRunning, Since: noon.Add(-time.Hour), Type: "shop:*:*:*", Rate: 500, CreatedAt: noon.Add(-time.Minute), Progress: client.Progress{Percent: 40, Created: 4000, Open: 12, Failed: 3}}}, false})
		},
		"replay-form": func(s *stage) { s.open(newReplayForm(s.desk, "ship-notifications")); s.keys("tab", "3") },
		"replay-preview": func(s *stage) {
			s.at(newReplayOf(s.desk, client.NewReplay{}, "fcctl events replay --since '1h'"), fetched{&client.ReplayPreview{Events: 10, Expunged: 1, Jobs: 18, PerSubscription: []client.PreviewTarget{{Code: "ship-notifications", Status: "PAUSED", Jobs: 18}}, Sample: []client.Event{event}}})
		},
		"warnings": func(s *stage) {
			s.at(newWarnings(s.desk), listed[client.Warning]{[]client.Warning{{ID: "w1", Category: "CONFIGURATION", Severity: "ERROR", Message: "warehouse answered 401: its credentials are not accepted, and deliveries to it will fail", Count: 12, LastAt: noon.Add(-time.Minute)}}, false})
		},
		"audit": func(s *stage) {
			s.at(newAudit(s.desk), listed[change]{[]change{{ID: "6H0JJ5MVDVE3W", EntityType: "Subscription", EntityID: "sub_1", Operation: "UPDATE", PrincipalName: "ada@example.com", ClientID: "clt_1", PerformedAt: noon.Add(-time.Hour)}}, false})
		},
		"audit-entry": func(s *stage) {
			p := newAudit(s.desk)
			s.at(p, listed[change]{[]change{{ID: "6H0JJ5MVDVE3W"}}, false}).keys("enter")
			s.give(s.page(), fetched{change{ID: "6H0JJ5MVDVE3W", EntityType: "Subscription", EntityID: "sub_1", Operation: "UPDATE", PrincipalName: "ada@example.com", PerformedAt: noon.Add(-time.Hour),
				Before: json.RawMessage(`{"status":"ACTIVE","mode":"IMMEDIATE"}`), After: json.RawMessage(`{"status":"PAUSED","mode":"IMMEDIATE"}`)}}, nil)
		},
		"health": func(s *stage) {
			var parts []part
			for _, c := range exampleHealth("store", "queue default").Components {
				parts = append(parts, part{c, []string{"phase RUNNING   router router-1: ACTIVE, leader; none stands by", "up for 3d   4.2 % of a core since it began   112 MiB", "90000 events and 180000 jobs in all, about 4100 events in the last hour"}})
			}
			s.at(newHealth(s.desk), listed[part]{parts, false})
		},
		"connection-tested": func(s *stage) { s.at(newTrial(s.desk, "con_1", "warehouse"), fetched{exampleTest(nil)}) },
		"connection-test-failed": func(s *stage) {
			s.at(newTrial(s.desk, "con_1", "warehouse"), fetched{exampleTest(errors.New("the receiver refused the connection. Check whether it runs and listens at this port"))})
		},
		"connection-testing": func(s *stage) {
			s.at(newConnections(s.desk), listed[*resource.Connection]{[]*resource.Connection{{Meta: resource.Meta{ID: "con_1"}, Code: "warehouse"}}, false}).keys("t")
		},
		"command": func(s *stage) { s.keys(":", "e") },
		"signed-out": func(s *stage) {
			s.o.Login = func(context.Context, string) error { return nil }
			s.give(s.page(), nil, client.ErrSessionOver)
			s.keys("s", "e", "c")
		},
	}
}

func TestPagesLookLikeTheirPictures(t *testing.T) {
	for name, set := range pictures() {
		for _, size := range [][2]int{{80, 24}, {140, 45}} {
			t.Run(fmt.Sprintf("%s %dx%d", name, size[0], size[1]), func(t *testing.T) {
				s := newStage(t, size[0], size[1])
				set(s)
				s.check(name)
			})
		}
	}
}

// Every page fits every window, whatever it shows.
func TestNothingIsWiderOrHigherThanTheWindow(t *testing.T) {
	for name, set := range pictures() {
		for _, size := range [][2]int{{60, 12}, {61, 13}, {99, 24}, {110, 30}, {250, 60}} {
			s := newStage(t, size[0], size[1])
			set(s)
			for _, k := range []string{"", "?", "esc"} {
				if k != "" {
					s.keys(k)
				}
				lines := strings.Split(s.View(), "\n")
				if len(lines) != size[1] {
					t.Errorf("%s at %v after %q: %d lines", name, size, k, len(lines))
				}
				for _, l := range lines {
					if w := ansi.StringWidth(l); w > size[0] {
						t.Errorf("%s at %v after %q: %d columns: %q", name, size, k, w, l)
					}
				}
			}
		}
	}
}

func TestAReadOnlyScreenRefusesWhatWrites(t *testing.T) {
	s := newStage(t, 100, 30)
	s.o.ReadOnly = true
	s.at(newLetters(s.desk), listed[client.Job]{[]client.Job{exampleJob("6H0JJ5MVDVE3W", client.JobFailed)}, false})
	refuses := func(keys ...string) {
		t.Helper()
		pages := len(s.pages)
		for _, k := range keys {
			s.keys(k)
			if s.mode != toPage || len(s.pages) != pages || !strings.Contains(s.View(), "this screen only reads") {
				t.Errorf("%s is not refused:\n%s", k, s.View())
			}
			s.note = ""
		}
	}
	refuses("r", "R", "ctrl+d")
	con := &resource.Connection{Code: "warehouse"}
	s.at(newConnections(s.desk), listed[*resource.Connection]{[]*resource.Connection{con}, false})
	refuses("t", "p", "x")
	s.at(newResource(s.desk, resource.KindConnection, "con_1", "warehouse"), fetched{con})
	refuses("t")
}

// What could not be read is read once the server answers, and a test that was
// sent is not sent again by itself.
func TestAPageThatIsReadOnceIsReadAgainOnlyIfItWasNot(t *testing.T) {
	s := newStage(t, 100, 30)
	p := newTrial(s.desk, "con_1", "warehouse")
	s.open(p)
	again := func() bool {
		s.time = s.time.Add(time.Minute)
		return s.due(s.time) != nil
	}
	s.give(p, nil, errors.New("connection refused"))
	if again() {
		t.Error("it is read while the server does not answer")
	}
	s.Update(snapshot{exampleSnapshot(), nil, s.desk.Client})
	if !again() {
		t.Error("it is not read once the server answers")
	}
	s.give(p, fetched{exampleTest(nil)}, nil)
	if again() {
		t.Error("it is read again")
	}
	s.Update(snapshot{nil, client.ErrSessionOver, s.desk.Client})
	if s.Update(signedIn{}); s.reading[p] {
		t.Error("it is read again after signing in")
	}
}

// What came in between two readings counts for every second between them, and a
// server that counts anew is not one that has lost events.
func TestEventsInAreSpreadOverTheSecondsBetweenReadings(t *testing.T) {
	p := &past{}
	for _, c := range []struct {
		after time.Duration
		total int64
	}{{0, 1000}, {5 * time.Second, 1050}, {5100 * time.Millisecond, 1051}, {7 * time.Second, 1070}, {8 * time.Second, 3}, {9 * time.Second, 7}} {
		p.count(noon.Add(c.after), c.total)
	}
	if got := fmt.Sprint(p.events); got != "[10 10 10 10 10 10 10 4]" {
		t.Errorf("%s events a second", got)
	}
}

// A click goes to what is seen there, beneath the lines above a table.
func TestAMousePointsAtWhatIsSeen(t *testing.T) {
	s := newStage(t, 100, 30)
	find := func(words string) int {
		t.Helper()
		for y, l := range strings.Split(s.View(), "\n") {
			if strings.Contains(l, words) {
				return y
			}
		}
		t.Fatalf("%q is not on the screen:\n%s", words, s.View())
		return 0
	}
	does := func(b tea.MouseButton, y int) {
		s.Update(tea.MouseMsg{Button: b, Action: tea.MouseActionPress, X: 5, Y: y})
		s.View()
	}
	var parts []part
	for i := range 60 {
		parts = append(parts, part{client.Component{Name: fmt.Sprintf("part %02d", i), Status: client.Up}, []string{"one line", "and another"}})
	}
	p := newHealth(s.desk)
	s.at(p, listed[part]{parts, false})
	does(tea.MouseButtonLeft, find("part 05"))
	if p.grid.key() != "part 05" {
		t.Errorf("a click on part 05 is at %s", p.grid.key())
	}
	for range 12 {
		does(tea.MouseButtonWheelDown, 3)
	}
	does(tea.MouseButtonWheelUp, 3)
	if p.grid.key() != "part 38" {
		t.Errorf("twelve steps down and one up from there is %s", p.grid.key())
	}
	does(tea.MouseButtonLeft, find("part 30"))
	if p.grid.key() != "part 30" {
		t.Errorf("a click on part 30 is at %s", p.grid.key())
	}
	does(tea.MouseButtonLeft, find("PART"))
	does(tea.MouseButtonLeft, 29)
	if p.grid.key() != "part 30" {
		t.Errorf("a click beside the rows goes to %s", p.grid.key())
	}
	s.back()
	s.Update(snapshot{exampleSnapshot(), nil, s.desk.Client})
	s.give(s.page(), exampleFindings(), nil)
	does(tea.MouseButtonLeft, find("failed for good"))
	if !strings.Contains(s.View(), "> 3  200 or more deliveries") {
		t.Errorf("a click on the third is at\n%s", s.View())
	}
}

// A page knows each key that it says it has.
func TestEveryKeyDoesSomething(t *testing.T) {
	of := map[string][]string{"1-9": {"1"}, "↑↓": {"up", "down"}, "tab ↑↓": {"tab", "up", "down"}, "← →": {"left", "right"}, "y": nil, "esc": nil} // y and esc are the frame's
	// Where there is nothing to act on, keys that act do nothing.
	empty := []string{"help", "dead-letters-filtered", "connection-testing", "events-empty"}
	for name, set := range pictures() {
		if slices.Contains(empty, name) {
			continue
		}
		s := newStage(t, 100, 30)
		set(s)
		s.View()
		for _, k := range s.page().Keys() {
			presses, known := of[k.name]
			if !known {
				presses = strings.Fields(k.name)
			}
			for _, press := range presses {
				if _, does := s.page().Key(press); !does {
					t.Errorf("%s: %s (%s) does nothing on the page %s", name, press, k.does, s.page().Name())
				}
			}
		}
	}
}

// Keys that come together are keys all the same, unless they were pasted.
func TestKeysThatComeAtOnceAllCount(t *testing.T) {
	s := newStage(t, 100, 30)
	p := newLetters(s.desk)
	s.at(p, listed[client.Job]{[]client.Job{exampleJob("a", client.JobFailed), exampleJob("b", client.JobFailed), exampleJob("c", client.JobFailed)}, false})
	s.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("jj"), Paste: true})
	if p.grid.key() != "a" {
		t.Errorf("what was pasted was taken for keys: at %s", p.grid.key())
	}
	s.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("jj")})
	if p.grid.key() != "c" {
		t.Errorf("after two keys at %s", p.grid.key())
	}
	f := newReplayForm(s.desk, "")
	s.open(f)
	s.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("0m"), Paste: true})
	if f.value("since") != "1h0m" {
		t.Errorf("pasted into the form: %q", f.value("since"))
	}
}

// Rows that are read again keep the cursor and the marks on what they were on.
func TestTheCursorStaysOnItsRow(t *testing.T) {
	s := newStage(t, 100, 30)
	p := newLetters(s.desk)
	jobs := func(ids ...string) (js []client.Job) {
		for _, id := range ids {
			js = append(js, exampleJob(id, client.JobFailed))
		}
		return js
	}
	s.at(p, listed[client.Job]{jobs("a", "b", "c"), false}).keys("down", " ")
	if p.grid.key() != "c" || len(p.grid.marked) != 1 {
		t.Fatalf("at %s with %v", p.grid.key(), p.grid.marked)
	}
	s.give(p, listed[client.Job]{jobs("x", "y", "a", "b", "c"), false}, nil)
	if p.grid.key() != "c" || !p.grid.marked["b"] {
		t.Errorf("after new rows at %s with %v", p.grid.key(), p.grid.marked)
	}
	s.give(p, listed[client.Job]{jobs("x", "y"), false}, nil)
	if p.grid.key() != "y" || len(p.grid.marked) != 0 {
		t.Errorf("after its row went at %s with %v", p.grid.key(), p.grid.marked)
	}
}

// The keys of the page come first, and the rest can be gone to.
func TestTheHelpCanBeScrolled(t *testing.T) {
	s := newStage(t, 80, 24)
	s.keys("?")
	if !strings.Contains(s.View(), "here: overview") || !strings.Contains(s.View(), "↓ for more") {
		t.Errorf("the help begins with:\n%s", s.View())
	}
	s.keys("pgdown", "pgdown")
	if !strings.Contains(s.View(), ":audit") {
		t.Errorf("it ends with:\n%s", s.View())
	}
	s.keys("x")
	if strings.Contains(s.View(), "everywhere") {
		t.Error("another key does not close it")
	}
}

func TestOneThingIsGoneToByItsID(t *testing.T) {
	s := newStage(t, 80, 24)
	for command, want := range map[string]string{
		"event 6H0JJ5MVDVE3W": "6H0JJ5MVDVE3W", "events shop:*:*:*": "events shop:*:*:*",
		"job 6H0JJ5MVDVE3W": "6H0JJ5MVDVE3W", "jobs failed": "jobs FAILED",
	} {
		s.command(command)
		if got := s.page().Name(); got != want {
			t.Errorf(":%s opens %q, want %q", command, got, want)
		}
	}
}

// What is empty makes room for what is cut.
func TestAnEmptyColumnMakesRoom(t *testing.T) {
	g := newGrid(column{title: "NAME"}, column{title: "CLIENT"}, column{title: "URL", least: 8, gives: true}, column{title: "STATE"})
	g.set([]row{{"a", []cell{{text: "warehouse"}, {}, {text: "https://hooks.example.com/a"}, {text: "ACTIVE"}}}})
	for width, want := range map[int]string{
		60: "> warehouse          https://hooks.example.com/a  ACTIVE",
		49: "> warehouse  https://hooks.example.com/a  ACTIVE",
		44: "> warehouse  https://hooks.example.…  ACTIVE",
	} {
		lines := strings.Split(g.view(newPalette(io.Discard, false), width, 3, ""), "\n")
		if got := strings.TrimRight(lines[1], " "); got != want {
			t.Errorf("%d wide:\n%s, want\n%s", width, got, want)
		}
	}
}

func TestTwoEscapesThatComeAtOnceGoBackTwice(t *testing.T) {
	s := newStage(t, 100, 30)
	s.at(newLetters(s.desk), listed[client.Job]{}).at(newEvent(s.desk, "6H0JJ5MVDVE3W"), refusal{"gone"})
	s.Update(tea.KeyMsg{Type: tea.KeyEsc, Alt: true})
	if len(s.pages) != 1 {
		t.Errorf("%d pages are open", len(s.pages))
	}
}

// A refusal says which field it was.
func TestARefusedReplaySaysWhy(t *testing.T) {
	s := newStage(t, 100, 30)
	p := newReplayOf(s.desk, client.NewReplay{Type: "shop"}, "fcctl events replay --type shop")
	s.open(p)
	s.give(p, nil, &client.Error{Status: 400, Message: "the request has a field that can not be accepted", Problems: []client.Problem{{Field: "type", Detail: "must have four segments"}}})
	if !strings.Contains(s.View(), "type must have four segments") {
		t.Errorf("the screen:\n%s", s.View())
	}
}

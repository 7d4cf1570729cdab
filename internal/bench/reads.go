package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"text/tabwriter"
	"time"
)

// What is asked of every list page and every detail, and how often each is read.
const (
	readLimit  = 50 * time.Millisecond
	readRounds = 100
	readFor    = 4 * time.Second // fewer rounds where they take longer
)

// A question is a GET and who asks it.
type question struct{ name, path, token string }

// An answered question.
type answered struct {
	question
	items         int // -1 where the answer is no list
	partial       bool
	times         []time.Duration
	p50, p99, max time.Duration
	cpu           time.Duration // that fcd used each time
}

// questions are all lists, with every filter alone and some together, and all
// details.
func (h *history) questions() []question {
	var qs []question
	f, none := h.Filled, "no-such-thing"
	from, to := f.Middle.UTC().Format(time.RFC3339), f.Middle.Add(time.Hour).UTC().Format(time.RFC3339)
	ask := func(route string, filters ...url.Values) {
		for _, v := range filters {
			name := route
			if len(v) > 0 {
				name, _ = url.QueryUnescape(route + "?" + v.Encode())
			}
			qs = append(qs, question{name, route + "?" + v.Encode(), h.Token})
		}
	}
	v := func(pairs ...string) url.Values {
		u := url.Values{"limit": {"50"}}
		for i := 0; i < len(pairs); i += 2 {
			u.Set(pairs[i], pairs[i+1])
		}
		return u
	}
	both := []url.Values{
		v(), v("limit", "1000"), v("until", from), v("since", from, "until", to), v("since", "2001-01-01T00:00:00Z", "until", "2001-01-02T00:00:00Z"),
		v("clientId", h.Clients[3]), v("clientId", h.Clients[3]+","+h.Clients[4]+","+h.Clients[5]), v("clientId", none), v("clientId", h.Clients[3], "until", from),
		v("type", h.Types[7]), v("type", "shop:area-1:*:*"), v("type", "shop:none:thing:happened"), v("applications", "shop"), v("applications", none), v("subdomains", "area-2"), v("aggregates", "thing-7"),
		v("source", "/shop/7"), v("source", none), v("messageGroup", "order-7"), v("messageGroup", none), v("correlationId", f.Correlation), v("correlationId", none),
		v("type", h.Types[7], "clientId", h.Clients[3]), v("type", "shop:none:thing:happened", "clientId", h.Clients[3]), v("type", h.Types[7], "source", "/shop/7", "until", from),
		v("messageGroup", none, "clientId", h.Clients[3]), v("source", none, "since", from, "until", to), v("limit", "1000", "type", h.Types[7]), v("limit", "1000", "clientId", h.Clients[3]),
	}
	ask("/api/events", both...)
	ask("/api/events", v("subject", "customer-7"), v("subject", none), v("subject", none, "clientId", h.Clients[3]), v("subject", "customer-7", "type", h.Types[7]))
	ask("/api/dispatch-jobs", both...)
	sub := h.Subscriptions[9]
	for _, s := range []string{"PENDING", "QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED", "EXPIRED", "FAILED,EXPIRED", "PENDING,QUEUED,PROCESSING", "COMPLETED,FAILED"} {
		ask("/api/dispatch-jobs", v("status", s), v("status", s, "clientId", h.Clients[3]), v("status", s, "subscriptionId", sub), v("status", s, "until", from))
	}
	ask("/api/dispatch-jobs", v("subscriptionId", sub), v("subscriptionId", sub, "until", from), v("subscriptionId", sub, "limit", "1000"), v("subscriptionId", sub, "clientId", h.Clients[3]), v("subscriptionId", sub, "type", h.Types[7]),
		v("subscriptionId", sub, "type", "shop:none:thing:happened"), v("codes", h.Types[7]), v("eventId", f.EventID), v("orderKey", f.OrderKey), v("orderKey", "00000000000000000000000000000001"), v("replayId", "rpl_"+f.EventID),
		v("status", "FAILED", "type", "shop:none:thing:happened"), v("status", "FAILED", "limit", "1000"), v("status", "PENDING", "type", "shop:none:thing:happened"))
	ask("/api/dead-letters", v(), v("limit", "1000"), v("until", from), v("clientId", h.Clients[3]), v("subscriptionId", sub), v("reason", "GONE"), v("reason", "RETRIES_EXHAUSTED"), v("type", h.Types[7]), v("type", "shop:none:thing:happened"), v("messageGroup", none), v("source", none, "clientId", h.Clients[3]))
	ask("/api/groups", v(), v("clientId", h.Clients[3]), v("subscriptionId", sub), v("clientId", none))
	ask("/api/audit-logs", v(), v("limit", "1000"), v("entityId", f.EntityID), v("entityType", "Subscription"), v("operation", "NONE"), v("principalId", none), v("clientId", h.Clients[3]))
	for _, path := range []string{
		"/api/audit-logs/recent", "/api/audit-logs/entity-types", "/api/audit-logs/operations", "/api/audit-logs/client-ids", "/api/audit-logs/principal/" + none, "/api/audit-logs/entity/Subscription/" + f.EntityID,
		"/api/audit-logs/" + f.AuditID,
		"/api/events/" + f.EventID, "/api/events/" + f.EventID + "/explain", "/api/events/raw", "/api/events/filter-options",
		"/api/dispatch-jobs/" + f.JobID, "/api/dispatch-jobs/" + f.JobID + "/attempts", "/api/dispatch-jobs/" + f.JobID + "/raw", "/api/dispatch-jobs/by-event/" + f.EventID, "/api/dispatch-jobs/raw", "/api/dispatch-jobs/filter-options",
		"/api/dead-letters/" + f.LetterID, "/api/statistics", "/api/monitoring/dashboard", "/api/subscriptions", "/api/replays", "/api/dead-letter-tasks",
	} {
		qs = append(qs, question{path, path, h.Token})
	}
	for _, path := range []string{
		"/api/events?limit=50", "/api/events?limit=50&type=shop:none:thing:happened", "/api/events?limit=50&subject=" + none, "/api/dispatch-jobs?limit=50", "/api/dispatch-jobs?limit=50&status=FAILED", "/api/dispatch-jobs?limit=50&status=PENDING", "/api/dispatch-jobs?limit=50&status=CANCELLED",
		"/api/dispatch-jobs?limit=50&subscriptionId=" + sub, "/api/dispatch-jobs?limit=50&type=shop:none:thing:happened", "/api/dead-letters?limit=50", "/api/dead-letters?limit=50&subscriptionId=" + sub, "/api/groups?limit=50", "/api/events/filter-options", "/api/statistics",
	} {
		qs = append(qs, question{"tenant: " + path, path, h.Tenant})
	}
	return qs
}

// reader asks one question after the other on one connection.
type reader struct {
	client http.Client
	base   string
}

// get returns the body of a question, and how long it took to have it whole.
func (r *reader) get(ctx context.Context, path, token string) ([]byte, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+path, nil)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	began := time.Now()
	res, err := r.client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	took := time.Since(began)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("GET %s: status %d: %.300s", path, res.StatusCode, b)
	}
	return b, took, err
}

// page is what all lists have in common.
type page struct {
	items   int
	partial bool
}

func readPage(b []byte) page {
	p := page{items: -1}
	var array []json.RawMessage
	if json.Unmarshal(b, &array) == nil {
		p.items = len(array)
		return p
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(b, &object) != nil {
		return p
	}
	_ = json.Unmarshal(object["partial"], &p.partial)
	for _, name := range []string{"events", "dispatchJobs", "deadLetters", "groups", "auditLogs"} {
		if json.Unmarshal(object[name], &array) == nil {
			p.items = len(array)
		}
	}
	return p
}

// read asks a question again and again.
func (r *reader) read(ctx context.Context, q question) (a answered, err error) {
	a.question = q
	began := time.Now()
	for len(a.times) < readRounds && (len(a.times) < 10 || time.Since(began) < readFor) {
		b, took, err := r.get(ctx, q.path, q.token)
		if err != nil {
			return a, err
		}
		if len(a.times) == 0 {
			p := readPage(b)
			a.items, a.partial = p.items, p.partial
		}
		a.times = append(a.times, took)
	}
	slices.Sort(a.times)
	n := len(a.times)
	a.p50, a.p99, a.max = a.times[n/2], a.times[(n*99-1)/100], a.times[n-1]
	return a, nil
}

// reads measures every question on a store with a history.
func (c *court) reads(ctx context.Context, h *history, f *findings) error {
	d, err := openDaemon(ctx, c.binary, h.dir)
	if err != nil {
		return err
	}
	c.say("opened in %s", d.ready.Round(time.Millisecond))
	return finish(d, c.readAll(ctx, d, h, f))
}

func (c *court) readAll(ctx context.Context, d *daemon, h *history, f *findings) error {
	r := &reader{base: d.URL, client: http.Client{Transport: newTransport(1)}}
	defer r.client.CloseIdleConnections()
	var all []answered
	for _, q := range h.questions() {
		before := d.cpu()
		a, err := r.read(ctx, q)
		if err != nil {
			return err
		}
		a.cpu = (d.cpu() - before) / time.Duration(len(a.times))
		all = append(all, a)
	}
	slices.SortStableFunc(all, func(a, b answered) int { return int(b.p99 - a.p99) })
	slow := 0
	tw := tabwriter.NewWriter(c.talk, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "  p50\tp99\tmax\tCPU\titems\t")
	for _, a := range all {
		items, mark := "", ""
		if a.items >= 0 {
			items = fmt.Sprint(a.items)
		}
		if a.partial {
			items += " of a part"
		}
		if a.p99 > readLimit {
			mark = "  SLOW"
			slow++
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\t%s%s\n", millis(a.p50), millis(a.p99), millis(a.max), millis(a.cpu), items, a.name, mark)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	f.note("lists and details that were read", float64(len(all)), "")
	f.note("slowest p50", milliseconds(slices.MaxFunc(all, func(a, b answered) int { return int(a.p50 - b.p50) }).p50), "ms")
	f.note("most CPU that fcd used for one", milliseconds(slices.MaxFunc(all, func(a, b answered) int { return int(a.cpu - b.cpu) }).cpu), "ms")
	f.atMost("slowest p99", milliseconds(all[0].p99), milliseconds(readLimit), "ms")
	f.atMost("of them with a p99 above "+millis(readLimit), float64(slow), 0, "")
	return nil
}

// finish stops an fcd whose directory stays.
func finish(d *daemon, err error) error {
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, d.tail())
	}
	if cerr := d.close(); err == nil {
		err = cerr
	}
	return err
}

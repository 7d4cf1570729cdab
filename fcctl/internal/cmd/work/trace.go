package work

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

const (
	maxTraced  = 100             // jobs of one event that are looked at
	maxAhead   = 1000            // jobs of an order key among which the one ahead is sought
	fansOutFor = 5 * time.Second // after which a subscription without a job gets none
)

// traceCommand is there twice: as `fcctl trace` and among the events.
func (a *commands) traceCommand() *cli.Command {
	return &cli.Command{
		Name: "trace", Usage: "say all that is known of an event: who takes it, each job, each attempt, and what it waits for", ArgsUsage: "ID",
		Description: app.Example("ID is that of an event, or of one of its jobs. Times with a + are since the event was accepted. With --watch it is shown anew until all jobs have ended.",
			"fcctl trace 0HZXEQ5Y8JY50", "fcctl trace 0HZXEQ5Y8JY50 --watch", "fcctl events trace 0HZXEQ5Y8JY50 -o json"),
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "watch", Aliases: []string{"w"}, Usage: "go on until all its jobs have ended", DisableDefaultText: true}},
		Action: a.eventsTrace,
	}
}

func (a *commands) eventsTrace(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "the id of an event"); err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	if c.Bool("watch") {
		return a.traceWatch(c, cl)
	}
	t, err := trace(c.Context, cl, c.Args().First(), time.Now())
	if err != nil {
		return err
	}
	return a.Data(c, t, func() (string, error) { return t.Text(a.Ink()), nil })
}

// traceWatch shows the trace whenever it has changed, until it is over or
// interrupted, which is an ordinary end, too.
func (a *commands) traceWatch(c *cli.Context, cl *client.Client) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	before := ""
	for {
		t, err := trace(c.Context, cl, c.Args().First(), time.Now())
		switch {
		case c.Context.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		if now := t.Text(view.Ink{}); now != before {
			before = now
			if a.OutTerminal && app.ForPeople(c) {
				if _, err := io.WriteString(a.Out, clearScreen); err != nil {
					return err
				}
			}
			err := a.Item(c, t, func() string {
				if a.OutTerminal {
					return t.Text(a.Ink())
				}
				return now + "\n"
			})
			if err != nil {
				return err
			}
		}
		if t.Over {
			return nil
		}
		select {
		case <-c.Context.Done():
			return nil
		case <-tick.C:
		}
	}
}

// trace gathers what the server knows of an event. What the caller may not see
// besides the event and its jobs is said and left out.
func trace(ctx context.Context, cl *client.Client, id string, now time.Time) (*view.Trace, error) {
	e, err := cl.Events.Get(ctx, id)
	if client.StatusOf(err) == http.StatusNotFound {
		// What one has at hand is often a job: its event is meant.
		if j, no := cl.Jobs.Get(ctx, id); no == nil && j.EventID != "" {
			id = j.EventID
			e, err = cl.Events.Get(ctx, id)
		}
	}
	if err != nil {
		return nil, err
	}
	t := &view.Trace{Event: *e, Bytes: len(e.Data), Subscriptions: []client.Verdict{}, Jobs: []view.TracedJob{}, At: now}
	for j, err := range cl.Jobs.List(ctx, client.JobFilter{EventID: id, PageSize: maxTraced}) {
		if err != nil {
			return nil, err
		}
		if len(t.Jobs) == maxTraced {
			t.More = true
			break
		}
		t.Jobs = append(t.Jobs, view.TracedJob{Job: j, Attempts: []client.Attempt{}})
	}
	x, err := cl.Events.Explain(ctx, id, "")
	if err != nil {
		unseen(t, "which subscriptions match", err)
	} else {
		t.Subscriptions = x.Subscriptions
	}
	slices.SortStableFunc(t.Jobs, func(x, y view.TracedJob) int {
		return cmp.Or(cmp.Compare(x.Job.SubscriptionCode, y.Job.SubscriptionCode), x.Job.CreatedAt.Compare(y.Job.CreatedAt))
	})
	if err := details(ctx, cl, t); err != nil {
		return nil, err
	}
	t.Over = over(t, now)
	return t, ctx.Err()
}

func unseen(t *view.Trace, what string, err error) {
	message, _, _ := fault.Judge(err)
	t.Unseen = append(t.Unseen, what+": "+message)
}

// details looks at each job: its attempts, and for one that waits at what it
// meets.
func details(ctx context.Context, cl *client.Client, t *view.Trace) error {
	router := routerOf(ctx, cl, t)
	for i := range t.Jobs {
		j := &t.Jobs[i]
		if j.Job.AttemptCount > 0 || j.Job.Status == client.JobProcessing {
			attempts, err := cl.Jobs.Attempts(ctx, j.Job.ID)
			if err != nil {
				return err
			}
			j.Attempts = append(j.Attempts, attempts...)
		}
		if j.Job.Waiting {
			ahead, err := aheadOf(ctx, cl, &j.Job)
			if err != nil {
				return err
			}
			j.Behind = ahead
		}
		router.meet(j)
		j.Explain(&t.Event, t.At)
	}
	return nil
}

// aheadOf is the job of the same order key that another waits for: the dead
// letter that blocks them, or else the oldest that has not ended.
func aheadOf(ctx context.Context, cl *client.Client, waiting *client.Job) (*client.Job, error) {
	var ahead *client.Job
	n := 0
	for j, err := range cl.Jobs.List(ctx, client.JobFilter{OrderKey: waiting.OrderKey, PageSize: 200}) {
		if err != nil {
			return nil, err
		}
		if n++; n > maxAhead {
			break
		}
		switch {
		case j.ID == waiting.ID || j.CreatedAt.After(waiting.CreatedAt):
		case j.Blocked:
			return &j, nil
		case !j.IsTerminal:
			ahead = &j // newest first, so the last is the oldest
		}
	}
	return ahead, nil
}

// met is what the router knows of endpoints, pools and messages.
type met struct {
	endpoints []client.EndpointStats
	pools     []client.PoolStats
	messages  []client.InFlight
}

// routerOf asks the router if one of the jobs is on its way.
func routerOf(ctx context.Context, cl *client.Client, t *view.Trace) *met {
	m := new(met)
	if !slices.ContainsFunc(t.Jobs, func(j view.TracedJob) bool { return !j.Job.IsTerminal }) {
		return m
	}
	endpoints, err := cl.Router.Endpoints(ctx, 1000)
	if err != nil {
		unseen(t, "what the router does", err)
		return m
	}
	m.endpoints = endpoints.Endpoints
	if pools, err := cl.Router.Pools(ctx); err == nil {
		m.pools = pools.Pools
	}
	for _, j := range t.Jobs {
		if j.Job.Status != client.JobQueued && j.Job.Status != client.JobProcessing {
			continue
		}
		if in, err := cl.Router.InFlight(ctx, client.InFlightFilter{MessageID: j.Job.ID, Limit: 1}); err == nil {
			m.messages = append(m.messages, in.Messages...)
		}
	}
	return m
}

// meet gives a job what it meets at the router.
func (m *met) meet(j *view.TracedJob) {
	if j.Job.IsTerminal {
		return
	}
	if i := slices.IndexFunc(m.endpoints, func(e client.EndpointStats) bool {
		return j.Job.ConnectionID != "" && e.Endpoint == j.Job.ConnectionID || j.Job.ConnectionID == "" && strings.EqualFold(e.Endpoint, j.Job.TargetURL)
	}); i >= 0 {
		j.Endpoint = &m.endpoints[i]
	}
	if i := slices.IndexFunc(m.pools, func(p client.PoolStats) bool { return p.PoolID != "" && p.PoolID == j.Job.DispatchPoolID }); i >= 0 {
		j.Pool = &m.pools[i]
	}
	if i := slices.IndexFunc(m.messages, func(f client.InFlight) bool { return f.JobID == j.Job.ID }); i >= 0 {
		j.InFlight = &m.messages[i]
	}
}

// over says that all jobs have ended, and that no subscription is still to get
// one.
func over(t *view.Trace, now time.Time) bool {
	has := map[string]bool{}
	for _, j := range t.Jobs {
		if !j.Job.IsTerminal {
			return false
		}
		has[j.Job.SubscriptionID] = true
	}
	if now.Sub(t.Event.CreatedAt) > fansOutFor {
		return true
	}
	return !slices.ContainsFunc(t.Subscriptions, func(v client.Verdict) bool { return v.Matched && !has[v.SubscriptionID] })
}

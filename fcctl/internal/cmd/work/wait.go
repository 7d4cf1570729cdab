package work

import (
	"context"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func waitFlag() cli.Flag {
	return &cli.BoolFlag{Name: "wait", Usage: "wait until it is over, and show how far it is", DisableDefaultText: true}
}

// How often the server is asked, how often a line is written where there is no
// terminal, and after how long without any news it is said what may be the
// cause.
const (
	lookEvery = 500 * time.Millisecond
	lineEvery = 10 * time.Second
	quietFor  = 15 * time.Second
)

// meter shows progress on stderr: a bar that is drawn anew on a terminal, a
// line now and then elsewhere.
type meter struct {
	a     *commands
	last  time.Time
	drawn bool
}

func (m *meter) show(line string, now time.Time) {
	switch {
	case m.a.ErrTerminal:
		fmt.Fprintf(m.a.Err, "\r\x1b[K%s", m.a.ErrInk().Shown(line))
		m.drawn = true
	case m.last.IsZero() || now.Sub(m.last) >= lineEvery:
		m.a.Say("%s", line)
		m.last = now
	}
}

// end leaves what comes next a line of its own.
func (m *meter) end() {
	if m.drawn {
		fmt.Fprintln(m.a.Err)
		m.drawn = false
	}
}

// look calls do at once and then again and again until it says that it is
// over. An interrupt ends the looking, not the work.
func (a *commands) look(ctx context.Context, what, goOn string, do func(context.Context) (over bool, err error)) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	left := func() error {
		return fault.New(fault.Failed, goOn, "interrupted; the %s goes on without you", what)
	}
	for {
		over, err := do(ctx)
		switch {
		case ctx.Err() != nil:
			return left()
		case err != nil:
			message, code, _ := fault.Judge(err)
			return fault.New(code, goOn, "%s; the %s goes on without you", message, what)
		case over:
			return nil
		}
		select {
		case <-ctx.Done():
			return left()
		case <-tick.C:
		}
	}
}

// awaitReplay waits until a replay is over, shows it, and fails if some of it
// could not be delivered.
func (a *commands) awaitReplay(c *cli.Context, cl *client.Client, r *client.Replay) error {
	m := &meter{a: a}
	defer m.end()
	began, news, said := time.Now(), time.Now(), ""
	before := r.Progress
	err := a.look(c.Context, "replay", "fcctl replays wait "+r.ID, func(ctx context.Context) (bool, error) {
		got, err := cl.Replays.Get(ctx, r.ID)
		if err != nil {
			return false, err
		}
		r = got
		now := time.Now()
		m.show(view.ReplayBar(r, now.Sub(began), a.ErrInk()), now)
		if r.Progress != before {
			before, news = r.Progress, now
		}
		hint := ""
		switch {
		case r.Status == client.WorkPaused:
			hint = "It is paused. Let it go on with: fcctl replays resume " + r.ID
		case r.Progress.Open > 0 && now.Sub(news) > quietFor:
			hint = fmt.Sprintf("%d jobs wait: for a retry, an endpoint, or a blocked group. Look at them with: fcctl jobs list --replay %s --status PENDING, fcctl groups list", r.Progress.Open, r.ID)
		}
		if hint != "" && hint != said {
			m.end()
			a.Say("%s", hint)
		}
		said = hint
		return r.Over(), nil
	})
	m.end()
	if err != nil {
		return err
	}
	if err := a.Data(c, r, func() (string, error) { return view.Replay(r, a.Ink()), nil }); err != nil {
		return err
	}
	p := r.Progress
	switch bad := p.Failed + p.Expired; {
	case r.Status == client.WorkCancelled:
		return fault.New(fault.Failed, "fcctl events replay, to begin again", "the replay was cancelled before its end")
	case bad > 0:
		return fault.New(fault.Partly, "fcctl dead-letters list --replay "+r.ID, "%d of %d jobs could not be delivered", bad, p.Created)
	}
	return nil
}

// awaitLetters waits until a task over dead letters is over.
func (a *commands) awaitLetters(c *cli.Context, cl *client.Client, t *client.LetterTask) error {
	m := &meter{a: a}
	defer m.end()
	err := a.look(c.Context, "task", "fcctl dead-letters wait "+t.ID, func(ctx context.Context) (bool, error) {
		got, err := cl.DeadLetters.Task(ctx, t.ID)
		if err != nil {
			return false, err
		}
		t = got
		m.show(view.LetterLine(t), time.Now())
		return t.Over(), nil
	})
	m.end()
	if err != nil {
		return err
	}
	if err := a.Data(c, t, func() (string, error) { return view.LetterTask(t, a.Ink()), nil }); err != nil {
		return err
	}
	if t.Status == client.WorkCancelled {
		return fault.New(fault.Failed, "", "the task was cancelled before its end; what it did stays done")
	}
	return nil
}

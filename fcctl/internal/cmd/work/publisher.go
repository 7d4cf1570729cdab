package work

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

const (
	// A request has at most so much data; the server takes 32 MiB.
	maxRequest = 8 << 20
	// What has come is sent when nothing more comes for so long, so that a
	// pipe may be slow.
	idle = 200 * time.Millisecond
	// Tables show at most so many rows, and of more events only those that
	// were refused.
	maxRows = 1000
)

// publisher sends events in batches, in their order, and keeps count.
type publisher struct {
	a      *commands
	c      *cli.Context
	cl     *client.Client
	prefix string
	most   int           // events in one request
	each   time.Duration // between two events; 0 is no limit
	next   time.Time     // when the next request may go

	batch    []source
	texts    map[uint64]int // how often each text has come, by its digest
	alone    *answer        // to the first event, while it is the only one
	size     int            // bytes of data in the batch
	numbered int
	sent     int // in a request whose answer is not known
	outcomes []view.Outcome
	bad      []view.Outcome // of the outcomes, the first that were refused
	accepted int
	known    int    // of these, published before
	refused  int    // by the server, one by one
	last     string // where the last accepted event stands
	meter    *meter
	began    time.Time
}

// slow bounds how many events go in a second.
func (p *publisher) slow(perSecond float64) {
	p.most = min(p.most, max(1, int(perSecond/2)))
	p.each = time.Duration(float64(time.Second) / perSecond)
}

// run publishes what there is, and says what became of it.
func (p *publisher) run(ctx context.Context, events iter.Seq2[source, error]) error {
	p.began, p.texts = time.Now(), map[uint64]int{}
	p.meter = &meter{a: p.a, last: p.began} // what is quick needs none
	failed := p.publish(ctx, events)
	p.meter.end()
	if failed == nil && p.numbered == 0 {
		return noEvents()
	}
	if err := p.show(); err != nil {
		return err
	}
	return p.verdict(ctx, failed)
}

type read struct {
	source
	err error
}

// publish reads ahead and sends. It returns what ended it too early.
func (p *publisher) publish(ctx context.Context, events iter.Seq2[source, error]) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	coming := make(chan read, 16)
	go func() {
		defer close(coming)
		for s, err := range events {
			select {
			case coming <- read{s, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	quiet := time.NewTimer(idle)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return errors.Join(p.settle(), ctx.Err())
		case <-quiet.C:
			if err := p.sendSoFar(ctx); err != nil {
				return err
			}
		case r, more := <-coming:
			switch {
			case !more && p.alone != nil:
				return p.showAlone()
			case !more && p.numbered == 1 && len(p.batch) == 1:
				p.alone = p.publishAlone(ctx)
				return p.showAlone()
			case !more:
				return p.send(ctx)
			case r.err != nil:
				return errors.Join(p.settle(), p.send(ctx), r.err)
			}
			if err := p.add(ctx, r.source); err != nil {
				return err
			}
			quiet.Reset(idle)
		}
	}
}

// add takes an event into the batch, and sends the batch when it is full.
func (p *publisher) add(ctx context.Context, s source) error {
	if err := p.settle(); err != nil {
		return err
	}
	n := 512
	if raw, is := s.Event.Data.(json.RawMessage); is {
		n += len(raw)
	}
	if p.size+n > maxRequest {
		if err := p.send(ctx); err != nil {
			return err
		}
	}
	p.numbered++
	if p.numbered > 1 && p.prefix == "" {
		p.prefix = "fcctl-" + random()
	}
	if s.Event.DeduplicationID == "" {
		p.texts[s.Digest]++
		s.key = fmt.Sprintf("%016x:%d", s.Digest, p.texts[s.Digest])
	}
	p.batch, p.size = append(p.batch, s), p.size+n
	if len(p.batch) < p.most {
		return nil
	}
	return p.send(ctx)
}

func random() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // which never fails
	return hex.EncodeToString(b)
}

// send publishes the batch.
func (p *publisher) send(ctx context.Context) error {
	if len(p.batch) == 0 {
		return nil
	}
	if err := p.pace(ctx); err != nil {
		return err
	}
	if p.prefix == "" {
		p.prefix = "fcctl-" + random()
	}
	first := p.numbered - len(p.batch) + 1
	events := make([]client.NewEvent, len(p.batch))
	for i, s := range p.batch {
		events[i] = s.Event
		if s.Event.DeduplicationID == "" {
			events[i].DeduplicationID = p.prefix + ":" + s.key
		}
	}
	p.sent = len(events)
	results, err := p.cl.Events.PublishBatch(ctx, events)
	if s := client.StatusOf(err); err == nil || s >= 400 && s < 500 {
		p.sent = 0
	}
	if err != nil {
		return err
	}
	for i, r := range results {
		if err := p.keep(view.Outcome{Number: first + i, File: p.batch[i].file, Line: p.batch[i].Line, BatchResult: r}); err != nil {
			return err
		}
	}
	p.batch, p.size = p.batch[:0], 0
	now := time.Now()
	p.meter.show(fmt.Sprintf("%s accepted, %.0f a second", view.Count(p.accepted, "event"), float64(p.accepted)/max(now.Sub(p.began).Seconds(), 0.001)), now)
	return nil
}

// pace waits until the batch may go.
func (p *publisher) pace(ctx context.Context) error {
	if p.each == 0 {
		return nil
	}
	now := time.Now()
	if wait := p.next.Sub(now); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
		now = p.next
	}
	p.next = now.Add(time.Duration(len(p.batch)) * p.each)
	return nil
}

// keep counts an outcome, and shows it or keeps it to be shown.
func (p *publisher) keep(o view.Outcome) error {
	if o.OK() {
		p.accepted++
		p.last = o.Where()
	} else {
		p.refused++
	}
	if o.Duplicate {
		p.known++
	}
	switch p.c.String("output") {
	case "jsonl", "name":
		if p.c.String("output") == "name" && !o.OK() {
			return nil
		}
		return p.a.Item(p.c, o, nil)
	}
	if !o.OK() && len(p.bad) < maxRows {
		p.bad = append(p.bad, o)
	}
	if len(p.outcomes) < maxRows || !app.ForPeople(p.c) {
		p.outcomes = append(p.outcomes, o)
	}
	return nil
}

// show writes what was kept.
func (p *publisher) show() error {
	if app.ForPeople(p.c) && p.accepted+p.refused > maxRows {
		p.outcomes = p.bad
	}
	if len(p.outcomes) == 0 {
		return nil
	}
	return p.a.Data(p.c, p.outcomes, func() (string, error) { return view.Published(p.outcomes, p.a.Ink()), nil })
}

// verdict says how many were accepted, and fails unless all were.
func (p *publisher) verdict(ctx context.Context, failed error) error {
	if p.numbered == 1 && p.accepted+p.refused == 0 {
		return failed
	}
	again := "the same again with --dedup-prefix " + p.prefix + ": what was accepted is not accepted twice"
	said := fmt.Sprintf("%s accepted", view.Count(p.accepted, "event"))
	if p.known > 0 {
		said += fmt.Sprintf(", %d of them published before", p.known)
	}
	if failed != nil {
		if p.accepted+p.refused+p.sent == 0 {
			return failed // nothing was sent
		}
		if p.last != "" {
			said += ", up to " + p.last
		}
		message, code, _ := fault.Judge(failed)
		if ctx.Err() != nil {
			message = "interrupted"
		}
		if p.sent > 0 {
			said += fmt.Sprintf("; of the %d after that it is not known", p.sent)
		}
		if p.accepted > 0 {
			code = fault.Partly
		}
		return fault.New(code, again, "%s; %s", strings.ReplaceAll(message, "\n", "; "), said)
	}
	all := p.accepted + p.refused
	switch {
	case p.refused == 0:
		p.a.Say("%s.", said)
		return nil
	case p.accepted == 0:
		return fault.New(fault.Failed, "", "none of %d events were accepted", all)
	}
	return fault.New(fault.Partly, again, "%d of %d events were not accepted", p.refused, all)
}

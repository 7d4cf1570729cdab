package work

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/eventfile"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

// checker holds events against what is declared of their types, as the server
// does when they are published, and publishes nothing.
type checker struct {
	a  *commands
	c  *cli.Context
	cl *client.Client
	me *client.Me

	types    map[[2]string]*declared // by client and type
	last     *view.Checked           // of the event before, which may be the same
	lastData json.RawMessage

	checked  []view.Checked
	number   int
	verdicts map[string]int
}

// declared is what there is of a type for a client.
type declared struct {
	known bool
	check *resource.EventType // whose schema its events are held against
}

// run checks what there is, and says what it found and what it did not look at.
func (k *checker) run(ctx context.Context, events iter.Seq2[source, error]) error {
	var err error
	if k.me, err = k.cl.Me(ctx); err != nil {
		return err
	}
	k.types, k.verdicts = map[[2]string]*declared{}, map[string]int{}
	failed := k.all(ctx, events)
	if failed == nil && k.number == 0 {
		return noEvents()
	}
	if len(k.checked) > 0 {
		if err := k.a.Data(k.c, k.checked, func() (string, error) { return view.CheckedEvents(k.checked, k.a.Ink()), nil }); err != nil {
			return err
		}
	}
	said := view.Count(k.number, "event") + " checked"
	for _, v := range []string{view.Refused, view.Warned, view.Undeclared, view.Unchecked} {
		if n := k.verdicts[v]; n > 0 {
			said += fmt.Sprintf(", %d %s", n, v)
		}
	}
	k.a.Say("%s. Nothing was published. Not checked: limits of size and number, whether you may publish for the client, and whether it was published before.", said)
	if failed != nil {
		return failed
	}
	if k.verdicts[view.Refused] > 0 {
		return fault.Exit(fault.Failed)
	}
	return nil
}

func (k *checker) all(ctx context.Context, events iter.Seq2[source, error]) error {
	for s, err := range events {
		if err != nil {
			return err
		}
		got, err := k.check(ctx, s)
		if err != nil {
			return fmt.Errorf("check event %d: %w", k.number+1, err)
		}
		k.number++
		got.Number, got.File, got.Line = k.number, s.file, s.Line
		k.verdicts[got.Verdict]++
		if k.c.String("output") == "jsonl" {
			if err := k.a.Item(k.c, got, nil); err != nil {
				return err
			}
			continue
		}
		k.keep(got)
	}
	return nil
}

// keep keeps a verdict to be shown: of very many, people see the bad ones.
func (k *checker) keep(got view.Checked) {
	k.checked = append(k.checked, got)
	if !app.ForPeople(k.c) || k.number <= maxRows {
		return
	}
	if k.number == maxRows+1 {
		k.checked = view.Worse(k.checked)
	} else if last := len(k.checked) - 1; last >= maxRows || len(view.Worse(k.checked[last:])) == 0 {
		k.checked = k.checked[:last]
	}
}

// check says what would become of one event.
func (k *checker) check(ctx context.Context, s source) (view.Checked, error) {
	e := s.Event
	got := view.Checked{Type: e.Type, Problems: []resource.Problem{}}
	refuse := func(field, detail string) (view.Checked, error) {
		got.Verdict, got.Problems = view.Refused, append(got.Problems, resource.Problem{Field: field, Detail: detail})
		return got, nil
	}
	if p := resource.CheckEventType(e.Type); p != "" {
		return refuse("type", p)
	}
	tenant := e.ClientID
	if tenant == "" && k.me.Scope != resource.ScopeAnchor {
		if tenant = k.me.ClientID; tenant == "" {
			return refuse("clientId", "is required: you are bound to several clients, or to none")
		}
	}
	t, err := k.typeOf(ctx, tenant, e.Type)
	switch {
	case err != nil:
		return got, err
	case !t.known:
		got.Verdict = view.Undeclared
		return got, nil
	case t.check == nil:
		got.Verdict = view.Unchecked
		return got, nil
	}
	data, err := dataIn(e)
	if err != nil {
		return got, err
	}
	if k.last != nil && k.last.Type == e.Type && k.last.Of == t.check.ID && bytes.Equal(data, k.lastData) {
		return *k.last, nil // one that is repeated is asked about once
	}
	raw, err := k.cl.Call(ctx, http.MethodPost, "/api/event-types/"+url.PathEscape(t.check.ID)+"/validate", nil, map[string]any{"data": data})
	if err != nil {
		return got, err
	}
	var answer struct {
		Valid    bool               `json:"valid"`
		Version  string             `json:"version"`
		Problems []resource.Problem `json:"problems"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return got, fmt.Errorf("read the verdict: %w", err)
	}
	got.Of, got.Version, got.Verdict = t.check.ID, answer.Version, view.Valid
	if !answer.Valid {
		got.Problems = answer.Problems
		got.Verdict = view.Warned
		if t.check.Validation == resource.ValidationReject {
			got.Verdict = view.Refused
		}
	}
	k.last, k.lastData = &got, data
	return got, nil
}

// dataIn is the data of an event as the server keeps it.
func dataIn(e client.NewEvent) (json.RawMessage, error) {
	if e.Data == nil {
		return json.RawMessage("null"), nil
	}
	data, err := json.Marshal(e.Data)
	if err != nil {
		return nil, fmt.Errorf("encode the data: %w", err)
	}
	return eventfile.Document(data), nil
}

// typeOf looks a type up: a client's own is held against its events, if it
// checks any, and else that of anchor level.
func (k *checker) typeOf(ctx context.Context, tenant, code string) (*declared, error) {
	key := [2]string{tenant, code}
	if d := k.types[key]; d != nil {
		return d, nil
	}
	d := new(declared)
	look := func(f client.ResourceFilter, ofClient bool) error {
		f.Code = code
		for r, err := range k.cl.Resources(resource.KindEventType).List(ctx, f) {
			if err != nil {
				return err
			}
			t, is := r.(*resource.EventType)
			if !is || ofClient != (t.Base().ClientID != "") {
				continue
			}
			d.known = true
			if d.check == nil && t.InForce() != nil && (t.Validation == resource.ValidationWarn || t.Validation == resource.ValidationReject) {
				d.check = t
			}
		}
		return nil
	}
	if tenant != "" {
		if err := look(client.ResourceFilter{ClientID: tenant}, true); err != nil {
			return nil, err
		}
	}
	if err := look(client.ResourceFilter{}, false); err != nil {
		return nil, err
	}
	k.types[key] = d
	return d, nil
}

package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	// Next is the cursor of the page after this one; empty at the end.
	Next string
	// Partial says that the server stopped looking before the page was full:
	// a filter without an index. Following Next goes on.
	Partial bool
}

// list fetches one page; the items are under the first of names that is there.
func list[T any](ctx context.Context, c *Client, path string, q url.Values, item func(json.RawMessage) (T, error), names ...string) (*Page[T], error) {
	var answer map[string]json.RawMessage
	if _, err := c.do(ctx, call{method: http.MethodGet, path: path, query: q}, &answer); err != nil {
		return nil, err
	}
	p := new(Page[T])
	var raw []json.RawMessage
	for _, n := range names {
		if _, ok := answer[n]; !ok {
			continue
		}
		if err := json.Unmarshal(answer[n], &raw); err != nil {
			return nil, err
		}
		break
	}
	for _, r := range raw {
		v, err := item(r)
		if err != nil {
			return nil, err
		}
		p.Items = append(p.Items, v)
	}
	more := true
	for name, into := range map[string]any{"nextCursor": &p.Next, "partial": &p.Partial, "hasMore": &more} {
		if r, ok := answer[name]; ok && string(r) != "null" {
			if err := json.Unmarshal(r, into); err != nil {
				return nil, err
			}
		}
	}
	if !more {
		p.Next = ""
	}
	return p, nil
}

func decode[T any](r json.RawMessage) (T, error) {
	var v T
	err := json.Unmarshal(r, &v)
	return v, err
}

// all walks the pages. A failed page ends the walk with its error.
func all[T any](page func(cursor string) (*Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		cursor := ""
		for {
			p, err := page(cursor)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, v := range p.Items {
				if !yield(v, nil) {
					return
				}
			}
			if p.Next == "" || p.Next == cursor {
				return
			}
			cursor = p.Next
		}
	}
}

// query builds a query and leaves out what is empty.
type query url.Values

func (q query) text(name string, values ...string) {
	for _, v := range values {
		if v != "" {
			url.Values(q).Add(name, v)
		}
	}
}

func (q query) time(name string, t time.Time) {
	if !t.IsZero() {
		url.Values(q).Set(name, t.UTC().Format(time.RFC3339Nano))
	}
}

func (q query) page(cursor string, size int) url.Values {
	q.text("cursor", cursor)
	if size <= 0 {
		size = 50 // a list without a limit may answer with the bare array that older clients know
	}
	url.Values(q).Set("limit", strconv.Itoa(size))
	return url.Values(q)
}

package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

const eventCols = "position, type, source, subject, time, client_id, message_group, correlation_id, dedup, extra, created_at"

// extra is what few events have; it has no columns of its own.
type extra struct {
	ContentType  string          `json:"ct,omitempty"`
	SpecVersion  string          `json:"sv,omitempty"`
	CausationID  string          `json:"ca,omitempty"`
	Context      []flow.KeyValue `json:"cx,omitempty"`
	Traceparent  string          `json:"tp,omitempty"`
	CloudEventID string          `json:"ce,omitempty"`
	Expunged     bool            `json:"xp,omitempty"`
}

// The usual values are not written.
const (
	usualContentType = "application/json"
	usualSpecVersion = "1.0"
)

func packExtra(e *flow.Event) (string, error) {
	x := extra{CausationID: e.CausationID, Context: e.ContextData, Traceparent: e.Traceparent, CloudEventID: e.CloudEventID, Expunged: e.Expunged}
	if e.DataContentType != usualContentType {
		x.ContentType = e.DataContentType
	}
	if e.SpecVersion != usualSpecVersion {
		x.SpecVersion = e.SpecVersion
	}
	if x.ContentType == "" && x.SpecVersion == "" && x.CausationID == "" && len(x.Context) == 0 && x.Traceparent == "" && x.CloudEventID == "" && !x.Expunged {
		return "", nil
	}
	b, err := json.Marshal(x)
	return string(b), err
}

// Append implements store.Events.
func (st *Store) Append(ctx context.Context, events []flow.Event, now time.Time) ([]store.Appended, error) {
	if len(events) == 0 {
		return nil, st.isClosed()
	}
	out := make([]store.Appended, len(events))
	err := st.write(ctx, func(t *tx) error {
		fresh := make([]*flow.Event, 0, len(events))
		for i := range events {
			e, dup, err := t.insertEvent(events[i], now)
			if err != nil {
				return fmt.Errorf("append event: %w", err)
			}
			out[i] = store.Appended{Event: e, Duplicate: dup}
			if !dup {
				kept := e
				fresh = append(fresh, &kept)
			}
		}
		if len(fresh) == 0 {
			return nil
		}
		t.notes.then = append(t.notes.then, func() {
			st.cache.add(fresh)
			st.backlog.Add(int64(len(fresh)))
			st.last.Store(fresh[len(fresh)-1].Position)
			st.wakes.Events.Post()
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (t *tx) insertEvent(e flow.Event, now time.Time) (flow.Event, bool, error) {
	e.ID = t.st.ids.New(now)
	e.Position = int64(e.ID)
	e.CreatedAt = now.Truncate(time.Millisecond).UTC()
	if e.Time.IsZero() {
		e.Time = e.CreatedAt
	}
	e.Time = e.Time.Truncate(time.Millisecond).UTC()
	dedup := ""
	if e.DeduplicationID != "" {
		dedup = e.DedupKey()
	}
	x, err := packExtra(&e)
	if err != nil {
		return e, false, err
	}
	err = t.q("INSERT INTO events(" + eventCols + ", data) VALUES(?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(dedup) WHERE dedup IS NOT NULL DO NOTHING").
		int(e.Position).text(e.Type).text(e.Source).opt(e.Subject).time(e.Time).opt(e.ClientID).opt(e.MessageGroup).
		opt(e.CorrelationID).opt(dedup).opt(x).time(e.CreatedAt).blob(e.Data).exec()
	if err != nil {
		return e, false, err
	}
	if dedup == "" || t.c.Changes() > 0 {
		t.roll(e.CreatedAt, store.CountEvents, e.ClientID, e.Type)
		return e, false, nil
	}
	var stored flow.Event
	found, err := t.q("SELECT " + eventCols + ", data FROM events WHERE dedup = ?").text(dedup).
		one(func(s *sqlite.Stmt) { stored = scanEvent(s, true) })
	if err == nil && !found {
		err = fmt.Errorf("deduplication key was taken and then gone")
	}
	return stored, true, err
}

// scanEvent reads eventCols, and data after them.
func scanEvent(s *sqlite.Stmt, data bool) flow.Event {
	e := flow.Event{
		ID: flow.ID(s.ColumnInt64(0)), Position: s.ColumnInt64(0), Type: s.ColumnText(1), Source: s.ColumnText(2),
		Subject: s.ColumnText(3), Time: colTime(s, 4), ClientID: s.ColumnText(5), MessageGroup: s.ColumnText(6),
		CorrelationID: s.ColumnText(7), CreatedAt: colTime(s, 10),
		DataContentType: usualContentType, SpecVersion: usualSpecVersion,
	}
	if dedup := s.ColumnText(8); dedup != "" {
		prefix := e.ClientID
		if prefix == "" {
			prefix = "-"
		}
		e.DeduplicationID = strings.TrimPrefix(dedup, prefix+"/")
	}
	if x := s.ColumnText(9); x != "" {
		var v extra
		// What we wrote ourselves reads back; a damaged row shows what is left.
		if err := json.Unmarshal([]byte(x), &v); err == nil {
			e.CausationID, e.ContextData, e.Traceparent, e.CloudEventID, e.Expunged = v.CausationID, v.Context, v.Traceparent, v.CloudEventID, v.Expunged
			if v.ContentType != "" {
				e.DataContentType = v.ContentType
			}
			if v.SpecVersion != "" {
				e.SpecVersion = v.SpecVersion
			}
		}
	}
	if data {
		e.Data = colBytes(s, 11)
	}
	return e
}

func (c *conn) event(position int64, data bool) (*flow.Event, error) {
	cols := eventCols
	if data {
		cols += ", data"
	}
	var e flow.Event
	found, err := c.q("SELECT " + cols + " FROM events WHERE position = ?").int(position).
		one(func(s *sqlite.Stmt) { e = scanEvent(s, data) })
	if err != nil || !found {
		return nil, err
	}
	return &e, nil
}

// Event implements store.Events.
func (st *Store) Event(ctx context.Context, sc store.Scope, id flow.ID) (flow.Event, error) {
	e := st.cache.get(int64(id))
	if e == nil {
		err := st.read(ctx, func(c *conn) (err error) {
			e, err = c.event(int64(id), true)
			return err
		})
		if err != nil {
			return flow.Event{}, fmt.Errorf("read event: %w", err)
		}
	}
	if e == nil || !sc.Sees(e.ClientID) {
		return flow.Event{}, store.ErrNotFound
	}
	return *e, nil
}

// ListEvents implements store.Events. It looks at what a row has before it reads
// the event.
func (st *Store) ListEvents(ctx context.Context, sc store.Scope, q store.EventQuery) (store.EventPage, error) {
	var page store.EventPage
	err := st.read(ctx, func(c *conn) error {
		page = store.EventPage{}
		return c.listEvents(ctx, sc, &q, &page)
	})
	if err != nil {
		return store.EventPage{}, fmt.Errorf("list events: %w", err)
	}
	return page, nil
}

func (c *conn) listEvents(ctx context.Context, sc store.Scope, q *store.EventQuery, page *store.EventPage) error {
	limit, search := store.PageLimit(q.Limit), q.Search
	if search == nil {
		search = new(store.Search)
	}
	from := merge(c.eventSources(sc, q))
	defer from.close()
	last := q.Before
	for n := 0; ; n++ {
		id, row, err := from.next()
		if err != nil || id == 0 {
			return err
		}
		if len(page.Events) == limit {
			page.Next = last
			return nil
		}
		if search.Over() {
			page.Next, page.Partial = last, true
			return nil
		}
		if n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		last = int64(id)
		var e *flow.Event
		switch {
		case row == nil:
			if e, err = c.eventIf(last, func(e *flow.Event) bool { return matchesEvent(e, sc, q) }); err != nil {
				return err
			}
		case rowFitsEvent(row, sc, q):
			found := scanEvent(row, true)
			e = &found
		}
		if e == nil {
			search.Miss()
			continue
		}
		page.Events = append(page.Events, *e)
	}
}

// eventSources are where to look for events.
func (c *conn) eventSources(sc store.Scope, q *store.EventQuery) []source {
	high, low := idRange(q.Since, q.Until)
	if q.Before > 0 {
		high = min(high, q.Before)
	}
	from := func(found stmt) []source { return []source{rows{found.int(high).int(low)}} }
	if q.CorrelationID != "" {
		return from(c.q("SELECT " + eventCols + ", data FROM events WHERE correlation_id = ? AND position < ? AND position >= ? ORDER BY position DESC").text(q.CorrelationID))
	}
	clients, named := store.Within(sc, q.Clients)
	switch {
	case named && len(clients) == 1:
		return from(c.q("SELECT " + eventCols + ", data FROM events INDEXED BY events_client WHERE client_id = ? AND position < ? AND position >= ? ORDER BY position DESC").text(clients[0]))
	case named && len(clients) <= mostClients:
		return c.ofClients("SELECT position FROM events INDEXED BY events_client WHERE client_id = ? AND position < ? AND position >= ? ORDER BY position DESC LIMIT ?", clients, high, low)
	}
	return from(c.q("SELECT " + eventCols + ", data FROM events WHERE position < ? AND position >= ? ORDER BY position DESC"))
}

// eventIf reads an event, and its data if it fits; nil otherwise.
func (c *conn) eventIf(position int64, fits func(*flow.Event) bool) (*flow.Event, error) {
	e, err := c.event(position, false)
	if err != nil || e == nil || !fits(e) {
		return nil, err
	}
	return c.event(position, true)
}

// rowFitsEvent says whether a row of eventCols fits. It reads the columns that a
// filter asks for and no others.
func rowFitsEvent(row *sqlite.Stmt, sc store.Scope, q *store.EventQuery) bool {
	is := func(column int, want string) bool { return want == "" || want == row.ColumnText(column) }
	return (sc.All && len(q.Clients) == 0 || seen(row.ColumnText(5), sc, q.Clients)) &&
		is(7, q.CorrelationID) && is(6, q.MessageGroup) && is(3, q.Subject) && is(2, q.Source) &&
		(q.Type.Empty() || q.Type.Match(row.ColumnText(1)))
}

// idRange turns times into ids, which carry the millisecond they were made in.
// A time that no id can carry is as good as none.
func idRange(since, until time.Time) (high, low int64) {
	const last = 1<<41 - 1 // the last millisecond of a positive id
	id := func(t time.Time) int64 { return min(max(t.UnixMilli(), 0), last) << 22 }
	high = 1<<63 - 1
	if !until.IsZero() && until.UnixMilli() <= last {
		high = id(until)
	}
	if !since.IsZero() {
		low = id(since)
	}
	return high, low
}

func matchesEvent(e *flow.Event, sc store.Scope, q *store.EventQuery) bool {
	return sc.Sees(e.ClientID) &&
		(len(q.Clients) == 0 || slices.Contains(q.Clients, e.ClientID)) &&
		(q.CorrelationID == "" || q.CorrelationID == e.CorrelationID) &&
		(q.MessageGroup == "" || q.MessageGroup == e.MessageGroup) &&
		(q.Subject == "" || q.Subject == e.Subject) &&
		(q.Source == "" || q.Source == e.Source) &&
		q.Type.Match(e.Type)
}

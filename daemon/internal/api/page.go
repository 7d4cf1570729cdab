package api

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Paging are the parameters of every list.
type Paging struct {
	Cursor string `query:"cursor" doc:"nextCursor of the page before"`
	Limit  int    `query:"limit" minimum:"0" maximum:"1000" doc:"Items of a page; 0 or absent is 50"`
	Size   int    `query:"size" minimum:"0" maximum:"1000" doc:"The same as limit"`
}

// bare says that a list is asked for as existing clients do it, who know
// neither cursors nor limits: they get the array alone.
func (p Paging) bare() bool { return p.Cursor == "" && p.Limit == 0 }

func (p Paging) limit() int {
	if p.Limit != 0 {
		return store.PageLimit(p.Limit)
	}
	return store.PageLimit(p.Size)
}

// A page is gathered in steps and ends early when its payloads grow large, so
// that no answer costs more memory than its limit suggests.
const (
	itemsOfStep      = 64
	defaultPageBytes = 8 << 20
)

// searchPatience is how long a page may look for what fits filters that have no
// index; then it is partial. A whole answer is to take no longer than 50 ms.
const searchPatience = 20 * time.Millisecond

// step is what one question to the store added to a page.
type step struct {
	items, bytes int
	next         uint64 // where the next one goes on; 0 at the end
	partial      bool
}

// gather asks in steps until a page is full, and says where the next begins.
func gather(limit, maxBytes int, ask func(limit int) (step, error)) (next uint64, err error) {
	bytes := 0
	for limit > 0 {
		done, err := ask(min(limit, itemsOfStep))
		if err != nil {
			return 0, err
		}
		limit -= done.items
		bytes += done.bytes
		next = done.next
		if next == 0 || done.items == 0 || done.partial || bytes >= maxBytes {
			break
		}
	}
	return next, nil
}

// cursorVersion stands in every cursor, so that another form can come later.
const cursorVersion = "1"

// seal makes a cursor for one sort of list. Callers must not look inside.
func seal(list string, parts ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorVersion + "\x00" + list + "\x00" + strings.Join(parts, "\x00")))
}

// unseal reads a cursor of that list with so many parts. An empty cursor is
// the beginning: no parts.
func unseal(list, cursor string, parts int) ([]string, error) {
	if cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	got := strings.Split(string(b), "\x00")
	if err != nil || len(got) != parts+2 || got[0] != cursorVersion || got[1] != list {
		return nil, badField("cursor", "is not a cursor of this list", "nextCursor of the page before")
	}
	return got[2:], nil
}

// unsealNumber reads a cursor that is one number.
func unsealNumber(list, cursor string) (uint64, error) {
	parts, err := unseal(list, cursor, 1)
	if err != nil || parts == nil {
		return 0, err
	}
	n, err := strconv.ParseUint(parts[0], 10, 63)
	if err != nil || n == 0 {
		return 0, badField("cursor", "is not a cursor of this list", "nextCursor of the page before")
	}
	return n, nil
}

func badField(field, detail, try string) error {
	return platform.Invalid("the request has a field that can not be accepted", resource.Problem{Field: field, Detail: detail, Try: try})
}

// stamp is a time as the wire has it: RFC 3339 in UTC with milliseconds.
type stamp time.Time

const stampLayout = "2006-01-02T15:04:05.000Z07:00"

// MarshalJSON implements json.Marshaler.
func (t stamp) MarshalJSON() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(make([]byte, 0, 32), `"`+stampLayout+`"`), nil
}

// IsZero lets omitzero leave out what never happened.
func (t stamp) IsZero() bool { return time.Time(t).IsZero() }

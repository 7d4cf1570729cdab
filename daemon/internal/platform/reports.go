package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// The limits of one reported audit entry, in bytes.
const (
	MaxOperationData = 256 << 10
	maxMetadata      = 16 << 10
)

// wireReport is an audit entry as an application writes it.
type wireReport struct {
	EntityType    string          `json:"entityType"`
	EntityID      string          `json:"entityId"`
	Operation     string          `json:"operation"`
	OperationData json.RawMessage `json:"operationData"`
	PrincipalID   string          `json:"principalId"`
	PerformedAt   *time.Time      `json:"performedAt"`
	Source        string          `json:"source"`
	CorrelationID string          `json:"correlationId"`
	Metadata      json.RawMessage `json:"metadata"`
	ClientID      string          `json:"clientId"`
}

// ReportDraft is one audit entry of a request as it was read.
type ReportDraft struct {
	ItemID   string
	wire     wireReport
	Problems []resource.Problem
}

// DecodeReports reads a batch of audit entries, each by itself or as
// {id, clientId?, payload: entry}.
func DecodeReports(body []byte) ([]ReportDraft, error) {
	items, err := DecodeBatch(body)
	if err != nil {
		return nil, err
	}
	drafts := make([]ReportDraft, len(items))
	for i, item := range items {
		drafts[i] = decodeReport(item)
	}
	return drafts, nil
}

func decodeReport(body []byte) ReportDraft {
	var d ReportDraft
	var item struct {
		ID         json.RawMessage `json:"id"`
		ClientID   string          `json:"clientId"`
		EntityType *string         `json:"entityType"`
		Payload    json.RawMessage `json:"payload"`
	}
	err := json.Unmarshal(body, &item)
	if err == nil {
		d.ItemID = plainText(item.ID)
		entry := json.RawMessage(body)
		if inner, _ := unquoted(item.Payload); item.EntityType == nil && len(inner) > 0 && inner[0] == '{' {
			entry = inner
		}
		err = json.Unmarshal(entry, &d.wire)
	}
	if err != nil {
		var when *time.ParseError
		if errors.As(err, &when) {
			d.Problems = []resource.Problem{{Field: "performedAt", Detail: "must be an RFC 3339 time", Try: "2026-01-02T15:04:05Z"}}
		} else {
			d.Problems = Malformed(err).fields()
		}
		return d
	}
	d.wire.ClientID = first(d.wire.ClientID, item.ClientID)
	d.Problems = d.check()
	return d
}

// check says what is wrong with an entry by itself.
func (d *ReportDraft) check() []resource.Problem {
	var ps []resource.Problem
	bad := func(field, detail, try string) {
		ps = append(ps, resource.Problem{Field: field, Detail: detail, Try: try})
	}
	w := &d.wire
	for _, f := range []struct{ field, value, try string }{
		{"entityType", w.EntityType, "Order"}, {"entityId", w.EntityID, "4711"}, {"operation", w.Operation, "SHIP"},
	} {
		if f.value == "" {
			bad(f.field, "is required", f.try)
		}
	}
	for _, f := range []struct{ field, value string }{
		{"id", d.ItemID}, {"entityType", w.EntityType}, {"entityId", w.EntityID}, {"operation", w.Operation},
		{"principalId", w.PrincipalID}, {"source", w.Source}, {"correlationId", w.CorrelationID},
	} {
		if p := checkText(f.value, maxText); p != "" {
			bad(f.field, p, "")
		}
	}
	if p := checkClient(w.ClientID); p != "" {
		bad("clientId", p, "")
	}
	for _, f := range []struct {
		field string
		value json.RawMessage
		limit int
	}{{"operationData", w.OperationData, MaxOperationData}, {"metadata", w.Metadata, maxMetadata}} {
		switch {
		case len(f.value) > f.limit:
			bad(f.field, fmt.Sprintf("is larger than %d bytes", f.limit), "")
		case !utf8.Valid(f.value):
			bad(f.field, "is not UTF-8", "")
		case depth(f.value) > maxDepth, depth(within(f.value)) > maxDepth:
			bad(f.field, fmt.Sprintf("nests deeper than %d", maxDepth), "")
		}
	}
	if m := bytes.TrimSpace(w.Metadata); len(m) > 0 && m[0] != '{' && string(m) != "null" {
		bad("metadata", "must be an object", `{"reason": "…"}`)
	}
	if t := w.PerformedAt; t != nil && (t.Year() < 1970 || t.Year() > 9999) {
		bad("performedAt", "must be from the years 1970 to 9999", "2026-01-02T15:04:05Z")
	}
	return ps
}

// ReportedAudit is the answer for one audit entry.
type ReportedAudit struct {
	ID        flow.ID
	Duplicate bool
	Refused   *Error
}

// ReportAudit keeps audit entries that an application made of what happened
// within it, and answers for each in order. The platform vouches only for who
// reported an entry and when it came; everything else is marked as what the
// application says. An entry with an id is kept once for its reporter and
// client.
func (p *Platform) ReportAudit(ctx context.Context, c Caller, drafts []ReportDraft) ([]ReportedAudit, error) {
	cat, err := p.cache.Get(ctx)
	if err != nil {
		return nil, err
	}
	answers := make([]ReportedAudit, len(drafts))
	entries := make([]store.AuditEntry, 0, len(drafts))
	for i := range drafts {
		e, refused := c.report(cat, &drafts[i])
		if refused != nil {
			answers[i].Refused = refused
			continue
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return answers, nil
	}
	if err := p.afford(cat, len(entries), func(i int) string { return entries[i].ClientID }); err != nil {
		return nil, err
	}
	stored, err := p.st.ReportAudit(ctx, entries, p.now())
	if err != nil {
		return nil, fmt.Errorf("report audit entries: %w", err)
	}
	if len(stored) != len(entries) {
		return nil, fmt.Errorf("report audit entries: the store answered for %d of %d", len(stored), len(entries))
	}
	for i := range answers {
		if a := &answers[i]; a.Refused == nil {
			a.ID, a.Duplicate = stored[0].ID, stored[0].Duplicate
			stored = stored[1:]
		}
	}
	return answers, nil
}

// report is a draft as the caller may have it kept.
func (c Caller) report(cat *catalog.Catalog, d *ReportDraft) (store.AuditEntry, *Error) {
	if len(d.Problems) > 0 {
		return store.AuditEntry{}, Invalid("the audit entry can not be accepted", d.Problems...)
	}
	w := &d.wire
	client, refused := c.tenant(cat, w.ClientID)
	if refused == nil {
		refused = publishes(cat, client)
	}
	if refused != nil {
		return store.AuditEntry{}, refused
	}
	said := &store.AuditReport{PrincipalID: w.PrincipalID, Source: w.Source, CorrelationID: w.CorrelationID}
	if w.PerformedAt != nil {
		said.PerformedAt = w.PerformedAt.UTC().Truncate(time.Millisecond)
	}
	if m := bytes.TrimSpace(w.Metadata); string(m) != "null" {
		said.Metadata = m
	}
	if d.ItemID != "" {
		owner := client
		if owner == "" {
			owner = "-"
		}
		said.DedupKey = strings.Join([]string{c.PrincipalID, owner, d.ItemID}, "/")
	}
	data := within(w.OperationData)
	return store.AuditEntry{
		EntityType: w.EntityType, EntityID: w.EntityID, Operation: w.Operation, After: bytes.Clone(data),
		PrincipalID: c.PrincipalID, ClientID: client, RequestID: c.RequestID, Report: said,
	}, nil
}

// within is the document in a text that is one, or the value itself.
func within(v json.RawMessage) json.RawMessage {
	data, _ := unquoted(v)
	return data
}

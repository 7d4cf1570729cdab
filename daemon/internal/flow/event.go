package flow

import (
	"encoding/json"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/internal/match"
)

// Event is a fact that an application published. It never changes.
type Event struct {
	ID              ID
	Position        int64 // given by the store; order is by position alone
	Type            string
	Source          string
	Subject         string
	Time            time.Time
	Data            json.RawMessage // the bytes as published; never decoded on the way
	DataContentType string
	SpecVersion     string
	MessageGroup    string
	CorrelationID   string
	CausationID     string
	DeduplicationID string
	ClientID        string // the tenant; "" is anchor level
	ContextData     []KeyValue
	Traceparent     string
	CloudEventID    string // the id of a CloudEvent, which is not ours
	CreatedAt       time.Time
	Expunged        bool // the data was removed; the rest is as it was
}

// KeyValue is one pair of context data or metadata.
type KeyValue = resource.KeyValue

// Facts are what subscriptions see of the event.
func (e *Event) Facts() *match.Event {
	return &match.Event{ID: e.ID.String(), Type: e.Type, Source: e.Source, Subject: e.Subject, Time: e.Time, Data: e.Data,
		ClientID: e.ClientID, MessageGroup: e.MessageGroup, ContextData: e.ContextData}
}

// DedupKey is the one string under which a store keeps events unique:
// client and deduplication id, or the event's own id where it has none.
func (e *Event) DedupKey() string {
	if e.DeduplicationID == "" {
		return "e/" + e.ID.String()
	}
	client := e.ClientID
	if client == "" {
		client = "-"
	}
	return client + "/" + e.DeduplicationID
}

package match

import (
	"encoding/json"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// Event is what subscriptions see of an event.
type Event struct {
	ID           string // for those who are told of it; no filter sees it
	Type         string // application:subdomain:aggregate:event
	Source       string
	Subject      string
	Time         time.Time
	Data         json.RawMessage // as published; decoded if a filter asks for it
	ClientID     string          // the tenant; "" is anchor level
	MessageGroup string
	ContextData  []resource.KeyValue
}

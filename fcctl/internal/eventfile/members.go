package eventfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// published are the members that an event may have when it is published.
var published = []string{
	"type", "source", "subject", "time", "data", "messageGroup", "correlationId", "causationId", "deduplicationId", "clientId",
	"contextData", "traceparent", "dataContentType", "specVersion", "id", "eventType", "dataschema", "data_base64",
}

// shown are those that the API shows besides, which say nothing new.
var shown = []string{
	"createdAt", "projectedAt", "application", "subdomain", "aggregate", "eventName", "expunged", "cloudEventId",
	"event", "warnings", "duplicate", "isDuplicate", "dispatchJobCount",
}

// spellings are all of them in one spelling.
var spellings = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range slices.Concat(published, shown) {
		m[spelling(n)] = true
	}
	return m
}()

// spelling makes one of messageGroup, message_group and messagegroup.
func spelling(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "")
}

// known refuses a member that nobody would read: with "dta" for "data" an event
// would go out empty. A CloudEvent may have extension attributes of any name.
func known(raw json.RawMessage, cloudEvent bool) error {
	if cloudEvent {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if spellings[spelling(name)] {
			continue
		}
		if n := fault.Nearest(name, published); n != "" {
			return fmt.Errorf("an event has no %q; is it %q?", name, n)
		}
		return fmt.Errorf("an event has no %q; what is yours goes into \"data\" or \"contextData\"", name)
	}
	return nil
}

package storetest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// SeedClients puts active clients of exactly these ids into a store, for tests
// of what stands above it.
func SeedClients(t testing.TB, st store.Resources, ids ...string) {
	t.Helper()
	_, version, err := st.Documents(t.Context(), string(resource.KindClient))
	if err != nil {
		t.Fatal(err)
	}
	set := store.WriteSet{IfVersion: version}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, id := range ids {
		c := &resource.Client{Meta: resource.Meta{ID: id, ClientID: id, Revision: 1, CreatedAt: now, UpdatedAt: now},
			Identifier: strings.ReplaceAll(strings.ToLower(id), "_", "-")}
		c.Defaults()
		body, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		set.Put = append(set.Put, store.Document{Kind: string(resource.KindClient), ID: id, ClientID: id, Code: c.Identifier, Revision: 1, Body: body})
	}
	if _, err := st.Write(t.Context(), set, now); err != nil {
		t.Fatal(err)
	}
}

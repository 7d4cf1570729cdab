package api

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// instant is a store that is done at once: what is left is the API's own.
type instant struct {
	store.Store
	ids *flow.IDs
}

func (s instant) Append(_ context.Context, events []flow.Event, now time.Time) ([]store.Appended, error) {
	out := make([]store.Appended, len(events))
	for i := range events {
		events[i].ID = s.ids.New(now)
		out[i].Event = events[i]
	}
	return out, nil
}

// discard is a response that nobody reads.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkPublish is one event of 1 KiB through everything but the network
// and the store.
func BenchmarkPublish(b *testing.B) {
	w := setupWith(b, func(st store.Store) store.Store { return instant{st, new(flow.IDs)} })
	body := `{"type":"orders:fulfillment:shipment:shipped","source":"/shop","messageGroup":"g-1","deduplicationId":"0123456789","data":{"total":120,"text":"` + strings.Repeat("x", 900) + `"}}`
	token := "Bearer " + w.admin()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/api/events", nil)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		r.Header["Authorization"], r.Header["Content-Type"] = []string{token}, []string{"application/json"}
		w.api.ServeHTTP(discard{http.Header{}}, r)
	}
}

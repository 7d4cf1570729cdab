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
	publishAgain(b, w, "/api/events", body)
}

// BenchmarkPublishBatchOf100 is a batch of such events.
func BenchmarkPublishBatchOf100(b *testing.B) {
	w := setupWith(b, func(st store.Store) store.Store { return instant{st, new(flow.IDs)} })
	item := `{"type":"orders:fulfillment:shipment:shipped","source":"/shop","messageGroup":"g-1","deduplicationId":"0123456789","data":{"total":120,"text":"` + strings.Repeat("x", 900) + `"}}`
	publishAgain(b, w, "/api/events/batch", "["+strings.Repeat(item+",", 99)+item+"]")
}

func publishAgain(b *testing.B, w *world, path, body string) {
	first := httptest.NewRequest("POST", path, nil)
	first.Header["Authorization"], first.Header["Content-Type"] = []string{"Bearer " + w.admin()}, []string{"application/json"}
	sent := strings.NewReader("")
	answer := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		r := *first
		sent.Reset(body)
		r.Body, r.ContentLength = io.NopCloser(sent), int64(len(body))
		clear(answer.h)
		w.api.ServeHTTP(answer, &r)
	}
}

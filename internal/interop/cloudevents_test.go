package interop

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// bearer puts a token on each request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func event(id string) cloudevents.Event {
	e := cloudevents.NewEvent()
	e.SetID(id)
	e.SetType("shop:sales:order:placed")
	e.SetSource("https://shop.example.com/orders")
	e.SetSubject(`50 % "off" für alle`)
	e.SetTime(time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC))
	e.SetExtension("messagegroup", "order-7")
	e.SetExtension("correlationid", "c-1")
	if err := e.SetData(cloudevents.ApplicationJSON, map[string]any{"total": 12.5, "lines": []int{1, 2}}); err != nil {
		panic(err)
	}
	return e
}

// stored is an event as the API shows it.
type stored struct {
	ID, Type, Source, Subject, Time, MessageGroup, CorrelationID, CloudEventID, DeduplicationID string
	Data                                                                                        json.RawMessage
}

func TestTheCloudEventsSDKPublishesInEachOfItsModes(t *testing.T) {
	d := daemontest.Start(t, "")
	protocol, err := cehttp.New(cehttp.WithTarget(d.URL("platform")+"/api/events"), cehttp.WithRoundTripper(bearer(d.Token())))
	if err != nil {
		t.Fatal(err)
	}
	c, err := cloudevents.NewClient(protocol)
	if err != nil {
		t.Fatal(err)
	}
	for id, mode := range map[string]func(context.Context) context.Context{"binary-1": binding.WithForceBinary, "structured-1": binding.WithForceStructured} {
		for range 2 { // the second is the same event: it is accepted and not stored again
			if result := c.Send(mode(t.Context()), event(id)); cloudevents.IsUndelivered(result) || cloudevents.IsNACK(result) {
				t.Fatalf("%s: %v", id, result)
			}
		}
	}
	batch, err := cehttp.NewHTTPRequestFromEvents(t.Context(), d.URL("platform")+"/api/events", []cloudevents.Event{event("batched-1"), event("batched-2")})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: bearer(d.Token())}).Do(batch)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var results struct {
		Results []struct{ Status, Error string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&results); err != nil || answer.StatusCode != http.StatusOK || len(results.Results) != 2 {
		t.Fatalf("a batch: %d, %+v, %v", answer.StatusCode, results, err)
	}

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL("platform")+"/api/events?limit=50", nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := (&http.Client{Transport: bearer(d.Token())}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer list.Body.Close()
	var page struct{ Events []stored }
	if err := json.NewDecoder(list.Body).Decode(&page); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range page.Events {
		seen[e.CloudEventID]++
		if e.Type != "shop:sales:order:placed" || e.Source != "https://shop.example.com/orders" || e.Subject != `50 % "off" für alle` || e.Time != "2026-01-02T15:04:05.000Z" ||
			e.MessageGroup != "order-7" || e.CorrelationID != "c-1" || string(e.Data) != `{"lines":[1,2],"total":12.5}` || e.DeduplicationID != e.Source+" "+e.CloudEventID {
			t.Errorf("%+v with data %s", e, e.Data)
		}
	}
	for _, id := range []string{"binary-1", "structured-1", "batched-1", "batched-2"} {
		if seen[id] != 1 {
			t.Errorf("%s is there %d times", id, seen[id])
		}
	}
}

func TestTheCloudEventsSDKIsToldWhatIsWrong(t *testing.T) {
	d := daemontest.Start(t, "")
	protocol, err := cehttp.New(cehttp.WithTarget(d.URL("platform")+"/api/events"), cehttp.WithRoundTripper(bearer(d.Token())))
	if err != nil {
		t.Fatal(err)
	}
	c, err := cloudevents.NewClient(protocol)
	if err != nil {
		t.Fatal(err)
	}
	e := event("x")
	e.SetType("com.example.order.placed")
	result := c.Send(t.Context(), e)
	var status *cehttp.Result
	if cloudevents.IsACK(result) || !cloudevents.ResultAs(result, &status) || status.StatusCode != http.StatusBadRequest {
		t.Errorf("a type that is not ours: %v", result)
	}
}

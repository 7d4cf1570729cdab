package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/webhook"
)

// receiver is the other side: an application that checks signatures.
type receiver struct {
	url    string
	server *http.Server
}

// receive starts a receiver on a free port. Name gives the code of a
// subscription's id.
func receive(secret string, t *tally, name func(id string) string, show func(string, ...any)) (*receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	deliver := webhook.Handler(webhook.Verifier{Secrets: []string{secret}}, func(_ context.Context, d *webhook.Delivery) error {
		subscription, fact := name(d.SubscriptionID), factOf(d)
		accept := t.arrive(subscription, fact)
		outcome := "taken"
		if !accept {
			outcome = "answered 500 on purpose"
		}
		show("%-10s  attempt %d  %-31s  signature verified, %s", subscription, d.Attempt, fact, outcome)
		if !accept {
			return errors.New("on purpose")
		}
		return nil
	})
	s := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &statusRecorder{ResponseWriter: w}
		deliver.ServeHTTP(rec, r)
		if rec.status == http.StatusUnauthorized {
			t.refuse("job " + r.Header.Get(webhook.HeaderWebhookID))
			show("job %s  SIGNATURE NOT VERIFIED", r.Header.Get(webhook.HeaderWebhookID))
		}
	})}
	go func() { _ = s.Serve(l) }() // ends with Close
	return &receiver{"http://" + l.Addr().String() + "/hooks", s}, nil
}

// statusRecorder remembers what was answered.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// factOf is what a delivery says, in a few words.
func factOf(d *webhook.Delivery) string {
	var data struct {
		Order  int     `json:"order"`
		Total  float64 `json:"total"`
		Parcel int     `json:"parcel"`
		Step   string  `json:"step"`
	}
	if json.Unmarshal(d.Data, &data) != nil {
		return d.EventType
	}
	what := d.EventType[strings.LastIndex(d.EventType, ":")+1:]
	switch {
	case data.Parcel > 0:
		return fmt.Sprintf("parcel %d %s", data.Parcel, data.Step)
	case data.Total > 0:
		return fmt.Sprintf("order %d %s, total %g", data.Order, what, data.Total)
	case data.Order > 0:
		return fmt.Sprintf("order %d %s", data.Order, what)
	}
	return d.EventType
}

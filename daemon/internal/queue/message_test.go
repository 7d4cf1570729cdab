package queue_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

func TestMessageIDRoundTrip(t *testing.T) {
	t.Parallel()
	if got := queue.MessageID("0HZXEQ5Y8JY5Z", 12); got != "0HZXEQ5Y8JY5Z.12" {
		t.Errorf("message id %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		job := rapid.StringN(1, 20, -1).Draw(t, "job")
		ticket := rapid.Int64Min(1).Draw(t, "ticket")
		gotJob, gotTicket, ok := queue.ParseMessageID(queue.MessageID(job, ticket))
		if !ok || gotJob != job || gotTicket != ticket {
			t.Errorf("parsed %q, %d, %v; want %q, %d", gotJob, gotTicket, ok, job, ticket)
		}
	})
	for _, id := range []string{"", ".", "a", "a.", ".1", "a.0", "a.01", "a.+1", "a.-1", "a.1x", "a.99999999999999999999"} {
		if job, ticket, ok := queue.ParseMessageID(id); ok {
			t.Errorf("parsed %q as %q, %d", id, job, ticket)
		}
	}
}

func TestBodyIsWhatTheStandardLibraryWouldWrite(t *testing.T) {
	t.Parallel()
	text := rapid.String()
	rapid.Check(t, func(t *rapid.T) {
		m := queue.Message{
			ID: "id" + text.Draw(t, "id"), JobID: text.Draw(t, "job"), Ticket: rapid.Int64Min(1).Draw(t, "ticket"),
			PoolCode: text.Draw(t, "pool"), MediationType: text.Draw(t, "type"),
			MediationTarget: "x" + text.Draw(t, "target"), MessageGroupID: text.Draw(t, "group"),
			HighPriority: rapid.Bool().Draw(t, "high"), DispatchMode: text.Draw(t, "mode"),
			Payload:  queue.Payload(text.Draw(t, "payload")),
			Headers:  rapid.MapOfN(text, text, 1, 4).Draw(t, "headers"),
			ClientID: text.Draw(t, "client"), ConnectionID: text.Draw(t, "connection"), SubscriptionID: text.Draw(t, "subscription"), ReplayID: text.Draw(t, "replay"),
			AuthToken: queue.Secret(text.Draw(t, "token")), SigningSecret: queue.Secret(text.Draw(t, "secret")),
		}
		if len(m.Payload) == 0 {
			m.Payload = nil
		}
		body := m.AppendJSON(nil)
		var ours, theirs any
		if err := json.Unmarshal(body, &ours); err != nil {
			t.Fatalf("the body is no JSON: %v\n%s", err, body)
		}
		std, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(std, &theirs); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(ours, theirs) {
			t.Errorf("body %s\nwant %s", body, std)
		}
		got, err := queue.Decode(body)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("decoded %+v, %v; want %+v", got, err, m)
		}
	})
}

func TestDecodeReadsForeignBodies(t *testing.T) {
	t.Parallel()
	const head = `{"id":"m-1","poolCode":"P","mediationTarget":"https://hooks.example.com",`
	for body, payload := range map[string]string{
		head + `"payload":"{\"a\": 1}"}`:            `{"a": 1}`,
		head + `"payload":{"a": 1}}`:                `{"a": 1}`,
		head + `"payload":[1, 2]}`:                  `[1, 2]`,
		head + `"payload":12}`:                      `12`,
		head + `"payload":null}`:                    ``,
		head + `"unknown":{"of":"later versions"}}`: ``,
		head + `"payload":"\u00e9\ud83d\ude00"}`:    "é\U0001F600",
	} {
		m, err := queue.Decode([]byte(body))
		if err != nil || string(m.Payload) != payload {
			t.Errorf("decode %s: payload %q, %v; want %q", body, m.Payload, err, payload)
		}
	}
}

func TestDecodeSaysWhyABodyIsUnreadable(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``:                            "unexpected end",
		`nonsense`:                    "invalid character",
		`[]`:                          "array",
		`{}`:                          "no id",
		`{"id":"a"}`:                  "neither a jobId nor a mediationTarget",
		`{"id":"a","jobId":"a"}`:      "ticket",
		`{"id":"a","ticket":"first"}`: `"ticket" cannot be a string`,
	} {
		_, err := queue.Decode([]byte(body))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("decode %q: %v, want it to say %q", body, err, want)
		}
	}
}

func TestSecretsCannotBePrinted(t *testing.T) {
	t.Parallel()
	m := queue.Message{ID: "a", AuthToken: "hunter2", SigningSecret: "hunter2"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if s := fmt.Sprintf(verb, m); strings.Contains(s, "hunter2") {
			t.Errorf("%s shows %s", verb, s)
		}
		if s := fmt.Sprintf(verb, m.AuthToken); strings.Contains(s, "hunter2") {
			t.Errorf("%s shows %s", verb, s)
		}
	}
	if !strings.Contains(string(m.AppendJSON(nil)), "hunter2") {
		t.Error("the body lacks the secret")
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	m := queue.Message{
		ID: "0HZXEQ5Y8JY5Z.1", JobID: "0HZXEQ5Y8JY5Z", Ticket: 1, PoolCode: "DEFAULT-POOL",
		MediationType: queue.MediationHTTP, MediationTarget: "https://hooks.example.com/orders",
		Payload: queue.Payload(`{"a":"` + strings.Repeat("x", 1024) + `"}`),
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = m.AppendJSON(buf[:0])
	}
}

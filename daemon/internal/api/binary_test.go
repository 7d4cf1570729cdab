package api

import (
	"slices"
	"strings"
	"testing"
)

func TestCloudEventsMayComeInBinaryMode(t *testing.T) {
	t.Parallel()
	w := setup(t)
	headers := []string{"ce-specversion", "1.0", "ce-id", "ev%201", "ce-source", "/shop", "ce-type", "a:b:c:d", "ce-messagegroup", "g", "ce-comexampleother", "x"}
	send := func(body string, more ...string) *answer {
		return w.do("POST", "/api/events", w.admin(), body, append(slices.Clone(headers), more...)...)
	}
	// The body is data, whatever it looks like.
	const body = `{"type":"e:f:g:h","less":"<"}`
	a := send(body).is(201)
	if a.get("type") != "a:b:c:d" || a.get("cloudEventId") != "ev 1" || a.get("deduplicationId") != "/shop ev 1" || a.get("messageGroup") != "g" {
		t.Errorf("answer: %s", a.body)
	}
	if got := w.do("GET", "/api/events/"+a.id(), w.admin(), "").is(200); !strings.Contains(string(got.body), body) {
		t.Errorf("its data changed: %s", got.body)
	}
	send(body).is(200)
	send(`{"specversion":"1.0","id":"2","source":"/s","type":"i:j:k:l"}`, "Content-Type", "application/cloudevents+json").is(201)
	send(`7,"type":"e:f:g:h"`).problem(400, "INVALID", "not valid JSON")
	send(`{}`, "ce-type", "a:b:c").problem(400, "INVALID", `"field":"type"`)
	send(`{}`, "ce-specversion", "0.3").problem(400, "INVALID", `"field":"specversion"`)
	send(`{}`, "ce-id", "").problem(400, "INVALID", `"field":"id"`)
	send(`hello`, "Content-Type", "text/plain").problem(415, "UNSUPPORTED_MEDIA_TYPE")
}

package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/webhook"
)

type rotatedAnswer struct {
	ID, Code, Secret, PublicKey, Fingerprint string
	Revision                                 int64
	Previous                                 []struct {
		Fingerprint string
		Until       time.Time
	}
}

const signingConnection = `{"code":"hooks","url":"https://hooks.example.com","signing":{"scheme":"standard-webhooks","secret":"whsec_b2xk"}}`

func TestASecretIsRotatedWithAnOverlap(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.do("POST", "/api/connections", w.admin(), signingConnection).is(201).id()
	old := w.do("GET", "/api/connections/"+id, w.admin(), "").is(200)
	rotate := func(body string, headers ...string) *answer {
		return w.do("POST", "/api/connections/hooks/rotate-secret", w.admin(), body, headers...)
	}
	var a rotatedAnswer
	first := rotate("").is(200)
	first.into(&a)
	if first.header.Get("Cache-Control") != "no-store" || first.header.Get("ETag") != `"2"` {
		t.Errorf("headers %v", first.header)
	}
	if a.ID != id || a.Revision != 2 || !strings.HasPrefix(a.Secret, "whsec_") || len(a.Previous) != 1 || a.PublicKey != "" {
		t.Fatalf("rotated: %s", first.body)
	}
	if left := time.Until(a.Previous[0].Until); left < 23*time.Hour || left > 25*time.Hour || !strings.Contains(string(old.body), a.Previous[0].Fingerprint) {
		t.Errorf("the old secret signs for %s more", left)
	}
	// Nobody shows the secret again: not the connection, nor the audit log.
	for _, path := range []string{"/api/connections/" + id, "/api/connections", "/api/audit-logs"} {
		if got := w.do("GET", path, w.admin(), "").is(200); strings.Contains(string(got.body), a.Secret) || !strings.Contains(string(got.body), a.Fingerprint) {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	if log := w.do("GET", "/api/audit-logs", w.admin(), "").is(200); !strings.Contains(string(log.body), "ROTATE_SECRET") {
		t.Errorf("audit log: %s", log.body)
	}
	// What is given is taken and not repeated. It keeps the overlap.
	given := rotate(`{"secret":"whsec_Z2l2ZW4=","graceSeconds":60}`).is(200)
	a = rotatedAnswer{}
	if given.into(&a); a.Secret != "" || len(a.Previous) != 2 || time.Until(a.Previous[0].Until) > time.Minute {
		t.Errorf("given: %s", given.body)
	}
	rotate(`{"graceSeconds":3600}`).is(200)
	rotate(`{}`).problem(409, "CONFLICT", "4 secrets")
	// At once: the last one signs no more, the overlaps that were promised stay.
	now := rotate(`{"graceSeconds":0}`).is(200)
	a = rotatedAnswer{}
	if now.into(&a); len(a.Previous) != 3 || a.Secret == "" {
		t.Errorf("at once: %s", now.body)
	}
	// An update of something else leaves all that alone, also one that gives
	// the signing block anew.
	w.do("PUT", "/api/connections/"+id, w.admin(), `{"name":"Hooks"}`).is(204)
	w.do("PUT", "/api/connections/"+id, w.admin(), `{"signing":{"scheme":"standard-webhooks"}}`).is(204)
	if n := strings.Count(string(w.do("GET", "/api/connections/"+id, w.admin(), "").is(200).body), `"until"`); n != 3 {
		t.Errorf("%d overlaps after updates", n)
	}
	w.do("PUT", "/api/connections/"+id, w.admin(), `{"signing":{"scheme":"standard-webhooks","previous":[]}}`).is(204)
	if got := w.do("GET", "/api/connections/"+id, w.admin(), "").is(200); strings.Contains(string(got.body), `"until"`) || !strings.Contains(string(got.body), a.Fingerprint) {
		t.Errorf("an empty list of overlaps: %s", got.body)
	}
}

func TestARotationThatCanNotBe(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("POST", "/api/connections", w.admin(), signingConnection).is(201)
	w.do("POST", "/api/connections", w.admin(), `{"code":"plain","url":"https://hooks.example.com"}`).is(201)
	w.do("POST", "/api/connections/plain/rotate-secret", w.admin(), "").problem(409, "CONFLICT", "does not sign")
	w.do("POST", "/api/connections/none/rotate-secret", w.admin(), "").problem(404, "NOT_FOUND")
	path := "/api/connections/hooks/rotate-secret"
	for _, seconds := range []string{"-1", "604801", "1e300"} {
		w.do("POST", path, w.admin(), fmt.Sprintf(`{"graceSeconds":%s}`, seconds)).problem(400, "INVALID", "seven days")
	}
	w.do("POST", path, w.admin(), `{"graceSeconds":"day"}`).problem(400, "INVALID")
	w.do("POST", path, w.admin(), `{"secret":"whsec_b2xk"}`).problem(400, "INVALID", "already")
	w.do("POST", path, w.admin(), `{"secret":"whpk_b2xk"}`).problem(400, "INVALID", "public key")
	w.do("POST", path, w.admin(), "", "If-Match", `"7"`).problem(412, "PRECONDITION_FAILED")
	w.do("POST", path, w.of("acme"), "").problem(404, "NOT_FOUND")
	w.do("POST", path, w.admin(), "", "If-Match", `"1"`).is(200)
}

func TestAKeyPairIsRotatedIntoAKeyPair(t *testing.T) {
	t.Parallel()
	w := setup(t)
	private, _, err := webhook.NewKeyPair()
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"code": "hooks", "url": "https://hooks.example.com", "signing": map[string]string{"scheme": "standard-webhooks", "secret": private}})
	if err != nil {
		t.Fatal(err)
	}
	w.do("POST", "/api/connections", w.admin(), string(body)).is(201)
	var a rotatedAnswer
	w.do("POST", "/api/connections/hooks/rotate-secret", w.admin(), "").is(200).into(&a)
	if public, err := webhook.PublicKey(a.Secret); err != nil || public != a.PublicKey || a.Secret == private {
		t.Errorf("%+v, %v", a, err)
	}
}

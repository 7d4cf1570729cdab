package fill_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/daemontest"
	"github.com/flowcatalyst/fc/internal/fill"
)

// ask makes a request and reads the answer into out.
func ask(t *testing.T, d *daemontest.Daemon, method, path, body string, out any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, d.URL("platform")+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.Token())
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode/100 != 2 {
		t.Fatalf("%s %s: status %d: %s", method, path, res.StatusCode, b)
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, b)
	}
}

type made struct {
	ID string `json:"id"`
}

// TestFcdReadsWhatIsFilled fills a store that fcd has made and asks fcd for it.
func TestFcdReadsWhatIsFilled(t *testing.T) {
	d := daemontest.Start(t, "")
	sh := fill.Shape{Jobs: 3000, Types: []string{"shop:area:thing:happened"}}
	for i := range 3 {
		var m made
		ask(t, d, "POST", "/api/clients", fmt.Sprintf(`{"identifier":"tenant-%d","name":"Tenant"}`, i), &m)
		sh.Clients = append(sh.Clients, m.ID)
	}
	for i := range 4 {
		var m made
		ask(t, d, "POST", "/api/connections", fmt.Sprintf(`{"code":"past-%d","url":"http://127.0.0.1:9/","status":"PAUSED"}`, i), &m)
		ask(t, d, "POST", "/api/subscriptions", fmt.Sprintf(`{"code":"past-%d","connectionId":%q,"mode":"BLOCK_ON_ERROR","eventTypes":[{"eventTypeCode":"shop:*:*:*"}]}`, i, m.ID), &m)
		sh.Subscriptions = append(sh.Subscriptions, m.ID)
	}
	var first made
	ask(t, d, "POST", "/api/events", `{"type":"shop:area:thing:happened","source":"/test","data":{}}`, &first)
	var jobs []json.RawMessage
	for end := time.Now().Add(time.Minute); len(jobs) < 4; {
		if ask(t, d, "GET", "/api/dispatch-jobs/by-event/"+first.ID, "", &jobs); time.Now().After(end) {
			t.Fatalf("the first event has %d jobs after a minute, want 4", len(jobs))
		}
	}
	d.Stop()
	f, err := fill.Fill(t.Context(), filepath.Join(d.DataDir, "flowcatalyst.db"), sh)
	if err != nil {
		t.Fatal(err)
	}
	d.Restart()

	if f.Jobs < 3000 || f.Events < 750 || f.Letters < 30 || f.Pending == 0 || f.Blocked != 3 || f.Audit != 30 {
		t.Errorf("filled %+v", f)
	}
	var job struct {
		ID, Status, OrderKey, LastError string
		AttemptCount                    int
	}
	ask(t, d, "GET", "/api/dispatch-jobs/"+f.LetterID, "", &job)
	if job.ID != f.LetterID || job.Status != "FAILED" || job.AttemptCount != 5 || job.LastError == "" {
		t.Errorf("the dead letter is %+v", job)
	}
	for path, want := range map[string]int{
		"/api/dispatch-jobs/" + f.JobID + "/attempts":                     1,
		"/api/dispatch-jobs/by-event/" + f.EventID:                        4,
		"/api/dispatch-jobs?size=1000&status=FAILED,EXPIRED":              f.Letters,
		"/api/dispatch-jobs?size=100&orderKey=" + f.OrderKey:              1,
		"/api/events?size=10&correlationId=" + f.Correlation:              3,
		"/api/audit-logs/" + f.AuditID:                                    -1,
		"/api/events/" + f.EventID + "/explain":                           -1,
		"/api/dispatch-jobs?size=1&subscriptionId=" + sh.Subscriptions[3]: 1,
	} {
		var items json.RawMessage
		ask(t, d, "GET", path, "", &items)
		var list []json.RawMessage
		if err := json.Unmarshal(items, &list); err != nil && want >= 0 || err == nil && len(list) != want {
			t.Errorf("%s: %d items, want %d: %.200s", path, len(list), want, items)
		}
	}
	var blocked struct {
		Groups []struct {
			MessageGroup string
			Waiting      int
		}
	}
	ask(t, d, "GET", "/api/groups", "", &blocked)
	if g := blocked.Groups; len(g) != 3 || g[0].Waiting != 19 || !strings.HasPrefix(g[0].MessageGroup, "blocked-") {
		t.Errorf("blocked groups: %+v", g)
	}
	var sums struct {
		Total struct{ Events, Jobs, Failed int }
	}
	ask(t, d, "GET", "/api/statistics?since="+f.Oldest.Add(-time.Hour).UTC().Format(time.RFC3339), "", &sums)
	if sums.Total.Events != f.Events+1 || sums.Total.Jobs != f.Jobs+4 || sums.Total.Failed == 0 {
		t.Errorf("sums %+v, of %d events and %d jobs", sums.Total, f.Events+1, f.Jobs+4)
	}
}

func TestFillRefusesWhatIsNoStore(t *testing.T) {
	sh := fill.Shape{Jobs: 1000, Clients: []string{"a"}, Types: []string{"b"}, Subscriptions: []string{"1", "2", "3", "4"}}
	if _, err := fill.Fill(t.Context(), filepath.Join(t.TempDir(), "none.db"), sh); err == nil {
		t.Error("a file that is not there was filled")
	}
	sh.Jobs = 1
	if _, err := fill.Fill(t.Context(), "none.db", sh); err == nil || !strings.Contains(err.Error(), "Try: 1000") {
		t.Errorf("one job: %v", err)
	}
}

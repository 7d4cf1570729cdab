package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
)

// talkBox is a stderr that can be waited for.
type talkBox struct {
	mu   sync.Mutex
	b    bytes.Buffer
	said chan struct{}
}

func (t *talkBox) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b.Write(p)
	select {
	case t.said <- struct{}{}:
	default:
	}
	return len(p), nil
}

var address = regexp.MustCompile(`http://[0-9.:]+`)

// receiving runs fcctl receive and returns its address, what it printed and
// its exit code once it has ended.
func receiving(t *testing.T, args ...string) (url string, ended func() (string, int)) {
	t.Helper()
	a, out, _ := fcctl(t)
	talk := &talkBox{said: make(chan struct{}, 1)}
	a.Err = talk
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	code := make(chan int, 1)
	go func() { code <- Run(ctx, a, append([]string{"receive", "--listen", "127.0.0.1:0"}, args...)) }()
	select {
	case <-talk.said:
	case c := <-code:
		t.Fatalf("ended with %d: %s", c, talk.b.String())
	}
	talk.mu.Lock()
	url = address.FindString(talk.b.String())
	talk.mu.Unlock()
	return url, func() (string, int) {
		select {
		case c := <-code:
			return out.String(), c
		case <-time.After(10 * time.Second):
			t.Fatal("it does not end")
			return "", 0
		}
	}
}

// deliver sends one signed delivery and returns the status.
func deliver(t *testing.T, url, secret string, scheme webhook.Scheme, job string, attempt int, kind string) int {
	t.Helper()
	body := fmt.Sprintf(`{"id":"0HZXEQ5Y8JY50","type":%q,"messageGroup":"g","data":{"n":1},"dispatchJobId":%q,"attemptNumber":%d}`, kind, job, attempt)
	req, err := http.NewRequest(http.MethodPost, url+"/hooks", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	s, err := webhook.NewSigner(scheme, webhook.ISOMillis, secret)
	if err != nil {
		t.Fatal(err)
	}
	s.SignHeader(req.Header, job, time.Now(), []byte(body))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

const good, other = "whsec_Z29vZA==", "whsec_b3RoZXI="

func TestReceiveVerifiesBothSchemes(t *testing.T) {
	url, ended := receiving(t, "--secret", good, "--secret", "plain text", "--count", "4", "-o", "json")
	for i, tc := range []struct {
		secret string
		scheme webhook.Scheme
		status int
	}{{good, webhook.StandardWebhooks, 200}, {"plain text", webhook.FlowCatalyst, 200}, {other, webhook.StandardWebhooks, 401}, {other, webhook.FlowCatalyst, 401}} {
		if got := deliver(t, url, tc.secret, tc.scheme, fmt.Sprint("job", i), i+1, "a:b:c:d"); got != tc.status {
			t.Errorf("delivery %d was answered %d", i, got)
		}
	}
	out, code := ended()
	if code != fault.OK {
		t.Errorf("exit %d", code)
	}
	d := json.NewDecoder(strings.NewReader(out))
	for i := range 4 {
		var v view.Delivery
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		if v.Verified != (i < 2) || v.JobID != fmt.Sprint("job", i) || v.Attempt != i+1 || v.Group != "g" || v.EventType != "a:b:c:d" || v.Path != "/hooks" || !strings.Contains(string(v.Body), `"n":1`) {
			t.Errorf("delivery %d is %+v", i, v)
		}
	}
}

func TestReceiveFailsTheFirstOfEachJob(t *testing.T) {
	url, ended := receiving(t, "--fail-first", "2", "--fail-match", "parcel", "--count", "6")
	var got []int
	for _, d := range []struct {
		job  string
		kind string
	}{{"1", "shop:w:parcel:moved"}, {"2", "shop:w:parcel:moved"}, {"1", "shop:w:parcel:moved"}, {"1", "shop:w:parcel:moved"}, {"3", "shop:s:order:placed"}, {"2", "shop:w:parcel:moved"}} {
		got = append(got, deliver(t, url, good, webhook.StandardWebhooks, d.job, 1, d.kind))
	}
	if fmt.Sprint(got) != "[500 500 500 200 200 500]" {
		t.Errorf("answered %v", got)
	}
	if out, code := ended(); code != fault.OK || strings.Count(out, "signature not checked") != 6 {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestReceiveAnswersAsTold(t *testing.T) {
	url, ended := receiving(t, "--status", "503", "--delay", "1ms", "--count", "1", "--body", "none")
	if got := deliver(t, url, good, webhook.FlowCatalyst, "1", 1, "a:b:c:d"); got != 503 {
		t.Errorf("answered %d", got)
	}
	if out, _ := ended(); strings.Count(out, "\n") != 1 {
		t.Errorf("printed %q", out)
	}
}

func TestReceiveRefusesWhatMakesNoSense(t *testing.T) {
	for _, args := range []string{"--status 99", "--body xml", "--fail-match (", "--secret whsec_!", "--count -1", "extra"} {
		a, _, talk := fcctl(t)
		if code := Run(context.Background(), a, append([]string{"receive"}, strings.Fields(args)...)); code != fault.Misused || !strings.Contains(talk.String(), "Try: ") {
			t.Errorf("%s: exit %d, %s", args, code, talk)
		}
	}
}

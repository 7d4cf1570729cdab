package telemetry

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestReadinessFollowsPhaseAndComponents(t *testing.T) {
	t.Parallel()
	h := NewHealth()
	var away error
	h.Add("store", func(context.Context) error { return away })
	admin := Admin(h, prometheus.NewRegistry())
	status := func(path string) (int, string) {
		rec := httptest.NewRecorder()
		admin.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		return rec.Code, rec.Body.String()
	}
	want := func(when string, ready, health int, says string) {
		t.Helper()
		if code, body := status("/q/ready"); code != ready || !strings.Contains(body, says) {
			t.Errorf("%s: ready %d %s, want %d and %q", when, code, body, ready, says)
		}
		if code, body := status("/health"); code != health {
			t.Errorf("%s: health %d %s, want %d", when, code, body, health)
		}
		if code, _ := status("/q/live"); code != http.StatusOK {
			t.Errorf("%s: live %d", when, code)
		}
	}
	want("while starting", 503, 200, "STARTING")
	h.SetPhase(Running)
	want("while running", 200, 200, `"ready":true`)
	away = errors.New("the disk is full")
	want("with the store away", 503, 503, "the disk is full")
	away = nil
	want("with the store back", 200, 200, `"ready":true`)
	h.SetPhase(Draining)
	want("while draining", 503, 200, "DRAINING")
	h.SetPhase(Running)
	want("after draining", 503, 200, "DRAINING")
}

// TestACheckThatHangsIsAskedOnce: probes come every second, whether or not the
// last one was answered.
func TestACheckThatHangsIsAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := NewHealth()
		var asked atomic.Int32
		release := make(chan struct{})
		h.Add("broker", func(context.Context) error { asked.Add(1); <-release; return nil })
		h.SetPhase(Running)
		for range 5 {
			began := time.Now()
			if r := h.Report(t.Context()); r.Ready || r.Components[0].Error == "" {
				t.Errorf("ready with a check that hangs: %+v", r)
			}
			if took := time.Since(began); took != checkTimeout {
				t.Errorf("a report took %s, want %s", took, checkTimeout)
			}
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times while the first was not answered", n)
		}
		close(release)
		synctest.Wait()
		if r := h.Report(t.Context()); !r.Ready {
			t.Errorf("not ready once it answers: %+v", r)
		}
	})
}

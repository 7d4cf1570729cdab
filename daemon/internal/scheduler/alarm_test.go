package scheduler

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

func TestAKeyThatStaysBlockedIsWarnedAboutOnceAnHour(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), connection(""), pool(10, ""))
	var log bytes.Buffer
	kept := telemetry.NewWarnings(w.now)
	w.s = w.scheduler(Options{Now: w.now, PollInterval: time.Hour, Warnings: kept, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	heads := make([]flow.ID, 2)
	for i := range heads {
		heads[i] = w.jobs("sub_A", 3, func(_ int, j *flow.Job) {
			j.Mode, j.MessageGroup = flow.BlockOnError, fmt.Sprint("group-", i)
			j.OrderKey = flow.NewOrderKey(j.Mode, j.Lane, "", j.MessageGroup, 0)
		})[0]
	}
	w.step()
	w.end(flow.Reject, heads[0])
	warned := func(after time.Duration) (n int) {
		t.Helper()
		w.sleep(after)
		log.Reset()
		w.step()
		return strings.Count(log.String(), "an order key is blocked")
	}
	if n := warned(15*time.Minute - time.Second); n != 0 {
		t.Errorf("%d warnings before 15 minutes", n)
	}
	w.end(flow.Reject, heads[1])
	if n := warned(2 * time.Second); n != 1 || !strings.Contains(log.String(), "group=group-0") || !strings.Contains(log.String(), "waiting=2") {
		t.Errorf("%d warnings after 15 minutes: %s", n, &log)
	}
	if n := warned(15 * time.Minute); n != 1 || !strings.Contains(log.String(), "group=group-1") {
		t.Errorf("%d warnings when the second is blocked for 15 minutes: %s", n, &log)
	}
	if n := warned(44 * time.Minute); n != 0 {
		t.Errorf("%d warnings within the hour", n)
	}
	if n := warned(2 * time.Minute); n != 1 {
		t.Errorf("%d warnings after an hour, want one", n)
	}
	if ws := kept.List(); len(ws) != 2 || ws[0].Category != CategoryBlocked || !strings.Contains(ws[0].Message, "group-") || ws[0].Count+ws[1].Count != 3 {
		t.Errorf("people are warned of %+v", ws)
	}
	if n := len(w.s.alarm.keys); n > 2 {
		t.Errorf("%d keys are remembered", n)
	}
}

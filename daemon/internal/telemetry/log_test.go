package telemetry

import (
	"encoding/json"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestTextLogIsForPeople(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	log := NewLogger(&out, "text", new(slog.LevelVar))
	log.Info("ready")
	log.With("part", "router").WithGroup("job").Warn("not delivered", "id", "0HZX", "error", "line one\nline two")
	log.Debug("too fine")
	lines := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d{3} `).ReplaceAllString(out.String(), "TIME ")
	want := "TIME INFO  ready\n" +
		"TIME WARN  not delivered  part=router job.id=0HZX job.error=\"line one\\nline two\"\n"
	if lines != want {
		t.Errorf("got\n%swant\n%s", lines, want)
	}
}

func TestTheLevelChangesWhileLogging(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		var out strings.Builder
		level := new(slog.LevelVar)
		log := NewLogger(&out, format, level).With("part", "stream")
		log.Debug("one")
		level.Set(slog.LevelDebug)
		log.Debug("two")
		level.Set(slog.LevelError)
		log.Warn("three")
		if s := out.String(); strings.Contains(s, "one") || !strings.Contains(s, "two") || strings.Contains(s, "three") {
			t.Errorf("%s: got %q, want only the second line", format, s)
		}
	}
}

func TestJSONLogIsForMachines(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	NewLogger(&out, "json", new(slog.LevelVar)).Info("delivered", "job", "0HZX", "took", 20*time.Second)
	var line map[string]any
	if err := json.Unmarshal([]byte(out.String()), &line); err != nil {
		t.Fatal(err)
	}
	if line["msg"] != "delivered" || line["job"] != "0HZX" || line["level"] != "INFO" || line["took"] != "20s" {
		t.Errorf("got %v", line)
	}
}

package daemon_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/daemon"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// TestLostMessagesAreSentAgain takes the queue's file away while jobs are
// handed over, as a power cut takes its newest rows.
func TestLostMessagesAreSentAgain(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "service \"platform\" {}\nservice \"stream\" {}\nservice \"scheduler\" {}")
	r := newReceiver(t, nil)
	subscribe(t, d, r.URL)
	const n = 10
	for range n {
		publish(t, d)
	}
	eventually(t, "every job is in the queue", func() bool {
		jobs, err := d.Client.Jobs.Page(t.Context(), client.JobFilter{Status: []string{"QUEUED"}}, "")
		if err != nil {
			t.Fatal(err)
		}
		return len(jobs.Items) == n
	})
	d.Stop()
	files, err := filepath.Glob(filepath.Join(d.DataDir, "queue.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files of the queue: %v %v", files, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}

	again, err := daemon.New(parse(t, `
		data_dir = "`+d.DataDir+`"
		admin { listen = "127.0.0.1:0" }
		service "scheduler" {}
		service "router" {
			listen = "127.0.0.1:0"
			egress { deny_private = false }
		}`), daemon.Options{LogOutput: &buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Well before stale_after, which is five minutes.
	for range n {
		r.await(t)
	}
	if err := again.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

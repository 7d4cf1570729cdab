package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
)

// childEnv makes this test binary a process that is to be killed.
const (
	childEnv  = "FC_QUEUE_TEST_CHILD"
	lingerEnv = "FC_QUEUE_TEST_LINGER"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := child(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child publishes and acks as fast as it can, and says on stdout what it was
// promised: "+id" once a message is durable, "?id" before an ack, "-id" after it.
func child(path string) error {
	linger, err := time.ParseDuration(os.Getenv(lingerEnv))
	if err != nil {
		return err
	}
	q, err := Open(path, Options{Linger: linger})
	if err != nil {
		return err
	}
	say := func(lines []string) error {
		_, err := os.Stdout.WriteString(strings.Join(lines, "\n") + "\n")
		return err
	}
	ctx := context.Background()
	for i := 0; ; i++ {
		name := fmt.Sprintf("%d-%d", os.Getpid(), i)
		batch := queuetest.Tickets(name, 5)
		if err := q.Publish(ctx, batch); err != nil {
			return err
		}
		foreign := queuetest.Foreign("order-"+name, 5)
		if err := q.Publish(ctx, foreign); err != nil {
			return err
		}
		durable := foreign
		if linger == 0 {
			durable = append(durable, batch...)
		} else if i%8 == 0 {
			untilNothingLingers(q)
			durable = append(durable, batch...)
		}
		var plus, ask, minus []string
		for _, m := range durable {
			plus = append(plus, "+"+m.ID)
		}
		if err := say(plus); err != nil {
			return err
		}
		got, err := q.Receive(ctx, 9, 0)
		if err != nil {
			return err
		}
		for _, r := range got {
			ask, minus = append(ask, "?"+r.ID), append(minus, "-"+r.ID)
		}
		if err := say(ask); err != nil {
			return err
		}
		if err := q.Ack(ctx, got); err != nil {
			return err
		}
		if err := say(minus); err != nil {
			return err
		}
	}
}

// untilNothingLingers waits for the writer, and does not hurry it.
func untilNothingLingers(q *Queue) {
	for n := 1; n > 0; {
		<-time.After(time.Millisecond)
		q.mu.Lock()
		n = q.lingering.n
		q.mu.Unlock()
	}
}

func TestAKilledProcessKeepsItsPromises(t *testing.T) {
	t.Parallel()
	for _, linger := range []time.Duration{0, 5 * time.Millisecond} {
		t.Run(linger.String(), func(t *testing.T) {
			t.Parallel()
			killAndLook(t, linger)
		})
	}
}

func killAndLook(t *testing.T, linger time.Duration) {
	path := filepath.Join(t.TempDir(), "queue.db")
	published, asked, acked := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for round := range 4 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), childEnv+"="+path, lingerEnv+"="+linger.String())
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == 2000+777*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			line := lines.Text()
			if line == "" {
				continue
			}
			map[byte]map[string]bool{'+': published, '?': asked, '-': acked}[line[0]][line[1:]] = true
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended before it was killed")
		}
	}

	q, err := Open(path, Options{Visibility: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	left := map[string]bool{}
	for {
		got, err := q.Receive(t.Context(), 1000, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			break
		}
		for _, r := range got {
			if left[r.ID] {
				t.Errorf("%s is there twice", r.ID)
			}
			if acked[r.ID] {
				t.Errorf("%s came back although it was acked", r.ID)
			}
			left[r.ID] = true
		}
	}
	if len(acked) == 0 || len(left) == 0 {
		t.Fatalf("%d acked and %d left: this test proves nothing", len(acked), len(left))
	}
	for id := range published {
		if !asked[id] && !left[id] {
			t.Errorf("%s was published and is lost", id)
		}
	}
}

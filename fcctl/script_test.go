package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/daemontest"
	"github.com/flowcatalyst/fc/fcctl/internal/cmd"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fcctl": func() { os.Exit(cmd.Main("v1.2.3")) }, "fcd-mortal": mortal})
}

// patience bounds how long a story waits for a fact.
const patience = 15 * time.Second

// quick lets processes end at once: under the race detector each would wait a
// second for late reports.
const quick = "atexit_sleep_ms=0"

// The stories that need no server.
func TestOffline(t *testing.T) {
	t.Parallel()
	testscript.Run(t, params("testdata/script", nil))
}

// The stories that a user has with a running platform. Each has its own.
func TestWithDaemon(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/script/daemon/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d stories, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txtar"), func(t *testing.T) {
			t.Parallel()
			d := daemontest.Start(t, "")
			p := params("", func(e *testscript.Env) {
				e.Setenv("FCCTL_URL", d.URL("platform"))
				e.Setenv("FCCTL_TOKEN", d.Token())
				e.Setenv("EMAIL", d.Credentials().Email)
				e.Setenv("PASSWORD", d.Credentials().Password)
			})
			p.Files = []string{f}
			testscript.Run(t, p)
		})
	}
}

func params(dir string, setup func(*testscript.Env)) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("GORACE", quick)
			quickstart, err := filepath.Abs("../examples/quickstart")
			if err != nil {
				return err
			}
			e.Setenv("QUICKSTART", quickstart)
			e.Setenv("CI_EXAMPLES", filepath.Join(filepath.Dir(quickstart), "ci"))
			if setup != nil {
				setup(e)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":       exits,
			"until":       until,
			"capture":     capture,
			"interrupted": interrupted,
			"receive":     receive,
			"received":    received,
			"post":        post,
			"letin":       letin,
			"sever":       sever,
			"lose":        lose,
			"tap":         tap,
			"cut":         cut,
			"together":    together,
			"unread":      unread,
			"proxy":       proxy,
			"steps":       steps,
		},
	}
}

// exits CODE COMMAND… fails unless the command exits with the code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var failed *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// post PATH BODY sends a request, and fails unless its answer is a success.
func post(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: post PATH BODY")
	}
	r, err := http.NewRequest(http.MethodPost, ts.Getenv("FCCTL_URL")+args[0], strings.NewReader(args[1]))
	ts.Check(err)
	r.Header.Set("Authorization", "Bearer "+ts.Getenv("FCCTL_TOKEN"))
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode/100 != 2 {
		ts.Fatalf("POST %s: %s", args[0], res.Status)
	}
}

// letin allow|deny fcctl ARGS… runs a command that shows a device code, and
// answers it as the administrator does in a browser. What it said is in the
// file "said".
func letin(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 || args[1] != "fcctl" {
		ts.Fatalf("usage: letin allow|deny fcctl ARGS…")
	}
	c := exec.Command(fcctl(ts), args[2:]...)
	c.Env = append(os.Environ(), "GORACE="+quick, "HOME="+ts.Getenv("HOME"), "FCCTL_URL="+ts.Getenv("FCCTL_URL"))
	talk, err := c.StderrPipe()
	ts.Check(err)
	ts.Check(c.Start())
	ts.Defer(func() { _ = c.Process.Kill() }) // it may have ended by itself
	stuck := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
	defer stuck.Stop()
	var said strings.Builder
	in := bufio.NewScanner(talk)
	for in.Scan() {
		fmt.Fprintln(&said, in.Text())
		if code, found := strings.CutPrefix(in.Text(), "and enter the code "); found {
			answerDevice(ts, code, args[0])
		}
	}
	err = c.Wait()
	if neg != (err != nil) {
		ts.Fatalf("%v; it said\n%s", err, said.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs("said"), []byte(said.String()), 0o600))
}

// answerDevice signs in with a cookie and sends the form of the page where a
// device is let in.
func answerDevice(ts *testscript.TestScript, code, decision string) {
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	browser := &http.Client{Jar: jar}
	base := ts.Getenv("FCCTL_URL")
	body, err := json.Marshal(map[string]string{"email": ts.Getenv("EMAIL"), "password": ts.Getenv("PASSWORD")})
	ts.Check(err)
	req, err := http.NewRequest(http.MethodPost, base+"/auth/login", bytes.NewReader(body))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Sec-Fetch-Site", "same-origin") // as a page of the platform
	res, err := browser.Do(req)
	ts.Check(err)
	var who struct{ PrincipalID, CSRFToken string }
	ts.Check(json.NewDecoder(res.Body).Decode(&who))
	ts.Check(res.Body.Close())
	res, err = browser.PostForm(base+"/oauth/device", url.Values{"user_code": {code}, "decision": {decision}, "principal": {who.PrincipalID}, "csrf": {who.CSRFToken}})
	ts.Check(err)
	page, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Check(res.Body.Close())
	if res.StatusCode != http.StatusOK || !strings.Contains(string(page), "The device") {
		ts.Fatalf("the page answers %s: %s", res.Status, page)
	}
}

// until REGEXP COMMAND… repeats the command until its output matches.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEXP COMMAND…")
	}
	re, err := regexp.Compile("(?s)" + args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if re.MatchString(ts.ReadFile("stdout")) {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("%s does not come", args[0])
		case <-tick.C:
		}
	}
}

// interrupted fcctl ARGS… interrupts a command that waits for a replay once it
// has said how to resume it, and fails unless it exits with 130. What it said is
// in the file "said".
func interrupted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || args[0] != "fcctl" {
		ts.Fatalf("usage: interrupted fcctl ARGS…")
	}
	c := exec.Command(fcctl(ts), args[1:]...)
	c.Dir = ts.MkAbs(".")
	c.Env = append(os.Environ(), "GORACE="+quick, "HOME="+ts.Getenv("HOME"), "FCCTL_URL="+ts.Getenv("FCCTL_URL"), "FCCTL_TOKEN="+ts.Getenv("FCCTL_TOKEN"))
	talk, err := c.StderrPipe()
	ts.Check(err)
	ts.Check(c.Start())
	stuck := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
	defer stuck.Stop()
	var said strings.Builder
	in := bufio.NewScanner(talk)
	for in.Scan() {
		fmt.Fprintln(&said, in.Text())
		if strings.Contains(in.Text(), "fcctl replays resume") {
			ts.Check(c.Process.Signal(os.Interrupt))
		}
	}
	var failed *exec.ExitError
	if err := c.Wait(); !errors.As(err, &failed) || failed.ExitCode() != fault.Interrupted {
		ts.Fatalf("after an interrupt: %v; it said\n%s", err, said.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs("said"), []byte(said.String()), 0o600))
}

// capture NAME REGEXP sets a variable to the first group in the last stdout.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME REGEXP")
	}
	m := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) != 2 {
		ts.Fatalf("%s is not there", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// running are the receivers of stories, by working directory.
var running sync.Map

// receiving is one `fcctl receive`.
type receiving struct {
	ended chan error
}

// receive ARGS… starts `fcctl receive` on a free port, writes what it prints
// to the file "deliveries" and sets HOOKS to its address.
func receive(ts *testscript.TestScript, neg bool, args []string) {
	out, err := os.Create(ts.MkAbs("deliveries"))
	ts.Check(err)
	defer out.Close()
	c := exec.Command(fcctl(ts), append([]string{"receive", "--listen", "127.0.0.1:0"}, args...)...)
	c.Stdout, c.Env = out, append(os.Environ(), "GORACE="+quick)
	talk, err := c.StderrPipe()
	ts.Check(err)
	ts.Check(c.Start())
	first, err := bufio.NewReader(talk).ReadString('\n')
	r := &receiving{ended: make(chan error, 1)}
	go func() { r.ended <- c.Wait() }()
	ts.Defer(func() {
		running.Delete(ts.Getenv("WORK"))
		_ = c.Process.Kill() // it may have ended by itself
	})
	url := regexp.MustCompile(`http://[0-9.:]+`).FindString(first)
	if err != nil || url == "" {
		ts.Fatalf("receive said %q (%v)", first, err)
	}
	ts.Setenv("HOOKS", url)
	running.Store(ts.Getenv("WORK"), r)
}

// fcctl is where testscript has put the command.
func fcctl(ts *testscript.TestScript) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p, err := exec.LookPath(filepath.Join(dir, "fcctl")); err == nil {
			return p
		}
	}
	ts.Fatalf("fcctl is not in PATH")
	return ""
}

// received waits until the receiver has its count.
func received(ts *testscript.TestScript, neg bool, args []string) {
	v, ok := running.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("there is no receiver")
	}
	select {
	case err := <-v.(*receiving).ended:
		ts.Check(err)
	case <-time.After(patience):
		ts.Fatalf("the deliveries do not come; so far:\n%s", ts.ReadFile("deliveries"))
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/daemon"
)

// mortal is a daemon in a process of its own, which can be killed. Its
// arguments are a data directory; it says where it is, and ends with its stdin.
func mortal() {
	cfg, diags := config.DevDaemon(os.Args[1], func(name string) (string, bool) {
		switch name {
		case config.EnvAPIPort, config.EnvRouterPort, config.EnvMetricsPort:
			return "0", true
		}
		return "", false
	})
	if diags.HasErrors() {
		fmt.Fprintln(os.Stderr, diags.Err())
		os.Exit(1)
	}
	d, err := daemon.New(cfg, daemon.Options{LogOutput: os.Stderr, Version: "test", Dev: true})
	if err == nil {
		err = d.Start(context.Background())
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(whereabouts{d.URL("platform"), d.Credentials().AccessToken})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test is over, however it ends
}

type whereabouts struct{ URL, Token string }

// fate is what becomes of an apply that is sent.
type fate int

const (
	arrives      fate = iota // and so does its answer
	cutBefore                // the server never sees it
	cutAfter                 // its answer is lost
	late                     // its sender gives up, and it arrives before the next one does
	overtaken                // its sender gives up, and it arrives after all others
	killedBefore             // the daemon dies before it has seen it
	killedAmid               // the daemon dies while it works on it, or a moment later
	killedAfter              // the daemon dies when it has answered
)

var fates = map[fate]string{
	arrives: "arrives", cutBefore: "cut before", cutAfter: "cut after", late: "late", overtaken: "overtaken",
	killedBefore: "killed before", killedAmid: "killed amid", killedAfter: "killed after",
}

func (f fate) String() string { return fates[f] }

// severed is a daemon, and a line to it that fails applies as it is told.
type severed struct {
	t    *testing.T
	dir  string
	line *httptest.Server

	mu     sync.Mutex // of what follows: one apply at a time
	is     whereabouts
	victim *exec.Cmd
	leash  io.Closer
	next   fate
	pause  time.Duration // before a kill amid
	held   *http.Request // which is late
	last   *http.Request // which is overtaken
	sent   bool          // an apply, since next was set
}

func newSevered(t *testing.T) *severed {
	s := &severed{t: t, dir: t.TempDir()}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	s.line = httptest.NewServer(s)
	t.Cleanup(func() {
		s.line.Close()
		s.kill()
	})
	return s
}

func (s *severed) start() error {
	c := exec.Command("fcd-mortal", s.dir)
	c.Env = append(os.Environ(), "GORACE="+quick)
	var log bytes.Buffer
	c.Stderr = &log
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	s.victim, s.leash = c, in
	if err := json.NewDecoder(out).Decode(&s.is); err != nil {
		s.kill()
		return fmt.Errorf("the daemon does not say where it is: %w\n%s", err, log.String())
	}
	return nil
}

// again starts the daemon that was killed.
func (s *severed) again() {
	if err := s.start(); err != nil {
		s.t.Errorf("start the daemon again: %v", err)
		panic(http.ErrAbortHandler)
	}
}

// kill ends the daemon without a word.
func (s *severed) kill() {
	_ = s.victim.Process.Kill() // it may have ended by itself
	_ = s.victim.Wait()         // which was killed
	_ = s.leash.Close()
}

// client speaks to the daemon past the line.
func (s *severed) client() *client.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := client.New(client.Options{URL: s.is.URL, Token: s.is.Token})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// token is the administrator's by now.
func (s *severed) token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.is.Token
}

// set says what becomes of the next apply.
func (s *severed) set(f fate, pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next, s.pause, s.sent = f, pause, false
}

// was says whether an apply has been sent since set.
func (s *severed) was() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// waiting says whether an apply is still under way to the server.
func (s *severed) waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held != nil
}

// arrivals lets what was overtaken arrive.
func (s *severed) arrivals() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held, s.last = s.arrive(s.held), s.arrive(s.last)
}

// arrive forwards a request that waits, and leaves none.
func (s *severed) arrive(r *http.Request) *http.Request {
	if r != nil {
		s.forward(httptest.NewRecorder(), r)
	}
	return nil
}

func (s *severed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path != "/api/apply" || strings.Contains(string(body), `"dryRun":true`) {
		s.forward(w, r)
		return
	}
	s.sent = true
	s.held = s.arrive(s.held)
	met := s.next
	s.next = arrives // and if it is sent again it does
	switch met {
	case arrives:
		s.forward(w, r)
		return
	case cutAfter:
		s.forward(httptest.NewRecorder(), r)
	case late:
		s.held = r.Clone(context.WithoutCancel(r.Context()))
	case overtaken:
		s.last = r.Clone(context.WithoutCancel(r.Context()))
	case killedBefore:
		s.kill()
		s.again()
	case killedAmid:
		done := make(chan struct{})
		sent := r.Clone(context.WithoutCancel(r.Context()))
		is := s.is
		go func() {
			defer close(done)
			passOn(is, httptest.NewRecorder(), sent)
		}()
		<-time.NewTimer(s.pause).C
		s.kill()
		<-done
		s.again()
	case killedAfter:
		s.forward(httptest.NewRecorder(), r)
		s.kill()
		s.again()
	}
	panic(http.ErrAbortHandler)
}

func (s *severed) forward(w http.ResponseWriter, r *http.Request) { passOn(s.is, w, r) }

func passOn(to whereabouts, w http.ResponseWriter, r *http.Request) {
	server, err := url.Parse(to.URL)
	if err != nil {
		panic(err)
	}
	p := httputil.NewSingleHostReverseProxy(server)
	p.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // that the daemon dies is no news
	p.ServeHTTP(w, r)
}

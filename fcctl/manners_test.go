package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// unread fcctl ARGS… runs a command whose output nobody reads any more, as
// after `| head`, and fails unless it ends by SIGPIPE without a word.
func unread(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || args[0] != "fcctl" {
		ts.Fatalf("usage: unread fcctl ARGS…")
	}
	r, w, err := os.Pipe()
	ts.Check(err)
	ts.Check(r.Close())
	defer func() { _ = w.Close() }()
	var talk bytes.Buffer
	c := exec.Command(fcctl(ts), args[1:]...)
	c.Env = append(os.Environ(), "GORACE="+quick, "HOME="+ts.Getenv("HOME"), "FCCTL_URL="+ts.Getenv("FCCTL_URL"), "FCCTL_TOKEN="+ts.Getenv("FCCTL_TOKEN"))
	c.Stdout, c.Stderr = w, &talk
	var ended *exec.ExitError
	if err := c.Run(); !errors.As(err, &ended) {
		ts.Fatalf("it ended with %v", err)
	}
	if status, is := ended.Sys().(syscall.WaitStatus); !is || status.Signal() != syscall.SIGPIPE || talk.Len() > 0 {
		ts.Fatalf("it ended with %v and said %q", ended, talk.String())
	}
}

// proxy starts a proxy that knows the platform as http://events.example.com.
func proxy(ts *testscript.TestScript, neg bool, args []string) {
	platform, err := url.Parse(ts.Getenv("FCCTL_URL"))
	ts.Check(err)
	s := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		if r.In.URL.Host == "events.example.com" { // what a proxy gets is a whole URL
			r.SetURL(platform)
		}
	}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}})
	ts.Defer(s.Close)
	ts.Setenv("HTTP_PROXY", s.URL)
	ts.Setenv("FCCTL_URL", "http://events.example.com")
}

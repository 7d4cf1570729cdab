package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
)

// sever check|before|after leads fcctl over a connection that is cut: once when
// it applies, before the server has seen it or before its answer arrives, or each
// time that a plan is checked, which is repeated. SEVERED is the address.
func sever(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] != "check" && args[0] != "before" && args[0] != "after" {
		ts.Fatalf("usage: sever check|before|after")
	}
	server, err := url.Parse(ts.Getenv("FCCTL_URL"))
	ts.Check(err)
	proxy := httputil.NewSingleHostReverseProxy(server)
	var cut atomic.Bool
	line := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		check := args[0] == "check"
		if r.URL.Path != "/api/apply" || strings.Contains(string(body), `"dryRun":true`) != check || !check && !cut.CompareAndSwap(false, true) {
			proxy.ServeHTTP(w, r)
			return
		}
		if args[0] == "after" {
			proxy.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	}))
	ts.Defer(line.Close)
	ts.Setenv("SEVERED", line.URL)
}

// lose PATH N leads fcctl over a connection that is lost for good: N requests to
// the path are answered, the next one arrives, and its answer and all after it
// are lost. LOST is the address.
func lose(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lose PATH N")
	}
	most, err := strconv.Atoi(args[1])
	ts.Check(err)
	server, err := url.Parse(ts.Getenv("FCCTL_URL"))
	ts.Check(err)
	proxy := httputil.NewSingleHostReverseProxy(server)
	var n atomic.Int64
	line := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != args[0] {
			proxy.ServeHTTP(w, r)
			return
		}
		switch now := int(n.Add(1)); {
		case now <= most:
			proxy.ServeHTTP(w, r)
			return
		case now == most+1:
			proxy.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	}))
	ts.Defer(line.Close)
	ts.Setenv("LOST", line.URL)
}

// together fcctl ARGS… -- fcctl ARGS… runs commands at once. What they said is
// in the file "said", with a line "exit N" for each.
func together(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: together fcctl ARGS… -- fcctl ARGS…")
	}
	var said strings.Builder
	var mu sync.Mutex
	var all sync.WaitGroup
	for line := range strings.SplitSeq(strings.Join(args, " "), " -- ") {
		c := exec.Command(fcctl(ts), strings.Fields(line)[1:]...)
		c.Dir = ts.MkAbs(".")
		c.Env = append(os.Environ(), "GORACE="+quick, "HOME="+ts.Getenv("HOME"), "FCCTL_URL="+ts.Getenv("FCCTL_URL"), "FCCTL_TOKEN="+ts.Getenv("FCCTL_TOKEN"))
		all.Go(func() {
			out, err := c.CombinedOutput()
			mu.Lock()
			defer mu.Unlock()
			if c.ProcessState == nil {
				fmt.Fprintln(&said, err)
				return
			}
			fmt.Fprintf(&said, "%sexit %d\n", out, c.ProcessState.ExitCode())
		})
	}
	all.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("said"), []byte(said.String()), 0o600))
}

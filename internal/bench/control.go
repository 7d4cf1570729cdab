package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A target is the receiver's process, seen from here.
type target struct {
	url   string
	cmd   *exec.Cmd
	stdin io.Closer
	book  string // a query that says which book; empty is that of live deliveries
}

// startReceiver runs this binary again as the receiver.
func startReceiver(ctx context.Context) (*target, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "receiver")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	t := &target{cmd: cmd, stdin: stdin}
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.stop()
		return nil, fmt.Errorf("start the receiver: read its address: %w", err)
	}
	t.url = "http://" + strings.TrimSpace(addr)
	return t, nil
}

// stop ends the receiver's process. What it exits with says nothing: the
// verdict has been asked for before.
func (t *target) stop() {
	_ = t.stdin.Close()
	_ = t.cmd.Wait()
}

// path returns the URL of the n-th delivery path.
func (t *target) path(n int) string { return t.url + deliverPath + strconv.Itoa(n) }

// expect clears the books and announces what is about to come.
func (t *target) expect(ctx context.Context, want expectation) error {
	return call(ctx, http.MethodPost, t.url+"/expect"+t.book, "", want, nil)
}

// wait returns the verdict when everything has arrived, or nothing more has
// for as long as patience.
func (t *target) wait(ctx context.Context, patience time.Duration) (verdict, error) {
	var v verdict
	err := call(ctx, http.MethodGet, t.url+"/wait"+cmp.Or(t.book, "?live")+"&patience="+patience.String(), "", nil, &v)
	return v, err
}

// behave says how paths behave from now on; those that are not named take
// everything at once. Requests that hang are let go.
func (t *target) behave(ctx context.Context, list ...behaviour) error {
	if list == nil {
		list = []behaviour{}
	}
	return call(ctx, http.MethodPost, t.url+"/behave", "", list, nil)
}

// log returns every arrival since expect.
func (t *target) log(ctx context.Context) ([]arrival, error) {
	var as []arrival
	err := call(ctx, http.MethodGet, t.url+"/log"+t.book, "", nil, &as)
	return as, err
}

// replays is the same receiver's book of replayed deliveries.
func (t *target) replays() *target {
	return &target{url: t.url, book: "?replay"}
}

// verdict returns what has come so far.
func (t *target) verdict(ctx context.Context) (verdict, error) {
	var v verdict
	err := call(ctx, http.MethodGet, t.url+"/verdict"+t.book, "", nil, &v)
	return v, err
}

// call is one JSON exchange of the control side, where speed is no matter.
// Anything but a 2xx is an error that quotes the answer.
func call(ctx context.Context, method, url, token string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, url, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 256<<20)) // a log is long
	if err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, url, err)
	}
	if res.StatusCode/100 != 2 {
		return &statusError{method: method, url: url, status: res.StatusCode, body: strings.TrimSpace(string(b))}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, url, err)
	}
	return nil
}

// A statusError is an answer that is not 2xx.
type statusError struct {
	method, url string
	status      int
	body        string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s %s: status %d: %.300s", e.method, e.url, e.status, e.body)
}

package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) receiveCommand() *cli.Command {
	return &cli.Command{
		Name: "receive", Usage: "receive webhooks here, verify them and print them",
		Description: app.Example("Point a connection at it and watch. It answers 200, or what you tell it to, and 401 to a wrong signature. "+
			"Secrets are also read from FCCTL_SECRET, where ps does not show them.",
			"fcctl receive --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
			"fcctl receive --listen 127.0.0.1:3000 --fail-first 2 --body pretty",
			"fcctl receive --count 3 -o json"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:3000", Usage: "the `ADDRESS` to listen on; port 0 chooses one"},
			&cli.StringSliceFlag{Name: "secret", Usage: "a signing `SECRET`; may be repeated while it changes"},
			&cli.IntFlag{Name: "status", Value: 200, Usage: "answer with this `STATUS`"},
			&cli.IntFlag{Name: "fail-first", Usage: "answer 500 to the first `N` deliveries of each job"},
			&cli.StringFlag{Name: "fail-match", Usage: "answer 500 where type or body match this `REGEXP`; with --fail-first, only to the first of those"},
			&cli.DurationFlag{Name: "delay", Usage: "wait this `LONG` before each answer"},
			&cli.StringFlag{Name: "body", Value: "raw", Usage: "show bodies `HOW`: raw, pretty or none"},
			&cli.IntFlag{Name: "count", Usage: "end after `N` deliveries; 0 goes on"},
		},
		Action: a.receive,
	}
}

// maxDelivery bounds the body of a delivery.
const maxDelivery = 32 << 20

// receiver answers deliveries and prints them.
type receiver struct {
	app       *commands
	verifier  webhook.Verifier
	status    int
	failFirst int
	failMatch *regexp.Regexp
	delay     time.Duration
	body      string
	c         *cli.Context
	count     int
	done      func() // called when count is reached

	mu    sync.Mutex
	seen  map[string]int // deliveries by job
	total int
	err   error // of writing to stdout
}

func (a *commands) receive(c *cli.Context) error {
	r, err := a.newReceiver(c)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.String("listen"))
	if err != nil {
		return fault.New(fault.Failed, "--listen 127.0.0.1:0, which chooses a free port", "listen: %w", err)
	}
	ctx, stop := context.WithCancel(c.Context)
	defer stop()
	r.done = stop
	srv := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	checked := "signatures are not checked (--secret)"
	if len(r.verifier.Secrets) > 0 {
		checked = "signatures are checked"
	}
	a.Say("Receiving on http://%s; %s. Ctrl-C ends it.", l.Addr(), checked)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err = <-served:
		return fmt.Errorf("receive: %w", err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(bounded); err != nil {
		_ = srv.Close() // somebody does not hang up
	}
	<-served
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return fmt.Errorf("write: %w", r.err)
	}
	return nil
}

func (a *commands) newReceiver(c *cli.Context) (*receiver, error) {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return nil, err
	}
	r := &receiver{
		app: a, status: c.Int("status"), failFirst: c.Int("fail-first"), delay: c.Duration("delay"), body: c.String("body"),
		c: c, count: c.Int("count"), seen: map[string]int{},
	}
	r.verifier.Secrets = c.StringSlice("secret")
	if s := a.Getenv("FCCTL_SECRET"); s != "" && len(r.verifier.Secrets) == 0 {
		r.verifier.Secrets = strings.Fields(s)
	}
	for _, s := range r.verifier.Secrets {
		if _, err := webhook.NewSigner(webhook.StandardWebhooks, webhook.UnixSeconds, s); err != nil {
			return nil, fault.Usage("a --secret cannot be used: after whsec_ it must be base64", "the secret as the connection has it")
		}
	}
	switch {
	case r.status < 200 || r.status > 599:
		return nil, fault.Usage("--status must be from 200 to 599", "--status 503")
	case r.failFirst < 0 || r.count < 0 || r.delay < 0:
		return nil, fault.Usage("--fail-first, --count and --delay cannot be negative", "fcctl receive --help")
	case r.body != "raw" && r.body != "pretty" && r.body != "none":
		return nil, fault.Usage(fmt.Sprintf("--body %s is not a way to show a body", r.body), "--body raw, --body pretty or --body none")
	}
	if m := c.String("fail-match"); m != "" {
		re, err := regexp.Compile(m)
		if err != nil {
			return nil, fault.Usage("--fail-match is not a regular expression: "+err.Error(), "--fail-match order:placed")
		}
		r.failMatch = re
	}
	return r, nil
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxDelivery))
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "deliveries are sent by POST", http.StatusMethodNotAllowed)
		return
	}
	d := r.delivery(req, body)
	if r.delay > 0 {
		t := time.NewTimer(r.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-req.Context().Done(): // the sender lost patience; say so all the same
		}
	}
	if !r.note(&d) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the receiver is closing", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(d.Status)
	if d.Status == http.StatusOK {
		_, _ = io.WriteString(w, `{"ack":true}`) // who hung up asks again
	}
}

// delivery reads what a request says, whether it can be trusted or not.
func (r *receiver) delivery(req *http.Request, body []byte) view.Delivery {
	h := req.Header
	d := view.Delivery{
		At: time.Now(), Path: req.URL.Path, Signature: "not checked", Body: body,
		EventType: h.Get("X-FlowCatalyst-Event-Type"), EventID: h.Get("X-FlowCatalyst-Event-Id"),
		JobID: h.Get("X-FlowCatalyst-Dispatch-Job-Id"), Replay: h.Get("X-FlowCatalyst-Replay") != "",
	}
	d.Attempt, _ = strconv.Atoi(h.Get("X-FlowCatalyst-Attempt")) // 0 if it does not say
	if d.JobID == "" {
		d.JobID = h.Get(webhook.HeaderWebhookID)
	}
	var envelope struct {
		ID            string `json:"id"`
		Type          string `json:"type"`
		MessageGroup  string `json:"messageGroup"`
		DispatchJobID string `json:"dispatchJobId"`
		AttemptNumber int    `json:"attemptNumber"`
	}
	if json.Unmarshal(body, &envelope) == nil && envelope.DispatchJobID != "" {
		d.EventID, d.EventType, d.Group = envelope.ID, envelope.Type, envelope.MessageGroup
		d.JobID, d.Attempt = envelope.DispatchJobID, envelope.AttemptNumber
	}
	if !json.Valid(body) {
		d.Body, _ = json.Marshal(string(body)) // a string always encodes
	}
	switch {
	case h.Get(webhook.HeaderWebhookSignature) != "":
		d.Scheme = string(webhook.StandardWebhooks)
	case h.Get(webhook.HeaderSignature) != "":
		d.Scheme = string(webhook.FlowCatalyst)
	}
	if len(r.verifier.Secrets) > 0 {
		err := r.verifier.Verify(h, body)
		var untrusted *webhook.VerificationError
		switch {
		case err == nil:
			d.Verified, d.Signature = true, "verified"
		case errors.As(err, &untrusted):
			d.Signature = untrusted.Err.Error()
		default:
			d.Signature = err.Error()
		}
	}
	return d
}

// note decides the answer, prints the delivery, and reports false once the
// count is reached.
func (r *receiver) note(d *view.Delivery) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count > 0 && r.total >= r.count {
		return false
	}
	r.total++
	d.Status = r.answer(d)
	if r.body == "none" && !app.ForPeople(r.c) {
		d.Body = nil
	}
	err := r.app.Item(r.c, d, func() string { return d.Text(r.body, r.app.Ink()) })
	if r.err == nil {
		r.err = err
	}
	if r.count > 0 && r.total == r.count || err != nil {
		r.done()
	}
	return true
}

func (r *receiver) answer(d *view.Delivery) int {
	if len(r.verifier.Secrets) > 0 && !d.Verified {
		return http.StatusUnauthorized
	}
	if r.failFirst == 0 && r.failMatch == nil {
		return r.status
	}
	if r.failMatch != nil && !r.failMatch.MatchString(d.EventType) && !r.failMatch.Match(d.Body) {
		return r.status
	}
	r.seen[d.JobID]++
	if r.failFirst == 0 || r.seen[d.JobID] <= r.failFirst {
		return http.StatusInternalServerError
	}
	return r.status
}

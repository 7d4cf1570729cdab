package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/flowcatalyst/fc/internal/fill"
)

// What the history is about.
const (
	historyClients       = 10
	historyTypes         = 40
	historySubscriptions = 60
)

// A history is a store in which much has happened, and what is known of it. It
// is kept beside the store as JSON.
type history struct {
	dir string

	Jobs          int         `json:"jobs"`
	Filled        fill.Filled `json:"filled"`
	Clients       []string    `json:"clients"`
	Types         []string    `json:"types"`
	Subscriptions []string    `json:"subscriptions"`
	Token         string      `json:"token"`  // of an account that sees everything
	Tenant        string      `json:"tenant"` // of one that sees the first client
}

// history makes a store old, or takes the one that was kept.
func (c *court) history(ctx context.Context) (*history, error) {
	h := &history{dir: c.store}
	if c.store == "" {
		dir, err := os.MkdirTemp(c.dir, "aged-")
		if err != nil {
			return nil, err
		}
		h.dir = dir
	}
	note := filepath.Join(h.dir, historyFile)
	if b, err := os.ReadFile(note); err == nil {
		if err := json.Unmarshal(b, h); err != nil {
			return nil, fmt.Errorf("read %s: %w", note, err)
		}
		if h.Jobs != c.events {
			return nil, fmt.Errorf("%s has a store of %d jobs, and %d are asked for. Try: -n %d, or another -store", h.dir, h.Jobs, c.events, h.Jobs)
		}
		c.say("the store in %s is used again", h.dir)
		return h, nil
	}
	if err := os.MkdirAll(h.dir, 0o755); err != nil {
		return nil, err
	}
	if free, need := freeDisk(h.dir), int64(c.events)*fill.BytesPerJob*3/2; free > 0 && free < need {
		return nil, fmt.Errorf("%s has %s left and %s are needed. Try: a smaller -n, or -dir on another disk", h.dir, mebibytes(free), mebibytes(need))
	}
	if err := c.makeHistory(ctx, h); err != nil {
		return nil, errors.Join(fmt.Errorf("make a history: %w", err), h.leave(c))
	}
	return h, h.note(c)
}

// historyFile is where a history is kept.
const historyFile = "history.json"

// note writes down what is known of a store that is kept.
func (h *history) note(c *court) error {
	if c.store == "" {
		return nil
	}
	b, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(h.dir, historyFile), b, 0o600)
}

// leave removes the store unless it is to be kept.
func (h *history) leave(c *court) error {
	if c.store != "" {
		return nil
	}
	return os.RemoveAll(h.dir)
}

// makeHistory declares what there is through the API, lets a few events through,
// and puts the rest into the file.
func (c *court) makeHistory(ctx context.Context, h *history) error {
	d, err := openDaemon(ctx, c.binary, h.dir)
	if err != nil {
		return err
	}
	if err := errors.Join(c.declare(ctx, d, h), d.close()); err != nil {
		return err
	}
	began := time.Now()
	h.Jobs = c.events
	h.Filled, err = fill.Fill(ctx, filepath.Join(h.dir, "data", "flowcatalyst.db"), fill.Shape{
		Jobs: c.events, Clients: h.Clients, Types: h.Types, Subscriptions: h.Subscriptions, Say: c.say,
	})
	if err != nil {
		return err
	}
	c.say("%d events, %d jobs and %d attempts in %s: %s", h.Filled.Events, h.Filled.Jobs, h.Filled.Attempts, time.Since(began).Round(time.Second), mebibytes(h.Filled.Bytes))
	return nil
}

func (c *court) declare(ctx context.Context, d *daemon, h *history) error {
	if err := c.furnish(ctx, d, published[0]); err != nil {
		return err
	}
	if err := c.warmUp(ctx, d, published[0]); err != nil {
		return err
	}
	for i := range historyClients {
		id, err := d.create(ctx, "/api/clients", object{"identifier": fmt.Sprintf("tenant-%d", i), "name": fmt.Sprintf("Tenant %d", i)})
		if err != nil {
			return err
		}
		h.Clients = append(h.Clients, id)
	}
	for i := range historyTypes {
		code := fmt.Sprintf("shop:area-%d:thing-%d:happened", i/8, i)
		if _, err := d.create(ctx, "/api/event-types", object{"code": code, "name": code}); err != nil {
			return err
		}
		h.Types = append(h.Types, code)
	}
	for i := range historySubscriptions {
		code := fmt.Sprintf("past-%d", i)
		url := c.target.path(i)
		connection, err := d.create(ctx, "/api/connections", object{"code": code, "name": code, "url": url, "endpoint": url})
		if err != nil {
			return err
		}
		id, err := d.create(ctx, "/api/subscriptions", object{"code": code, "name": code, "connectionId": connection, "mode": "BLOCK_ON_ERROR",
			"eventTypes": []object{{"eventTypeCode": h.Types[i%historyTypes]}}})
		if err != nil {
			return err
		}
		h.Subscriptions = append(h.Subscriptions, id)
	}
	for _, a := range []struct {
		to      *string
		code    string
		clients []string
		role    string
	}{{&h.Token, "bench", []string{"*"}, "platform:super-admin"}, {&h.Tenant, "bench-tenant", h.Clients[:1], "platform:messaging-admin"}} {
		var made struct {
			Token string `json:"token"`
		}
		if err := call(ctx, http.MethodPost, d.URL+"/api/service-accounts", d.token, object{"code": a.code, "name": a.code, "clientIds": a.clients, "roles": []string{a.role}}, &made); err != nil {
			return err
		}
		*a.to = made.Token
	}
	return nil
}

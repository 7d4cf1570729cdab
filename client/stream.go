package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"
)

const (
	// maxEvent bounds one event of a stream.
	maxEvent = 16 << 20
	// silence is after how long without a word a stream is taken for lost: the
	// server says something at least every quarter of a minute.
	silence = 40 * time.Second
)

// Watch yields a snapshot at once and then one each second, until ctx ends. It
// connects again by itself when the connection is lost or the server ends the
// stream. What can not be helped by that, such as a missing permission, is
// yielded as an error and ends it; a lost connection is yielded as an error
// too, so that it can be shown, and the watching goes on if the loop does.
func (r *Router) Watch(ctx context.Context) iter.Seq2[*Snapshot, error] {
	return func(yield func(*Snapshot, error) bool) {
		place := ""
		r.c.follow(ctx, "/monitoring/stream", &place, taker{
			event: func(name, _ string, data []byte) (bool, error) {
				if name != "snapshot" {
					return true, nil
				}
				v := new(Snapshot)
				if err := json.Unmarshal(data, v); err != nil {
					return false, fmt.Errorf("read a snapshot: %w", err)
				}
				return yield(v, nil), nil
			},
			lost: func(err error, _ time.Duration) bool { return yield(nil, err) },
		})
	}
}

// taker is told what a stream brings; each function says whether it wants
// more. Opened and alive may be nil.
type taker struct {
	event  func(name, id string, data []byte) (bool, error)
	opened func() bool
	alive  func(id string) bool // a place came alone
	// lost takes the errors, and how long it is until the next try; 0 is never.
	lost func(err error, again time.Duration) bool
}

// follow reads a stream again and again, from the place on where it stood, as
// Watch promises.
func (c *Client) follow(ctx context.Context, path string, place *string, t taker) {
	take, failures := t.event, 0
	t.event = func(name, id string, data []byte) (bool, error) {
		failures = 0
		return take(name, id, data)
	}
	for ctx.Err() == nil {
		err := c.events(ctx, path, place, &t)
		if errors.Is(err, errStopped) || ctx.Err() != nil {
			return
		}
		wait, final := min(firstPause<<min(failures, 10), maxPause), false
		var refused *Error
		if errors.As(err, &refused) {
			wait = max(wait, min(refused.RetryAfter, maxRetryAfter))
			final = refused.Status < 500 && refused.Status != http.StatusTooManyRequests
		}
		if final {
			wait = 0
		}
		// nil is an end in good order: the token has run out, say.
		if err != nil && !t.lost(err, wait) || final {
			return
		}
		failures++
		if c.sleep(ctx, wait) != nil {
			return
		}
	}
}

// errStopped says that the reader of a stream wants no more.
var errStopped = errors.New("the reader has stopped")

// events reads server-sent events (the HTML standard, 9.2) until the server
// ends the stream, which is nil, or the taker wants no more. The place is the id
// of the last one that the taker has taken; it may also come alone.
func (c *Client) events(ctx context.Context, path string, place *string, t *taker) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(silence, func() { cancel(errors.New("the server has said nothing for too long")) })
	defer quiet.Stop()
	res, err := c.stream(ctx, path, *place)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if t.opened != nil && !t.opened() {
		return errStopped
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 64<<10), maxEvent)
	var (
		name, id string
		data     []byte
	)
	for lines.Scan() {
		field, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(lines.Bytes()) == 0:
			quiet.Stop() // a taker that takes its time is no silence of the server's
			more := true
			if len(data) > 0 {
				if more, err = t.event(name, id, data); err != nil {
					return err
				}
			}
			if id != "" && more {
				*place = id
				if len(data) == 0 && t.alive != nil {
					more = t.alive(id)
				}
			}
			if !more {
				return errStopped
			}
			name, id, data = "", "", nil
			quiet.Reset(silence)
		case string(field) == "event":
			name = string(value)
		case string(field) == "id":
			id = string(value)
		case string(field) == "data":
			data = append(data, value...)
		}
	}
	if err := lines.Err(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return fmt.Errorf("watch %s: %w", path, err)
	}
	return nil
}

// stream opens an answer that goes on. The client's own timeout is for whole
// answers, so it does not apply here.
func (c *Client) stream(ctx context.Context, path, place string) (*http.Response, error) {
	k := call{method: http.MethodGet, path: path}
	untimed := *c.http
	untimed.Timeout = 0
	for renewed := false; ; renewed = true {
		token, err := c.token(ctx, k)
		if err != nil {
			return nil, err
		}
		u := c.base.String() + path
		req, err := http.NewRequestWithContext(ctx, k.method, u, nil)
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", path, err)
		}
		req.Header.Set("Accept", "text/event-stream")
		if place != "" {
			req.Header.Set("Last-Event-ID", place)
		}
		req.Header.Set("User-Agent", c.agent)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := untimed.Do(req)
		if err != nil {
			return nil, &connectionError{k.method, u, err}
		}
		if res.StatusCode == http.StatusOK {
			return res, nil
		}
		answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
		_ = res.Body.Close()
		if err != nil {
			return nil, &connectionError{k.method, u, err}
		}
		if res.StatusCode == http.StatusUnauthorized && token != "" && !renewed {
			c.tokens.Reject(token)
			continue
		}
		return nil, newError(k, res, answer)
	}
}

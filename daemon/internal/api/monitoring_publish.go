package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/api/monitor"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// maxMessages is how many messages may be published at once.
const maxMessages = 1000

// messageDoc documents what may be put into the queue.
type messageDoc struct {
	ID              string            `json:"id,omitempty" doc:"The producer's own; the same id is delivered once. It is made up where it is absent"`
	PoolCode        string            `json:"poolCode,omitempty"`
	MediationType   string            `json:"mediationType,omitempty" enum:"HTTP"`
	MediationTarget string            `json:"mediationTarget" doc:"The URL that the payload is posted to"`
	MessageGroupID  string            `json:"messageGroupId,omitempty"`
	DispatchMode    string            `json:"dispatchMode,omitempty" enum:"IMMEDIATE,NEXT_ON_ERROR,BLOCK_ON_ERROR"`
	Payload         string            `json:"payload,omitempty" doc:"Posted as it is; without one the receiver gets the message's id"`
	Headers         map[string]string `json:"headers,omitempty"`
	ClientID        string            `json:"clientId,omitempty"`
	ConnectionID    string            `json:"connectionId,omitempty"`
}

type messagesAnswer struct {
	Accepted   int      `json:"accepted"`
	MessageIDs []string `json:"messageIds" doc:"In the order of the request"`
}

// publishMessages puts messages of a producer into the router's queue, as it
// could do itself with a broker that it shares with the router. The answer
// comes when the queue has them for good.
func (s *server) publishMessages(ctx context.Context, m *monitor.Monitor, c *call, in *BodyInput) (*result, error) {
	ms, err := decodeMessages(in.RawBody)
	if err != nil {
		return nil, err
	}
	a := messagesAnswer{Accepted: len(ms), MessageIDs: make([]string, len(ms))}
	var problems []resource.Problem
	for i := range ms {
		msg := &ms[i]
		at := fmt.Sprintf("messages[%d].", i)
		if msg.JobID != "" && !c.Scope.All {
			return nil, newProblem(http.StatusForbidden, string(platform.CodeForbidden), at+"jobId: only the scheduler and operators hand jobs over; retry a job through /api/dispatch-jobs")
		}
		if msg.MediationType == "" {
			msg.MediationType = queue.MediationHTTP
		}
		switch {
		case msg.ID != "":
		case msg.JobID != "":
			msg.ID = queue.MessageID(msg.JobID, msg.Ticket)
		default:
			msg.ID = s.ids.New(m.Now()).String()
		}
		a.MessageIDs[i] = msg.ID
		if !c.Scope.All {
			if msg.ClientID == "" && len(c.Scope.Clients) == 1 {
				msg.ClientID = c.Scope.Clients[0]
			}
			if !c.Scope.Sees(msg.ClientID) {
				return nil, newProblem(http.StatusForbidden, string(platform.CodeForbidden), at+"clientId: you are not bound to this client")
			}
			// The router takes a message's connection at its word, and what goes
			// there carries the connection's credentials.
			if msg.ConnectionID != "" {
				info, _ := resource.InfoOf(resource.KindConnection)
				if r, err := s.p.Get(ctx, c.Caller, info, msg.ConnectionID, msg.ClientID); err != nil || r.Base().ID != msg.ConnectionID || r.Base().ClientID != msg.ClientID {
					return nil, newProblem(http.StatusForbidden, string(platform.CodeForbidden), at+"connectionId: there is no connection of this id that belongs to the message's client")
				}
			}
		}
		if msg.AuthToken != "" {
			problems = append(problems, noSecret(at+"authToken", "auth"))
		}
		if msg.SigningSecret != "" {
			problems = append(problems, noSecret(at+"signingSecret", "signing"))
		}
		if err := msg.Validate(); err != nil {
			problems = append(problems, resource.Problem{Field: at + "mediationTarget", Detail: err.Error()})
		}
	}
	if len(problems) > 0 {
		return nil, platform.Invalid("nothing was published, because of messages that can not be taken", problems...)
	}
	err = m.Publish(ctx, ms)
	switch {
	case errors.Is(err, queue.ErrTooLarge):
		return nil, newProblem(http.StatusRequestEntityTooLarge, "TOO_LARGE", "nothing was published: a message is larger than the queue takes")
	case errors.Is(err, queue.ErrInvalid):
		return nil, platform.Invalid("nothing was published: " + err.Error())
	case err != nil:
		s.log.Warn("messages not published", "request_id", c.RequestID, "messages", len(ms), "error", err)
		return nil, newProblem(http.StatusServiceUnavailable, "UNAVAILABLE", "the queue can not be written now; publish the same messages with the same ids again").after(5 * time.Second)
	}
	return ok(a), nil
}

// noSecret refuses a secret in a message: the queue would keep it in clear, and
// the dead letters after it.
func noSecret(field, block string) resource.Problem {
	return resource.Problem{Field: field, Detail: "the queue would keep it in clear", Try: "connectionId of a connection with " + block}
}

// decodeMessages reads one message, a list of them, or {"messages": […]}.
func decodeMessages(body []byte) ([]queue.Message, error) {
	body = bytes.TrimSpace(body)
	var (
		ms   []queue.Message
		many struct {
			Messages []queue.Message `json:"messages"`
		}
	)
	if len(body) > 0 && body[0] == '[' {
		if err := json.Unmarshal(body, &ms); err != nil {
			return nil, platform.Malformed(err)
		}
	} else if err := json.Unmarshal(body, &many); err != nil {
		return nil, platform.Malformed(err)
	} else if ms = many.Messages; ms == nil {
		ms = make([]queue.Message, 1)
		if err := json.Unmarshal(body, &ms[0]); err != nil {
			return nil, platform.Malformed(err)
		}
	}
	switch n := len(ms); {
	case n == 0:
		return nil, badField("messages", "is empty", "")
	case n > maxMessages:
		return nil, badField("messages", fmt.Sprintf("has %d messages; at most %d may come at once", n, maxMessages), "several requests")
	}
	return ms, nil
}

package router

import (
	"encoding/json"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// adoptedCode is the code of jobs that were adopted from a queue.
const adoptedCode = "flowcatalyst:queue:message:adopted"

// adopt makes TASK jobs of messages that a producer put into the queue
// itself. The job is unique by queue and message id, so that a crash between
// insert and ack makes no second one. From there it is a job like any other.
func (r *Router) adopt(ds []*delivery) {
	if len(ds) == 0 {
		return
	}
	now := r.Now()
	jobs := make([]flow.Job, 0, len(ds))
	taken := ds[:0]
	for _, d := range ds {
		m := &d.received.Message
		if m.AuthToken != "" || m.SigningSecret != "" {
			r.dead(d, "it carries its own credentials, and there is nowhere to keep them encrypted. Send it to a connection with a signing block instead")
			continue
		}
		jobs = append(jobs, r.task(m, now))
		taken = append(taken, d)
	}
	if len(taken) == 0 {
		return
	}
	if _, err := r.Store.InsertTasks(r.hard, jobs, now); err != nil {
		r.Logger.Warn("messages of foreign producers not adopted; trying again", "messages", len(taken), "error", err)
		backs := make([]giveBack, len(taken))
		for i, d := range taken {
			backs[i] = giveBack{received: d.received, kind: byNack, delay: time.Second}
		}
		r.board.drop(taken...)
		r.returns.put(backs...)
		return
	}
	r.meters.adopted.Add(float64(len(taken)))
	r.settle(taken...)
}

func (r *Router) task(m *queue.Message, now time.Time) flow.Job {
	payload := string(m.Payload)
	if payload == "" {
		// The pointer form: the receiver fetches the content itself. A
		// struct of one string always marshals.
		b, _ := json.Marshal(struct {
			MessageID string `json:"messageId"`
		}{m.ID})
		payload = string(b)
	}
	mode, _ := flow.ParseMode(m.DispatchMode) // unknown and absent are IMMEDIATE
	lane := flow.TaskLane(m.ConnectionID, m.MediationTarget)
	t := &flow.Task{
		IdempotencyKey: "q/" + r.QueueName + "/" + m.ID,
		ExternalID:     m.ID,
		Code:           adoptedCode, Source: "/queues/" + r.QueueName,
		ConnectionID: m.ConnectionID, TargetURL: m.MediationTarget,
		Payload: payload, PayloadContentType: "application/json", DataOnly: true,
		Sequence: 99, Headers: m.Headers,
	}
	if cat := r.catalog.Load(); cat != nil && m.PoolCode != "" {
		t.PoolID = cat.PoolByCode(m.PoolCode, m.ClientID).ID
	}
	return flow.Job{
		ClientID: m.ClientID, MessageGroup: m.MessageGroupID, Mode: mode, Lane: lane,
		OrderKey: flow.NewOrderKey(mode, lane, m.ClientID, m.MessageGroupID, 0),
		Policy:   flow.DefaultPolicy(), Due: now, CreatedAt: now, Task: t,
	}
}

package api

import (
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// The publishing routes read and write by hand: they are what the platform
// does all day.

// cloudEvents says in which mode CloudEvents come: one or a batch.
func cloudEvents(r *http.Request) (one, batch bool) {
	ct := r.Header.Get("Content-Type")
	if !strings.HasPrefix(ct, "application/cloudevents") {
		return false, false
	}
	media, _, err := mime.ParseMediaType(ct)
	return err == nil && media == "application/cloudevents+json", err == nil && media == "application/cloudevents-batch+json"
}

// publishOne is POST /api/events.
func (s *server) publishOne(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := wantJSON(r); err != nil {
		return err
	}
	structured, batched := cloudEvents(r)
	if batched {
		return s.publishBatch(w, r, c)
	}
	return s.withBody(w, r, s.o.MaxEvent, func(body []byte) error {
		drafts := [1]platform.EventDraft{platform.DecodeEvent(fromBinary(r, body, structured))}
		answers, err := s.p.Publish(r.Context(), c.Caller, drafts[:])
		if err != nil {
			return err
		}
		if refused := answers[0].Refused; refused != nil {
			return refused
		}
		status := http.StatusCreated
		if answers[0].Duplicate {
			status = http.StatusOK
		}
		out := takeBuffer()
		defer giveBuffer(out)
		*out = appendPublished(*out, &answers[0].Event, answers[0].Duplicate, answers[0].Warnings)
		writeJSON(w, status, *out)
		return nil
	})
}

// jsonType is the Content-Type of all that writeJSON writes.
var jsonType = []string{"application/json"}

// writeJSON writes an answer at once, with its length, so that the server
// need not chunk it.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever is gone is gone
}

// itemResult is the answer for one item of a batch.
type itemResult struct {
	ID         string   `json:"id,omitempty" doc:"Of what was stored; of the item, where that has an id of its own"`
	EventID    string   `json:"eventId,omitempty"`
	JobID      string   `json:"dispatchJobId,omitempty"`
	AuditLogID string   `json:"auditLogId,omitempty"`
	Status     string   `json:"status" enum:"SUCCESS,BAD_REQUEST,UNAUTHORIZED,FORBIDDEN,INTERNAL_ERROR"`
	Duplicate  bool     `json:"duplicate,omitempty"`
	Error      string   `json:"error,omitempty"`
	Warnings   []string `json:"warnings,omitempty" doc:"What was accepted all the same"`
}

type batchAnswer struct {
	Results []itemResult `json:"results" doc:"In the order of the request"`
}

// refusedItem is the answer for an item that was not accepted.
func refusedItem(id string, e *platform.Error) itemResult {
	r := itemResult{ID: id, Status: platform.ItemBadRequest, Error: e.Detail}
	if e.Code == platform.CodeForbidden {
		r.Status = platform.ItemForbidden
	}
	for i, p := range e.Problems {
		if i == 0 {
			r.Error = p.String()
		} else {
			r.Error += "; " + p.String()
		}
	}
	return r
}

// publishBatch is POST /api/events/batch.
func (s *server) publishBatch(w http.ResponseWriter, r *http.Request, c *caller) error {
	_, structured := cloudEvents(r)
	return s.eachItem(w, r, func(body []byte) ([]itemResult, error) {
		drafts, err := platform.DecodeEvents(body, structured)
		if err != nil {
			return nil, err
		}
		answers, err := s.p.Publish(r.Context(), c.Caller, drafts)
		if err != nil {
			return nil, err
		}
		results := make([]itemResult, len(answers))
		for i := range answers {
			a := &answers[i]
			if a.Refused != nil {
				results[i] = refusedItem(drafts[i].ItemID, a.Refused)
				continue
			}
			id := a.Event.ID.String()
			results[i] = itemResult{ID: id, EventID: id, Status: platform.ItemSuccess, Duplicate: a.Duplicate, Warnings: a.Warnings}
			if drafts[i].ItemID != "" {
				results[i].ID = drafts[i].ItemID
			}
		}
		return results, nil
	})
}

func (s *server) eachItem(w http.ResponseWriter, r *http.Request, do func(body []byte) ([]itemResult, error)) error {
	if err := wantJSON(r); err != nil {
		return err
	}
	return s.withBody(w, r, s.o.MaxBatch, func(body []byte) error {
		results, err := do(body)
		if err != nil {
			return err
		}
		out := takeBuffer()
		defer giveBuffer(out)
		b := append(*out, `{"results":[`...)
		for i := range results {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendItem(b, &results[i])
		}
		*out = append(b, ']', '}', '\n')
		writeJSON(w, http.StatusOK, *out)
		return nil
	})
}

func appendItem(b []byte, r *itemResult) []byte {
	b = append(b, `{"status":"`...)
	b = append(b, r.Status...)
	b = append(b, '"')
	b = appendOptional(b, "id", r.ID)
	b = appendOptional(b, "eventId", r.EventID)
	b = appendOptional(b, "dispatchJobId", r.JobID)
	b = appendOptional(b, "auditLogId", r.AuditLogID)
	if r.Duplicate {
		b = append(b, `,"duplicate":true`...)
	}
	b = appendOptional(b, "error", r.Error)
	b = appendTexts(b, "warnings", r.Warnings)
	return append(b, '}')
}

// createJob is POST /api/dispatch-jobs.
func (s *server) createJob(w http.ResponseWriter, r *http.Request, c *caller) error {
	c.May = s.may(c)
	if err := wantJSON(r); err != nil {
		return err
	}
	return s.withBody(w, r, s.o.MaxEvent, func(body []byte) error {
		answers, err := s.p.CreateTasks(r.Context(), c.Caller, []platform.TaskDraft{platform.DecodeTask(body, r.Header.Get("Idempotency-Key"))})
		if err != nil {
			return err
		}
		a := answers[0]
		if a.Refused != nil {
			return a.Refused
		}
		view, err := s.viewJob(r.Context(), &a.Job, nil)
		if err != nil {
			return err
		}
		view.Warnings = a.Warnings
		view.Duplicate = a.Duplicate
		b, err := json.Marshal(view)
		if err != nil {
			return err
		}
		status := http.StatusCreated
		if a.Duplicate {
			status = http.StatusOK
		}
		writeJSON(w, status, append(b, '\n'))
		return nil
	})
}

// createJobs is POST /api/dispatch-jobs/batch.
func (s *server) createJobs(w http.ResponseWriter, r *http.Request, c *caller) error {
	c.May = s.may(c)
	return s.eachItem(w, r, func(body []byte) ([]itemResult, error) {
		items, err := platform.DecodeBatch(body)
		if err != nil {
			return nil, err
		}
		drafts := make([]platform.TaskDraft, len(items))
		for i, item := range items {
			// The header's key is for the request as a whole; items have
			// their own.
			drafts[i] = platform.DecodeTask(item, "")
		}
		answers, err := s.p.CreateTasks(r.Context(), c.Caller, drafts)
		if err != nil {
			return nil, err
		}
		results := make([]itemResult, len(answers))
		for i, a := range answers {
			if a.Refused != nil {
				results[i] = refusedItem(drafts[i].ItemID, a.Refused)
				continue
			}
			id := a.Job.ID.String()
			results[i] = itemResult{ID: id, JobID: id, Status: platform.ItemSuccess, Duplicate: a.Duplicate}
			if drafts[i].ItemID != "" {
				results[i].ID = drafts[i].ItemID
			}
		}
		return results, nil
	})
}

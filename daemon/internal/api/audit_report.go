package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// reportRoutes are the rows by which applications report what happened within
// them.
func (s *server) reportRoutes() []route {
	const may = "platform:admin:audit-log:create"
	return []route{
		{http.MethodPost, "/api/audit-logs/batch", may, "reportAuditLogs", "audit", "Report up to 1000 audit entries of an application", newAuditLogsDoc{}, batchAnswer{}, 0, s.plain(s.reportAudit)},
		{http.MethodPost, "/api/audit/logs/batch", may, "reportAuditLogsOld", "audit", "Report up to 1000 audit entries of an application: the older path", newAuditLogsDoc{}, batchAnswer{}, 0, s.plain(s.reportAudit)},
	}
}

// reportAudit is POST /api/audit-logs/batch.
func (s *server) reportAudit(w http.ResponseWriter, r *http.Request, c *caller) error {
	return s.eachItem(w, r, func(body []byte) ([]itemResult, error) {
		drafts, err := platform.DecodeReports(body)
		if err != nil {
			return nil, err
		}
		answers, err := s.p.ReportAudit(r.Context(), c.Caller, drafts)
		if err != nil {
			return nil, err
		}
		results := make([]itemResult, len(answers))
		for i, a := range answers {
			if a.Refused != nil {
				results[i] = refusedItem(drafts[i].ItemID, a.Refused)
				continue
			}
			results[i] = itemResult{ID: a.ID.String(), AuditLogID: a.ID.String(), Status: platform.ItemSuccess, Duplicate: a.Duplicate}
			if drafts[i].ItemID != "" {
				results[i].ID = drafts[i].ItemID
			}
		}
		return results, nil
	})
}

// reportedView is what an entry has of its application.
type reportedView struct {
	PrincipalID   string          `json:"principalId,omitempty" doc:"Who did it, by a name of the application's"`
	PerformedAt   *stamp          `json:"performedAt,omitempty" doc:"When it was done, by the application's clock"`
	Source        string          `json:"source,omitempty"`
	CorrelationID string          `json:"correlationId,omitempty"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`
}

func viewReported(r *store.AuditReport) *reportedView {
	if r == nil {
		return nil
	}
	v := &reportedView{PrincipalID: r.PrincipalID, Source: r.Source, CorrelationID: r.CorrelationID, Metadata: r.Metadata}
	if !r.PerformedAt.IsZero() {
		at := stamp(r.PerformedAt)
		v.PerformedAt = &at
	}
	return v
}

// newAuditLogDoc documents an entry of a batch, which platform reads.
type newAuditLogDoc struct {
	ID            string         `json:"id,omitempty" doc:"With one, the entry is kept once however often it is sent"`
	EntityType    string         `json:"entityType" doc:"What sort of thing it is about"`
	EntityID      string         `json:"entityId"`
	Operation     string         `json:"operation"`
	OperationData any            `json:"operationData,omitempty" doc:"At most 256 KiB; no secrets"`
	PrincipalID   string         `json:"principalId,omitempty" doc:"Who did it, by a name of the application's"`
	PerformedAt   time.Time      `json:"performedAt,omitempty" doc:"When it was done"`
	Source        string         `json:"source,omitempty"`
	CorrelationID string         `json:"correlationId,omitempty"`
	Metadata      map[string]any `json:"metadata,omitempty" doc:"At most 16 KiB"`
	ClientID      string         `json:"clientId,omitempty" doc:"The tenant; the caller's only one if absent"`
}

type newAuditLogsDoc struct {
	Items []newAuditLogDoc `json:"items" maxItems:"1000" doc:"Entries, or {id, clientId, payload: entry}"`
}

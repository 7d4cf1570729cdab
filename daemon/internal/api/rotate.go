package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// secretRoutes are the rows about secrets.
func (s *server) secretRoutes() []route {
	info, _ := resource.InfoOf(resource.KindConnection)
	return []route{{http.MethodPost, "/api/" + info.Collection + "/{id}/rotate-secret", info.May("update"),
		"rotateConnectionSecret", info.Collection, "Give it a new signing secret; the old one signs on until its grace ends",
		rotateDoc{}, rotatedView{}, 0, through(s, s.rotateSecret)}}
}

type rotateInput struct {
	ConditionalInput
	BodyInput
}

type rotateDoc struct {
	GraceSeconds *float64 `json:"graceSeconds,omitempty" doc:"How long the old secret signs on: 86400 if absent, at most 604800, and 0 ends it at once"`
	Secret       string   `json:"secret,omitempty" doc:"The new secret; one is made if absent"`
}

func (rotateDoc) mayBeAbsent() {}

type rotatedView struct {
	ID          string             `json:"id"`
	Code        string             `json:"code"`
	Revision    int64              `json:"revision"`
	Secret      string             `json:"secret,omitempty" doc:"The secret that was made, in clear; it is never shown again"`
	PublicKey   string             `json:"publicKey,omitempty" doc:"For receivers, where the secret is the private key of a pair"`
	Fingerprint string             `json:"fingerprint"`
	Previous    []previousKeptView `json:"previous" doc:"What signs on, the first to end first"`
}

type previousKeptView struct {
	Fingerprint string `json:"fingerprint"`
	Until       stamp  `json:"until"`
}

func (s *server) rotateSecret(ctx context.Context, c *call, in *rotateInput) (*result, error) {
	revision, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	var doc rotateDoc
	if len(in.RawBody) > 0 {
		if err := json.Unmarshal(in.RawBody, &doc); err != nil {
			return nil, platform.Malformed(err)
		}
	}
	r := platform.Rotation{Secret: doc.Secret, Grace: platform.DefaultGrace, Make: successor}
	if g := doc.GraceSeconds; g != nil {
		const most = 1e9 // far beyond what is allowed, and no overflow
		r.Grace = time.Duration(min(max(*g, -1), most) * float64(time.Second))
	}
	done, err := s.p.Rotate(ctx, c.Caller, in.ID, in.ClientID, revision, r)
	if err != nil {
		return nil, err
	}
	con := done.Connection
	view := rotatedView{ID: con.ID, Code: con.Code, Revision: con.Revision, Fingerprint: con.Signing.Secret.Fingerprint(), Previous: []previousKeptView{}}
	if doc.Secret == "" {
		view.Secret = con.Signing.Secret.Reveal()
	}
	if webhook.IsPrivateKey(con.Signing.Secret.Reveal()) {
		// A key that can not be read was given, and fails its deliveries with
		// a text that says so.
		view.PublicKey, _ = webhook.PublicKey(con.Signing.Secret.Reveal())
	}
	for _, p := range con.Signing.Alive(con.UpdatedAt) {
		view.Previous = append(view.Previous, previousKeptView{p.Secret.Fingerprint(), stamp(p.Until)})
	}
	return &result{Status: http.StatusOK, ETag: etag(con), CacheControl: "no-store", Body: view}, nil
}

// successor makes a secret of the kind of another.
func successor(old string) (string, error) {
	if webhook.IsPrivateKey(old) {
		private, _, err := webhook.NewKeyPair()
		return private, err
	}
	return webhook.NewSecret(), nil
}

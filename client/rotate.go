package client

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// Rotation says how a connection gets a new signing secret.
type Rotation struct {
	// Grace is how long the old secret signs on, at most seven days. Nil is a
	// day, and 0 ends it at once.
	Grace *time.Duration
	// Secret is the new one. If it is zero, the server makes one.
	Secret resource.Secret
	// Revision, if not 0, makes the rotation conditional: if the connection
	// has another one by now, the error has status 412.
	Revision int64
}

// Rotated is what a rotation did.
type Rotated struct {
	ID, Code string
	Revision int64
	// Secret is the one that the server made, which it shows this once. It is
	// zero if the rotation gave one.
	Secret resource.Secret
	// PublicKey is for receivers, where the secret is one of a key pair.
	PublicKey   string
	Fingerprint string
	// Previous are the secrets that sign on, by their fingerprints.
	Previous []resource.PreviousSecret
}

// RotateSecret gives a connection, by id or code, a new signing secret. The old
// one signs on until its grace ends, so that receivers can change over.
func (c *Client) RotateSecret(ctx context.Context, id string, r Rotation) (*Rotated, error) {
	body := struct {
		Grace  *float64        `json:"graceSeconds,omitempty"`
		Secret resource.Secret `json:"secret,omitzero"`
	}{Secret: r.Secret.Open()}
	if r.Grace != nil {
		seconds := r.Grace.Seconds()
		body.Grace = &seconds
	}
	var got struct {
		ID          string          `json:"id"`
		Code        string          `json:"code"`
		Revision    int64           `json:"revision"`
		Secret      resource.Secret `json:"secret"`
		PublicKey   string          `json:"publicKey"`
		Fingerprint string          `json:"fingerprint"`
		Previous    []struct {
			Fingerprint string    `json:"fingerprint"`
			Until       time.Time `json:"until"`
		} `json:"previous"`
	}
	path := c.Resources(resource.KindConnection).path(id, "rotate-secret")
	if _, err := c.do(ctx, call{method: http.MethodPost, path: path, body: body, match: etag(r.Revision)}, &got); err != nil {
		return nil, fmt.Errorf("rotate the secret of connection %s: %w", id, err)
	}
	out := &Rotated{ID: got.ID, Code: got.Code, Revision: got.Revision, Secret: got.Secret, PublicKey: got.PublicKey, Fingerprint: got.Fingerprint}
	for _, p := range got.Previous {
		out.Previous = append(out.Previous, resource.PreviousSecret{Secret: resource.FingerprintOf(p.Fingerprint), Until: p.Until})
	}
	return out, nil
}

package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Expunge removes what is kept of a person or of a client, and is the receipt
// for it. Subject and MessageGroup name the person while it runs; after that
// only their prints are kept.
type Expunge struct {
	ID        ID        `json:"id"`
	ClientID  string    `json:"clientId,omitempty"` // whose it is; "" is anchor level
	CreatedBy string    `json:"createdBy,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	// IdempotencyKey makes a repeated request harmless.
	IdempotencyKey string `json:"idempotencyKey,omitempty"`
	Reason         string `json:"reason"` // why, in a person's words

	// To bounds the ids of its events and tasks: it looks at those that were
	// there.
	To           int64     `json:"to"`
	DataOf       string    `json:"dataOf,omitempty"` // a client
	Subject      string    `json:"subject,omitempty"`
	MessageGroup string    `json:"messageGroup,omitempty"`
	Source       string    `json:"source,omitempty"`
	Type         string    `json:"type,omitempty"` // a pattern of four segments
	Before       time.Time `json:"before,omitzero"`
	CancelOpen   bool      `json:"cancelOpen,omitempty"`

	SubjectPrint string `json:"subjectPrint,omitempty"`
	GroupPrint   string `json:"groupPrint,omitempty"`

	Status  WorkStatus `json:"status"`
	EndedAt time.Time  `json:"endedAt,omitzero"`
}

// Print tells whether a text is the one that an expunge was about, and is of
// no use to whoever does not know the text: the id is in it, so that those of
// two expunges can not be compared.
func (x *Expunge) Print(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("expunge\x00" + x.ID.String() + "\x00" + text))
	return hex.EncodeToString(sum[:])
}

// Anonymous is the expunge without what names the person.
func (x Expunge) Anonymous() Expunge {
	if x.Subject != "" {
		x.SubjectPrint = x.Print(x.Subject)
	}
	if x.MessageGroup != "" {
		x.GroupPrint = x.Print(x.MessageGroup)
	}
	x.Subject, x.MessageGroup = "", ""
	return x
}

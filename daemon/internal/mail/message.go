package mail

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
)

// Message is plain text for one person.
type Message struct {
	To      string // an address, without a name
	Subject string
	Text    string
	// Private says that the text must not get into a log.
	Private bool
}

// ParseFrom reads who messages come from: "ada@example.com" or
// "Name <ada@example.com>".
func ParseFrom(s string) (*mail.Address, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || !ascii(a.Address) {
		return nil, errors.New(`expected an address such as "FlowCatalyst <events@example.com>"`)
	}
	return a, nil
}

// recipient is a bare address that is safe in a header and in SMTP.
func recipient(s string) (string, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s || !ascii(s) || len(s) > 254 || strings.ContainsAny(s, "\"<>() ,;:\\") {
		return "", errors.New("the address is not one that mail can be sent to")
	}
	return s, nil
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}

// compose writes a message as it goes over the wire (RFC 5322).
func compose(m Message, from *mail.Address, now time.Time) ([]byte, error) {
	to, err := recipient(m.To)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(m.Subject, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return nil, errors.New("the subject has a control character")
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"Date", now.Format(time.RFC1123Z)},
		{"From", from.String()},
		{"To", to},
		{"Subject", mime.QEncoding.Encode("utf-8", m.Subject)},
		{"Message-ID", "<" + rand.Text() + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, err = w.Write([]byte(strings.ReplaceAll(m.Text, "\n", "\r\n")))
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

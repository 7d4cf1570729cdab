package daemon

import (
	"fmt"

	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/daemon/internal/mail"
)

// openMail starts what sends messages to people. Without a mail server the log
// gets them: with their secrets only where the configuration says so, or in
// fcd dev.
func (d *Daemon) openMail(c *config.Mail) (*mail.Outbox, error) {
	log := d.part("mail")
	var sender mail.Sender = mail.Log{Logger: log, Everything: d.dev || c != nil && c.Links}
	if c != nil && c.Kind == config.MailSMTP {
		from, err := mail.ParseFrom(c.From)
		if err != nil {
			return nil, fmt.Errorf("open mail: from: %w", err)
		}
		smtp, err := mail.NewSMTP(mail.SMTPOptions{Address: c.Host, From: from, Username: c.Username, Password: c.Password.Reveal(), Security: c.TLS})
		if err != nil {
			return nil, fmt.Errorf("open mail: %w", err)
		}
		sender = smtp
	}
	b := mail.NewOutbox(mail.OutboxOptions{Sender: sender, Logger: log})
	d.run("mail", b, nil)
	return b, nil
}

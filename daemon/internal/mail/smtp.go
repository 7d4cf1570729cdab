package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"os"
	"strings"
	"time"
)

// How a connection to a mail server is encrypted.
const (
	// StartTLS begins in clear and insists on encrypting before anything
	// else is said; only a server on this machine may do without.
	StartTLS = "starttls"
	// TLS is encrypted from the first byte, as on port 465.
	TLS = "tls"
	// Clear never encrypts.
	Clear = "none"
)

// SMTPOptions are where messages go. Address and From are required.
type SMTPOptions struct {
	Address            string // host:port
	From               *mail.Address
	Username, Password string
	Security           string // StartTLS unless it says otherwise
	// TLS is the base of what is used; nil asks the system's authorities.
	TLS *tls.Config
	// Timeout bounds the sending of one message; 30 s by default.
	Timeout time.Duration
	Now     func() time.Time
}

// SMTP hands messages to a mail server. Each has a connection of its own.
type SMTP struct {
	o    SMTPOptions
	host string
}

// NewSMTP makes the sender; it does not connect.
func NewSMTP(o SMTPOptions) (*SMTP, error) {
	host, _, err := net.SplitHostPort(o.Address)
	if err != nil || o.From == nil {
		return nil, errors.New("send mail: an address host:port and a sender are required")
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Security == "" {
		o.Security = StartTLS
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return &SMTP{o: o, host: host}, nil
}

// errForGood wraps what trying again does not change.
type errForGood struct{ error }

func (e errForGood) Unwrap() error { return e.error }

// Send hands over one message.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	body, err := compose(m, s.o.From, s.o.Now())
	if err != nil {
		return errForGood{fmt.Errorf("compose message: %w", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	err = s.deliver(ctx, m.To, body)
	var said *textproto.Error
	if errors.As(err, &said) && said.Code >= 500 {
		err = errForGood{err}
	}
	if err != nil {
		return fmt.Errorf("send mail through %s: %w", s.o.Address, err)
	}
	return nil
}

func (s *SMTP) deliver(ctx context.Context, to string, body []byte) error {
	wire, err := new(net.Dialer).DialContext(ctx, "tcp", s.o.Address)
	if err != nil {
		return err
	}
	defer func() { _ = wire.Close() }() // what counts was said before
	// Whatever is read or written ends with the context.
	defer context.AfterFunc(ctx, func() { _ = wire.SetDeadline(time.Unix(1, 0)) })()
	conn := wire
	config := s.o.TLS.Clone()
	if config.ServerName == "" {
		config.ServerName = s.host
	}
	encrypted := s.o.Security == TLS
	if encrypted {
		conn = tls.Client(conn, config)
	}
	c, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return err
	}
	if err := c.Hello(ownName()); err != nil {
		return err
	}
	if s.o.Security == StartTLS {
		switch offered, _ := c.Extension("STARTTLS"); {
		case offered:
			if err := c.StartTLS(config); err != nil {
				return err
			}
			encrypted = true
		case !loopback(s.host):
			return errForGood{errors.New(`the server does not offer STARTTLS; where that is meant to be so, say tls = "none"`)}
		}
	}
	if s.o.Username != "" {
		if err := c.Auth(s.login(c, encrypted)); err != nil {
			return err
		}
	}
	if err := c.Mail(s.o.From.Address); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(body); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // it is theirs already
	return nil
}

// login chooses how to show the password: some servers know LOGIN only.
func (s *SMTP) login(c *smtp.Client, encrypted bool) smtp.Auth {
	_, ways := c.Extension("AUTH")
	words := strings.Fields(strings.ToUpper(ways))
	for _, w := range words {
		if w == "PLAIN" {
			return &plainAuth{s.o.Username, s.o.Password, encrypted || loopback(s.host)}
		}
	}
	return &loginAuth{s.o.Username, s.o.Password, encrypted || loopback(s.host)}
}

var errInClear = errForGood{errors.New("the connection is not encrypted, and a password is not sent over it")}

// plainAuth is PLAIN (RFC 4616).
type plainAuth struct {
	username, password string
	safe               bool
}

// Start implements smtp.Auth.
func (a *plainAuth) Start(*smtp.ServerInfo) (string, []byte, error) {
	if !a.safe {
		return "", nil, errInClear
	}
	return "PLAIN", []byte("\x00" + a.username + "\x00" + a.password), nil
}

// Next implements smtp.Auth.
func (a *plainAuth) Next(_ []byte, more bool) ([]byte, error) {
	if more {
		return nil, errors.New("the server asks for more than PLAIN has")
	}
	return nil, nil
}

// loginAuth is LOGIN, which asks for the name and then for the password.
type loginAuth struct {
	username, password string
	safe               bool
}

// Start implements smtp.Auth.
func (a *loginAuth) Start(*smtp.ServerInfo) (string, []byte, error) {
	if !a.safe {
		return "", nil, errInClear
	}
	return "LOGIN", nil, nil
}

// Next implements smtp.Auth.
func (a *loginAuth) Next(asked []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	switch q := strings.ToLower(string(asked)); {
	case strings.HasPrefix(q, "user"):
		return []byte(a.username), nil
	case strings.HasPrefix(q, "pass"):
		return []byte(a.password), nil
	}
	return nil, errors.New("the server asks for something that LOGIN does not have")
}

// ownName is what this machine calls itself, if that can be said.
func ownName() string {
	name, err := os.Hostname()
	if err != nil || name == "" || !ascii(name) || strings.ContainsAny(name, " _") {
		return "localhost"
	}
	return name
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

package mail

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is a mail server that does as it is told, and remembers what it was
// told before and after it encrypted.
type server struct {
	address  string
	config   *tls.Config // nil: STARTTLS is not offered
	implicit bool
	auth     string            // the ways that it offers
	answers  map[string]string // by verb, in place of the usual one
	trusted  *tls.Config       // for who believes in its certificate

	mu        sync.Mutex
	clear     []string
	encrypted []string
	data      string
}

func serve(t *testing.T, change func(*server)) *server {
	t.Helper()
	lent := httptest.NewUnstartedServer(nil)
	lent.StartTLS() // for its certificate, of 127.0.0.1 and example.com
	t.Cleanup(lent.Close)
	pool := x509.NewCertPool()
	pool.AddCert(lent.Certificate())
	s := &server{config: &tls.Config{Certificates: lent.TLS.Certificates}, auth: "PLAIN", trusted: &tls.Config{RootCAs: pool}}
	if change != nil {
		change(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	var conns sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); conns.Wait() })
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { defer func() { _ = conn.Close() }(); s.talk(conn) })
		}
	})
	return s
}

func (s *server) talk(conn net.Conn) {
	if s.implicit {
		conn = tls.Server(conn, s.config)
	}
	secure := s.implicit
	r := bufio.NewReader(conn)
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	say("220 mail.example.com")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.mu.Lock()
		if secure {
			s.encrypted = append(s.encrypted, line)
		} else {
			s.clear = append(s.clear, line)
		}
		s.mu.Unlock()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		if answer := s.answers[verb]; answer != "" {
			say(answer)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-mail.example.com")
			if s.config != nil && !secure {
				say("250-STARTTLS")
			}
			say("250 AUTH " + s.auth)
		case "STARTTLS":
			say("220 go ahead")
			conn = tls.Server(conn, s.config)
			r, secure = bufio.NewReader(conn), true
		case "AUTH":
			if strings.Contains(line, "LOGIN") {
				say("334 " + base64.StdEncoding.EncodeToString([]byte("Username:")))
				name, _ := r.ReadString('\n')
				say("334 " + base64.StdEncoding.EncodeToString([]byte("Password:")))
				word, _ := r.ReadString('\n')
				s.mu.Lock()
				s.encrypted = append(s.encrypted, strings.TrimSpace(name), strings.TrimSpace(word))
				s.mu.Unlock()
			}
			say("235 welcome")
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				b.WriteString(line)
			}
			s.mu.Lock()
			s.data = b.String()
			s.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func sender(t *testing.T, s *server, change func(*SMTPOptions)) *SMTP {
	t.Helper()
	o := SMTPOptions{Address: s.address, From: &mail.Address{Name: "Événements", Address: "events@example.com"}, Username: "user", Password: "word", TLS: s.trusted}
	if change != nil {
		change(&o)
	}
	m, err := NewSMTP(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var note = Message{To: "ada@example.com", Subject: "Your password – reset", Text: "Follow this link:\n\nhttps://events.example.com/auth/password-reset?token=ABC=\n.\nFrom us.\n"}

func TestAMessageArrivesAsItWasWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server func(*server)
		sender func(*SMTPOptions)
		auth   string
	}{
		"STARTTLS and PLAIN": {nil, nil, "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00user\x00word"))},
		"TLS and LOGIN":      {func(s *server) { s.implicit, s.auth = true, "LOGIN XOAUTH2" }, func(o *SMTPOptions) { o.Security = TLS }, base64.StdEncoding.EncodeToString([]byte("word"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, c.server)
			if err := sender(t, s, c.sender).Send(t.Context(), note); err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if said := strings.Join(s.encrypted, "\n"); !strings.Contains(said, c.auth) || !strings.Contains(said, "RCPT TO:<ada@example.com>") {
				t.Errorf("it was told\n%s", said)
			}
			if said := strings.Join(s.clear, "\n"); strings.Contains(said, "AUTH") || strings.Contains(said, "RCPT") {
				t.Errorf("it was told in clear\n%s", said)
			}
			got, err := mail.ReadMessage(strings.NewReader(s.data))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
			if err != nil || subject != note.Subject {
				t.Errorf("subject %q, %v", subject, err)
			}
			from, err := got.Header.AddressList("From")
			if err != nil || from[0].Name != "Événements" || from[0].Address != "events@example.com" {
				t.Errorf("from %v, %v", from, err)
			}
			if _, err := got.Header.Date(); err != nil {
				t.Error(err)
			}
			text, err := io.ReadAll(quotedprintable.NewReader(got.Body))
			// A dot alone on its line would have ended the message.
			if want := strings.ReplaceAll(note.Text, "\n.\n", "\n..\n"); err != nil || strings.ReplaceAll(string(text), "\r\n", "\n") != want {
				t.Errorf("text %q, %v", text, err)
			}
		})
	}
}

func TestNothingIsSaidToWhoCanNotEncryptOrIsSomebodyElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server func(*server)
		sender func(*SMTPOptions)
		host   string
		good   bool
	}{
		"no STARTTLS elsewhere":              {func(s *server) { s.config = nil }, nil, "mail.example.com", false},
		"no STARTTLS elsewhere, no password": {func(s *server) { s.config = nil }, func(o *SMTPOptions) { o.Username = "" }, "mail.example.com", false},
		"in clear with a password":           {func(s *server) { s.config = nil }, func(o *SMTPOptions) { o.Security = Clear }, "mail.example.com", false},
		"in clear without one":               {func(s *server) { s.config = nil }, func(o *SMTPOptions) { o.Security, o.Username = Clear, "" }, "mail.example.com", true},
		"no STARTTLS on this machine":        {func(s *server) { s.config = nil }, nil, "127.0.0.1", true},
		"another's certificate":              {nil, nil, "mail.example.org", false},
		"a certificate nobody knows":         {nil, func(o *SMTPOptions) { o.TLS = &tls.Config{RootCAs: x509.NewCertPool()} }, "127.0.0.1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, c.server)
			m := sender(t, s, c.sender)
			m.host = c.host
			err := m.Send(t.Context(), note)
			s.mu.Lock()
			defer s.mu.Unlock()
			told := strings.Join(append(s.clear, s.encrypted...), "\n")
			if c.good {
				if err != nil || s.data == "" {
					t.Errorf("%v, after\n%s", err, told)
				}
				return
			}
			if err == nil || strings.Contains(told, "AUTH") || strings.Contains(told, "MAIL") {
				t.Errorf("error %v; it was told\n%s", err, told)
			}
		})
	}
}

func TestWhatIsRefusedForGoodIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for answer, good := range map[string]bool{"550 no such person": true, "451 come back later": false} {
		s := serve(t, func(s *server) { s.answers = map[string]string{"RCPT": answer} })
		err := sender(t, s, nil).Send(t.Context(), note)
		if err == nil || errors.As(err, new(errForGood)) != good {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func TestAServerThatSaysNothingIsLeft(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	m := sender(t, &server{address: l.Addr().String()}, func(o *SMTPOptions) { o.Timeout = 50 * time.Millisecond })
	if err := m.Send(t.Context(), note); err == nil || errors.As(err, new(errForGood)) {
		t.Errorf("got %v", err)
	}
}

func TestNobodyWritesHeadersOfTheirOwn(t *testing.T) {
	t.Parallel()
	from := &mail.Address{Address: "events@example.com"}
	for _, to := range []string{"", "ada", "ada@example.com\r\nBcc: eve@example.com", "ada@example.com, eve@example.com", "Ada <ada@example.com>",
		"ada@example.com>", "\"a\r\nb\"@example.com", "<ada@example.com>", "ada@example.com\x00", "ädä@example.com", "@example.com", strings.Repeat("a", 300) + "@example.com"} {
		if b, err := compose(Message{To: to, Subject: "x"}, from, time.Now()); err == nil {
			t.Errorf("%q was taken:\n%s", to, b)
		}
	}
	if _, err := compose(Message{To: "ada@example.com", Subject: "x\r\nBcc: eve@example.com"}, from, time.Now()); err == nil {
		t.Error("a subject with a line of its own was taken")
	}
	b, err := compose(Message{To: "o'brien+fc@sub.example.com", Subject: "x", Text: "a\r\n\r\nBcc: eve@example.com\n"}, from, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if m, err := mail.ReadMessage(strings.NewReader(string(b))); err != nil || m.Header.Get("Bcc") != "" {
		t.Errorf("%v\n%s", err, b)
	}
}

package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/zclconf/go-cty/cty"
)

// mail reads how people get messages.
func (dr *daemonReader) mail() {
	for _, b := range dr.pick("mail", []string{MailSMTP}, false, MailSMTP, MailLog) {
		s := dr.inside(b)
		m := &Mail{Kind: b.Labels[0], Range: rangeOf(b.DefRange())}
		if m.Kind == MailLog {
			m.Links = read(s, "links", boolean, opts[bool]{def: true})
		} else {
			m.Host = read(s, "host", mailHost, opts[string]{required: true, example: `"smtp.example.com:587"`})
			m.From = read(s, "from", mailFrom, opts[string]{required: true, example: `"FlowCatalyst <events@example.com>"`})
			m.Username = read(s, "username", text, opts[string]{})
			m.Password = read(s, "password", maskedText, opts[Secret]{})
			m.TLS = read(s, "tls", choice("way to encrypt", "starttls", "tls", "none"), opts[string]{def: mailTLS(m.Host)})
			switch {
			case m.Username == "" && m.Password.Known():
				s.fail(s.at("password"), "A password of nobody", "A mail server that wants a password wants a name too.", `username = "events@example.com"`)
			case m.Username != "" && m.TLS == "none" && !localHost(m.Host) && !dr.r.diags.HasErrors():
				s.fail(s.at("tls"), "A password in clear", "Without encryption whoever is between this machine and the mail server reads the password.", `tls = "starttls"`)
			}
		}
		s.close()
		if dr.d.Platform == nil {
			s.r.diags = append(s.r.diags, s.diagnostic(SeverityWarning, *s.header, "Mail of nobody", `Only the platform sends mail, and this process has no service "platform".`, ""))
		}
		dr.d.Mail = m
	}
}

// mailTLS is how a port is usually encrypted.
func mailTLS(host string) string {
	if strings.HasSuffix(host, ":465") {
		return "tls"
	}
	return "starttls"
}

func localHost(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip, perr := netip.ParseAddr(host)
	return err == nil && (strings.EqualFold(host, "localhost") || perr == nil && ip.IsLoopback())
}

// mailHost is a mail server; without a port it is 587.
var mailHost = parsed(`a host and a port such as "smtp.example.com:587"`, func(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil && !strings.ContainsAny(s, ":/ ") && s != "" {
		return net.JoinHostPort(s, "587"), nil
	}
	n, perr := strconv.ParseUint(port, 10, 16)
	if err != nil || perr != nil || n == 0 || host == "" || strings.ContainsAny(host, "/ @") {
		return "", &fault{summary: "Bad mail server", detail: "Expected a host and a port, as in smtp.example.com:587.", try: `"smtp.example.com:587"`}
	}
	return s, nil
}, same)

var mailFrom = parsed(`an address such as "FlowCatalyst <events@example.com>"`, func(s string) (string, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || strings.ContainsFunc(a.Address, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", &fault{summary: "Bad address of a sender", detail: "Expected one email address, with a name before it or without.", try: `"FlowCatalyst <events@example.com>"`}
	}
	return s, nil
}, same)

// maskedText is a value of which only that it is there is shown.
var maskedText = kind[Secret]{
	want: "a string",
	from: func(v cty.Value) (Secret, error) {
		t, err := textOf("a string", v)
		if err != nil || t == "" {
			return Secret{}, err
		}
		return resource.NewSecret(t), nil
	},
	show: func(v Secret) string {
		if !v.Known() {
			return `""`
		}
		return `"(secret)"`
	},
}

// keyAge is how old a signing key becomes; 0 is "never" replaced.
var keyAge = parsed(`an age such as "90d", or "never"`, func(s string) (time.Duration, error) {
	if s == "never" {
		return 0, nil
	}
	d, err := parseDuration(s)
	if err == nil && d < 24*time.Hour {
		return 0, &fault{summary: "Keys of less than a day", detail: fmt.Sprintf("Tokens outlive the key that signed them, and every verifier must hear of the next one: the shortest that makes sense here is 1d, got %s.", s), try: `"90d", or "never"`}
	}
	return d, err
}, func(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == 0:
		return "never"
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	}
	return formatDuration(d)
})

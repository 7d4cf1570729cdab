package courier

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// prepared is what all deliveries of one route have in common: where they go,
// the signer with its keys, and their part of the head as it goes out.
type prepared struct {
	url     *url.URL
	secure  bool   // https
	foreign bool   // the host's name needs what only net/http does
	addr    string // to dial
	origin  string // scheme and address
	key     string // of its connections: the origin, and the way to it
	way     *way
	closes  bool // each exchange has a connection of its own

	connect   time.Duration // 0 is connectTimeout
	firstByte time.Duration // 0 is no limit
	timeout   time.Duration // of the whole; 0 is the policy's

	line    []byte   // request line, Host, User-Agent
	static  []byte   // line and headers
	headers []header // canonical, sorted, none twice, none reserved
	own     string   // the header that shows the endpoint who we are; a task can not replace it
	tokens  *tokens  // nil: that header does not change, or there is none

	signer *webhook.Signer // nil: not signed
	until  time.Time       // when a secret's overlap ends; zero is never

	failure flow.ErrorType // not none: nothing can be sent, and why
	problem string
}

type header struct{ name, value string }

type preparedKey struct {
	subscription *resource.Subscription
	connection   *resource.Connection
	account      *resource.ServiceAccount
	pool         *resource.DispatchPool
	url          string
}

// maxPrepared bounds the cache; tasks may bring any number of targets.
const maxPrepared = 4096

// preparations caches prepared routes. Resources are never changed in place,
// so their pointers are their revisions.
type preparations struct {
	egress    *Egress
	userAgent string
	ways      *ways
	stock     *tokenStock

	mu    sync.RWMutex
	byKey map[preparedKey]*prepared
}

func (c *preparations) get(rt *catalog.Route, now time.Time) *prepared {
	key := preparedKey{rt.Subscription, rt.Connection, rt.Account, rt.Pool, rt.URL}
	c.mu.RLock()
	p := c.byKey[key]
	c.mu.RUnlock()
	if p != nil && (p.until.IsZero() || now.Before(p.until)) {
		return p
	}
	p = c.prepare(rt, now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byKey) >= maxPrepared || c.byKey == nil {
		c.byKey = map[preparedKey]*prepared{}
	}
	c.byKey[key] = p
	return p
}

// forget drops what older catalogs left.
func (c *preparations) forget() {
	c.mu.Lock()
	c.byKey = nil
	c.mu.Unlock()
}

// touch keeps the ways of the routes that are prepared.
func (c *preparations) touch(now time.Time) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, p := range c.byKey {
		if p.way != nil {
			c.ways.keep(p.way, now)
		}
	}
}

func (c *preparations) prepare(rt *catalog.Route, now time.Time) *prepared {
	p, e := &prepared{}, c.egress
	if ps := resource.CheckURL(nil, "target", rt.URL); len(ps) > 0 {
		return p.refuse(flow.ErrorConfiguration, "the target "+ps[0].Detail+". Mend it and retry the job")
	}
	u, err := url.Parse(rt.URL)
	if err != nil {
		return p.refuse(flow.ErrorConfiguration, "the target is not a URL. Mend it and retry the job")
	}
	if e.HTTPSOnly && u.Scheme != "https" {
		return p.refuse(flow.ErrorEgressDenied, "the router's egress block has https_only, and the target begins with http://")
	}
	http2 := true
	if pool := rt.Pool; pool != nil {
		http2 = pool.HTTP2 == nil || *pool.HTTP2
		p.closes = pool.KeepAlive != nil && !*pool.KeepAlive
	}
	con := rt.Showing()
	p.way, err = c.ways.get(con, http2, now)
	if err != nil {
		return p.refuse(flow.ErrorConfiguration, "the connection "+con.Code+" can not use TLS: "+err.Error()+". Mend its tls block and retry the job")
	}
	p.target(u)
	if con != nil {
		has, mend := whose(rt)
		p.connect = time.Duration(con.ConnectTimeoutSeconds) * time.Second
		p.firstByte = time.Duration(con.FirstByteTimeoutSeconds) * time.Second
		p.timeout = time.Duration(con.TimeoutSeconds) * time.Second
		for name, value := range con.Headers {
			p.headers = append(p.headers, header{http.CanonicalHeaderKey(name), value})
		}
		if err := p.sign(&con.Signing, now); err != nil {
			return p.refuse(flow.ErrorConfiguration, has+" can not sign: "+err.Error()+". Set its secret and retry the job")
		}
		if problem := p.authorise(con, c.stock, now); problem != "" {
			return p.refuse(flow.ErrorConfiguration, has+" can not show who we are: "+problem+". Mend its "+mend+" and retry the job")
		}
	}
	if s := rt.Subscription; s != nil {
		for _, kv := range s.CustomConfig {
			p.headers = append(p.headers, header{http.CanonicalHeaderKey("X-Fc-Config-" + kv.Key), kv.Value})
		}
	}
	for _, h := range p.headers {
		if !validHeader(h.name, h.value) {
			return p.refuse(flow.ErrorConfiguration, "a header of the connection or the subscription's config is not valid in HTTP. Mend it and retry the job")
		}
	}
	p.write(c.userAgent, e.Proxy)
	return p
}

// whose names what has the credentials, and where to mend them.
func whose(rt *catalog.Route) (has, mend string) {
	if rt.Account != nil {
		return "the service account " + rt.Account.Code, "webhookCredentials"
	}
	return "the connection " + rt.Connection.Code, "auth block"
}

// tooLate is what happens when the answer does not begin in time, or nil if
// it may begin at any time.
func (p *prepared) tooLate() *limitError {
	if p.firstByte <= 0 {
		return nil
	}
	return &limitError{what: "no answer began", after: p.firstByte, try: "Check the receiver's load, or raise the connection's first_byte_timeout"}
}

// target notes where the deliveries go.
func (p *prepared) target(u *url.URL) {
	p.url, p.secure = u, u.Scheme == "https"
	port := u.Port()
	if port == "" {
		if port = "80"; p.secure {
			port = "443"
		}
	}
	p.addr = net.JoinHostPort(u.Hostname(), port)
	p.origin = u.Scheme + "://" + p.addr
	p.key = p.origin
	if p.way.id != "" {
		p.key += "#" + p.way.id
	}
	for i := range len(u.Host) {
		// A name in other letters has to be translated, a zone taken out.
		if c := u.Host[i]; c <= 0x20 || c >= 0x7f || c == '%' {
			p.foreign = true
		}
	}
}

// write puts the common part of the head together. Of two headers of one name
// the later counts: the subscription's config, after the connection's.
func (p *prepared) write(userAgent string, proxy *url.URL) {
	p.headers = slices.DeleteFunc(p.headers, func(h header) bool { return reserved(h.name) })
	slices.Reverse(p.headers)
	slices.SortStableFunc(p.headers, func(a, b header) int { return strings.Compare(a.name, b.name) })
	p.headers = slices.CompactFunc(p.headers, func(a, b header) bool { return a.name == b.name })

	b := append([]byte(nil), "POST "...)
	host := strings.TrimSuffix(p.url.Host, ":")
	asked := proxy != nil && !p.secure // itself, and not just for a tunnel
	if asked {
		b = appendTarget(b, p.url.Scheme+"://"+host)
	}
	b = appendTarget(b, p.url.RequestURI())
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendLine(b, "Host", host)
	b = appendLine(b, "User-Agent", userAgent)
	if asked {
		b = appendLine(b, "Proxy-Authorization", proxyAuth(proxy))
	}
	if p.closes {
		b = appendLine(b, "Connection", "close")
	}
	p.line = slices.Clip(b)
	for _, h := range p.headers {
		b = appendLine(b, h.name, h.value)
	}
	p.static = slices.Clip(b)
}

func (p *prepared) refuse(t flow.ErrorType, problem string) *prepared {
	p.failure, p.problem = t, problem
	return p
}

func (p *prepared) sign(s *resource.Signing, now time.Time) error {
	if s.Scheme == "" || s.Scheme == resource.SchemeNone {
		return nil
	}
	if !s.Secret.Known() {
		return errors.New("its secret is missing")
	}
	secrets := []string{s.Secret.Reveal()}
	for _, prev := range s.Alive(now) {
		if prev.Secret.Known() {
			secrets = append(secrets, prev.Secret.Reveal())
		}
		if p.until.IsZero() {
			p.until = prev.Until // the first to end
		}
	}
	if s.Scheme == resource.SchemeFlowCatalyst && len(secrets) > 1 {
		// There is room for one signature. The one that receivers have had
		// longest is it until its overlap ends.
		secrets = secrets[1:]
	}
	format := webhook.ISOMillis
	if s.Timestamp == "unix" {
		format = webhook.UnixSeconds
	}
	var err error
	p.signer, err = webhook.NewSigner(webhook.Scheme(s.Scheme), format, secrets...)
	return err
}

// reserved are the headers that the router alone sets.
func reserved(name string) bool {
	switch name {
	case "Host", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Keep-Alive",
		"Te", "Trailer", "Upgrade", "Proxy-Connection", "Proxy-Authorization", "User-Agent", "Expect", "Traceparent":
		return true
	}
	return strings.HasPrefix(name, "Webhook-") || strings.HasPrefix(name, "X-Flowcatalyst-")
}

// validHeader is RFC 9110 §5.1 and §5.5.
func validHeader(name, value string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		c := name[i]
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return plainValue(value)
}

func plainValue(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

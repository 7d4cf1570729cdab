package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/api/monitor"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/router"
)

const (
	// trialsAtOnce bounds the tests under way in this process.
	trialsAtOnce = 8
	// shownBody is how much of an answer's body a test shows.
	shownBody = 4 << 10
)

// trialRoutes are the rows of tests. They are answered where deliveries leave
// from, since what is to be seen is how the network looks from there.
func (s *server) trialRoutes() []route {
	info, _ := resource.InfoOf(resource.KindConnection)
	return []route{{http.MethodPost, "/api/" + info.Collection + "/{id}/test", info.May("update"),
		"testConnection", info.Collection, "Send it a signed test, as a delivery would be sent, and show the exchange; at most 10 a minute",
		connectionTestDoc{}, connectionTestedView{}, 0, watched(s, s.testConnection)}}
}

type trialInput struct {
	ResourceInput
	BodyInput
}

type connectionTestDoc struct {
	Type string          `json:"type,omitempty" doc:"The type of the event that is sent: flowcatalyst:system:connection:test if absent"`
	Data json.RawMessage `json:"data,omitempty" doc:"Its data, any JSON; a short object that says that this is a test if absent"`
}

func (connectionTestDoc) mayBeAbsent() {}

type connectionTestedView struct {
	ConnectionID   string `json:"connectionId"`
	ConnectionCode string `json:"connectionCode"`
	Status         string `json:"status" doc:"Of the connection; a paused one is tested all the same"`
	URL            string `json:"url"`
	Success        bool   `json:"success"`
	Verdict        string `json:"verdict" enum:"DELIVERED,DEFERRED,THROTTLED,RETRY,REJECTED,GONE,LOST" doc:"What the answer would mean for a delivery"`
	ErrorType      string `json:"errorType,omitempty"`
	Error          string `json:"error,omitempty" doc:"What went wrong and what to try"`

	Address string             `json:"address,omitempty" doc:"What the host was resolved to and connected to, or tried last; absent through a proxy"`
	Proxied bool               `json:"proxied,omitempty" doc:"It went through the proxy of the egress rules"`
	TLS     *testedTLSView     `json:"tls,omitempty"`
	Timing  testedTimingView   `json:"timing"`
	Request *testedRequestView `json:"request,omitempty" doc:"As it was sent, or would have been had there been a connection; absent when it could not be made"`
	Answer  *testedAnswerView  `json:"answer,omitempty" doc:"Absent when there was none"`
}

type testedTLSView struct {
	Version   string   `json:"version,omitempty" doc:"Absent when the certificate was refused"`
	Protocol  string   `json:"protocol,omitempty" doc:"By ALPN"`
	Subject   string   `json:"subject"`
	Issuer    string   `json:"issuer"`
	Names     []string `json:"names"`
	NotBefore stamp    `json:"notBefore"`
	NotAfter  stamp    `json:"notAfter"`
}

type testedTimingView struct {
	DNS       float64 `json:"dnsMillis"`
	Connect   float64 `json:"connectMillis"`
	TLS       float64 `json:"tlsMillis"`
	FirstByte float64 `json:"firstByteMillis" doc:"From the beginning"`
	Total     float64 `json:"totalMillis"`
}

type testedHeaderView struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type testedRequestView struct {
	Method  string             `json:"method"`
	Target  string             `json:"target"`
	Headers []testedHeaderView `json:"headers" doc:"As they were sent; credentials are shown as [secret]"`
	Body    string             `json:"body"`
}

type testedAnswerView struct {
	Status    int               `json:"status"`
	Headers   map[string]string `json:"headers" doc:"The first 4 KiB of them, without cookies"`
	Body      string            `json:"body" doc:"The first 4 KiB, with control characters as spaces"`
	Truncated bool              `json:"truncated,omitempty" doc:"The body goes on"`
}

func (s *server) testConnection(ctx context.Context, m *monitor.Monitor, c *call, in *trialInput) (*result, error) {
	var doc connectionTestDoc
	if len(in.RawBody) > 0 {
		if err := json.Unmarshal(in.RawBody, &doc); err != nil {
			return nil, platform.Malformed(err)
		}
	}
	if doc.Type == "" {
		doc.Type = platform.TrialType
	}
	if len(doc.Data) == 0 {
		doc.Data = json.RawMessage(`{"message":"This is a test of the connection."}`)
	}
	if n := s.trials.Add(1); n > trialsAtOnce {
		s.trials.Add(-1)
		return nil, newProblem(http.StatusTooManyRequests, string(platform.CodeTooMuch), "too many connections are being tested at once; try again").after(time.Second)
	}
	defer s.trials.Add(-1)
	con, err := s.p.Trial(ctx, c.Caller, in.ID, in.ClientID, doc.Type)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.o.Closing != nil {
		go func() { // a shutdown does not wait for a receiver
			select {
			case <-s.o.Closing:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	t := m.Router().Try(ctx, con, doc.Type, doc.Data)
	s.log.Info("connection tested", "connection", con.Code, "verdict", t.Verdict.String(), "status", t.Status, "by", c.PrincipalID, "request_id", c.RequestID)
	return live(viewTrial(con, &t)), nil
}

func viewTrial(con *resource.Connection, t *router.Trial) connectionTestedView {
	v := connectionTestedView{
		ConnectionID: con.ID, ConnectionCode: con.Code, Status: con.Status, URL: con.URL,
		Success: t.Verdict == flow.Delivered, Verdict: t.Verdict.String(), ErrorType: string(t.ErrorType), Error: t.Error,
		Address: t.Address, Proxied: t.Proxied,
		Timing: testedTimingView{millis(t.Timing.DNS), millis(t.Timing.Connect), millis(t.Timing.TLS), millis(t.Timing.FirstByte), millis(t.Duration)},
	}
	if x := t.Secured; x != nil {
		v.TLS = &testedTLSView{x.Version, x.Protocol, harmless(x.Subject), harmless(x.Issuer), []string{}, stamp(x.NotBefore), stamp(x.NotAfter)}
		for _, n := range x.Names {
			v.TLS.Names = append(v.TLS.Names, harmless(n))
		}
	}
	if t.Target != "" {
		v.Request = &testedRequestView{Method: http.MethodPost, Target: t.Target, Headers: []testedHeaderView{}, Body: harmless(string(t.Sent))}
		for _, h := range t.Request {
			v.Request.Headers = append(v.Request.Headers, testedHeaderView{h.Name, harmless(h.Value)})
		}
	}
	if t.Status != 0 {
		v.Answer = &testedAnswerView{Status: t.Status, Headers: map[string]string{}, Body: harmless(string(t.Body[:min(len(t.Body), shownBody)])), Truncated: len(t.Body) > shownBody}
		for name, value := range headersOf(t.Header) {
			v.Answer.Headers[name] = harmless(value)
		}
	}
	return v
}

// harmless is a text from elsewhere that no terminal obeys: what is no UTF-8
// becomes ?, and control characters but for tabs and line ends a space.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

package adapter

import (
	"context"
	"crypto/tls"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/queryparam"
)

// formMemory bounds what a multipart form keeps in memory; no route of ours
// takes one, but huma asks.
const formMemory = 8 << 10

// humaContext is one request on its way through huma.
type humaContext struct {
	op     *huma.Operation
	r      *http.Request
	w      http.ResponseWriter
	match  match
	status int
}

var _ huma.Context = (*humaContext)(nil)

// Request gives the request and the response writer beneath a huma context
// that comes from this adapter, however often huma has wrapped it.
func Request(ctx huma.Context) (*http.Request, http.ResponseWriter, bool) {
	for {
		switch c := ctx.(type) {
		case *humaContext:
			return c.r, c.w, true
		case interface{ Unwrap() huma.Context }:
			ctx = c.Unwrap()
		default:
			return nil, nil, false
		}
	}
}

func (c *humaContext) Operation() *huma.Operation    { return c.op }
func (c *humaContext) Context() context.Context      { return c.r.Context() }
func (c *humaContext) TLS() *tls.ConnectionState     { return c.r.TLS }
func (c *humaContext) Method() string                { return c.r.Method }
func (c *humaContext) Host() string                  { return c.r.Host }
func (c *humaContext) RemoteAddr() string            { return c.r.RemoteAddr }
func (c *humaContext) URL() url.URL                  { return *c.r.URL }
func (c *humaContext) Param(name string) string      { return c.match.byName(name) }
func (c *humaContext) Query(name string) string      { return queryparam.Get(c.r.URL.RawQuery, name) }
func (c *humaContext) Header(name string) string     { return c.r.Header.Get(name) }
func (c *humaContext) BodyReader() io.Reader         { return c.r.Body }
func (c *humaContext) BodyWriter() io.Writer         { return c.w }
func (c *humaContext) Status() int                   { return c.status }
func (c *humaContext) SetHeader(name, value string)  { c.w.Header().Set(name, value) }
func (c *humaContext) AppendHeader(name, val string) { c.w.Header().Add(name, val) }
func (c *humaContext) SetReadDeadline(t time.Time) error {
	return huma.SetReadDeadline(c.w, t)
}

func (c *humaContext) Version() huma.ProtoVersion {
	return huma.ProtoVersion{Proto: c.r.Proto, ProtoMajor: c.r.ProtoMajor, ProtoMinor: c.r.ProtoMinor}
}

func (c *humaContext) EachHeader(f func(name, value string)) {
	for name, values := range c.r.Header {
		for _, v := range values {
			f(name, v)
		}
	}
}

func (c *humaContext) GetMultipartForm() (*multipart.Form, error) {
	err := c.r.ParseMultipartForm(formMemory)
	return c.r.MultipartForm, err
}

// SetStatus sends the header: huma sets the status last.
func (c *humaContext) SetStatus(code int) {
	c.status = code
	c.w.WriteHeader(code)
}

package courier

import (
	"crypto/x509"
	"time"
)

// Options make a Courier.
type Options struct {
	Egress Egress
	// Roots are trusted beside nothing else; nil is the system's.
	Roots *x509.CertPool
	// UserAgent is how the deliveries introduce themselves.
	UserAgent string
	// Instance names the router in attempts.
	Instance string
	// Now is time.Now when nil.
	Now func() time.Time
}

// Courier makes exchanges. It is shared by all workers.
type Courier struct {
	Options
	wire     *wire
	carrier  carrier // wire, but for tests
	prepared preparations
}

// New makes a courier. It opens nothing before the first exchange.
func New(o Options) *Courier {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Courier{Options: o}
	c.wire = newWire(&c.Egress, o.Roots)
	c.carrier = c.wire
	c.prepared = preparations{egress: &c.Egress, userAgent: o.UserAgent}
	return c
}

// Forget drops what was prepared for the routes of older catalogs. Exchanges
// in flight go on with what they have.
func (c *Courier) Forget() { c.prepared.forget() }

// Tidy ends the connections that have been idle for long. It is to be called
// every few seconds.
func (c *Courier) Tidy(now time.Time) { c.wire.expire(now.Add(-idleTimeout)) }

// CutAll ends every exchange at once, now and from now on. Those whose context
// has ended with ErrCut are recorded as lost.
func (c *Courier) CutAll() { c.wire.cutAll() }

// Close ends the connections that are not in use, and the others once they
// are not.
func (c *Courier) Close() { c.wire.close() }

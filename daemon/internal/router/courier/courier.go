package courier

import (
	"context"
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
	tokens   tokenStock
	end      context.CancelFunc // of requests for tokens
}

// New makes a courier. It opens nothing before the first exchange.
func New(o Options) *Courier {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Courier{Options: o}
	c.wire = newWire(&c.Egress, o.Roots)
	c.carrier = c.wire
	life, end := context.WithCancel(context.Background())
	c.end = end
	c.tokens = tokenStock{ways: &c.wire.ways, egress: &c.Egress, agent: o.UserAgent, now: c.clock, life: life}
	c.prepared = preparations{egress: &c.Egress, userAgent: o.UserAgent, ways: &c.wire.ways, stock: &c.tokens}
	return c
}

// Forget drops what was prepared for the routes of older catalogs. Exchanges
// in flight go on with what they have.
func (c *Courier) Forget() { c.prepared.forget() }

// clock is Now as it is set.
func (c *Courier) clock() time.Time { return c.Now() }

// Tidy ends the connections that have been idle for long, and forgets what has
// not been used for longer. It is to be called every few seconds.
func (c *Courier) Tidy(now time.Time) {
	c.wire.expire(now.Add(-idleTimeout))
	c.prepared.touch(c.Now())
	c.wire.ways.expire(c.Now().Add(-wayKept))
	c.tokens.expire(c.Now().Add(-tokensKept))
}

// CutAll ends every exchange at once, now and from now on. Those whose context
// has ended with ErrCut are recorded as lost.
func (c *Courier) CutAll() {
	c.end()
	c.wire.cutAll()
}

// Close ends the connections that are not in use, and the others once they
// are not.
func (c *Courier) Close() {
	c.end()
	c.wire.close()
	c.tokens.expire(c.Now().Add(tokensKept)) // all that fetch nothing
}

package resource

import "cmp"

// DispatchPool is a traffic class: how many deliveries run at once and how
// many may start in a minute, shared by the subscriptions that name it.
type DispatchPool struct {
	Meta
	Code        string `json:"code"`
	Name        string `json:"name" hcl:"name,optional"`
	Description string `json:"description,omitempty" hcl:"description,optional"`
	Concurrency int    `json:"concurrency" hcl:"concurrency,optional"` // exchanges at once in one router
	RateLimit   Rate   `json:"rateLimit,omitempty"`                    // per minute; 0 is no limit
	Status      string `json:"status"`                                 // ACTIVE, SUSPENDED or ARCHIVED

	// ConcurrencyMode says whether Concurrency is fixed or a beginning from
	// which the router finds what the endpoints bear.
	ConcurrencyMode string `json:"concurrencyMode,omitempty"` // FIXED or ADAPTIVE
	// The bounds of an adaptive concurrency; 0 is 1, and Concurrency. On the
	// wire they are called otherwise because existing clients call
	// Concurrency maxConcurrency.
	MinConcurrency int `json:"adaptiveMinConcurrency,omitempty" hcl:"min_concurrency,optional"`
	MaxConcurrency int `json:"adaptiveMaxConcurrency,omitempty" hcl:"max_concurrency,optional"`

	// HTTP2 false keeps deliveries to HTTP/1.1; else endpoints may choose
	// HTTP/2. KeepAlive false makes a connection for each exchange.
	HTTP2     *bool `json:"http2,omitempty" hcl:"http2,optional"`
	KeepAlive *bool `json:"keepAlive,omitempty" hcl:"keep_alive,optional"`
}

// DefaultPool is the pool that always exists and takes what names none.
const DefaultPool = "DEFAULT-POOL"

// The modes of a pool's concurrency.
const (
	ConcurrencyFixed    = "FIXED"
	ConcurrencyAdaptive = "ADAPTIVE"
)

// The states of a pool. A suspended pool holds its jobs.
const (
	PoolActive    = "ACTIVE"
	PoolSuspended = "SUSPENDED"
	PoolArchived  = "ARCHIVED"
)

// Kind implements Resource.
func (*DispatchPool) Kind() Kind { return KindDispatchPool }

// Key implements Resource.
func (p *DispatchPool) Key() string { return p.Code }

// Refs implements Resource.
func (*DispatchPool) Refs() []Ref { return nil }

// Defaults implements Resource.
func (p *DispatchPool) Defaults() {
	if p.Name == "" {
		p.Name = p.Code
	}
	if p.Concurrency == 0 {
		p.Concurrency = 10
	}
	if p.Status == "" {
		p.Status = PoolActive
	}
	if p.ConcurrencyMode == "" {
		p.ConcurrencyMode = ConcurrencyFixed
	}
}

// Validate implements Resource.
func (p *DispatchPool) Validate() []Problem {
	ps := checkCode(nil, p.Code)
	ps = checkName(ps, p.Name, p.Description)
	ps = checkRange(ps, "concurrency", p.Concurrency, 1, 10000)
	ps = checkEnum(ps, "status", p.Status, PoolActive, PoolSuspended, PoolArchived)
	ps = checkEnum(ps, "concurrencyMode", cmp.Or(p.ConcurrencyMode, ConcurrencyFixed), ConcurrencyFixed, ConcurrencyAdaptive)
	ps = checkRange(ps, "adaptiveMinConcurrency", p.MinConcurrency, 0, 10000)
	ps = checkRange(ps, "adaptiveMaxConcurrency", p.MaxConcurrency, 0, 10000)
	low, high := cmp.Or(p.MinConcurrency, 1), cmp.Or(p.MaxConcurrency, p.Concurrency)
	switch adaptive := p.ConcurrencyMode == ConcurrencyAdaptive; {
	case !adaptive && p.MinConcurrency+p.MaxConcurrency != 0:
		ps = append(ps, Problem{"concurrencyMode", "must be ADAPTIVE where bounds are given", `"adaptive"`})
	case adaptive && (low > p.Concurrency || p.Concurrency > high):
		ps = append(ps, Problem{"concurrency", "must be within the bounds of the adaptive concurrency, where it begins", ""})
	}
	if p.RateLimit < 0 {
		ps = append(ps, Problem{"rateLimit", "must not be negative", `"500/s"`})
	}
	return ps
}

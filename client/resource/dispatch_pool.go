package resource

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
}

// DefaultPool is the pool that always exists and takes what names none.
const DefaultPool = "DEFAULT-POOL"

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
}

// Validate implements Resource.
func (p *DispatchPool) Validate() []Problem {
	ps := checkCode(nil, p.Code)
	ps = checkName(ps, p.Name, p.Description)
	ps = checkRange(ps, "concurrency", p.Concurrency, 1, 10000)
	ps = checkEnum(ps, "status", p.Status, PoolActive, PoolSuspended, PoolArchived)
	if p.RateLimit < 0 {
		ps = append(ps, Problem{"rateLimit", "must not be negative", `"500/s"`})
	}
	return ps
}

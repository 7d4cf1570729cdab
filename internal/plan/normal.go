package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// settle gives a declared resource the status that it shall have: the stated
// one, or the live one unless that is the end of its life.
func settle(it Item, there resource.Resource) (resource.Resource, []string) {
	was, is := status(there), status(it.Resource)
	if it.StatusStated || was == "" || was == is {
		return it.Resource, nil
	}
	if was == "ARCHIVED" || was == resource.ClientDeleted {
		return it.Resource, []string{"is " + was + " and will be " + is + " again, because it is declared"}
	}
	if was == inactive {
		return withStatus(it.Resource, was), []string{"is inactive and stays so; state active = true to change that"}
	}
	return withStatus(it.Resource, was), []string{fmt.Sprintf("is %s and stays so; state status = %q to change that", was, is)}
}

// rotated notes that the manifest declares a secret which was replaced since.
func rotated(there, want resource.Resource) []string {
	was, ok := there.(*resource.Connection)
	is, ok2 := want.(*resource.Connection)
	if !ok || !ok2 || is.Signing.Secret.Equal(was.Signing.Secret) {
		return nil
	}
	for _, p := range was.Signing.Previous {
		if p.Secret.Equal(is.Signing.Secret) && !p.Secret.IsZero() {
			return []string{"has a newer signing secret, from a rotation; the declared one signs until " + p.Until.UTC().Format(time.RFC3339) +
				". Applying this puts the old secret back: give the manifest the new one instead"}
		}
	}
	return nil
}

// What is active or not has no other status.
const (
	active   = "active"
	inactive = "inactive"
)

func activity(is bool) string {
	if is {
		return active
	}
	return inactive
}

func status(r resource.Resource) string {
	switch r := r.(type) {
	case *resource.Client:
		return r.Status
	case *resource.Application:
		return activity(r.IsActive())
	case *resource.ServiceAccount:
		return activity(r.IsActive())
	case *resource.EventType:
		return r.Status
	case *resource.DispatchPool:
		return r.Status
	case *resource.Connection:
		return r.Status
	case *resource.Subscription:
		return r.Status
	}
	return ""
}

func withStatus(r resource.Resource, s string) resource.Resource {
	is := s == active
	switch r := r.(type) {
	case *resource.Client:
		c := *r
		c.Status = s
		return &c
	case *resource.Application:
		c := *r
		c.Active = &is
		return &c
	case *resource.ServiceAccount:
		c := *r
		c.Active = &is
		return &c
	case *resource.EventType:
		c := *r
		c.Status = s
		return &c
	case *resource.DispatchPool:
		c := *r
		c.Status = s
		return &c
	case *resource.Connection:
		c := *r
		c.Status = s
		return &c
	case *resource.Subscription:
		c := *r
		c.Status = s
		return &c
	}
	return r
}

// normal is a copy of a resource in the form in which two can be compared.
func normal(r, other resource.Resource) resource.Resource {
	switch r := r.(type) {
	case *resource.Client:
		c := *r
		c.Defaults()
		return &c
	case *resource.Application:
		c := *r
		c.Defaults()
		return &c
	case *resource.Role:
		c := *r
		c.Defaults()
		c.Permissions = sorted(c.Permissions)
		return &c
	case *resource.ServiceAccount:
		c := *r
		c.Defaults()
		c.ClientIDs, c.Roles = sorted(c.ClientIDs), sorted(c.Roles)
		return &c
	case *resource.EventType:
		c := *r
		c.Defaults()
		c.SpecVersions = slices.Clone(r.SpecVersions)
		o, _ := other.(*resource.EventType)
		for i := range c.SpecVersions {
			normalVersion(&c.SpecVersions[i], o)
		}
		return &c
	case *resource.DispatchPool:
		c := *r
		c.Defaults()
		return &c
	case *resource.Connection:
		c := *r
		c.Defaults()
		if o, ok := other.(*resource.Connection); ok && c.ID != "" && o.ID == "" && len(o.Signing.Previous) == 0 && c.Signing.Scheme == o.Signing.Scheme {
			// An overlap that a rotation began is the server's, unless the
			// manifest speaks of overlaps itself.
			c.Signing.Previous = nil
		}
		if c.Signing.Scheme == resource.SchemeFlowCatalyst && c.Signing.Timestamp == "" {
			c.Signing.Timestamp = "iso"
		}
		return &c
	case *resource.Subscription:
		c := *r
		c.Defaults()
		normalSubscription(&c)
		return &c
	}
	return r
}

// sorted is a list whose order says nothing.
func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// normalVersion drops what the server adds. A version's status only goes
// forward, and a manifest that says nothing about it means "as far as it is".
func normalVersion(v *resource.SpecVersion, other *resource.EventType) {
	sv := resource.SpecVersion{Version: v.Version, Schema: v.Schema, Status: v.Status}
	if sv.Status == "" {
		sv.Status = "FINALISING"
	}
	if other != nil && sv.Status == "FINALISING" {
		for _, o := range other.SpecVersions {
			if o.Version == v.Version && o.Status != "" {
				sv.Status = o.Status
			}
		}
	}
	*v = sv
}

func normalSubscription(s *resource.Subscription) {
	if s.ConnectionCode != "" || s.ConnectionID != "" {
		// The server shows the connection's URL as the target.
		s.Target = ""
	}
	if s.ConnectionCode != "" {
		s.ConnectionID = ""
	}
	if s.DispatchPoolCode == "" && s.DispatchPoolID == "" {
		s.DispatchPoolCode = resource.DefaultPool
	}
	if s.DispatchPoolCode != "" {
		s.DispatchPoolID = ""
	}
	if len(s.RetrySchedule) == 0 {
		s.RetrySchedule = resource.DefaultRetrySchedule
	}
	s.RetryOn = slices.Clone(s.RetryOn)
	slices.Sort(s.RetryOn)
}

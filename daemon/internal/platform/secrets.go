package platform

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// keepSecrets puts the values back that an update named by their fingerprint
// only, as every answer shows them. A fingerprint stands for a secret of the
// same purpose: one that signs does not become one that is sent.
func keepSecrets(before, after resource.Resource) []resource.Problem {
	type known struct{ purpose, fingerprint string }
	kept := map[known]resource.Secret{}
	if before != nil {
		_ = resource.EachSecret(before, func(path string, s *resource.Secret) error { // the visit does not fail
			if s.Known() {
				kept[known{purpose(path), s.Fingerprint()}] = *s
			}
			return nil
		})
	}
	var ps []resource.Problem
	_ = resource.EachSecret(after, func(path string, s *resource.Secret) error { // nor does this one
		if s.Known() || s.IsZero() {
			return nil
		}
		if purpose(path) == "auth" && movesCredentials(before, after) {
			ps = append(ps, resource.Problem{Field: path, Detail: "was given for another host than the one that it would be sent to now", Try: "the secret itself, once more"})
			return nil
		}
		v, ok := kept[known{purpose(path), s.Fingerprint()}]
		if ok {
			*s = v
			return nil
		}
		ps = append(ps, resource.Problem{Field: path, Detail: "is the fingerprint of a secret that is not kept here", Try: "the secret itself"})
		return nil
	})
	return ps
}

// purpose is the block that a secret stands in.
func purpose(path string) string {
	block, _, _ := strings.Cut(path, ".")
	return block
}

// movesCredentials says whether an update of a connection sends what it shows
// an endpoint to another host than before. Whoever may not see a secret must
// not have it sent to a place of theirs: such an update has to bring it along.
func movesCredentials(before, after resource.Resource) bool {
	old, ok := before.(*resource.Connection)
	c, ok2 := after.(*resource.Connection)
	if !ok || !ok2 {
		return false
	}
	return otherHost(old.URL, c.URL) || otherHost(old.Auth.TokenURL, c.Auth.TokenURL)
}

// otherHost says whether two URLs lead to different places. TLS on the way to
// the same host is no other place; doing without it is.
func otherHost(before, after string) bool {
	if before == "" {
		return false // nothing was sent by it
	}
	a, err := url.Parse(before)
	b, err2 := url.Parse(after)
	if err != nil || err2 != nil {
		return before != after
	}
	if a.Scheme == "http" && b.Scheme == "https" && strings.EqualFold(a.Hostname(), b.Hostname()) {
		return false
	}
	return a.Scheme != b.Scheme || !strings.EqualFold(a.Host, b.Host)
}

// keepOverlap keeps the overlaps that a rotation began where an update does not
// speak of them, and drops those that are over. An empty list is a word.
func keepOverlap(before, after resource.Resource, now time.Time) {
	old, ok := before.(*resource.Connection)
	c, ok2 := after.(*resource.Connection)
	if !ok || !ok2 {
		return
	}
	if c.Signing.Previous == nil && c.Signing.Scheme == old.Signing.Scheme {
		c.Signing.Previous = slices.Clone(old.Signing.Previous)
	}
	c.Signing.Previous = slices.DeleteFunc(c.Signing.Previous, func(p resource.PreviousSecret) bool {
		over := !now.Before(p.Until) && slices.ContainsFunc(old.Signing.Previous, func(o resource.PreviousSecret) bool { return o.Secret.Equal(p.Secret) })
		return over || !p.Secret.IsZero() && p.Secret.Equal(c.Signing.Secret)
	})
}

// inheritSecrets keeps the old secrets where an update names none at all.
// Those that the resource has no use for any more its defaults drop. It goes
// before Validate, which misses a secret that is not there.
func inheritSecrets(before, after resource.Resource) {
	old, moved := map[string]resource.Secret{}, movesCredentials(before, after)
	_ = resource.EachSecret(before, func(path string, s *resource.Secret) error { // the visit does not fail
		old[path] = *s
		return nil
	})
	_ = resource.EachSecret(after, func(path string, s *resource.Secret) error { // nor does this one
		if s.IsZero() && !strings.Contains(path, "[") { // a list is given whole
			// Of one that must not move the fingerprint stands here, for
			// keepSecrets to refuse by name.
			if *s = old[path]; moved && purpose(path) == "auth" && s.Known() {
				*s = resource.FingerprintOf(s.Fingerprint())
			}
		}
		return nil
	})
}

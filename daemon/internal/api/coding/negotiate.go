package coding

import (
	"strconv"
	"strings"
)

// Coding is a content coding.
type Coding uint8

// The codings. Identity is none.
const (
	Identity Coding = iota
	Gzip
	Zstd
)

// Supported lists the codings as an Accept-Encoding header does.
const Supported = "gzip, zstd"

// String is the name in headers.
func (c Coding) String() string {
	switch c {
	case Gzip:
		return "gzip"
	case Zstd:
		return "zstd"
	}
	return "identity"
}

// named are the codings by their names; x-gzip is an older one of gzip.
func named(name string) (Coding, bool) {
	switch {
	case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
		return Gzip, true
	case strings.EqualFold(name, "zstd"):
		return Zstd, true
	case strings.EqualFold(name, "identity"):
		return Identity, true
	}
	return Identity, false
}

// Choose picks the coding of an answer from the values of Accept-Encoding:
// the one with the greatest weight, zstd before gzip where they weigh the
// same. What can not be read is taken as not being there.
func Choose(accept []string) Coding {
	if len(accept) == 0 {
		return Identity
	}
	const unsaid = -1
	weights := [...]float64{Identity: unsaid, Gzip: unsaid, Zstd: unsaid}
	rest := float64(unsaid) // of "*"
	for _, header := range accept {
		for item := range strings.SplitSeq(header, ",") {
			name, parameters, _ := strings.Cut(item, ";")
			weight, ok := weightOf(parameters)
			if !ok {
				continue
			}
			if name = strings.TrimSpace(name); name == "*" {
				rest = weight
			} else if c, known := named(name); known {
				weights[c] = weight
			}
		}
	}
	best, most := Identity, 0.0
	for _, c := range [...]Coding{Zstd, Gzip} {
		weight := weights[c]
		if weight == unsaid {
			weight = rest
		}
		if weight > most {
			best, most = c, weight
		}
	}
	if weights[Identity] > most {
		return Identity
	}
	return best
}

// weightOf reads "q=0.5"; nothing is 1.
func weightOf(parameters string) (float64, bool) {
	if parameters = strings.TrimSpace(parameters); parameters == "" {
		return 1, true
	}
	name, value, _ := strings.Cut(parameters, "=")
	if !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 0, false
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return q, err == nil && q >= 0 && q <= 1
}

package resource

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that reads and writes as "1m30s". A bare
// number is seconds, and "24h" and "7d" are both understood.
type Duration time.Duration

// ParseDuration reads Go's form and whole days ("7d"). It refuses negative
// values.
func ParseDuration(s string) (Duration, error) {
	bad := errors.New(`must be a duration such as "30s", "5m", "1h" or "7d"`)
	if n, ok := strings.CutSuffix(s, "d"); ok {
		d, err := strconv.Atoi(n)
		if err != nil || d < 0 || d > 36500 {
			return 0, bad
		}
		return Duration(time.Duration(d) * 24 * time.Hour), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, bad
	}
	return Duration(d), nil
}

func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// MarshalJSON writes the text form.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads the text form, or a number of seconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		v, err := ParseDuration(s)
		if err != nil {
			return err
		}
		*d = v
		return nil
	}
	var f float64
	if err := json.Unmarshal(b, &f); err != nil || f < 0 || f > 3e9 {
		return errors.New(`must be a duration such as "30s", or a number of seconds`)
	}
	*d = Duration(f * float64(time.Second))
	return nil
}

// Rate is a number of deliveries per minute. It reads "500/s", "100/m",
// "5000/h" or a bare number per minute, and is written as that number.
type Rate float64

// ParseRate reads "500/s", "100/m", "5000/h" or "100" (per minute).
func ParseRate(s string) (Rate, error) {
	n, unit, found := strings.Cut(strings.TrimSpace(s), "/")
	per := 1.0
	switch unit {
	case "s", "sec", "second":
		per = 60
	case "m", "min", "minute":
	case "h", "hour":
		per = 1.0 / 60
	default:
		if found {
			return 0, fmt.Errorf(`has an unknown unit after "/"; use /s, /m or /h`)
		}
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
	if err != nil || f < 0 || f > 1e9 || f != f {
		return 0, errors.New(`must be a rate such as "500/s", "100/m" or a number per minute`)
	}
	return Rate(f * per), nil
}

// PerSecond is the rate in deliveries per second; 0 means no limit.
func (r Rate) PerSecond() float64 { return float64(r) / 60 }

// String writes the rate per second, minute or hour, whichever is whole.
func (r Rate) String() string {
	for _, per := range []struct {
		n    float64
		unit string
	}{{r.PerSecond(), "/s"}, {float64(r), "/m"}, {float64(r) * 60, "/h"}} {
		s := strconv.FormatFloat(per.n, 'f', 0, 64) + per.unit
		if again, err := ParseRate(s); err == nil && again == r {
			return s
		}
	}
	return strconv.FormatFloat(float64(r), 'f', -1, 64) + "/m"
}

// UnmarshalJSON reads a number per minute or a text such as "500/s".
func (r *Rate) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "null" {
		*r = 0
		return nil
	}
	v, err := ParseRate(s)
	if err != nil {
		return err
	}
	*r = v
	return nil
}

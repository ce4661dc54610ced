package probes

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Unlimited is a limit that limits nothing.
const Unlimited Limit = math.MaxInt64

// Limit is the value of a resource limit. In JSON it is a number or
// "unlimited".
type Limit int64

// String is the limit as /proc/PID/limits prints it.
func (l Limit) String() string {
	if l == Unlimited {
		return "unlimited"
	}
	return strconv.FormatInt(int64(l), 10)
}

// MarshalJSON writes a number or "unlimited".
func (l Limit) MarshalJSON() ([]byte, error) {
	if l == Unlimited {
		return []byte(`"unlimited"`), nil
	}
	return strconv.AppendInt(nil, int64(l), 10), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (l *Limit) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) != nil {
		s = string(b)
	}
	v, err := ParseLimit(s)
	if err != nil {
		return err
	}
	*l = v
	return nil
}

// ParseLimit reads a limit as /proc/PID/limits or a policy names it.
func ParseLimit(s string) (Limit, error) {
	if s == "unlimited" {
		return Unlimited, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a limit: a number, or unlimited", s)
	}
	return Limit(n), nil
}

// Policy is what the operator asks of a host: floors and other thresholds,
// and for a code the status warn or fail. The zero Policy is the default one.
type Policy struct {
	// Name is the file it was read from, "" for the default policy.
	Name string
	// Numbers are thresholds by name, where they differ from the default.
	Numbers map[string]int64
	// Codes are statuses by code, where they differ from the default.
	Codes map[string]Status
}

// Number is the threshold in force.
func (p *Policy) Number(name string, byDefault int64) int64 {
	if p != nil {
		if n, ok := p.Numbers[name]; ok {
			return n
		}
	}
	return byDefault
}

// Status is the status in force for a finding of that code.
func (p *Policy) Status(code string, byDefault Status) Status {
	if p != nil {
		if s, ok := p.Codes[code]; ok {
			return s
		}
	}
	return byDefault
}

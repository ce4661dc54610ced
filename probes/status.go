package probes

import "fmt"

// Status is the verdict on a check, a finding or a host.
type Status string

// The statuses. Unknown is never healthy and always has a reason.
const (
	OK            Status = "ok"
	Skipped       Status = "skipped"
	Warn          Status = "warn"
	StatusUnknown Status = "unknown"
	Fail          Status = "fail"
)

// rank orders statuses for [Worst]: fail, else unknown, else warn, else ok;
// skipped counts as ok.
var rank = map[Status]int{OK: 0, Skipped: 0, Warn: 1, StatusUnknown: 2, Fail: 3}

// Rank is the place of s in the order ok (0), warn, unknown, fail (3).
func (s Status) Rank() int { return rank[s] }

// Worst is the worse of two statuses.
func Worst(a, b Status) Status {
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// ParseStatus reads a status as a policy or a flag names it.
func ParseStatus(s string) (Status, error) {
	if _, ok := rank[Status(s)]; ok {
		return Status(s), nil
	}
	return "", fmt.Errorf("status %q is not one of ok, warn, unknown, fail, skipped", s)
}

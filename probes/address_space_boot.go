package probes

import "fmt"

// addressSpaceLimit is how the address space is judged on the horizons live
// and boot.
func addressSpaceLimit(in Input) limitSpec {
	return limitSpec{
		item: "as", what: "bytes of address space", floor: Limit(in.Threshold("address-space/floor")), sessionLow: "session-limited", unitLow: "unit-limited",
		used: func(_ *Facts, tm TaskManager) Value[int64] { return tm.VmSize },
		raise: func(in Input, s *start, _ Limit) string {
			at := in.next.boot(s, "as").softAt
			switch {
			case at != "":
				return "remove the limit at " + at
			case s.kind == LaunchSystemd:
				return fmt.Sprintf("LimitAS=infinity in the unit %s, then systemctl daemon-reload", shellWord(s.unit))
			}
			return fmt.Sprintf("in /etc/security/limits.conf: %s soft as unlimited and %s hard as unlimited", s.user, s.user)
		},
	}
}

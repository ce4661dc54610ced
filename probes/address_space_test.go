package probes

import "testing"

func TestAddressSpaceIsJudged(t *testing.T) {
	t.Parallel()
	capped := func(pid int, soft Limit, peak int64) TaskManager {
		tm := limits(aTaskManager(pid), map[string]LimitPair{"as": {soft, soft}})
		tm.VmPeak, tm.VmSize = Known(peak), Known(peak)
		return tm
	}
	asSession := func(f *Facts, v Value[LimitPair]) *Facts {
		f.AddressSpace.Sessions["flink"] = v
		return f
	}
	unseen := Unknown[LimitPair]("only a session of flink tells: log in as that user, or run with --sudo")
	notSeen := []string{"sessions.flink: " + unseen.Why()}
	const gib = 1 << 30
	runJudgeCases(t, &AddressSpace, []judgeCase{
		{"an unlimited host is ok", aHost(aTaskManager(4711)), nil, judged{Check: "ok unlimited, want unlimited"}},
		{"any limit is limited", aHost(capped(4711, 64*gib, 9*gib)), nil, judged{
			Check: "warn 65536M, want unlimited",
			Findings: []string{
				"warn address-space/limited running pid 4711: 68719476736 bytes, want unlimited (/proc/4711/limits)",
				"warn address-space/restart-needed running pid 4711: 68719476736, want unlimited (/proc/4711/limits)",
			},
		}},
		{"a peak at 90 % of the limit fails", aHost(capped(4711, 10*gib, 9*gib)), nil, judged{
			Check: "fail 10240M, want unlimited",
			Findings: []string{
				"warn address-space/limited running pid 4711: 10737418240 bytes, want unlimited (/proc/4711/limits)",
				"fail address-space/near running pid 4711: 9663676416 of 10737418240 bytes (90 %), want unlimited (/proc/4711/status)",
				"warn address-space/restart-needed running pid 4711: 10737418240, want unlimited (/proc/4711/limits)",
			},
		}},
		{"the floor of a policy is enough", aHost(capped(4711, 64*gib, 9*gib)), &Policy{Numbers: map[string]int64{"address-space/floor": 32 * gib}},
			judged{Check: "ok 65536M, want 34359738368"}},
		{"each TaskManager is judged on its own", aHost(aTaskManager(4711), capped(4712, 64*gib, 9*gib)), nil, judged{
			Check: "warn 65536M, want unlimited",
			Findings: []string{
				"warn address-space/limited running pid 4712: 68719476736 bytes, want unlimited (/proc/4712/limits)",
				"warn address-space/restart-needed running pid 4712: 68719476736, want unlimited (/proc/4712/limits)",
			},
		}},
		{"a limit with an unknown peak is unknown", aHost(func() TaskManager {
			tm := capped(4711, 64*gib, 0)
			tm.VmPeak = Unknown[int64]("permission denied")
			return tm
		}()), &Policy{Numbers: map[string]int64{"address-space/floor": gib}}, judged{
			Check: "unknown 65536M, want 1073741824", Reason: "VmPeak of pid 4711: permission denied",
		}},
		{"without a TaskManager a session tells", asSession(withFile(aHost(), "/etc/security/limits.conf", "flink - as 4000000\n"), Known(LimitPair{4096000000, 4096000000})), nil, judged{
			Check:    "warn 3906M, want unlimited",
			Findings: []string{"warn address-space/session-limited live user flink: 4096000000 bytes, want unlimited (/proc/self/limits of a session of flink)"},
		}},
		{"a line tells where no session was seen", asSession(withFile(aHost(aTaskManager(4711)), "/etc/security/limits.d/x.conf", "@dev - as 1\nroot soft as 5\n* soft AS 4000000\n"), unseen), nil, judged{
			Check: "warn unlimited, want unlimited", NotSeen: notSeen,
			Findings: []string{"warn address-space/session-limited live user flink: 4000000 KiB, want unlimited (/etc/security/limits.d/x.conf:3)"},
		}},
		{"a line that a new session does not show is nothing", withFile(aHost(aTaskManager(4711)), "/etc/security/limits.conf", "flink soft as 4000000\n"), nil, judged{
			Check: "ok unlimited, want unlimited",
		}},
		{"as unlimited is right", asSession(withFile(aHost(aTaskManager(4711)), "/etc/security/limits.conf", "flink - as unlimited\n"), unseen), nil, judged{
			Check: "ok unlimited, want unlimited", NotSeen: notSeen,
		}},
		{"vmem is not an item", withFile(aHost(aTaskManager(4711)), "/etc/security/limits.conf", "# the runbook\n#flink soft vmem 1\nflink soft vmem unlimited\n\tflink hard vmem unlimited"), nil, judged{
			Check: "warn unlimited, want unlimited",
			Findings: []string{
				"warn address-space/vmem-line live /etc/security/limits.conf:3: flink soft vmem unlimited, want no such line (/etc/security/limits.conf:3)",
				"warn address-space/vmem-line live /etc/security/limits.conf:4: flink hard vmem unlimited, want no such line (/etc/security/limits.conf:4)",
			},
		}},
		{"a unit limits it", with(aHost(inUnit(aTaskManager(1618), "flink.service")), func(f *Facts) {
			f.NoFile.Units["flink.service"] = Known(UnitLimits{Limits: map[string]LimitPair{"as": {4 * gib, 4 * gib}}})
		}), nil, judged{
			Check:    "warn unlimited, want unlimited",
			Findings: []string{"warn address-space/unit-limited live flink.service: 4294967296 bytes, want unlimited (systemctl show flink.service)"},
		}},
		{"without a TaskManager and a session nothing is known", asSession(aHost(), unseen), nil, judged{
			Check: "unknown ?, want unlimited", NotSeen: notSeen,
			Reason: "no TaskManager runs, and what a new one would get is not known: " + unseen.Why(),
		}},
	})
}

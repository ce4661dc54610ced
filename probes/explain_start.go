package probes

import "strings"

// StartFix is a fix for a TaskManager that is started in one way.
type StartFix struct {
	By  string // what starts it
	Fix string
}

// placeholders are TaskManagers by what starts them, with words in capitals
// for what a host would tell.
var placeholders = []struct {
	by string
	s  starter
}{
	{"systemd unit", starter{kind: LaunchSystemd, unit: "UNIT.service"}},
	{"user's own unit", starter{kind: LaunchUserUnit, unit: "UNIT.service"}},
	{"ssh or login", starter{kind: LaunchLogin, home: "FLINK_HOME"}},
	{"YARN", starter{kind: LaunchYARN, unit: "NODEMANAGER.service"}},
	{"docker", starter{kind: LaunchContainer, owner: "docker"}},
	{"Kubernetes", starter{kind: LaunchContainer, owner: "Kubernetes"}},
}

// startFixes are the steps of the remedies, as they are said where a host is
// judged, for each way to start a TaskManager.
func startFixes(d CauseDoc) (fixes []StartFix) {
	if d.Starts == "" {
		return nil
	}
	f := &Facts{}
	for _, p := range placeholders {
		s := p.s
		s.in, s.user, s.alone, s.pid = Input{Facts: f, next: newResolver(f, nil)}, "FLINKUSER", true, 1
		fix := s.configured()
		switch d.Starts {
		case "as":
			fix = s.unlimit()
		case "nofile", "nproc":
			fix = s.raise(d.Starts, 65536)
		}
		// Before another step "then" leads on; alone it would hang in the air.
		fixes = append(fixes, StartFix{By: p.by, Fix: strings.Replace(strings.TrimPrefix(fix, "then "), "kill 1 ", "kill PID ", 1)})
	}
	return fixes
}

package probes

import (
	"regexp"
	"strings"
)

// containerCgroup is the name that a container runtime gives to the cgroup of
// a container: docker, containerd, CRI-O, podman, Kubernetes, LXC,
// systemd-nspawn.
var containerCgroup = regexp.MustCompile(`/docker/[0-9a-f]{64}|/(docker|cri-containerd|crio|libpod)-[0-9a-f]{64}\.scope|/kubepods(\.slice)?/|/lxc(\.payload)?[./]|/machine-[^/]*\.scope`)

// launchOf says what started a TaskManager. The class and the cgroup decide;
// parents only where neither tells, because a daemon's parent is gone.
func launchOf(tm TaskManager, cgroup []string, parent string) Launch {
	if strings.HasPrefix(tm.MainClass, "org.apache.flink.yarn.") {
		return Launch{Kind: "yarn", Evidence: "main class " + tm.MainClass}
	}
	for _, line := range cgroup {
		if containerCgroup.MatchString(line) {
			return Launch{Kind: "container", Evidence: "cgroup " + line}
		}
	}
	if nested, ok := tm.Nested.Get(); ok && nested {
		return Launch{Kind: "container", Evidence: "NSpid: a pid namespace of its own"}
	}
	for _, line := range cgroup {
		p := systemdPath(line)
		if p == "" {
			continue
		}
		if strings.Contains(p, "/container_") {
			return Launch{Kind: "yarn", Evidence: "cgroup " + line}
		}
		if l, ok := unitOfPath(p); ok {
			l.Evidence = "cgroup " + line
			return l
		}
	}
	_, name, _ := strings.Cut(parent, " ")
	switch {
	case name == "sshd" || strings.HasPrefix(name, "sshd-"):
		return Launch{Kind: "login", Evidence: "parent " + parent}
	case parent != "":
		return Launch{Kind: "unknown", Evidence: "parent " + parent}
	}
	return Launch{Kind: "unknown"}
}

// systemdPath is the path in a line of /proc/PID/cgroup where systemd keeps
// its units: the unified hierarchy or name=systemd; "" for other lines.
func systemdPath(line string) string {
	for _, mark := range []string{"0::", ":name=systemd:"} {
		if i := strings.Index(line, mark); i >= 0 && (i == 0) == (mark == "0::") {
			return line[i+len(mark):]
		}
	}
	return ""
}

// unitOfPath is the innermost unit of a cgroup path: a process started by
// hand is in session-N.scope, one of a user's own manager below user@UID.
func unitOfPath(p string) (Launch, bool) {
	parts := strings.Split(p, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		unit := parts[i]
		switch {
		case strings.HasPrefix(unit, "session-") && strings.HasSuffix(unit, ".scope"):
			return Launch{Kind: "login", Unit: unit}, true
		case unit == "ssh.service" || unit == "sshd.service" || unit == "dropbear.service":
			// Without pam_systemd a login stays in the cgroup of sshd.
			return Launch{Kind: "login", Unit: unit}, true
		case !strings.HasSuffix(unit, ".service") && !strings.HasSuffix(unit, ".scope") || unit == "init.scope":
			continue
		case strings.HasPrefix(unit, "user@"):
			return Launch{Kind: "user_unit", Unit: unit}, true
		case strings.Contains(strings.Join(parts[:i], "/"), "/user@"):
			return Launch{Kind: "user_unit", Unit: unit}, true
		default:
			return Launch{Kind: "systemd", Unit: unit}, true
		}
	}
	return Launch{}, false
}

package probes

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// launchFacts are what tells how a process was started.
type launchFacts struct {
	cgroup  []string // lines of /proc/PID/cgroup
	parents []string // "PID NAME", the closest first
	session []string // "UID N" and "SERVICE NAME" of its login session
}

// containers are the names that runtimes give to the cgroup of a container,
// and who sets the limits of what runs in it.
var containers = []struct {
	cgroup *regexp.Regexp
	owner  string
}{
	{regexp.MustCompile(`/kubepods(\.slice)?/`), "the Kubernetes node's container runtime"},
	{regexp.MustCompile(`/docker/[0-9a-f]{64}|/docker-[0-9a-f]{64}\.scope`), "docker"},
	{regexp.MustCompile(`/cri-containerd-[0-9a-f]{64}\.scope`), "containerd"},
	{regexp.MustCompile(`/crio-[0-9a-f]{64}\.scope`), "CRI-O"},
	{regexp.MustCompile(`/libpod-[0-9a-f]{64}\.scope`), "podman"},
	{regexp.MustCompile(`/lxc(\.payload)?[./]`), "LXC"},
	{regexp.MustCompile(`/machine-[^/]*\.scope`), "systemd-nspawn"},
}

// switching are the PAM services that give one user a session from another's. Which of them
// it was, nobody can tell later: they leave no process behind.
var switching = []string{"su", "su-l", "sudo", "sudo-i", "runuser", "runuser-l"}

// agents are units that start whatever they are told, with limits that they may
// set themselves: what their own unit says is not what a TaskManager gets.
var agents = []string{
	"supervisor", "supervisord", "salt-minion", "puppet", "chef-client", "monit", "rc-local", "cloud-final", "cloud-init", "atd",
	"amazon-ssm-agent", "jenkins", "runsvdir", "circusd", "rundeckd", "waagent", "google-guest-agent",
}

// launchOf says what started a TaskManager. The class and the cgroup decide;
// parents only where neither tells, because a daemon's parent is gone.
func launchOf(tm TaskManager, is launchFacts) Launch {
	l := launchKind(tm, is)
	if l.Services == nil {
		l.Services = []string{}
	}
	for _, line := range is.cgroup {
		for _, part := range slices.Backward(strings.Split(systemdPath(line), "/")) {
			if strings.HasSuffix(part, ".slice") && !slices.Contains(l.Slices, part) {
				l.Slices = append(l.Slices, part)
			}
		}
	}
	return l
}

func launchKind(tm TaskManager, is launchFacts) Launch {
	if strings.HasPrefix(tm.MainClass, "org.apache.flink.yarn.") {
		return Launch{Kind: LaunchYARN, Unit: ownerUnit(is.cgroup), Owner: "YARN's NodeManager", Evidence: "main class " + tm.MainClass}
	}
	for _, line := range is.cgroup {
		for _, c := range containers {
			if c.cgroup.MatchString(line) {
				return Launch{Kind: LaunchContainer, Owner: c.owner, Evidence: "cgroup " + line}
			}
		}
	}
	if nested, ok := tm.Nested.Get(); ok && nested {
		return Launch{Kind: LaunchContainer, Owner: "its container runtime", Evidence: "NSpid: a pid namespace of its own"}
	}
	for _, line := range is.cgroup {
		p := systemdPath(line)
		if p == "" {
			continue
		}
		if strings.Contains(p, "/container_") {
			return Launch{Kind: LaunchYARN, Unit: ownerUnit(is.cgroup), Owner: "YARN's NodeManager", Evidence: "cgroup " + line}
		}
		if l, ok := unitOfPath(p); ok {
			l.Evidence = "cgroup " + line
			if l.Kind == LaunchLogin {
				l.through(tm, is)
			}
			return l
		}
	}
	return launchByParents(is.parents)
}

// launchByParents is for hosts without systemd, where the cgroup tells
// nothing.
func launchByParents(parents []string) Launch {
	l := Launch{Kind: LaunchUnknown}
	for i, p := range parents {
		if i > 0 {
			l.Evidence += ", "
		}
		l.Evidence += p
		_, name, _ := strings.Cut(p, " ")
		switch {
		case strings.HasPrefix(name, "sshd"):
			l.Kind, l.Services = LaunchLogin, []string{"sshd"}
		case name == "cron" || name == "crond":
			l.Kind, l.Services = LaunchLogin, []string{"cron", "crond"}
		case slices.Contains(switching, name) || name == "login":
			l.Kind, l.Services = LaunchLogin, []string{name}
		}
		if l.Kind == LaunchLogin {
			break
		}
	}
	if l.Evidence != "" {
		l.Evidence = "parent " + l.Evidence
	}
	return l
}

// through finds the PAM service of a login. The session's own service opened
// it for the session's user; a TaskManager of another user came through su or
// sudo, and pam_limits was asked again.
func (l *Launch) through(tm TaskManager, is launchFacts) {
	if l.Services != nil {
		return
	}
	if by := launchByParents(is.parents); by.Kind == LaunchLogin && !slices.Equal(by.Services, []string{"sshd"}) {
		l.Services = by.Services
		l.Evidence += ", " + by.Evidence
		return
	}
	service, owner := "", int64(-1)
	for _, s := range is.session {
		key, value, _ := strings.Cut(s, " ")
		switch key {
		case "SERVICE":
			service = value
		case "UID":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				owner = n
			}
		}
	}
	uid, known := tm.UID.Get()
	switch {
	case service != "" && known && owner == uid:
		l.Services, l.Session = []string{service}, service
		l.Evidence += ", session of service " + service
	case owner >= 0 && known && owner != uid:
		l.Services, l.Session = switching, service
		l.Evidence += ", session of uid " + strconv.FormatInt(owner, 10)
	default:
		l.Services = append([]string{"sshd", "login"}, switching...)
	}
}

// ownerUnit is the innermost service of the cgroup, which YARN's containers
// share with their NodeManager unless it has control groups of its own.
func ownerUnit(cgroup []string) string {
	for _, line := range cgroup {
		if l, ok := unitOfPath(systemdPath(line)); ok && l.Kind == LaunchSystemd {
			return l.Unit
		}
	}
	return ""
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
			return Launch{Kind: LaunchLogin, Unit: unit}, true
		case unit == "ssh.service" || unit == "sshd.service" || unit == "dropbear.service" ||
			strings.HasPrefix(unit, "sshd@") || strings.HasPrefix(unit, "ssh@"):
			// Without pam_systemd a login stays in the cgroup of sshd.
			return Launch{Kind: LaunchLogin, Unit: unit}, true
		case unit == "cron.service" || unit == "crond.service":
			// A job of cron had its session from cron's own PAM stack, and may
			// have changed the user after that.
			return Launch{Kind: LaunchLogin, Unit: unit, Services: append([]string{"cron", "crond"}, switching...)}, true
		case slices.Contains(agents, strings.TrimSuffix(unit, ".service")):
			return Launch{Kind: LaunchUnknown, Unit: unit}, true
		case !strings.HasSuffix(unit, ".service") && !strings.HasSuffix(unit, ".scope") || unit == "init.scope":
			continue
		case strings.HasPrefix(unit, "user@"):
			return Launch{Kind: LaunchUserUnit, Unit: unit}, true
		case strings.Contains(strings.Join(parts[:i], "/"), "/user@"):
			return Launch{Kind: LaunchUserUnit, Unit: unit}, true
		case strings.HasSuffix(unit, ".scope"):
			// A scope has no limits of its own: its processes bring theirs along.
			return Launch{Kind: LaunchUnknown, Unit: unit}, true
		default:
			return Launch{Kind: LaunchSystemd, Unit: unit}, true
		}
	}
	return Launch{}, false
}

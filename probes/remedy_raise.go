package probes

import (
	"cmp"
	"fmt"
	"path"
	"strings"
)

// limitNames are the names of a limit where it can be set: limits.conf,
// systemd, docker, prlimit.
var limitNames = map[string]struct{ unit, flag string }{
	"nofile": {"LimitNOFILE", "nofile"}, "nproc": {"LimitNPROC", "nproc"}, "as": {"LimitAS", "as"},
}

// raise is where a limit is set so that the next start has it, and the start.
func (s starter) raise(item string, want Limit) string {
	key := limitNames[item].unit
	switch s.kind {
	case LaunchSystemd:
		return raiseUnit(s.in, s.unit, item, want)
	case LaunchUserUnit:
		return fmt.Sprintf("%s=%s in the user unit %s, and where it is more than the user manager has, in a drop-in of user@.service as well; then %s",
			key, want, shellWord(s.unit), s.userUnitAgain())
	case LaunchContainer:
		return s.raiseContainer(item, want)
	case LaunchYARN:
		return fmt.Sprintf("raise %s to %s for YARN's NodeManager, which hands its limits on: %s; then %s", item, want, s.nodeManager(key, want), s.again())
	}
	if s.user == "" || s.user == "?" {
		return fmt.Sprintf("set it to %s where the TaskManager is started: soft and hard %s of its user in /etc/security/limits.conf for a start by ssh or login, %s= for a systemd unit, --ulimit %s for a container; then start it from a new session",
			want, item, key, item)
	}
	return limitsConf(s.in, s.user, item, want) + "; then " + s.again()
}

// userUnitAgain reloads the files of a user unit and starts it again.
func (s starter) userUnitAgain() string {
	if strings.HasPrefix(s.unit, "user@") {
		return s.again()
	}
	return fmt.Sprintf("%s: systemctl --user daemon-reload && systemctl --user restart %s", s.asUser(), shellWord(s.unit))
}

// unlimit removes a limit of the address space, and starts it again.
func (s starter) unlimit() string {
	switch s.kind {
	case LaunchSystemd:
		unit, _ := s.in.Facts.NoFile.Units[s.unit].Get()
		where := "the unit " + shellWord(s.unit)
		if lines := unitEvidence(s.in.Facts, unit, "LimitAS"); len(lines) > 0 {
			where = lines[len(lines)-1].Source
		}
		return fmt.Sprintf("remove LimitAS= from %s; then systemctl daemon-reload && systemctl restart %s", where, shellWord(s.unit))
	case LaunchUserUnit:
		return fmt.Sprintf("remove LimitAS= from the user unit %s, and from user@.service; then %s", shellWord(s.unit), s.userUnitAgain())
	case LaunchContainer:
		return "remove --ulimit as= (ulimit -v) where the container is started, or from its runtime's defaults (limits.conf does not reach it); then make the container anew"
	case LaunchYARN:
		return "remove the limit (LimitAS= of its unit, an as line for its user, ulimit -v in yarn-env.sh) of YARN's NodeManager, which hands it on, and restart that; then " + s.again()
	}
	return s.unlimitSession()
}

func (s starter) unlimitSession() string {
	if lines := limitsEvidence(s.in.Facts, s.user, "as"); s.user != "" && len(lines) > 0 {
		return "remove the as line at " + lines[len(lines)-1].Source + "; then " + s.again()
	}
	if s.pid > 0 {
		return "remove the as line from /etc/security/limits.conf or limits.d, or ulimit -v from the start files of the shell; then " + s.again()
	}
	return "remove the limit where the TaskManager is started: an as line in /etc/security/limits.conf or limits.d, LimitAS= of its unit, ulimit -v in a start script or java wrapper; then " + s.again()
}

func (s starter) nodeManager(key string, want Limit) string {
	if s.unit == "" {
		return key + "= of its unit, or limits.conf for its user; restart it"
	}
	return fmt.Sprintf("[Service] %s=%s in %s, systemctl daemon-reload && systemctl restart %s", key, want, shellWord(dropIn(s.unit)), shellWord(s.unit))
}

func (s starter) raiseContainer(item string, want Limit) string {
	switch {
	case s.kubernetes():
		return fmt.Sprintf("raise %s to %s for the container runtime of the node (%s= of containerd.service or crio.service: a pod cannot set it, and limits.conf does not reach it), restart that; then %s",
			item, want, limitNames[item].unit, s.again())
	case s.owner == "docker" || s.owner == "podman":
		return fmt.Sprintf("make the container anew (a restart keeps its limits): %s run --ulimit %s=%s:%s ..., or ulimits: in its compose file (limits.conf does not reach it)",
			s.owner, limitNames[item].flag, want, want)
	}
	return fmt.Sprintf("start the container with --ulimit %s=%s:%s (limits.conf does not reach it)", limitNames[item].flag, want, want)
}

// atOnce raises a limit of the process that runs, "" where none does. The
// kernel asks for it at each call, so no restart is needed.
func (s starter) atOnce(item string, want Limit) string {
	if s.pid == 0 {
		return ""
	}
	return fmt.Sprintf("; or at once, as root, without a restart: prlimit --pid %d --%s=%s:%s", s.pid, item, want, want)
}

// raiseTasks raises the limit on tasks of the control group of a TaskManager,
// pids.max, which holds at once.
func (s starter) raiseTasks(group string, want int64) string {
	number := "infinity"
	if Limit(want) != Unlimited {
		number = fmt.Sprint(want)
	}
	last := path.Base(group)
	switch {
	case s.kind == LaunchContainer && s.kubernetes():
		return fmt.Sprintf("raise podPidsLimit of the node's kubelet to %s and restart that; then %s", number, s.again())
	case s.kind == LaunchContainer && s.owner == "docker":
		return fmt.Sprintf("docker update --pids-limit %s %s (at once), and --pids-limit where it is started", number, cmp.Or(s.container, "CONTAINER"))
	case s.kind == LaunchContainer:
		return "start the container with --pids-limit " + number
	case strings.HasSuffix(last, ".service") || strings.HasSuffix(last, ".slice"):
		return fmt.Sprintf("systemctl set-property %s TasksMax=%s (at once, and for the next boot)", shellWord(last), number)
	case s.kind == LaunchSystemd:
		return fmt.Sprintf("systemctl set-property %s TasksMax=%s (at once, and for the next boot)", shellWord(s.unit), number)
	}
	return fmt.Sprintf("raise pids.max of the control group to %s, or TasksMax of what owns it (user-.slice, the unit, the container)", number)
}

// raiseMemory raises the limit of a cgroup above the memory that a TaskManager
// is configured for: a fifth more, because RocksDB and malloc do not keep to
// it to the byte. size 0 is not known.
func (s starter) raiseMemory(group string, size int64) string {
	const above = " above taskmanager.memory.process.size"
	mib := (size + size/5) >> 20
	last := path.Base(group)
	id := containerID.FindString(last)
	switch {
	case strings.Contains(group, "kubepods"):
		return "raise resources.limits.memory of the pod" + above + atLeast(mib, "Mi")
	case id != "" && strings.Contains(group, "docker") && mib > 0:
		return fmt.Sprintf("docker update --memory %dm --memory-swap %[1]dm %s (at once), and --memory where it is started", mib, id[:12])
	case id != "":
		return "raise --memory where the container is started" + above + atLeast(mib, "m")
	case (strings.HasSuffix(last, ".service") || strings.HasSuffix(last, ".slice")) && mib > 0:
		return fmt.Sprintf("systemctl set-property %s MemoryMax=%dM (at once, and for the next boot)", shellWord(last), mib)
	case strings.HasSuffix(last, ".service") || strings.HasSuffix(last, ".slice"):
		return "raise MemoryMax= of " + shellWord(last) + above
	case strings.Contains(group, "/container_"):
		return "raise taskmanager.memory.process.size, which is what YARN gives the container: RocksDB needs more than it says"
	}
	return "raise the memory limit of the cgroup " + shellWord(group) + above + atLeast(mib, "M")
}

func atLeast(mib int64, unit string) string {
	if mib == 0 {
		return ""
	}
	return fmt.Sprintf(", to %d%s", mib, unit)
}

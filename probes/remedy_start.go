package probes

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// noRestart is said where a change reaches the TaskManager that runs.
const noRestart = "no restart is needed"

// starter is how a TaskManager is started: the one that runs, or, where it is
// gone, the way in which the host starts them. What it takes for a change to
// reach the TaskManager depends on that alone, so every remedy asks here.
type starter struct {
	in                      Input
	kind, unit, owner, user string
	home, conf              string // Flink's directories, "" where not known
	pid                     int    // 0: none runs
	alone                   bool   // no other TaskManager of its user is here
	container               string // the container's id, "" where not known
	name                    string // its resource id: a pod's or a container's name
	application             string // YARN's, likewise
}

var (
	containerID   = regexp.MustCompile(`[0-9a-f]{64}`)
	applicationID = regexp.MustCompile(`application_\d+_\d+`)
)

// starterOf is how a running TaskManager was started.
func starterOf(in Input, tm TaskManager) starter {
	l := tm.Launch
	s := starter{
		in: in, kind: l.Kind, unit: l.Unit, owner: l.Owner, user: userKey(tm), home: tm.Home, conf: tm.ConfigDir, pid: tm.PID, name: tm.ResourceID,
		application: applicationID.FindString(tm.LogFile),
	}
	if l.Kind == LaunchContainer {
		s.container = containerID.FindString(l.Evidence)
		s.container = s.container[:min(12, len(s.container))]
	}
	s.alone = !slices.ContainsFunc(in.Facts.Flink.TaskManagers, func(o TaskManager) bool { return o.PID != tm.PID && userKey(o) == s.user })
	return s
}

// starterOfNone is how a TaskManager that is gone would be started: like the
// others of the host, else by a unit that is there, else by its user. log is
// its log file, which shows from which installation it came, "" for none.
func starterOfNone(in Input, log string) starter {
	s := starter{in: in, kind: LaunchUnknown, application: applicationID.FindString(log)}
	if s.application != "" {
		s.kind, s.owner = LaunchYARN, "YARN's NodeManager"
	} else if in.next != nil && len(in.next.startsOf()) > 0 {
		by := in.next.startsOf()[0]
		s.kind, s.unit, s.owner, s.user = by.kind, by.unit, by.owner, by.user
	}
	homes := in.Facts.Flink.Homes
	for _, home := range homes {
		if log != "" && path.Dir(log) == path.Join(home, "log") {
			s.home = home
		}
	}
	if s.home == "" && len(homes) == 1 {
		s.home = homes[0]
	}
	return s
}

// starterOfPID is how the TaskManager with that pid was started, or, where
// there is none, how one would be.
func starterOfPID(in Input, pid int) starter {
	for _, tm := range in.Facts.Flink.TaskManagers {
		if tm.PID == pid {
			return starterOf(in, tm)
		}
	}
	return starterOfNone(in, "")
}

// starter is how the TaskManager of a run was, or would be, started.
func (d *diagnosis) starter(run int) starter {
	if tm := d.taskManagerOf(run); tm != nil {
		return starterOf(d.in, *tm)
	}
	log := ""
	if run >= 0 && run < len(d.f.Logs.Runs) {
		log = d.f.Logs.Runs[run].File
	}
	return starterOfNone(d.in, log)
}

// kubernetes reports whether the container is a pod's.
func (s starter) kubernetes() bool { return strings.Contains(s.owner, "Kubernetes") }

// script is a call of taskmanager.sh.
func (s starter) script(verb string) string {
	call := "taskmanager.sh " + verb
	if s.home == "" {
		return call
	}
	call = shellWord(s.home+"/bin/taskmanager.sh") + " " + verb
	if s.conf != "" && path.Clean(s.conf) != path.Join(s.home, "conf") {
		call = "FLINK_CONF_DIR=" + shellWord(s.conf) + " " + call
	}
	return call
}

// asUser says whose systemd a user unit belongs to.
func (s starter) asUser() string {
	if s.user == "" || s.user == "?" {
		return "as its user"
	}
	return "as " + shellWord(s.user)
}

// again is how the TaskManager is started again. Limits of a login are those
// of the session that starts it: an old session has old ones.
func (s starter) again() string {
	switch s.kind {
	case LaunchSystemd:
		return "systemctl restart " + shellWord(s.unit)
	case LaunchUserUnit:
		if strings.HasPrefix(s.unit, "user@") {
			return "start it again in the systemd of its user"
		}
		return fmt.Sprintf("%s: systemctl --user restart %s", s.asUser(), shellWord(s.unit))
	case LaunchYARN:
		if s.pid == 0 {
			return "nothing to start by hand: Flink asks YARN for a new container" + s.ofApplication()
		}
		return fmt.Sprintf("kill %d (Flink asks YARN for a new container)", s.pid)
	case LaunchContainer:
		return s.containerAgain()
	case LaunchUnknown:
		return s.unknownAgain()
	}
	return s.sessionAgain()
}

func (s starter) containerAgain() string {
	switch {
	case s.kubernetes():
		return "kubectl delete pod " + shellWord(cmp.Or(s.name, "POD")) + " (a new one takes its place)"
	case s.owner == "docker" || s.owner == "podman":
		return s.owner + " restart " + cmp.Or(s.container, "CONTAINER")
	}
	return "restart its container (" + shellWord(s.owner) + ")"
}

func (s starter) unknownAgain() string {
	verb := "restart it"
	if s.pid == 0 {
		verb = "start it again"
	}
	if s.unit != "" {
		return verb + " through what started it (" + shellWord(s.unit) + ")"
	}
	if s.home == "" {
		return verb + " as it was started, from a new session where a person did"
	}
	return verb + " as it was started; by hand: " + s.sessionAgain()
}

func (s starter) sessionAgain() string {
	who := ""
	if s.user != "" && s.user != "?" && s.home != "" {
		who = " of " + s.user
	}
	switch {
	case s.pid == 0 && s.home == "":
		return "start the TaskManager from a new session"
	case s.pid == 0:
		return "start the TaskManager from a new session" + who + ": " + s.script("start")
	case s.home == "":
		return "restart the TaskManager from a new session"
	case !s.alone: // taskmanager.sh stop ends the one that was started last
		return fmt.Sprintf("restart the TaskManager from a new session%s: kill %d && %s", who, s.pid, s.script("start"))
	}
	return "restart the TaskManager from a new session" + who + ": " + s.script("stop") + " && " + s.script("start")
}

func (s starter) ofApplication() string {
	if s.application == "" {
		return ""
	}
	return " (yarn application -status " + s.application + ")"
}

// orStart is what else is to do after a change that needs no restart: start
// what is gone, nothing where it runs.
func (s starter) orStart() string {
	if s.pid > 0 {
		return noRestart
	}
	return "then " + s.again()
}

// configured is how a change of Flink's configuration reaches it.
func (s starter) configured() string {
	switch {
	case s.kind == LaunchYARN:
		return "then stop the job with a savepoint and submit it again: on YARN the configuration is that of the submission" + s.ofApplication()
	case s.kind == LaunchContainer && s.kubernetes():
		return "in the configuration that the pods get (ConfigMap or -D of the deployment); then " + s.again()
	}
	return "then " + s.again()
}

// dropIn is the file in which tmdoctor sets what a unit gives.
func dropIn(unit string) string { return "/etc/systemd/system/" + unit + ".d/zz-tmdoctor.conf" }

// stop is how the TaskManager that runs is ended in good order.
func (s starter) stop() string {
	switch {
	case s.kind == LaunchSystemd:
		return "systemctl stop " + shellWord(s.unit)
	case s.kind == LaunchUserUnit && !strings.HasPrefix(s.unit, "user@"):
		return fmt.Sprintf("%s: systemctl --user stop %s", s.asUser(), shellWord(s.unit))
	case s.pid > 0:
		return fmt.Sprintf("kill %d", s.pid)
	}
	return "stop the TaskManager"
}

// remount is how a mount gets an option (rw, exec) in place of another (ro,
// noexec). What a unit or a container mounts for itself is changed there, and
// holds with the next start.
func (s starter) remount(want, bad string, dir *DirFacts, m Mount) string {
	point := "MOUNTPOINT"
	if m.Point != "" {
		point = shellWord(m.Point)
	}
	elsewhere := "set io.tmp.dirs (Flink 1.15 and newer: process.taskmanager.working-dir) to a directory on a mount without noexec"
	if want == "rw" {
		elsewhere = "configure another directory"
	}
	own := dir != nil && dir.Private
	switch {
	case s.kind == LaunchContainer && s.kubernetes():
		return fmt.Sprintf("mount the volume at %s %s in the pod (readOnly, readOnlyRootFilesystem, mountOptions), or %s; then %s", point, want, elsewhere, s.again())
	case s.kind == LaunchContainer:
		return fmt.Sprintf("mount %s %s where the container is started (-v ...:%s, --tmpfs %s:%s, no --read-only), or %s; a container keeps its mounts, so make it anew", point, want, want, point, want, elsewhere)
	case s.kind == LaunchSystemd && own:
		option := "ReadWritePaths=" + point
		if want == "exec" {
			option = "ExecPaths=" + point
		}
		return fmt.Sprintf("the unit mounts it %s for itself (ProtectSystem=, ReadOnlyPaths=, NoExecPaths=, TemporaryFileSystem=, PrivateTmp=): [Service] %s in %s, or %s; then systemctl daemon-reload && systemctl restart %s",
			bad, option, shellWord(dropIn(s.unit)), elsewhere, shellWord(s.unit))
	}
	last := noRestart + ": the job's next attempt finds it"
	if s.pid == 0 {
		last = "then " + s.again()
	}
	return fmt.Sprintf("mount -o remount,%s %s (at once), and without %s in /etc/fstab, or %s (%s); for the remount %s", want, point, bad, elsewhere, s.configured(), last)
}

package probes

import (
	_ "embed"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// Threads is the probe of thread and process limits.
var Threads = Probe{
	Name: "threads",
	Doc: `threads of the TaskManager's user, unit and host against their limits

Flink, the JVM and RocksDB create threads all the time. A refused one shows as "unable to create native thread" or, from RocksDB's own threads, as two lines
in the .out file: terminate called after throwing an instance of std::system_error, what(): Resource temporarily unavailable.

Four limits bound threads: RLIMIT_NPROC (all threads of all processes of the user together, root excepted), pids.max of every control group above the process
(TasksMax of its systemd unit, a container's --pids-limit), kernel.threads-max and kernel.pid_max. "ulimit -u" in a shell shows that shell's.

Measured: Max processes in /proc/PID/limits of each TaskManager, Threads of all processes with its user's id, pids.current and pids.max up the
control groups, and the host's threads in /proc/loadavg.`,
	Words: []string{
		"ulimit -u", "nproc", "threads", "unable to create native thread", "Resource temporarily unavailable", "EAGAIN", "pids.max", "TasksMax",
		"threads-max", "pid_max", "fork rejected by pids controller", "pthread_create failed", "20-nproc.conf", "LimitNPROC",
	},
	Setting: &Setting{
		Name: "nproc", Unit: "threads", limit: threadsLimit,
		Running: "Max processes in /proc/PID/limits, and the threads of all processes of the user",
		Live:    "what the next start would get now: systemctl show of its unit, or /proc/self/limits of a session of its user",
		Boot:    "LimitNPROC and TasksMax of the unit's files, or the item nproc of limits.conf and limits.d as pam_limits of this host applies them",
	},
	Budget: 6,
	Script: threadsScript,
	Codes: []Code{
		{
			Slug: "near", Default: Warn,
			Title:   "most of the threads that a limit allows exist",
			Means:   "When the rest is used, a new thread is refused: the task fails or the JVM aborts.",
			Measure: "threads of the user against Max processes in /proc/PID/limits; pids.current against pids.max; threads of the host against kernel.threads-max and kernel.pid_max",
			Source:  "getrlimit(2), RLIMIT_NPROC; Linux Documentation/admin-guide/cgroup-v1/pids.rst",
			Fix:     "raise the limit that is near: nproc in /etc/security/limits.conf and a restart from a new session; TasksMax= in the unit; sysctl -w kernel.threads-max or kernel.pid_max",
		},
		{
			Slug: "exhausted", Default: Fail,
			Title:   "almost no thread is left under a limit",
			Means:   "The next thread may be refused: the task fails or the JVM aborts.",
			Measure: "as threads/near",
			Source:  "getrlimit(2), RLIMIT_NPROC; Linux Documentation/admin-guide/cgroup-v1/pids.rst",
			Fix:     "as threads/near, and look for what creates the threads (jstack PID)",
		},
		restartNeededCode,
		{
			Slug: "not-persistent", Default: Warn,
			Title:   "a TaskManager started after a reboot may have fewer threads than one started now",
			Means:   "A line that was changed since holds from the next start on, or systemd was given the present limit only until the reboot.",
			Measure: "nproc or TasksMax that a session or unit gets now against what its files give after the next boot",
			Source:  "limits.conf(5), item nproc; systemd.exec(5), LimitNPROC=; systemd.resource-control(5), TasksMax=",
			Fix:     "write the limit where this start reads it (tmdoctor why HOST nproc names the files)",
		},
		{
			Slug: "shadowed", Default: Warn,
			Title:   "a line that asks for more threads does not hold",
			Means:   "Another line beats it: one that names the user more closely, or one that is read later (20-nproc.conf of some distributions).",
			Measure: "the lines of limits.conf and limits.d, or of the unit's files, against the one that decides",
			Source:  "linux-pam pam_limits.c, process_limit; systemd.unit(5), drop-ins",
			Fix:     "two lines that name the user, FLINKUSER soft nproc N and FLINKUSER hard nproc N",
		},
		{
			Slug: "ignored-line", Default: Warn,
			Title:   "a line that was meant to limit threads is skipped",
			Means:   "pam_limits or systemd does not understand the line and goes on without a word that anybody reads.",
			Measure: "lines of limits.conf, limits.d and unit files, as the program of this host reads them",
			Source:  "linux-pam pam_limits.c, process_limit and parse_config_file; systemd load-fragment.c",
			Fix:     "correct the line: four fields, soft or hard or -, the item nproc, a number",
		},
	},
	Thresholds: []Threshold{
		{Name: "threads/near", Default: 80, Unit: "%", Doc: "share of a limit on threads from which it is near", Source: "a restart of a job adds its threads before the old ones are gone"},
		{Name: "threads/exhausted", Default: 95, Unit: "%", Doc: "share of a limit on threads from which it is exhausted", Source: "the JVM needs some threads of its own to end in order"},
	},
	Parse: parseThreads,
	Judge: judgeThreads,
}

//go:embed threads.sh
var threadsScript string

// ThreadsFacts are the host's limits on threads and what is used of them. The
// limits and threads of each process are in FlinkFacts.
type ThreadsFacts struct {
	ThreadsMax Value[int64] `json:"threads_max" need:"needed"`
	PidMax     Value[int64] `json:"pid_max" need:"needed"`
	// Total are the threads of the host, kernel threads included.
	Total Value[int64] `json:"total" need:"needed"`
	// Users are the threads of all processes of a user id.
	Users map[int64]Value[int64] `json:"users"`
	// Groups are the limited control groups above each TaskManager by pid.
	Groups map[int]Value[[]PidsGroup] `json:"groups"`
}

// PidsGroup is a control group that limits the number of its threads.
type PidsGroup struct {
	Path    string `json:"path"` // the file pids.max
	Current int64  `json:"current"`
	Max     int64  `json:"max"`
	// Refused is how often the kernel refused a thread for this limit since the
	// group was made (pids.events), 0 also where it does not count.
	Refused int64 `json:"refused,omitempty"`
}

func parseThreads(r Records, f *Facts) {
	t := &f.Threads
	t.ThreadsMax = r.Int("threads.threads_max")
	t.PidMax = r.Int("threads.pid_max")
	t.Total = r.Int("threads.total")
	t.Users = map[int64]Value[int64]{}
	t.Groups = map[int]Value[[]PidsGroup]{}
	for _, tm := range f.Flink.TaskManagers {
		t.Groups[tm.PID] = parsePidsGroups(r, tm.PID)
		if uid, ok := tm.UID.Get(); ok {
			t.Users[uid] = r.Int(fmt.Sprintf("threads.user.%d", uid))
		}
	}
	// Who may not see the other processes of the user sees too few of them.
	for _, tm := range f.Flink.TaskManagers {
		uid, _ := tm.UID.Get()
		own, known := tm.Threads.Get()
		if n, ok := t.Users[uid].Get(); ok && known && n < own {
			t.Users[uid] = Unknown[int64]("not all processes of the user can be seen")
		}
	}
}

// parsePidsGroups reads lines "CURRENT MAX PATH".
func parsePidsGroups(r Records, pid int) Value[[]PidsGroup] {
	name := fmt.Sprintf("threads.%d.pids", pid)
	list, ok := r.List(name).Get()
	if !ok {
		return Unknown[[]PidsGroup](r.why(name))
	}
	groups := []PidsGroup{}
	for _, line := range list {
		p := strings.SplitN(line, " ", 3)
		if len(p) != 3 {
			return Unknown[[]PidsGroup]("not understood: " + strconv.Quote(clip(line, 40)))
		}
		current, err1 := strconv.ParseInt(p[0], 10, 64)
		limit, err2 := strconv.ParseInt(p[1], 10, 64)
		if err1 != nil || err2 != nil {
			return Unknown[[]PidsGroup]("not a number: " + strconv.Quote(clip(line, 40)))
		}
		groups = append(groups, PidsGroup{Path: p[2], Current: current, Max: limit})
	}
	for _, line := range r.All(fmt.Sprintf("threads.%d.refused", pid)) {
		count, events, _ := strings.Cut(line, " ")
		for i := range groups {
			if path.Dir(groups[i].Path) == path.Dir(events) {
				groups[i].Refused = int64(atoi(count))
			}
		}
	}
	return Known(groups)
}

// maxPid is the greatest kernel.pid_max of a 64-bit kernel (PID_MAX_LIMIT,
// include/linux/threads.h); more threads than that cannot exist.
const maxPid = 4 << 20

// threadUse is one limit on threads and what is used of it.
type threadUse struct {
	used, limit                        int64
	what, subject, source, limitSource string
	remedy                             string
	horizon                            Horizon
}

func judgeThreads(in Input) Judgement {
	j := Judgement{Want: fmt.Sprintf("below %d %%", in.Threshold("threads/near")), Observed: "?"}
	worst := int64(-1)
	uses, unknown := threadUses(in)
	j.Unknown = unknown
	for _, u := range uses {
		if p := percent(u.used, u.limit); p > worst {
			worst = p
			j.Observed = fmt.Sprintf("%d/%d", u.used, u.limit)
		}
		slug, share, ok := usage(in, u.used, u.limit)
		if !ok {
			continue
		}
		f := in.Find(slug, u.horizon, fmt.Sprintf("%d %% or more of the threads allowed by %s exist", share, u.what))
		f.Subject, f.Source, f.Want, f.Remedy = u.subject, u.source, j.Want, u.remedy
		f.Observed = fmt.Sprintf("%d of %d threads (%d %%)", u.used, u.limit, percent(u.used, u.limit))
		f.Evidence = append(f.Evidence, Evidence{Source: u.limitSource, Text: strconv.FormatInt(u.limit, 10)})
		j.Findings = append(j.Findings, f)
	}
	l := threadsLimit(in)
	j.Horizons = append(l.standings(in), tasksStandings(in)...)
	j.Findings = append(j.Findings, l.restartNeeded(in)...)
	j.Findings = append(j.Findings, l.atBoot(in)...)
	j.Findings = append(j.Findings, tasksAtBoot(in)...)
	return j
}

// threadUses lists every limit that bounds the threads of a TaskManager, each
// once, and why a TaskManager's own limit is unknown.
func threadUses(in Input) (uses []threadUse, unknown []string) {
	f := in.Facts
	seen := map[string]bool{}
	for _, tm := range f.Flink.TaskManagers {
		pair, ok := tm.limit("nproc")
		if !ok {
			unknown = append(unknown, fmt.Sprintf("limits of pid %d: %s", tm.PID, tm.whyNoLimit("nproc")))
		}
		uid, known := tm.UID.Get()
		used, counted := f.Threads.Users[uid].Get()
		key := fmt.Sprintf("uid %d %s", uid, pair.Soft)
		// The kernel does not hold root to RLIMIT_NPROC (CAP_SYS_RESOURCE).
		if ok && known && uid != 0 && counted && pair.Soft != Unlimited && !seen[key] {
			seen[key] = true
			uses = append(uses, threadUse{
				used: used, limit: int64(pair.Soft), what: "nproc of the TaskManager's user",
				subject: fmt.Sprintf("pid %d", tm.PID), source: fmt.Sprintf("/proc/*/status of uid %d", uid),
				limitSource: fmt.Sprintf("/proc/%d/limits", tm.PID), horizon: Running,
				remedy: raiseThreads(in, tm, Limit(twice(used))),
			})
		}
		groups, _ := f.Threads.Groups[tm.PID].Get()
		for _, g := range groups {
			if seen[g.Path] {
				continue
			}
			seen[g.Path] = true
			uses = append(uses, threadUse{
				used: g.Current, limit: g.Max, what: "a control group (TasksMax)",
				subject: fmt.Sprintf("pid %d", tm.PID), source: strings.TrimSuffix(g.Path, "max") + "current",
				limitSource: g.Path, horizon: Running, remedy: starterOf(in, tm).raiseTasks(path.Dir(g.Path), twice(g.Current)),
			})
		}
	}
	total, ok := f.Threads.Total.Get()
	host := []struct {
		key   string
		limit Value[int64]
	}{{"threads-max", f.Threads.ThreadsMax}, {"pid_max", f.Threads.PidMax}}
	for _, h := range host {
		if limit, known := h.limit.Get(); ok && known {
			uses = append(uses, threadUse{
				used: total, limit: limit, what: "kernel." + h.key, subject: "kernel." + h.key, source: "/proc/loadavg",
				limitSource: "/proc/sys/kernel/" + h.key, horizon: Live,
				remedy: fmt.Sprintf("sysctl -w kernel.%s=%d; then look for what creates the threads", h.key, min(twice(limit), maxPid)),
			})
		}
	}
	return uses, unknown
}

// raiseThreads is how a TaskManager's user gets more threads.
func raiseThreads(in Input, tm TaskManager, want Limit) string {
	s := starterOf(in, tm)
	return s.raise("nproc", want) + s.atOnce("nproc", want)
}

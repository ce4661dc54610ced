package probes

import (
	"fmt"
	"strconv"
	"strings"
)

// Flink is the probe that finds the TaskManagers of a host.
var Flink = Probe{
	Name: "flink",
	Doc: `TaskManager processes, how they were started and what they use

Every other probe judges the TaskManagers that this one finds. A process is one if its first argument is java and one of its
arguments is, as a whole, a main class of a TaskManager: standalone, YARN, Kubernetes, Mesos, old or new.

Measured: /proc/PID/comm of all processes, then cmdline, status, limits, cgroup and stat of the TaskManagers, all of which
everybody may read; with --sudo also where they stand and what their standard output is. The way it was started (systemd unit, login,
YARN, container) is told by the cgroup and decides which limits files count. Configuration files, log directories and pid
files are looked for where the processes, the inventory and custom point. Pid files are a hint only: flink-daemon.sh leaves dead pids in them.

With --flink-url URL the REST API of the JobManager is read too, with GET requests only: which jobs fail, the exceptions of
their tasks with the TaskManager of each (also of those that are gone, with their logs), the state backend really in use, and the newest
checkpoint. A user and password come from --flink-auth-file or the environment, never from the URL.

Of arguments and configuration only keys on a list leave the host: they may hold secrets.`,
	Words: []string{
		"TaskManager", "TaskManagerRunner", "flink-conf.yaml", "config.yaml", "taskmanager.sh", "start-cluster.sh", "ps -ef", "jps",
		"taskmanager.host", "taskmanager.bind-host", "localhost", "pid file", "hidepid",
		"REST API", "rest.port", "flink-url", "exceptionHistory",
	},
	Budget: 5,
	Script: flinkScript,
	Codes: []Code{
		{
			Slug: "none-running", Default: Fail,
			Title:   "no TaskManager is running",
			Means:   "The host is in the inventory of TaskManagers and runs none: it died, was never started, or the host is the wrong one. The other probes judge what a new one would get, and the logs say how the last one ended.",
			Measure: "/proc/PID/comm and /proc/PID/cmdline of every process, searched for the main classes of a TaskManager",
			Source:  "Flink flink-daemon.sh, flink-console.sh, YarnTaskExecutorRunner, KubernetesTaskExecutorRunner: the main classes",
			Fix:     "read the end of the newest taskexecutor log and .out file, mend the cause, then bin/taskmanager.sh start as the TaskManager's user",
		},
		{
			Slug: "configured-for-localhost", Default: Fail,
			Title:   "the TaskManager is configured for localhost in a cluster of several hosts",
			Means:   "The JobManager is another host, and the TaskManager announces or binds an address that only this host can reach: it may register, but tasks on other hosts and the JobManager cannot reach it.",
			Measure: "taskmanager.host and taskmanager.bind-host from arguments and configuration, against jobmanager.rpc.address",
			Source:  "Flink TaskManagerOptions: HOST, BIND_HOST; the configuration shipped since 1.15 sets both to localhost",
			Fix:     "remove taskmanager.host from the configuration or set it to this host's own name, set taskmanager.bind-host: 0.0.0.0, restart the TaskManager",
		},
		{
			Slug: "configuration-unreadable", Default: Warn,
			Title:   "a Flink configuration file cannot be understood",
			Means:   "Flink does not start with it, or reads something else than was meant.",
			Measure: "config.yaml read as YAML 1.2",
			Source:  "Flink GlobalConfiguration: config.yaml is standard YAML since 1.19",
			Fix:     "correct the line that is named; a running TaskManager keeps what it read when it started",
		},
		{
			Slug: "version-differs", Default: Warn,
			Title:   "TaskManagers of different Flink versions",
			Means:   "A cluster needs one version: TaskManagers of another one fail to register or fail later with serialization errors.",
			Measure: "the name of flink-dist-VERSION.jar in the class path, or in lib of the installation",
			Source:  "Flink documentation, Upgrading Applications and Flink Versions",
			Fix:     "install one version on all hosts and restart",
		},
		{
			Slug: "configuration-differs", Default: Warn,
			Title:   "TaskManagers of one group have different configurations",
			Means:   "The hosts of a cluster read different Flink settings, so that a job behaves as the host it lands on: a size, a state backend or a directory that was changed on some hosts only.",
			Measure: "allow-listed keys of the configuration files of running TaskManagers, compared over the hosts of each group; addresses, ports and names of the TaskManager itself are left out",
			Source:  "Flink TaskManagerOptions: settings are read on each host on its own",
			Fix:     "give every host of the cluster the same configuration file, then restart its TaskManager; for hosts of different sizes, a group each",
		},
		{
			Slug: "job-failed", Default: Fail,
			Title:   "a job has failed and does not restart",
			Means:   "It is FAILED: its restart strategy has given up, and nothing starts it again by itself. The hosts that it failed on have causes of their own; what failed on other hosts is told by itself.",
			Measure: "state in /jobs/overview of Flink's REST API (--flink-url)",
			Source:  "Flink documentation, Jobs and Scheduling: JobManager Data Structures; Task Failure Recovery",
			Fix:     "mend the cause that is named, then submit the job again from its newest checkpoint",
		},
		{
			Slug: "job-failing", Default: Warn,
			Title:   "a job does not run because it failed, and may restart",
			Means:   "It is FAILING or RESTARTING, or it failed and some of its tasks wait to run again. The hosts that it fails on have causes of their own; what failed on other hosts is told by itself.",
			Measure: "state and tasks in /jobs/overview of Flink's REST API (--flink-url)",
			Source:  "Flink documentation, Jobs and Scheduling: JobManager Data Structures",
			Fix:     "mend the cause that is named; the job restarts by itself while its restart strategy allows",
		},
		{
			Slug: "not-registered", Default: Warn,
			Title:   "a host of the inventory has no TaskManager that is registered",
			Means:   "The JobManager does not know of any TaskManager there: none runs, it cannot reach the JobManager, or it belongs to another cluster. Its slots are missing.",
			Measure: "the names that TaskManagers registered by, in /taskmanagers of Flink's REST API (--flink-url), compared with the hosts that were asked; the group masters of conf/masters is left out",
			Source:  "Flink documentation, REST API: /taskmanagers",
			Fix:     "the findings and causes of the host say why; if it should have none, take it out of the inventory",
		},
		{
			Slug: "not-in-inventory", Default: Warn,
			Title:   "a TaskManager is registered that no host of the inventory has",
			Means:   "It does its part of the work, and nobody looks at its host: an audit of this inventory is not one of the cluster.",
			Measure: "the names that TaskManagers registered by, in /taskmanagers of Flink's REST API (--flink-url), compared with names and addresses of the whole inventory, and with ids and addresses of the hosts that were asked",
			Source:  "Flink documentation, REST API: /taskmanagers",
			Fix:     "add the host to the inventory, or give the host that has this address its address there",
		},
		{
			Slug: "registered-as-localhost", Default: Warn,
			Title:   "a TaskManager registered as localhost",
			Means:   "The JobManager and other TaskManagers connect to the name that it registered by, and localhost is themselves: tasks there cannot exchange data with others.",
			Measure: "the names that TaskManagers registered by, in /taskmanagers of Flink's REST API (--flink-url)",
			Source:  "Flink documentation, Configuration: taskmanager.host",
			Fix:     "set taskmanager.host on that host to a name that all others resolve, then restart its TaskManager",
		},
		{
			Slug: "rest-unread", Default: Warn, Unknown: true,
			Title:   "the REST API of Flink could not be read",
			Means:   "Exceptions that only the JobManager knows, also of TaskManagers that are gone, are not in this report: the fleet is unknown at best, and never ok.",
			Measure: "GET /overview, /jobs/overview and /jobs/ID/exceptions of --flink-url",
			Source:  "Flink documentation, REST API",
			Fix:     "the reason says what to do; rest.bind-address is localhost in Flink's own configuration: use a tunnel, ssh -L 8081:localhost:8081 JOBMANAGER",
		},
		{
			Slug: "too-many", Default: Warn,
			Title:   "more TaskManagers than are read",
			Means:   "Those beyond the first 64 were not looked at, and nothing is known of them.",
			Measure: "the number of TaskManager processes",
			Source:  "the script bounds what it reads on one host",
			Fix:     "use fewer TaskManagers with more slots",
		},
	},
	Parse: parseFlink,
	Judge: judgeFlink,
}

func judgeFlink(in Input) Judgement {
	fl := &in.Facts.Flink
	j := Judgement{Want: "1 or more", Observed: strconv.Itoa(len(fl.TaskManagers))}
	if _, known := fl.Searched.Get(); !known && len(fl.TaskManagers) == 0 {
		j.Observed = "?"
	} else if len(fl.TaskManagers) == 0 {
		j.Findings = append(j.Findings, judgeNoneRunning(in))
	}
	if fl.More {
		f := in.Find("too-many", Live, "more TaskManagers on one host than are read")
		f.Observed, f.Want, f.Source = "more than 64", "at most 64", "/proc"
		j.Findings = append(j.Findings, f)
	}
	for i := range fl.TaskManagers {
		if f, ok := judgeLocalhost(in, &fl.TaskManagers[i]); ok {
			j.Findings = append(j.Findings, f)
		}
	}
	if len(fl.TaskManagers) == 0 {
		if f, ok := judgeLocalhost(in, nil); ok {
			j.Findings = append(j.Findings, f)
		}
	}
	if f, ok := judgeVersions(in); ok {
		j.Findings = append(j.Findings, f)
	}
	for _, c := range fl.Configs {
		if c.Error == "" {
			continue
		}
		f := in.Find("configuration-unreadable", Live, "a Flink configuration file cannot be understood")
		f.Subject, f.Observed, f.Want, f.Source = c.Path, c.Error, "YAML", c.Path
		j.Findings = append(j.Findings, f)
	}
	return j
}

// judgeNoneRunning says what is left of the last TaskManager.
func judgeNoneRunning(in Input) Finding {
	fl := &in.Facts.Flink
	f := in.Find("none-running", Live, "no TaskManager is running")
	f.Observed, f.Want, f.Source = "0", "1 or more", "/proc/*/cmdline"
	for _, p := range fl.PidFiles {
		if len(p.PIDs) > 0 {
			f.Evidence = append(f.Evidence, Evidence{Source: p.Path, Text: fmt.Sprintf("names %s, which no TaskManager has", pidList(p.PIDs))})
		}
	}
	if len(fl.LogDirs) > 0 {
		f.Evidence = append(f.Evidence, Evidence{Source: fl.LogDirs[0], Text: "logs of Flink lie here"})
	}
	if len(fl.Homes) > 0 {
		f.Remedy = "read the end of the newest taskexecutor log and .out file, mend the cause, then " + starterOfNone(in, "").again()
	}
	return f
}

func pidList(pids []int) string {
	words := make([]string, 0, len(pids))
	for _, p := range pids {
		words = append(words, strconv.Itoa(p))
	}
	return "pid " + strings.Join(words, ", ")
}

// judgeLocalhost judges one TaskManager, or with nil what the next one of the
// configuration would do.
func judgeLocalhost(in Input, tm *TaskManager) (Finding, bool) {
	fl := &in.Facts.Flink
	master, masterSource, ok := fl.Setting(tm, "jobmanager.rpc.address")
	if !ok || isLocalhost(master) {
		return Finding{}, false
	}
	for _, key := range []string{"taskmanager.host", "taskmanager.bind-host"} {
		value, source, set := fl.Setting(tm, key)
		if !set || !isLocalhost(value) {
			continue
		}
		f := in.Find("configured-for-localhost", Running, fmt.Sprintf("%s is %s, but the JobManager is another host", key, value))
		f.Subject = key
		if tm != nil {
			f.Subject = fmt.Sprintf("pid %d", tm.PID)
		} else {
			f.Horizon = Live
		}
		f.Observed, f.Source = value, source
		f.Want = "an address that the JobManager can reach"
		if key == "taskmanager.bind-host" {
			f.Want = "0.0.0.0"
		}
		f.Evidence = append(f.Evidence, Evidence{Source: masterSource, Text: "jobmanager.rpc.address: " + master})
		return f, true
	}
	return Finding{}, false
}

func isLocalhost(host string) bool {
	return strings.EqualFold(host, "localhost") || strings.HasPrefix(host, "127.") || host == "::1"
}

// judgeVersions compares the TaskManagers of this host; hosts are compared
// where the whole fleet is seen.
func judgeVersions(in Input) (Finding, bool) {
	first := ""
	for _, tm := range in.Facts.Flink.TaskManagers {
		switch {
		case tm.Version == "" || tm.Version == first:
		case first == "":
			first = tm.Version
		default:
			f := in.Find("version-differs", Running, "TaskManagers of different Flink versions on one host")
			f.Subject = fmt.Sprintf("pid %d", tm.PID)
			f.Observed, f.Want, f.Source = tm.Version, first, fmt.Sprintf("/proc/%d/cmdline", tm.PID)
			return f, true
		}
	}
	return Finding{}, false
}

package probes

import (
	"fmt"
	"slices"
	"strings"
)

var logsCodes = []Code{
	{
		Slug: "unknown-signature", Default: Warn,
		Title:   "a task or a TaskManager fails with an exception that tmdoctor does not know",
		Means:   "None of the known causes explains it; the message is shown as it stands.",
		Measure: "the innermost cause of the newest failure in the TaskManager logs, thrown by Flink, RocksDB or the JDK and not by the job's own classes",
		Source:  "Flink org.apache.flink.runtime.taskmanager.Task: switched from ... to FAILED; TaskManagerRunner: Fatal error occurred while executing the TaskManager",
		Fix:     "read the whole stack at the file and line named",
	},
	{
		Slug: "unexplained-end", Default: Warn,
		Title:   "a TaskManager ended without a word, and nothing on this host explains it",
		Means:   "Its log simply stops: no signal, no error, no hs_err file, no record of the kernel. Somebody or something sent it SIGKILL, or the evidence is gone.",
		Measure: "the end of the newest TaskManager log, hs_err files, the kernel log, oom_kill of /proc/vmstat, and that no TaskManager was started since",
		Source:  "signal(7): SIGKILL cannot be caught, so a killed process writes nothing",
		Fix:     "ask who or what may have sent SIGKILL: an operator (history of the shells, ausearch -k), systemd after TimeoutStopSec= (journalctl -u UNIT), a container runtime or YARN (its own log); start the TaskManager again",
	},
	{
		Slug: "jvm-crashed", Default: Fail,
		Title:   "the JVM of a TaskManager crashed",
		Means:   "A fault in native code ended the process; no limit of the host was met. The frame names the library: librocksdbjni, the JVM itself or one that the job brought.",
		Measure: "signal and problematic frame of the newest hs_err file of a TaskManager",
		Source:  "OpenJDK vmError.cpp: # A fatal error has been detected by the Java Runtime Environment",
		Fix:     "SIGBUS: look for a full disk, an I/O error or a truncated file below what was mapped; else take the newest release of the library or JVM that the frame names, and keep the hs_err file for its makers",
	},
}

// Unexplained reports whether findings of a code say that a failure has none
// of the known causes.
func Unexplained(code string) bool {
	probe, slug, _ := strings.Cut(code, "/")
	return probe == "logs" && slices.ContainsFunc(logsCodes, func(c Code) bool { return c.Slug == slug })
}

// judgeLogs tells of failures that nothing explains. The causes themselves
// are Diagnose's.
func judgeLogs(in Input) Judgement {
	j := Judgement{Want: "no failure", Observed: "-"}
	d := in.diagnosis
	if len(in.Facts.Logs.Runs) > 0 {
		j.Observed = "ok"
	}
	for _, e := range d.unexplained() {
		f := in.Find("unknown-signature", Live, "a task fails with an exception that no known cause explains")
		if e.fatal() {
			f.Message = "the TaskManager ended of an exception that no known cause explains"
		}
		f.Subject, f.Source = e.File, e.where()
		f.Observed, f.Want = clip(e.Innermost().text(), 160), "no failure"
		f.Evidence = append(f.Evidence, e.evidence())
		f.Remedy = "read the whole stack at " + e.where()
		if e.text() == textNotNative {
			f.Remedy = "RocksDB's checkpoints need hard links within one file system: put state.backend.rocksdb.localdir, and local recovery with it, on one local file system (ext4, XFS)"
		}
		j.Findings = append(j.Findings, f)
		j.Observed = "unknown failure"
	}
	judgeCrashes(d, in, &j)
	judgeSilentEnd(d, in, &j)
	return j
}

// judgeCrashes: a crash that is no refused allocation. Where a TaskManager was
// started since, it only warns.
func judgeCrashes(d *diagnosis, in Input, j *Judgement) {
	for _, h := range in.Facts.Logs.Crashes {
		if !h.taskManager() || !h.crashed() {
			continue
		}
		f := in.Find("jvm-crashed", Live, "the JVM of a TaskManager crashed in native code")
		f.Subject, f.Source = fmt.Sprintf("pid %d", h.PID), h.Path
		f.Observed, f.Want = clip(h.Error, 80), "no crash"
		f.Evidence = append(f.Evidence, Evidence{Source: h.Path, Time: when(h.Time), Text: strings.TrimSpace(clip(h.Error, 200) + " " + h.Frame)})
		if in.Facts.startedSince(h.Time) {
			f.Status = in.Policy.Status(f.Code, Warn)
			f.Message += "; one was started since"
		}
		j.Findings = append(j.Findings, f)
		j.Observed = "crashed"
	}
}

// judgeSilentEnd says that nothing explains the end of a TaskManager, where
// that is the truth.
func judgeSilentEnd(d *diagnosis, in Input, j *Judgement) {
	r, ok := d.silent()
	if !ok {
		return
	}
	for _, c := range newDiagnosis(in).causes() {
		if c.Confidence != History {
			return
		}
	}
	f := in.Find("unexplained-end", Live, "the log of the TaskManager stops after "+d.clock(r.Last)+", and nothing on this host explains it")
	f.Subject, f.Source = r.File, r.File
	f.Observed, f.Want = "ended without a word", "no failure"
	f.Evidence = append([]Evidence{{Source: r.File, Time: when(r.Last), Text: "its last line of interest"}}, d.looked()...)
	j.Findings = append(j.Findings, f)
	j.Observed = "ended"
}

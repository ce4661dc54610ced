package probes

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Host is the probe of what a host is.
var Host = Probe{
	Name: "host",
	Doc: `system, kernel, clock and settings that hosts of a fleet should share

A host that differs from its fleet is often the one that fails. Clocks that differ make logs of several hosts hard to lay side
by side, and break what compares times. A few settings of the kernel make RocksDB slow rather than dead.

Measured: /etc/os-release, /proc/version, the C library, the architecture, date, transparent huge pages, vm.swappiness,
and the version of each TaskManager's JVM from the file release beside it: no JVM is started for that. Clock skew is against the
clock of the machine that runs the audit, less the time the answer took.`,
	Words: []string{
		"ssh-rsa", "diffie-hellman-group1-sha1", "--legacy-algorithms",
		"uname -r", "os-release", "NTP", "clock skew", "chrony", "date", "transparent huge pages", "THP", "transparent_hugepage",
		"vm.swappiness", "java -version", "glibc", "musl", "aarch64",
	},
	Budget: 5,
	Script: hostScript,
	Codes: []Code{
		{
			Slug: "clock-skew", Default: Warn,
			Title:   "the clock differs from the one of the audit",
			Means:   "Times in logs cannot be compared between hosts, timers on processing time fire at different moments, certificates and tokens may be refused.",
			Measure: "date +%s on the host against the clock of the machine that runs the audit",
			Source:  "Flink has no number of its own; 5 s is far beyond what NTP leaves",
			Fix:     "start the time service: timedatectl set-ntp true, or systemctl enable --now chronyd; then chronyc tracking",
		},
		{
			Slug: "legacy-ssh", Default: Warn,
			Title:   "its SSH server knows no algorithms that are safe today",
			Means:   "Who sits on the way may read or change what passes, or pose as the host. Newer clients refuse to log in, tmdoctor too unless it is told otherwise.",
			Measure: "what the server and tmdoctor agreed on, with --legacy-algorithms or legacy_algorithms: true in the inventory",
			Source:  "RFC 8332 and RFC 9142: SHA-1 in host keys and key exchanges; OpenSSH 8.8 and 7.6 turned off ssh-rsa and CBC",
			Fix:     "update the SSH server; where it is new, remove KexAlgorithms, HostKeyAlgorithms, Ciphers and MACs from its sshd_config",
		},
		{
			Slug: "thp-always", Default: Warn,
			Title:   "transparent huge pages are always on, and stall for them",
			Means:   "A page fault of the JVM or of RocksDB may wait until the kernel has made a huge page: pauses, and more resident memory than was sized.",
			Measure: "/sys/kernel/mm/transparent_hugepage/enabled and defrag, the choice in brackets",
			Source:  "Linux Documentation/admin-guide/mm/transhuge.rst; RocksDB wiki, RocksDB FAQ: disable transparent huge pages",
			Fix:     "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled works at once; for the next boot transparent_hugepage=madvise on the kernel's command line",
		},
		{
			Slug: "swappiness-high", Default: Warn,
			Title:   "the kernel prefers to swap out the memory of processes",
			Means:   "Heap and RocksDB's caches go to swap while the page cache grows: reads of state that should be in memory wait for the disk.",
			Measure: "/proc/sys/vm/swappiness",
			Source:  "Linux Documentation/admin-guide/sysctl/vm.rst, swappiness: the default is 60, above 100 swap is thought cheaper than files",
			Fix:     "sysctl -w vm.swappiness=10; for the next boot the same line in /etc/sysctl.d/",
		},
		{
			Slug: "unfinished-fix", Default: Fail,
			Title:   "a run of tmdoctor fix did not end on the host",
			Means:   "Some files and values may be new and some old, and nobody has verified them. No other run of fix touches the host before this one is brought to its end.",
			Measure: "/var/lib/tmdoctor/runs/RUN/state is neither kept nor rolled-back. While a run is at work it is so for some seconds",
			Source:  "tmdoctor fix writes the state before each step",
			Fix:     "where the run was started: tmdoctor fix --resume RUN finishes it; from anywhere: tmdoctor rollback RUN HOST undoes it",
		},
		{
			Slug: "differs", Default: Warn,
			Title:   "the host differs from the rest of its fleet",
			Means:   "Another kernel, C library, Java or architecture than the other hosts have: a failure on this host alone may come from it.",
			Measure: "the facts of this probe, compared over all hosts of a run",
			Source:  "what is the same everywhere cannot be why one host fails",
			Fix:     "bring the host to the version of the others, or accept it with a waiver",
		},
	},
	Thresholds: []Threshold{
		{Name: "host/clock-skew", Default: 5, Unit: "s", Doc: "the clock may differ by this much", Source: "NTP keeps hosts within milliseconds; the audit itself measures to about a second"},
		{Name: "host/swappiness", Default: 100, Unit: "", Doc: "vm.swappiness above this is high", Source: "Linux Documentation/admin-guide/sysctl/vm.rst, swappiness"},
	},
	Parse: parseHost,
	Judge: judgeHost,
}

func judgeHost(in Input) Judgement {
	h := &in.Facts.Host
	j := Judgement{Observed: h.OS.Or("?") + ", " + h.Kernel.Or("?")}
	thp, ok1 := h.THP.Get()
	defrag, ok2 := h.THPDefrag.Get()
	if ok1 && ok2 && thp == "always" && defrag == "always" {
		f := in.Find("thp-always", Live, "transparent huge pages are always on, with direct compaction")
		f.Subject, f.Observed, f.Want = "transparent_hugepage", "enabled always, defrag always", "enabled madvise"
		f.Source = "/sys/kernel/mm/transparent_hugepage/enabled"
		j.Findings = append(j.Findings, f)
	}
	limit := in.Threshold("host/swappiness")
	if n, ok := h.Swappiness.Get(); ok && n > limit {
		f := in.Find("swappiness-high", Live, fmt.Sprintf("vm.swappiness %d, want at most %d", n, limit))
		f.Subject, f.Observed, f.Want = "vm.swappiness", strconv.FormatInt(n, 10), fmt.Sprintf("at most %d", limit)
		f.Source = "/proc/sys/vm/swappiness"
		j.Findings = append(j.Findings, f)
	}
	if old := in.Facts.Session.LegacySSH; len(old) > 0 {
		f := in.Find("legacy-ssh", Live, "its SSH server knows nothing safer than "+strings.Join(old, ", "))
		f.Subject, f.Observed, f.Source = "sshd", strings.Join(old, ", "), "the ssh connection"
		j.Findings = append(j.Findings, f)
	}
	if f, ok := judgeClock(in); ok {
		j.Findings = append(j.Findings, f)
	}
	j.Findings = append(j.Findings, judgeFixRuns(in)...)
	return j
}

// judgeFixRuns finds runs of fix that did not end on the host.
func judgeFixRuns(in Input) (all []Finding) {
	runs, _ := in.Facts.Host.FixRuns.Get()
	for _, r := range runs {
		run, state, _ := strings.Cut(r, " ")
		if state == runKept {
			continue
		}
		f := in.Find("unfinished-fix", Live, fmt.Sprintf("run %s of tmdoctor fix did not end: it is %s", clip(run, 80), clip(state, 20)))
		f.Subject, f.Observed, f.Want = "run "+clip(run, 80), clip(state, 20), "kept or rolled-back"
		f.Source = "/var/lib/tmdoctor/runs/" + clip(run, 80) + "/state"
		f.Remedy = fmt.Sprintf("where it was started: tmdoctor fix --resume %s; from anywhere: tmdoctor rollback %[1]s HOST", shellWord(clip(run, 80)))
		all = append(all, f)
	}
	return all
}

// judgeClock compares the host's clock with the one of the audit, where
// whoever ran the script left when the answer came.
func judgeClock(in Input) (Finding, bool) {
	skew, ok := in.Facts.Session.ClockSkew.Get()
	if !ok {
		return Finding{}, false
	}
	limit := in.Threshold("host/clock-skew")
	if max(skew, -skew) <= limit {
		return Finding{}, false
	}
	way := "ahead of"
	if skew < 0 {
		way = "behind"
	}
	f := in.Find("clock-skew", Live, fmt.Sprintf("the clock is more than %d s %s the clock of the audit", limit, way))
	f.Observed = fmt.Sprintf("%d s %s it", max(skew, -skew), way)
	f.Want, f.Source = fmt.Sprintf("at most %d s", limit), "date"
	return f, true
}

// SetClock notes how far the host's clock is from this machine's, given when
// the script began and when its answer was complete here. A host's clock that
// lies between both is right as far as can be told. The clock of a directory
// that stands for a host is that of its recording, and says nothing.
func (f *Facts) SetClock(began, ended time.Time) {
	if root, _ := f.Session.Root.Get(); root != "" {
		f.Session.ClockSkew = Unknown[int64]("a directory stands for the host")
		return
	}
	now, ok := f.Host.Now.Get()
	if !ok {
		f.Session.ClockSkew = Unknown[int64](f.Host.Now.Why())
		return
	}
	switch {
	case now < began.Unix():
		f.Session.ClockSkew = Known(now - began.Unix())
	case now > ended.Unix():
		f.Session.ClockSkew = Known(now - ended.Unix())
	default:
		f.Session.ClockSkew = Known(int64(0))
	}
}

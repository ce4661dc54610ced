package probes

import (
	_ "embed"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// NoFile is the probe of open files.
var NoFile = Probe{
	Name: "nofile",
	Doc: `open files of each TaskManager against its limit

RocksDB keeps every SST file open (max_open_files is -1 in Flink), about one descriptor for each 64 MB of state, and twice that
during a restore or rescaling. A process without a free descriptor gets EMFILE, "Too many open files", and RocksDB does not open.

What counts is the limit of the running JVM in /proc/PID/limits. "ulimit -n" in a shell shows the soft limit of that shell: another process,
and another number, because HotSpot raises its soft limit to the hard one at start (unless -XX:-MaxFDLimit). Lines in limits.conf reach
only sessions that pass pam_limits: not systemd units (LimitNOFILE), containers or YARN, and never a process that already runs.

Measured: /proc/PID/limits and the entries of /proc/PID/fd of each TaskManager (the latter visible to its own user and root only); what
a new session of its user gets; the unit's LimitNOFILE; fs.nr_open, fs.file-max and fs.file-nr.`,
	Words: []string{
		"ulimit -n", "nofile", "open files", "Too many open files", "EMFILE", "65536", "limits.conf", "/etc/security/limits.conf",
		"limits.d", "soft nofile", "hard nofile", "LimitNOFILE", "fs.nr_open", "fs.file-max", "file descriptors", "max_open_files",
	},
	Setting: &Setting{
		Name: "nofile", Unit: "files", limit: nofileLimit,
		Running: "Max open files in /proc/PID/limits, and the entries of /proc/PID/fd",
		Live:    "what the next start would get now: systemctl show of its unit, or /proc/self/limits of a session of its user",
		Boot:    "what a start after the next boot gets: unit file and drop-ins as systemd merges them, or limits.conf and limits.d as pam_limits of this host applies them in the stack that starts it, with the fs.nr_open of the next boot",
	},
	Budget:     8,
	Script:     nofileScript,
	Codes:      nofileCodes,
	Thresholds: nofileThresholds,
	Parse:      parseNoFile,
	Judge:      judgeNoFile,
}

//go:embed nofile.sh
var nofileScript string

const nofileRestart = "restart the TaskManager from a new session; a process keeps the limits it was started with"

var nofileCodes = []Code{
	{
		Slug: "low", Default: Warn, Fixable: true,
		Title:   "a running TaskManager may open fewer files than the policy asks",
		Means:   "RocksDB keeps its files open, about one for each 64 MB of state: the limit bounds the state the TaskManager can hold.",
		Measure: "the soft value of Max open files in /proc/PID/limits",
		Source:  "OpenJDK os_linux.cpp, os::init_2: the JVM raises soft to hard; facebook/rocksdb options.h: max_open_files",
		Fix:     "two lines in /etc/security/limits.conf, FLINKUSER soft nofile 65536 and FLINKUSER hard nofile 65536 (LimitNOFILE=65536 for a systemd unit); then " + nofileRestart,
	},
	{
		Slug: "near", Default: Fail, Fixable: true,
		Title:   "a TaskManager has most of the files open that it may",
		Means:   "When the rest is used, RocksDB fails with Too many open files.",
		Measure: "entries of /proc/PID/fd against the soft value of Max open files in /proc/PID/limits",
		Source:  "proc(5), getrlimit(2) RLIMIT_NOFILE",
		Fix:     "raise nofile as for nofile/low, then " + nofileRestart + "; prlimit --pid PID --nofile=N:N raises it for the running process",
	},
	{
		Slug: "exhausted", Default: Fail, Fixable: true,
		Title:   "a TaskManager has almost no file left that it may open",
		Means:   "The next SST file, socket or jar may fail with Too many open files.",
		Measure: "entries of /proc/PID/fd against the soft value of Max open files in /proc/PID/limits",
		Source:  "proc(5), getrlimit(2) RLIMIT_NOFILE",
		Fix:     "raise nofile as for nofile/low, then " + nofileRestart + "; prlimit --pid PID --nofile=N:N raises it for the running process",
	},
	{
		Slug: "session-low", Default: Warn, Fixable: true,
		Title:   "a new session of the TaskManager's user gets too few open files",
		Means:   "The next TaskManager started from a login has this limit.",
		Measure: "the hard value of Max open files in /proc/self/limits of a session of that user",
		Source:  "limits.conf(5), pam_limits(8)",
		Fix:     "two lines in /etc/security/limits.conf: FLINKUSER soft nofile 65536 and FLINKUSER hard nofile 65536 (by user name: * does not reach root on Debian)",
	},
	{
		Slug: "unit-low", Default: Warn, Fixable: true,
		Title:   "the TaskManager's systemd unit gives too few open files",
		Means:   "systemd does not read limits.conf: the unit's LimitNOFILE is what the next start gets.",
		Measure: "systemctl show -p LimitNOFILE UNIT",
		Source:  "systemd.exec(5), LimitNOFILE=",
		Fix:     "[Service] LimitNOFILE=65536 in /etc/systemd/system/UNIT.d/zz-tmdoctor.conf, systemctl daemon-reload, restart of the unit",
	},
	{
		Slug: "restart-needed", Default: Warn,
		Title:   "the configured limit is enough, the running TaskManager is older",
		Means:   "Somebody raised the limit; this JVM was started before and still has the old one.",
		Measure: "/proc/PID/limits against a new session or the unit's LimitNOFILE",
		Source:  "getrlimit(2): limits are inherited when a process starts",
		Fix:     nofileRestart + "; prlimit --pid PID --nofile=N:N changes the running process",
	},
	{
		Slug: "above-nr-open", Default: Warn,
		Title:   "a line of the limits files asks for more than fs.nr_open",
		Means:   "The kernel refuses the value. Debian's PAM then ignores the line; others refuse every login the line applies to.",
		Measure: "nofile lines of /etc/security/limits.conf and limits.d against /proc/sys/fs/nr_open",
		Source:  "setrlimit(2), EPERM above /proc/sys/fs/nr_open; linux-pam pam_limits.c, setup_limits",
		Fix:     "lower the line to fs.nr_open or less (65536 is enough), while a root session stays open",
	},
	{
		Slug: "not-persistent", Default: Warn, Fixable: true,
		Title:   "a TaskManager started after a reboot may open fewer files than one started now",
		Means:   "What a start gets now comes from something that a reboot takes away, or a line that was changed since holds from then on.",
		Measure: "what a session or unit gets now against what its files give after the next boot, with the fs.nr_open of the next boot",
		Source:  "limits.conf(5), pam_limits(8); systemd.exec(5), systemd-system.conf(5)",
		Fix:     "write the limit where this start reads it (tmdoctor why HOST nofile names the files): limits.conf for a session, LimitNOFILE for a unit",
	},
	{
		Slug: "shadowed", Default: Warn, Fixable: true,
		Title:   "a line that asks for more open files does not hold",
		Means:   "Another line beats it: one that names the user more closely, or one that is read later. Whoever wrote it believes the limit is raised.",
		Measure: "the lines of limits.conf and limits.d, or of the unit's files, against the one that decides",
		Source:  "linux-pam pam_limits.c, process_limit: user before group before *, then the last line; systemd.unit(5), drop-ins",
		Fix:     "two lines that name the user, FLINKUSER soft nofile 65536 and FLINKUSER hard nofile 65536, and no line after them that does",
	},
	{
		Slug: "ignored-line", Default: Warn,
		Title:   "a line that was meant to limit open files is skipped",
		Means:   "pam_limits or systemd does not understand the line and goes on without a word that anybody reads.",
		Measure: "lines of limits.conf, limits.d and unit files, as the program of this host reads them",
		Source:  "linux-pam pam_limits.c, process_limit and parse_config_file; systemd load-fragment.c",
		Fix:     "correct the line: four fields, soft or hard or -, the item nofile, a number",
	},
	{
		Slug: "login-refused", Default: Fail,
		Title:   "the TaskManager's user will not be able to log in",
		Means:   "pam_limits fails the session: nobody starts a TaskManager as that user, and where the line is for everybody nobody logs in at all.",
		Measure: "limits.conf and limits.d as pam_limits of this host applies them with the fs.nr_open of the next boot",
		Source:  "linux-pam pam_limits.c, pam_sm_open_session; setrlimit(2), EPERM above fs.nr_open",
		Fix:     "keep a root session open, correct the line that is named, and see a new login work",
	},
	{
		Slug: "file-max-near", Default: Fail,
		Title:   "the host has most of its open files in use",
		Means:   "At fs.file-max every process but root's fails with Too many open files in system, ssh logins too.",
		Measure: "/proc/sys/fs/file-nr against /proc/sys/fs/file-max",
		Source:  "Linux Documentation/admin-guide/sysctl/fs.rst, file-max and file-nr",
		Fix:     "find who holds them (ls /proc/*/fd), then sysctl -w fs.file-max=N with a greater N",
	},
}

var nofileThresholds = []Threshold{
	{Name: "nofile/floor", Default: 65536, Unit: "files", Doc: "a TaskManager is to be allowed at least this many open files", Source: "the runbook's value; neither Flink nor RocksDB names a number"},
	{Name: "nofile/near", Default: 70, Unit: "%", Doc: "share of the limit in use from which it is near", Source: "a restore or rescaling may double the files of RocksDB for a while"},
	{Name: "nofile/exhausted", Default: 95, Unit: "%", Doc: "share of the limit in use from which it is exhausted", Source: "the rest is gone with one compaction or one burst of sockets"},
	{Name: "nofile/file-max-near", Default: 80, Unit: "%", Doc: "share of fs.file-max in use from which it fails", Source: "ordinary users are refused at 100 %, and ssh with them"},
}

// NoFileFacts are the limits on open files and who uses how many. The limits
// of running TaskManagers are in FlinkFacts, the limits files in Facts.Files.
type NoFileFacts struct {
	NrOpen  Value[int64] `json:"nr_open" need:"needed"`
	FileMax Value[int64] `json:"file_max" need:"needed"`
	// FileUsed is the first number of fs.file-nr.
	FileUsed Value[int64] `json:"file_used" need:"needed"`
	// Descriptors are the open files of each TaskManager by pid. The kernel
	// shows them only to the process's own user and root.
	Descriptors map[int]Value[int64] `json:"descriptors"`
	// Sessions are what a new session of a user gets.
	Sessions map[string]Value[LimitPair] `json:"sessions"`
	// Units are the systemd units of TaskManagers by name, with all their limits.
	Units map[string]Value[UnitLimits] `json:"units"`
	// Shell are lines with ulimit in the start files of login shells, as
	// FILE:LINE:TEXT.
	Shell Value[[]string] `json:"shell"`
	// SSHD are lines of sshd's configuration that decide whether PAM is used,
	// as FILE:LINE:TEXT.
	SSHD Value[[]string] `json:"sshd"`
}

func parseNoFile(r Records, f *Facts) {
	n := &f.NoFile
	n.NrOpen = r.Int("nofile.nr_open")
	n.FileMax = r.bigInt("nofile.file_max")
	n.FileUsed = r.bigInt("nofile.file_used")
	n.Shell = linesOf(r, f, "nofile.shell")
	n.SSHD = linesOf(r, f, "nofile.sshd")
	n.Descriptors = map[int]Value[int64]{}
	for _, tm := range f.Flink.TaskManagers {
		n.Descriptors[tm.PID] = r.Int(fmt.Sprintf("nofile.%d.descriptors", tm.PID))
	}
	n.Sessions = parseSessions(r, f, "nofile")
	n.Units = parseUnits(r.All("nofile.unit_name"), r.All("nofile.unit"))
	if why := r.unknown["nofile.unit"]; why != "" {
		for name := range n.Units {
			n.Units[name] = Unknown[UnitLimits](why)
		}
	}
	f.Login.Slices = map[string]Value[UnitLimits]{}
	for name, u := range n.Units {
		if strings.HasSuffix(name, ".slice") {
			f.Login.Slices[name] = u
			delete(n.Units, name)
		}
	}
	parseLogin(r, f)
}

// bigInt is Int for numbers that the kernel holds in 64 bits without a sign:
// what does not fit is as good as without limit.
func (r Records) bigInt(name string) Value[int64] {
	if s, ok := r.String(name).Get(); ok {
		if u, err := strconv.ParseUint(s, 10, 64); err == nil && u > math.MaxInt64 {
			return Known(int64(math.MaxInt64))
		}
	}
	return r.Int(name)
}

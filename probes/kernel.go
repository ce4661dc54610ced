package probes

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// KernelFacts are the records of the kernel log that explain why processes
// die or disks fail. They are collected once, by the memory section, and read
// by disk and by the causes.
type KernelFacts struct {
	// Sources are the logs that could be read, in the order they were asked:
	// "dmesg", "journalctl -k", a file. Unknown if none could: no permission
	// is not "no OOM kill".
	Sources Value[[]string] `json:"sources"`
	// Complete is true if what was read reaches back to the boot, so that a
	// record that is not there never was.
	Complete Value[bool] `json:"complete"`
	// OOMKills are the victims of the OOM killer, the oldest first.
	OOMKills []OOMKill `json:"oom_kills"`
	// Events are other records of interest, the oldest first.
	Events []KernelEvent `json:"events"`
}

// OOMKill is one process that the kernel killed for want of memory.
type OOMKill struct {
	Time int64  `json:"time"` // seconds since the epoch, 0 where it cannot be told
	PID  int    `json:"pid"`  // as the host counts, also for a container's process
	Comm string `json:"comm"` // of the victim, at most 15 bytes; not who asked for memory
	UID  int64  `json:"uid"`  // -1 where the record does not say
	// Constraint is CONSTRAINT_NONE (the whole host), CONSTRAINT_MEMCG (a
	// cgroup's limit), CONSTRAINT_CPUSET, CONSTRAINT_MEMORY_POLICY; "" where a
	// kernel before 5.0 does not say.
	Constraint string `json:"constraint"`
	TaskMemcg  string `json:"task_memcg"` // cgroup of the victim, "" if not said
	OOMMemcg   string `json:"oom_memcg"`  // cgroup whose limit was reached, likewise
	AnonRSS    int64  `json:"anon_rss"`   // bytes, 0 if not said
	Source     string `json:"source"`
	Text       string `json:"text"` // the record that names the victim
}

// The kinds of KernelEvent.
const (
	KernelIOError      = "io-error"      // a block device fails
	KernelFSError      = "fs-error"      // a file system found damage
	KernelReadOnly     = "read-only"     // a file system was remounted read-only or shut down
	KernelMounted      = "mounted"       // it was mounted again: the end of read-only
	KernelForkRejected = "fork-rejected" // pids controller; Device is the cgroup
	KernelFileMax      = "file-max"      // fs.file-max was reached
	KernelSegfault     = "segfault"
	KernelHung         = "hung" // a task blocked for minutes, a server that does not respond
	KernelOOMDaemon    = "oom-daemon"
	KernelHardware     = "hardware" // memory or processor reported an error
)

// KernelEvent is one other record of the kernel log.
type KernelEvent struct {
	Time   int64  `json:"time"` // seconds since the epoch, 0 where it cannot be told
	Kind   string `json:"kind"`
	Device string `json:"device"` // block device, cgroup or unit the record names, "" if none
	Source string `json:"source"`
	Text   string `json:"text"`
}

// kernelLogFiles are where a syslog daemon keeps kernel records: Debian's
// kern.log, syslog, Red Hat's messages, each with the one rotated last.
var kernelLogFiles = []string{
	"/var/log/kern.log.1", "/var/log/kern.log", "/var/log/messages.1", "/var/log/messages", "/var/log/syslog.1", "/var/log/syslog",
}

// parseKernel reads the lines that the memory section found.
func parseKernel(r Records, clock hostClock) KernelFacts {
	k := KernelFacts{OOMKills: []OOMKill{}, Events: []KernelEvent{}}
	sources := r.All("memory.kernel_source")
	if len(sources) == 0 {
		k.Sources = Unknown[[]string](r.why("memory.kernel_source"))
		k.Complete = Unknown[bool](r.why("memory.kernel_source"))
		return k
	}
	k.Sources, k.Complete = Known(sources), Known(false)
	read := func(name, source string) {
		var b kernelReader
		for _, line := range r.All(name) {
			t, text, boot := clock.split(line)
			if boot {
				k.Complete = Known(true)
			}
			b.add(t, text, source)
		}
		k.merge(b.kills, b.events)
	}
	for _, path := range kernelLogFiles {
		read("memory.log."+path, path)
	}
	read("memory.journal", "journalctl -k")
	read("memory.dmesg", "dmesg")
	return k
}

// merge adds records of another source, without those that are there already:
// the same kernel record reaches dmesg, the journal and a file.
func (k *KernelFacts) merge(kills []OOMKill, events []KernelEvent) {
	for _, n := range kills {
		if !slices.ContainsFunc(k.OOMKills, func(o OOMKill) bool {
			return o.PID == n.PID && o.Source != n.Source && near(o.Time, n.Time)
		}) {
			k.OOMKills = append(k.OOMKills, n)
		}
	}
	for _, n := range events {
		if !slices.ContainsFunc(k.Events, func(o KernelEvent) bool {
			return o.Text == n.Text && (o.Source == n.Source || near(o.Time, n.Time))
		}) {
			k.Events = append(k.Events, n)
		}
	}
	slices.SortStableFunc(k.OOMKills, func(a, b OOMKill) int { return int(a.Time - b.Time) })
	slices.SortStableFunc(k.Events, func(a, b KernelEvent) int { return int(a.Time - b.Time) })
}

// near allows for the drift of the kernel's clock over suspend and for
// syslog's rounding.
func near(a, b int64) bool { return a == 0 || b == 0 || a-b < 120 && b-a < 120 }

var (
	oomSummary = regexp.MustCompile(`^oom-kill:constraint=(CONSTRAINT_[A-Z_]+),.*\btask_memcg=([^,]*),task=(.*),pid=([0-9]+),uid=([0-9]+)$`)
	oomMemcg   = regexp.MustCompile(`,oom_memcg=([^,]*),`)
	oomKilled  = regexp.MustCompile(`^(?:(Memory cgroup out of memory|Out of memory[^:]*): )?Kill(?:ed)? process ([0-9]+) \((.*?)\)`)
	oomTask    = regexp.MustCompile(`^Task in (\S+) killed as a result of limit of (\S+)`)
	oomUID     = regexp.MustCompile(`\bUID[: ]([0-9]+)`)
	oomAnon    = regexp.MustCompile(`\banon-rss:([0-9]+)kB`)
)

// kernelReader puts together the lines of one source.
type kernelReader struct {
	kills            []OOMKill
	events           []KernelEvent
	task, limitGroup string // of the last "Task in", before kernel 5.0
}

func (b *kernelReader) add(t int64, text, source string) {
	if m := oomTask.FindStringSubmatch(text); m != nil {
		b.task, b.limitGroup = m[1], m[2]
		return
	}
	if m := oomSummary.FindStringSubmatch(text); m != nil {
		k := b.kill(atoi(m[4]), t, text, source)
		k.Constraint, k.TaskMemcg, k.Comm, k.UID = m[1], m[2], m[3], int64(atoi(m[5]))
		if o := oomMemcg.FindStringSubmatch(text); o != nil {
			k.OOMMemcg = o[1]
		}
		return
	}
	if m := oomKilled.FindStringSubmatch(text); m != nil {
		k := b.kill(atoi(m[2]), t, text, source)
		k.Comm, k.Text = m[3], text
		if strings.HasPrefix(m[1], "Memory cgroup") {
			k.Constraint = "CONSTRAINT_MEMCG"
			if k.TaskMemcg == "" {
				k.TaskMemcg, k.OOMMemcg = b.task, b.limitGroup
			}
		}
		if u := oomUID.FindStringSubmatch(text); u != nil {
			k.UID = int64(atoi(u[1]))
		}
		if a := oomAnon.FindStringSubmatch(text); a != nil {
			k.AnonRSS = int64(atoi(a[1])) << 10
		}
		return
	}
	words := kernelMatchers[0].lexicon.in(text)
	for i, p := range kernelEvents {
		if !kernelMatchers[i].may(words) {
			continue
		}
		if m := p.text.FindStringSubmatch(text); m != nil {
			e := KernelEvent{Time: t, Kind: p.kind, Source: source, Text: text}
			if len(m) > 1 {
				e.Device = m[1]
			}
			b.events = append(b.events, e)
			return
		}
	}
}

// kill is the record of that victim: the one just begun, as a kill is told in
// two or three lines, or a new one.
func (b *kernelReader) kill(pid int, t int64, text, source string) *OOMKill {
	if n := len(b.kills); n > 0 {
		if last := &b.kills[n-1]; last.PID == pid && t-last.Time <= 10 {
			return last
		}
	}
	b.kills = append(b.kills, OOMKill{PID: pid, Time: t, UID: -1, Source: source, Text: text})
	return &b.kills[len(b.kills)-1]
}

// kernelEvents are the other records; the first group is what they are about.
var kernelEvents = []struct {
	kind string
	text *regexp.Regexp
}{
	{KernelReadOnly, regexp.MustCompile(`^EXT[234]-fs \(([^)]+)\): Remounting filesystem read-only`)},
	{KernelReadOnly, regexp.MustCompile(`^XFS \(([^)]+)\): .*(?:[Ff]ilesystem has been shut down|[Ss]hutting down filesystem|xfs_do_force_shutdown)`)},
	{KernelReadOnly, regexp.MustCompile(`^BTRFS(?: info| error| warning)? \(device ([^)]+)\).*: forced readonly`)},
	{KernelMounted, regexp.MustCompile(`^(?:EXT[234]-fs|XFS) \(([^)]+)\): (?:re-?)?(?:mounted|Mounting|Ending clean mount)`)},
	{KernelFSError, regexp.MustCompile(`^EXT[234]-fs (?:error|critical)[^(]*\(device ([^)]+)\)`)},
	{KernelFSError, regexp.MustCompile(`^XFS \(([^)]+)\): (?:.*[Mm]etadata (?:corruption|I/O error)|Corruption )`)},
	{KernelFSError, regexp.MustCompile(`^BTRFS (?:error|critical)[^(]*\(device ([^)]+)\)`)},
	{KernelFSError, regexp.MustCompile(`^(?:Aborting journal on device|JBD2: .*on) ([^ .,]+)`)},
	{KernelIOError, regexp.MustCompile(`^(?:blk_update_request: |print_req_error: )?(?:critical \w+ error|I/O error|[Bb]uffer I/O error)[, ]+(?:dev|on dev(?:ice)?) ([^ ,]+)`)},
	{KernelHardware, regexp.MustCompile(`^(?:mce: |\{\d+\})?\[Hardware Error\]|^EDAC .* [CU]E `)},
	{KernelForkRejected, regexp.MustCompile(`^cgroup: fork rejected by pids controller in (\S+)`)},
	{KernelFileMax, regexp.MustCompile(`^VFS: file-max limit \d+ reached`)},
	{KernelSegfault, regexp.MustCompile(`\[\d+\](?:: segfault at| trap )`)},
	{KernelHung, regexp.MustCompile(`^(?:INFO: )?task \S+ blocked for more than`)},
	{KernelHung, regexp.MustCompile(`^nfs: server (\S+) not responding`)},
	{KernelOOMDaemon, regexp.MustCompile(`^Killed (/\S+) due to memory pressure`)},
	{KernelOOMDaemon, regexp.MustCompile(`^sending SIG\w+ to process \d+`)},
	{KernelOOMDaemon, regexp.MustCompile(`^(\S+\.(?:service|scope)): (?:A process of this unit has been killed by the OOM killer|Failed with result 'oom-kill')`)},
}

// kernelMatchers tell which of kernelEvents a record cannot be.
var kernelMatchers = func() []matcher {
	var patterns []string
	for _, p := range kernelEvents {
		patterns = append(patterns, p.text.String())
	}
	return newMatchers(patterns...)
}()

// atoi is for digits that a pattern has matched; what overflows is 0.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

package probes

import (
	_ "embed"
	"fmt"
	"strconv"
)

// Maps is the probe of vm.max_map_count.
var Maps = Probe{
	Name: "maps",
	Doc: `memory maps of each TaskManager against vm.max_map_count

The kernel refuses a process more memory maps than vm.max_map_count: mmap, mprotect, munmap and the creation of a thread then
fail with ENOMEM or EAGAIN. A JVM that is refused aborts: an hs_err file and "errno=12" in the .out file, hardly ever a RocksDBException.

Flink's RocksDB reads its data files with pread and does not map them, unless a RocksDBOptionsFactory calls setAllowMmapReads.
What uses maps are threads (two each), native libraries and jars (a few each), mapped buffers of the shuffle, and ZGC (up to three
for each 2 MB of heap). A TaskManager normally has 300 to 3,000 maps, under 5 % of the kernel's default of 65,530.

Measured: the value of /proc/sys/vm/max_map_count now, and the lines of /proc/PID/maps of each TaskManager, without the
vsyscall page, which the kernel does not count. Only the TaskManager's own user and root may read them.`,
	Words: []string{
		"vm.max_map_count", "max_map_count", "sysctl vm.max_map_count", "65530", "262144", "sysctl -w", "sysctl -p",
		"/etc/sysctl.conf", "mmap", "memory-mapped files", "Map failed", "commit_memory", "errno=12", "ZGC",
	},
	Setting: &Setting{
		Name: maxMapCount, Unit: "maps",
		Running: "lines of /proc/PID/maps against /proc/sys/vm/max_map_count, which holds for every process at once",
		Live:    "/proc/sys/vm/max_map_count",
		Boot:    "the files that set it, resolved as the loader of this host reads them (systemd-sysctl, sysctl --system of a System V init or OpenRC, Alpine's own), then tuned; else the kernel's command line, else its default",
	},
	Budget: 5,
	Script: mapsScript,
	Codes: []Code{
		{
			Slug: "low", Default: Warn, Fixable: true,
			Title:   "vm.max_map_count is below the floor of the policy",
			Means:   "The kernel allows a process fewer memory maps than the policy asks. That alone explains no failure: compare it with the maps in use.",
			Measure: "/proc/sys/vm/max_map_count",
			Source:  "Linux Documentation/admin-guide/sysctl/vm.rst, max_map_count: the default is 65530",
			Fix:     "sysctl -w vm.max_map_count=262144 works at once and needs no restart; never lower a greater value. For the next boot write the line vm.max_map_count=262144 to /etc/sysctl.d/zz-tmdoctor.conf (Debian 13 does not read /etc/sysctl.conf at boot; Alpine reads it last).",
		},
		{
			Slug: "near", Default: Fail, Fixable: true,
			Title:   "a TaskManager uses most of the memory maps it may have",
			Means:   "The JVM aborts when the rest is used up, and RocksDB with it.",
			Measure: "lines of /proc/PID/maps against /proc/sys/vm/max_map_count",
			Source:  "Linux mm/mmap.c, do_mmap: ENOMEM when map_count > sysctl_max_map_count",
			Fix:     "sysctl -w vm.max_map_count=262144 works at once and needs no restart; then look for what uses the maps (threads, mapped buffers, allow_mmap_reads)",
		},
		{
			Slug: "exhausted", Default: Fail, Fixable: true,
			Title:   "a TaskManager has almost no memory map left",
			Means:   "The next thread, library or mapped buffer may abort the JVM.",
			Measure: "lines of /proc/PID/maps against /proc/sys/vm/max_map_count",
			Source:  "Linux mm/mmap.c, do_mmap: ENOMEM when map_count > sysctl_max_map_count",
			Fix:     "sysctl -w vm.max_map_count=262144 works at once and needs no restart; then look for what uses the maps (threads, mapped buffers, allow_mmap_reads)",
		},
		{
			Slug: "not-persistent", Default: Warn, Fixable: true,
			Title:   "vm.max_map_count will be lower after a reboot than it is now",
			Means:   "Somebody raised the value of the running kernel, and nothing that is applied at boot sets as much: the next reboot takes it away.",
			Measure: "/proc/sys/vm/max_map_count against the value that the files of all sysctl.d directories, /etc/sysctl.conf, tuned and the kernel's command line give, as the loader of this host reads them",
			Source:  "sysctl.d(5), systemd src/sysctl/sysctl.c; procps sysctl(8); tuned plugin_sysctl.py",
			Fix:     "write the line vm.max_map_count=262144 to the file that wins on this host (tmdoctor why HOST vm.max_map_count names it); sysctl --system and sysctl -p do not show what a boot gives",
		},
		{
			Slug: "shadowed", Default: Warn, Fixable: true,
			Title:   "a line that asks for a greater vm.max_map_count does not hold",
			Means:   "The line stands in a file that is not read at boot, is hidden by a file of the same name, or is set again by one that is read later. Whoever wrote it believes the host is safe.",
			Measure: "the lines of all sysctl files against the one that wins",
			Source:  "sysctl.d(5): one file a name, sorted by name, the last assignment wins; Debian 13 reads /etc/sysctl.conf no more",
			Fix:     "change the line that wins, or remove it; keep the setting in one place",
		},
		{
			Slug: "ignored-line", Default: Warn,
			Title:   "a line that names vm.max_map_count sets nothing",
			Means:   "The program that applies the file does not take the line for an assignment, or the kernel refuses its value and keeps the one before.",
			Measure: "the lines of all sysctl files that are read at boot",
			Source:  "systemd src/sysctl/sysctl.c, procps src/sysctl.c; Linux kernel/sysctl.c, proc_get_long",
			Fix:     "write vm.max_map_count=262144 in place of the line: no quotes, no comment behind the number, no word sysctl before it",
		},
		{
			Slug: "other-writer", Default: Warn,
			Title:   "a script may set vm.max_map_count after the files were applied",
			Means:   "What it writes at boot is the last word, and only running it tells what that is.",
			Measure: "lines with sysctl or /proc/sys in /etc/rc.local, /etc/rc.d/rc.local, /etc/init.d/boot.local, /etc/local.d and the configuration of cloud-init",
			Source:  "systemd-rc-local-generator(8); cloud-init documentation, bootcmd and runcmd",
			Fix:     "remove the line, and set the value in /etc/sysctl.d/zz-tmdoctor.conf",
		},
		{
			Slug: "needs-more-for-zgc", Default: Warn, Fixable: true,
			Title:   "the heap of a TaskManager with ZGC may need more memory maps",
			Means:   "ZGC maps its heap in pieces of 2 MB, several times over. With a heap of about 36 GB and more, 65530 maps are not enough when the heap fills.",
			Measure: "-Xmx of a JVM with -XX:+UseZGC: heap in MB / 2 * 3 * 1.2 maps",
			Source:  "OpenJDK zPhysicalMemoryBacking_linux.cpp, warn_max_map_count",
			Fix:     "sysctl -w vm.max_map_count=N with N from the formula works at once; or choose another garbage collector",
		},
	},
	Thresholds: []Threshold{
		{Name: "maps/floor", Default: 262144, Unit: "maps", Doc: "vm.max_map_count is to be at least this", Source: "the runbook's value, from the practice of Elasticsearch and Lucene; neither Flink nor RocksDB names a number"},
		{Name: "maps/near", Default: 60, Unit: "%", Doc: "share of vm.max_map_count in use from which it is near", Source: "a TaskManager normally uses under 5 %; at 60 % something multiplies them"},
		{Name: "maps/exhausted", Default: 90, Unit: "%", Doc: "share of vm.max_map_count in use from which it is exhausted", Source: "one burst of threads, two maps each, takes the rest"},
	},
	Parse: parseMaps,
	Judge: judgeMaps,
}

//go:embed maps.sh
var mapsScript string

// MapsFacts are the kernel's limit on memory maps and who uses how many. The
// files that set the limit at boot are in Facts.Files.
type MapsFacts struct {
	MaxMapCount Value[int64] `json:"max_map_count" need:"needed"`
	// Counts are the maps of each TaskManager by pid. The kernel shows them
	// only to the process's own user and root.
	Counts map[int]Value[int64] `json:"counts"`
	// Boot are the marks of what applies sysctl files at boot, as paths that
	// exist on the host ("/run/systemd/system", "/etc/init.d/procps", ...; "/lib"
	// where it is a link), and the name of process 1 ("/proc/1/comm systemd").
	Boot Value[[]string] `json:"boot"`
	// CommandLine are the words of the kernel's command line that set a sysctl.
	CommandLine Value[[]string] `json:"command_line"`
	// Writers are lines of scripts that may set a sysctl at boot, as
	// FILE:LINE:TEXT (/etc/rc.local and its like).
	Writers Value[[]string] `json:"writers"`
}

func parseMaps(r Records, f *Facts) {
	m := &f.Maps
	m.MaxMapCount = r.Int("maps.max_map_count")
	// Several shells read one digit of a number in /proc/sys where cat was
	// not used: such a value is a fault of the reading, not of the host.
	if n, ok := m.MaxMapCount.Get(); ok && n < 10 {
		m.MaxMapCount = Unknown[int64](fmt.Sprintf("read as %d, which is not plausible", n))
	}
	m.Boot = r.List("maps.boot")
	m.CommandLine = r.List("maps.cmdline")
	m.Writers = linesOf(r, f, "maps.writer")
	m.Counts = map[int]Value[int64]{}
	for _, tm := range f.Flink.TaskManagers {
		m.Counts[tm.PID] = r.Int(fmt.Sprintf("maps.%d.count", tm.PID))
	}
}

func judgeMaps(in Input) Judgement {
	floor := in.Threshold("maps/floor")
	j := Judgement{Want: strconv.FormatInt(floor, 10), Observed: "?"}
	limit, ok := in.Facts.Maps.MaxMapCount.Get()
	if !ok {
		boot := in.next.bootSysctl(maxMapCount)
		j.Horizons = []Standing{mapsStanding(in.Facts, -1, boot)}
		j.Findings = mapsBoot(in, -1, floor, boot)
		return j
	}
	j.Observed = mapsCell(in.Facts, limit)
	if limit < floor {
		f := in.Find("low", Live, fmt.Sprintf("vm.max_map_count %d, want %d", limit, floor))
		f.Subject, f.Source = "vm.max_map_count", "/proc/sys/vm/max_map_count"
		f.Observed, f.Want = strconv.FormatInt(limit, 10), strconv.FormatInt(floor, 10)
		f.Remedy = raiseMaps(in, floor)
		f.Evidence = mapsInUse(in.Facts, limit)
		j.Findings = append(j.Findings, f)
	}
	boot := in.next.bootSysctl(maxMapCount)
	j.Horizons = []Standing{mapsStanding(in.Facts, limit, boot)}
	j.Findings = append(j.Findings, mapsBoot(in, limit, floor, boot)...)
	for _, tm := range in.Facts.Flink.TaskManagers {
		if f, ok := judgeMapCount(in, tm, limit); ok {
			j.Findings = append(j.Findings, f)
		}
		if f, ok := judgeZGC(in, tm, limit); ok {
			j.Findings = append(j.Findings, f)
		}
	}
	return j
}

// judgeMapCount compares the maps of one TaskManager with the limit.
func judgeMapCount(in Input, tm TaskManager, limit int64) (Finding, bool) {
	count, ok := in.Facts.Maps.Counts[tm.PID].Get()
	if !ok {
		return Finding{}, false
	}
	slug, share, ok := usage(in, count, limit)
	if !ok {
		return Finding{}, false
	}
	f := in.Find(slug, Running, fmt.Sprintf("a TaskManager uses %d %% or more of vm.max_map_count %d", share, limit))
	f.Subject = fmt.Sprintf("pid %d", tm.PID)
	f.Observed = fmt.Sprintf("%d of %d maps (%d %%)", count, limit, percent(count, limit))
	want := max(in.Threshold("maps/floor"), twice(count))
	f.Want = fmt.Sprintf("below %d %%", in.Threshold("maps/near"))
	f.Source = fmt.Sprintf("/proc/%d/maps", tm.PID)
	f.Evidence = append(f.Evidence, Evidence{
		Source: "/proc/sys/vm/max_map_count", Text: strconv.FormatInt(limit, 10),
	})
	f.Remedy = raiseMaps(in, want)
	return f, true
}

// zgcMaps is how many maps ZGC may need for the heap of a TaskManager: granules
// of 2 MB, three views of each, one fifth for the rest, the formula of ZGC's
// own warning. ok is false without ZGC, or where the heap is not known.
func zgcMaps(tm TaskManager) (need int64, ok bool) {
	on, _ := tm.flag("UseZGC")
	heap, known := tm.maxHeap()
	return heap / (2 << 20) * 3 * 12 / 10, on && known
}

// judgeZGC compares what ZGC may need for the heap of one TaskManager with
// the limit.
func judgeZGC(in Input, tm TaskManager, limit int64) (Finding, bool) {
	need, ok := zgcMaps(tm)
	if !ok || need <= limit {
		return Finding{}, false
	}
	heap, _ := tm.maxHeap()
	f := in.Find("needs-more-for-zgc", Running, fmt.Sprintf("vm.max_map_count %d is too low for the heap of a TaskManager with ZGC", limit))
	f.Subject = fmt.Sprintf("pid %d", tm.PID)
	f.Observed = fmt.Sprintf("%d maps for a heap of %d MB", limit, heap>>20)
	f.Want = strconv.FormatInt(need, 10)
	f.Source = "/proc/sys/vm/max_map_count"
	f.Evidence = append(f.Evidence, Evidence{
		Source: fmt.Sprintf("/proc/%d/cmdline", tm.PID), Text: fmt.Sprintf("-XX:+UseZGC, heap of %d bytes", heap),
	})
	f.Remedy = raiseMaps(in, max(need, in.Threshold("maps/floor")))
	return f, true
}

// mapsCell is the worst TaskManager's use, "?" where none of them shows it.
func mapsCell(f *Facts, limit int64) string {
	worst, seen := int64(-1), false
	for _, tm := range f.Flink.TaskManagers {
		seen = true
		if n, ok := f.Maps.Counts[tm.PID].Get(); ok {
			worst = max(worst, n)
		}
	}
	switch {
	case !seen:
		return strconv.FormatInt(limit, 10)
	case worst < 0:
		return fmt.Sprintf("?/%d", limit)
	}
	return fmt.Sprintf("%d/%d", worst, limit)
}

// mapsInUse says beside a low limit what is really used of it.
func mapsInUse(f *Facts, limit int64) []Evidence {
	evidence := []Evidence{}
	for _, tm := range f.Flink.TaskManagers {
		if n, ok := f.Maps.Counts[tm.PID].Get(); ok {
			evidence = append(evidence, Evidence{
				Source: fmt.Sprintf("/proc/%d/maps", tm.PID),
				Text:   fmt.Sprintf("%d maps in use, %d %% of %d", n, percent(n, limit), limit),
			})
		}
	}
	return evidence
}

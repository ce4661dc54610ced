package probes

import (
	_ "embed"
	"fmt"
)

// AddressSpace is the probe of virtual memory limits (RLIMIT_AS).
var AddressSpace = Probe{
	Name: "address-space",
	Doc: `virtual memory of each TaskManager against RLIMIT_AS

A JVM reserves much more address space than it uses: 9 GB for a program that prints one line, with RocksDB's memory, class space and
thread stacks on top. Any limit of the address space ends in errno=12 or "unable to create native thread" while memory is free, or in a start script whose
helper JVM dies without a log. The remedy is to remove the limit, not to tune it.

"ulimit -m" does not show it: that is the resident size, which Linux ignores since 2.4.30. The limit is RLIMIT_AS, "ulimit -v" (KiB), item "as" of
limits.conf. An item "vmem" does not exist: pam_limits skips such a line without a word, so "vmem unlimited" changes nothing.

Measured: Max address space in /proc/PID/limits and VmPeak in /proc/PID/status of each TaskManager, what a new session of its user gets, and the
lines of the limits files.`,
	Words: []string{
		"ulimit -m", "ulimit -v", "vmem", "as", "RLIMIT_AS", "virtual memory", "address space", "vmem unlimited", "max memory size",
		"LimitAS", "rss", "VmPeak", "unable to create native thread", "errno=12",
	},
	Setting: &Setting{
		Name: "as", Unit: "bytes", limit: addressSpaceLimit,
		Running: "Max address space in /proc/PID/limits, and VmSize of /proc/PID/status",
		Live:    "what the next start would get now: systemctl show of its unit, or /proc/self/limits of a session of its user",
		Boot:    "LimitAS of the unit's files, or the item as of limits.conf and limits.d as pam_limits of this host applies them",
	},
	Budget: 2,
	Script: addressSpaceScript,
	Codes: []Code{
		{
			Slug: "limited", Default: Warn,
			Title:   "the address space of a running TaskManager is limited",
			Means:   "The JVM and RocksDB fail to reserve memory while the host has enough.",
			Measure: "the soft value of Max address space in /proc/PID/limits",
			Source:  "getrlimit(2), RLIMIT_AS",
			Fix:     "remove the as line from /etc/security/limits.conf and limits.d, LimitAS from the unit, or ulimit -v from the start files; then restart the TaskManager from a new session",
		},
		{
			Slug: "near", Default: Fail,
			Title:   "a TaskManager has used most of its limited address space",
			Means:   "The next reservation fails: the JVM aborts, or cannot create a thread.",
			Measure: "VmPeak in /proc/PID/status against the soft value of Max address space in /proc/PID/limits",
			Source:  "getrlimit(2), RLIMIT_AS; proc(5), VmPeak",
			Fix:     "remove the limit as for address-space/limited; prlimit --pid PID --as=unlimited removes it from the running process",
		},
		{
			Slug: "session-limited", Default: Warn, Fixable: true,
			Title:   "a new session of the TaskManager's user has a limited address space",
			Means:   "taskmanager.sh first runs a helper JVM with a quarter of the host's memory as heap: with a limit below that there is no TaskManager and no log.",
			Measure: "the soft value of Max address space in /proc/self/limits of a session of that user; else as lines of the limits files",
			Source:  "limits.conf(5), item as; Flink bin/config.sh, runBashJavaUtilsCmd",
			Fix:     "remove the as lines from /etc/security/limits.conf and limits.d",
		},
		{
			Slug: "unit-limited", Default: Warn, Fixable: true,
			Title:   "the TaskManager's systemd unit limits the address space",
			Means:   "The next start has a limited address space.",
			Measure: "systemctl show -p LimitAS UNIT",
			Source:  "systemd.exec(5), LimitAS=",
			Fix:     "remove LimitAS= from the unit and its drop-ins, systemctl daemon-reload, restart of the unit",
		},
		restartNeededCode,
		{
			Slug: "not-persistent", Default: Warn, Fixable: true,
			Title:   "a TaskManager started after a reboot has less address space than one started now",
			Means:   "A line that limits the address space holds from the next start on.",
			Measure: "what a session or unit gets now against what its files give after the next boot",
			Source:  "limits.conf(5), item as; systemd.exec(5), LimitAS=",
			Fix:     "remove the as line or LimitAS= that is named",
		},
		{
			Slug: "shadowed", Default: Warn, Fixable: true,
			Title:   "a line that frees the address space does not hold",
			Means:   "Another line beats it: one that names the user more closely, or one that is read later.",
			Measure: "the lines of limits.conf and limits.d, or of the unit's files, against the one that decides",
			Source:  "linux-pam pam_limits.c, process_limit; systemd.unit(5), drop-ins",
			Fix:     "remove the line that limits; without one the address space is unlimited",
		},
		{
			Slug: "ignored-line", Default: Warn,
			Title:   "a line that was meant for the address space is skipped",
			Means:   "pam_limits or systemd does not understand the line and goes on without a word that anybody reads.",
			Measure: "lines of limits.conf, limits.d and unit files, as the program of this host reads them",
			Source:  "linux-pam pam_limits.c, process_limit and parse_config_file; systemd load-fragment.c",
			Fix:     "delete the line: without a line for as, the address space is unlimited",
		},
		{
			Slug: "vmem-line", Default: Warn,
			Title:   "a line of the limits files has the item vmem, which does not exist",
			Means:   "pam_limits skips the line. Whoever wrote it believes in a setting that was never there; the item meant is as.",
			Measure: "lines of /etc/security/limits.conf and limits.d",
			Source:  "limits.conf(5), the list of items",
			Fix:     "delete the line: without a line for as, the address space is unlimited",
		},
	},
	Thresholds: []Threshold{
		{Name: "address-space/floor", Default: int64(Unlimited), Unit: "bytes", Doc: "the address space of a TaskManager is to be limited to no less than this", Source: "the runbook: virtual memory is to be unlimited"},
		{Name: "address-space/near", Default: 90, Unit: "%", Doc: "share of a limited address space, at its peak, from which it is near", Source: "one arena of malloc or one heap region takes the rest"},
	},
	Parse: parseAddressSpace,
	Judge: judgeAddressSpace,
}

//go:embed address-space.sh
var addressSpaceScript string

// AddressSpaceFacts are what is known of the address space beyond the limits
// and sizes of the processes in FlinkFacts, the units in NoFileFacts and the
// limits files.
type AddressSpaceFacts struct {
	// Sessions are what a new session of a user gets, in bytes.
	Sessions map[string]Value[LimitPair] `json:"sessions"`
}

func parseAddressSpace(r Records, f *Facts) {
	f.AddressSpace.Sessions = parseSessions(r, f, "address-space")
}

func judgeAddressSpace(in Input) Judgement {
	floor := Limit(in.Threshold("address-space/floor"))
	j := Judgement{Want: floor.String(), Observed: addressSpaceCell(in.Facts)}
	for _, tm := range in.Facts.Flink.TaskManagers {
		pair, ok := tm.limit("as")
		if !ok {
			j.Unknown = append(j.Unknown, fmt.Sprintf("limits of pid %d: %s", tm.PID, tm.whyNoLimit("as")))
			continue
		}
		if pair.Soft != Unlimited && !tm.VmPeak.IsKnown() {
			j.Unknown = append(j.Unknown, fmt.Sprintf("VmPeak of pid %d: %s", tm.PID, tm.VmPeak.Why()))
		}
		j.Findings = append(j.Findings, addressSpaceRunning(in, tm, pair)...)
	}
	j.Findings = append(j.Findings, addressSpaceNext(in)...)
	l := addressSpaceLimit(in)
	j.Horizons = l.standings(in)
	j.Findings = append(j.Findings, l.restartNeeded(in)...)
	j.Findings = append(j.Findings, l.atBoot(in)...)
	for _, l := range limitsLines(in.Facts) {
		if l.Item != "vmem" {
			continue
		}
		f := in.Find("vmem-line", Live, "limits.conf has no item vmem, the line is skipped; the item is as")
		f.Subject, f.Source, f.Observed = l.At, l.At, l.Text
		f.Want = "no such line"
		f.Evidence = append(f.Evidence, Evidence{Source: l.At, Text: l.Text})
		f.Remedy = fmt.Sprintf("delete the line at %s; without an as line the address space is unlimited", l.At)
		j.Findings = append(j.Findings, f)
	}
	if why := nothingKnown(in.Facts, in.Facts.AddressSpace.Sessions, "as"); why != "" {
		j.Unknown = append(j.Unknown, why)
	}
	return j
}

// addressSpaceRunning judges one running TaskManager.
func addressSpaceRunning(in Input, tm TaskManager, pair LimitPair) (findings []Finding) {
	floor := Limit(in.Threshold("address-space/floor"))
	base := func(slug, message string) Finding {
		f := in.Find(slug, Running, message)
		f.Subject, f.Source, f.Want = fmt.Sprintf("pid %d", tm.PID), fmt.Sprintf("/proc/%d/limits", tm.PID), floor.String()
		f.Observed = pair.Soft.String() + " bytes"
		f.Remedy = starterOf(in, tm).unlimit()
		return f
	}
	if pair.Soft < floor {
		f := base("limited", "the address space of a TaskManager is limited")
		if size, ok := tm.VmSize.Get(); ok {
			f.Evidence = append(f.Evidence, Evidence{
				Source: fmt.Sprintf("/proc/%d/status", tm.PID),
				Text:   fmt.Sprintf("VmSize %d of %s bytes", size, pair.Soft),
			})
		}
		findings = append(findings, f)
	}
	share := in.Threshold("address-space/near")
	peak, ok := tm.VmPeak.Get()
	if ok && pair.Soft != Unlimited && percent(peak, int64(pair.Soft)) >= share {
		f := base("near", fmt.Sprintf("a TaskManager has used %d %% or more of its limited address space", share))
		f.Observed = fmt.Sprintf("%d of %s bytes (%d %%)", peak, pair.Soft, percent(peak, int64(pair.Soft)))
		f.Source = fmt.Sprintf("/proc/%d/status", tm.PID)
		f.Evidence = append(f.Evidence, Evidence{
			Source: fmt.Sprintf("/proc/%d/limits", tm.PID), Text: fmt.Sprintf("as %s soft, %s hard", pair.Soft, pair.Hard),
		})
		f.Remedy += starterOf(in, tm).atOnce("as", Unlimited)
		findings = append(findings, f)
	}
	return findings
}

// addressSpaceNext judges what the next start of a TaskManager would get.
func addressSpaceNext(in Input) (findings []Finding) {
	floor := Limit(in.Threshold("address-space/floor"))
	for _, user := range sessionUsers(in.Facts, in.Facts.AddressSpace.Sessions) {
		if f, ok := addressSpaceSession(in, user, floor); ok {
			findings = append(findings, f)
		}
	}
	for _, name := range in.next.startUnits() {
		u, ok := in.Facts.NoFile.Units[name].Get()
		pair, has := u.Limits["as"]
		if !ok || !has || pair.Soft >= floor {
			continue
		}
		f := in.Find("unit-limited", Live, "the TaskManager's unit limits the address space")
		f.Subject, f.Source, f.Observed, f.Want = name, "systemctl show "+name, pair.Soft.String()+" bytes", floor.String()
		f.Evidence = unitEvidence(in.Facts, u, "LimitAS")
		f.Remedy = fmt.Sprintf("remove LimitAS= from %s and its drop-ins; then systemctl daemon-reload && systemctl restart %s", shellWord(u.Fragment), shellWord(name))
		if u.Fragment == "" {
			f.Remedy = fmt.Sprintf("remove LimitAS= from the unit; then systemctl daemon-reload && systemctl restart %s", shellWord(name))
		}
		findings = append(findings, f)
	}
	return findings
}

// addressSpaceSession judges a new session of a user by what one has, or,
// where none was seen, by the lines that surely cover the user.
func addressSpaceSession(in Input, user string, floor Limit) (Finding, bool) {
	lines := limitsEvidence(in.Facts, user, "as")
	f := in.Find("session-limited", Live, "the address space of a new session of the TaskManager's user is limited")
	f.Subject, f.Want, f.Evidence = "user "+user, floor.String(), lines
	f.Remedy = "remove the as lines from /etc/security/limits.conf and /etc/security/limits.d"
	if pair, ok := in.Facts.AddressSpace.Sessions[user].Get(); ok {
		if pair.Soft >= floor {
			return f, false
		}
		f.Source, f.Observed = sessionSource(user), pair.Soft.String()+" bytes"
		if len(lines) > 0 {
			f.Remedy = "remove the as line at " + lines[len(lines)-1].Source
		}
		return f, true
	}
	for _, l := range limitsLines(in.Facts) {
		kib, ok := l.number()
		if l.Item == "as" && l.appliesTo(user) && l.Type != "hard" && ok && Limit(min(kib, int64(Unlimited)/1024)*1024) < floor {
			f.Source, f.Observed = l.At, l.Value+" KiB"
			f.Remedy = "remove the as line at " + l.At
			return f, true
		}
	}
	return f, false
}

// addressSpaceCell is the lowest limit of a TaskManager.
func addressSpaceCell(f *Facts) string {
	lowest, seen := Unlimited, false
	for _, tm := range f.Flink.TaskManagers {
		if pair, ok := tm.limit("as"); ok {
			lowest, seen = min(lowest, pair.Soft), true
		}
	}
	if !seen {
		return sizeCell(nextCell(f, f.AddressSpace.Sessions, "as"))
	}
	return sizeCell(lowest.String())
}

// sizeCell shortens a number of bytes for a cell.
func sizeCell(s string) string {
	l, err := ParseLimit(s)
	if err != nil || l == Unlimited {
		return s
	}
	return fmt.Sprintf("%dM", l>>20)
}

package probes

import (
	"fmt"
	"sort"
	"strconv"
)

// judgeNoFile judges each running TaskManager by its own limits, what the next
// start would get by its session or unit, and the kernel's own bounds.
func judgeNoFile(in Input) Judgement {
	n := &in.Facts.NoFile
	j := Judgement{Want: Limit(in.Threshold("nofile/floor")).String(), Observed: nofileCell(in.Facts)}
	for _, tm := range in.Facts.Flink.TaskManagers {
		limits, ok := tm.limit("nofile")
		if !ok {
			j.Unknown = append(j.Unknown, fmt.Sprintf("limits of pid %d: %s", tm.PID, tm.whyNoLimit("nofile")))
			continue
		}
		j.Findings = append(j.Findings, nofileRunning(in, tm, limits)...)
	}
	j.Findings = append(j.Findings, nofileNext(in)...)
	j.Findings = append(j.Findings, nofileAboveNrOpen(in)...)
	l := nofileLimit(in)
	j.Horizons = l.standings(in)
	j.Findings = append(j.Findings, l.atBoot(in)...)
	j.Findings = append(j.Findings, refusedLogins(in)...)
	used, ok1 := n.FileUsed.Get()
	fileMax, ok2 := n.FileMax.Get()
	if ok1 && ok2 && percent(used, fileMax) >= in.Threshold("nofile/file-max-near") {
		f := in.Find("file-max-near", Live, fmt.Sprintf("the host uses %d %% or more of fs.file-max", in.Threshold("nofile/file-max-near")))
		f.Subject, f.Source = "fs.file-max", "/proc/sys/fs/file-nr"
		f.Observed = fmt.Sprintf("%d of %d files (%d %%)", used, fileMax, percent(used, fileMax))
		f.Want = fmt.Sprintf("below %d %%", in.Threshold("nofile/file-max-near"))
		j.Findings = append(j.Findings, f)
	}
	if why := nothingKnown(in.Facts, in.Facts.NoFile.Sessions, "nofile"); why != "" {
		j.Unknown = append(j.Unknown, why)
	}
	return j
}

// nofileLimit is how open files are judged on the horizons live and boot.
func nofileLimit(in Input) limitSpec {
	return limitSpec{
		item: "nofile", what: "open files", floor: Limit(in.Threshold("nofile/floor")), hard: true, near: true,
		sessionLow: "session-low", unitLow: "unit-low",
		used: func(f *Facts, tm TaskManager) Value[int64] { return f.NoFile.Descriptors[tm.PID] },
		raise: func(in Input, s *start, want Limit) string {
			if s.kind == LaunchLogin {
				return limitsConf(in, s.user, "nofile", want)
			}
			return raiseNoFile(in, TaskManager{Launch: Launch{Kind: s.kind, Unit: s.unit}}, want)
		},
	}
}

// nothingKnown says why nothing can be concluded about a limit on a host
// without a TaskManager: neither a session nor a unit shows it. It is "" where
// something does.
func nothingKnown(f *Facts, sessions map[string]Value[LimitPair], item string) string {
	if len(f.Flink.TaskManagers) > 0 {
		return ""
	}
	why := "the user of a TaskManager is not known"
	for _, user := range sortedKeys(sessions) {
		if sessions[user].IsKnown() {
			return ""
		}
		why = sessions[user].Why()
	}
	for _, u := range f.NoFile.Units {
		unit, ok := u.Get()
		if _, has := unit.Limits[item]; ok && has {
			return ""
		}
	}
	none := noneRuns
	if !f.Flink.Searched.IsKnown() {
		none = "it is not known if a TaskManager runs"
	}
	return none + ", and what a new one would get is not known: " + why
}

// limit is a row of the TaskManager's /proc/PID/limits.
func (tm TaskManager) limit(item string) (LimitPair, bool) {
	limits, ok := tm.Limits.Get()
	if !ok {
		return LimitPair{}, false
	}
	pair, ok := limits[item]
	return pair, ok
}

func (tm TaskManager) whyNoLimit(item string) string {
	if tm.Limits.IsKnown() {
		return "no row for " + item
	}
	return tm.Limits.Why()
}

// nofileRunning judges one running TaskManager. The soft limit counts: HotSpot
// has raised it to the hard one already, except with -XX:-MaxFDLimit.
func nofileRunning(in Input, tm TaskManager, limits LimitPair) (findings []Finding) {
	floor := Limit(in.Threshold("nofile/floor"))
	subject, source := fmt.Sprintf("pid %d", tm.PID), fmt.Sprintf("/proc/%d/limits", tm.PID)
	if limits.Soft < floor {
		f := in.Find("low", Running, fmt.Sprintf("a TaskManager may open %s files, want %s", limits.Soft, floor))
		f.Subject, f.Source, f.Observed, f.Want = subject, source, limits.Soft.String(), floor.String()
		f.Remedy = raiseNoFile(in, tm, floor)
		if on, given := tm.flag("MaxFDLimit"); given && !on && limits.Hard >= floor {
			f.Remedy = "remove -XX:-MaxFDLimit from env.java.opts, so that the JVM uses its hard limit of " + limits.Hard.String() + "; " + nofileRestart
			f.Fixable = false
		}
		next, from, ok := nextNoFile(in.Facts, tm)
		older := ok && next.Hard >= floor && limits.Hard < floor
		if older {
			f.Remedy, f.Fixable = restartFor(in, tm, "nofile", floor), false
		}
		findings = append(findings, f)
		if older {
			f := in.Find("restart-needed", Running, fmt.Sprintf("a TaskManager runs with an old limit of open files, a new one would get %s", next.Hard))
			f.Subject, f.Source, f.Observed, f.Want = subject, source, limits.Hard.String(), next.Hard.String()
			f.Evidence = append(f.Evidence, Evidence{Source: from, Text: fmt.Sprintf("nofile %s soft, %s hard", next.Soft, next.Hard)})
			f.Remedy = restartFor(in, tm, "nofile", floor)
			findings = append(findings, f)
		}
	}
	used, ok := in.Facts.NoFile.Descriptors[tm.PID].Get()
	if !ok {
		return findings
	}
	if slug, share, ok := usage(in, used, int64(limits.Soft)); ok {
		f := in.Find(slug, Running, fmt.Sprintf("a TaskManager has %d %% or more of its %s files open", share, limits.Soft))
		f.Subject, f.Source = subject, fmt.Sprintf("/proc/%d/fd", tm.PID)
		f.Observed = fmt.Sprintf("%d of %s files (%d %%)", used, limits.Soft, percent(used, int64(limits.Soft)))
		f.Want = fmt.Sprintf("below %d %%", in.Threshold("nofile/near"))
		f.Evidence = append(f.Evidence, Evidence{Source: source, Text: fmt.Sprintf("nofile %s soft, %s hard", limits.Soft, limits.Hard)})
		want := max(floor, Limit(twice(used)))
		f.Remedy = raiseNoFile(in, tm, want) + starterOf(in, tm).atOnce("nofile", want)
		findings = append(findings, f)
	}
	return findings
}

// nextNoFile is the limit that the next start of a TaskManager would get, and where that
// was seen: its unit's limit, or a session's. ok is false where neither is
// known, or where something else starts it (a container, YARN).
func nextNoFile(f *Facts, tm TaskManager) (pair LimitPair, from string, ok bool) {
	switch tm.Launch.Kind {
	case LaunchSystemd, LaunchUserUnit:
		u, known := f.NoFile.Units[tm.Launch.Unit].Get()
		pair, has := u.Limits["nofile"]
		return pair, "systemctl show " + tm.Launch.Unit, known && has
	case LaunchContainer, LaunchYARN:
		return pair, "", false
	}
	pair, ok = f.NoFile.Sessions[userKey(tm)].Get()
	return pair, sessionSource(userKey(tm)), ok
}

// nofileNext judges what the next start of a TaskManager would get.
func nofileNext(in Input) (findings []Finding) {
	floor := Limit(in.Threshold("nofile/floor"))
	for _, user := range sessionUsers(in.Facts, in.Facts.NoFile.Sessions) {
		pair, ok := in.Facts.NoFile.Sessions[user].Get()
		if !ok || pair.Hard >= floor {
			continue
		}
		f := in.Find("session-low", Live, fmt.Sprintf("a new session of the TaskManager's user may open %s files, want %s", pair.Hard, floor))
		f.Subject, f.Source, f.Observed, f.Want = "user "+user, sessionSource(user), pair.Hard.String(), floor.String()
		f.Evidence = limitsEvidence(in.Facts, user, "nofile")
		f.Remedy = limitsConf(in, user, "nofile", floor)
		findings = append(findings, f)
	}
	for _, name := range in.next.startUnits() {
		u, ok := in.Facts.NoFile.Units[name].Get()
		pair, has := u.Limits["nofile"]
		if !ok || !has || pair.Hard >= floor {
			continue
		}
		f := in.Find("unit-low", Live, fmt.Sprintf("the TaskManager's unit gives %s open files, want %s", pair.Hard, floor))
		f.Subject, f.Source, f.Observed, f.Want = name, "systemctl show "+name, pair.Hard.String(), floor.String()
		f.Evidence = unitEvidence(in.Facts, u, "LimitNOFILE")
		f.Remedy = raiseUnit(in, name, "nofile", floor)
		findings = append(findings, f)
	}
	return findings
}

// sessionSource says where the limits of a new session were read.
func sessionSource(user string) string { return "/proc/self/limits of a session of " + user }

// sessionUsers are the users whose next TaskManager may come from a session:
// not those whose TaskManagers are all started by something else.
func sessionUsers(f *Facts, sessions map[string]Value[LimitPair]) []string {
	elsewhere := map[string]bool{}
	for _, tm := range f.Flink.TaskManagers {
		switch tm.Launch.Kind {
		case LaunchSystemd, LaunchUserUnit, LaunchContainer, LaunchYARN:
			if _, seen := elsewhere[userKey(tm)]; !seen {
				elsewhere[userKey(tm)] = true
			}
		default:
			elsewhere[userKey(tm)] = false
		}
	}
	if len(f.Flink.TaskManagers) == 0 {
		for _, u := range f.NoFile.Units {
			if u.IsKnown() {
				return nil
			}
		}
	}
	users := sortedKeys(sessions)
	kept := users[:0]
	for _, u := range users {
		if !elsewhere[u] {
			kept = append(kept, u)
		}
	}
	return kept
}

// nofileAboveNrOpen finds lines of the limits files that the kernel refuses.
func nofileAboveNrOpen(in Input) (findings []Finding) {
	nrOpen, ok := in.Facts.NoFile.NrOpen.Get()
	if !ok {
		return nil
	}
	for _, l := range limitsLines(in.Facts) {
		n, ok := l.number()
		if l.Item != "nofile" || !ok || n <= nrOpen {
			continue
		}
		f := in.Find("above-nr-open", Live, fmt.Sprintf("a line of the limits files asks for %d open files, fs.nr_open is %d", n, nrOpen))
		f.Subject, f.Source, f.Observed = l.At, l.At, l.Value
		f.Want = "at most " + strconv.FormatInt(nrOpen, 10)
		f.Evidence = append(f.Evidence, Evidence{Source: l.At, Text: l.Text},
			Evidence{Source: "/proc/sys/fs/nr_open", Text: strconv.FormatInt(nrOpen, 10)})
		f.Remedy = fmt.Sprintf("lower the value in %s to %d or less; keep a root session open until a new login was seen to work", l.At, nrOpen)
		findings = append(findings, f)
	}
	return findings
}

// nofileCell is the TaskManager that uses the greatest share of its limit, or
// of those that do not show their use the lowest limit.
func nofileCell(f *Facts) string {
	cell, worst := "", int64(-1)
	lowest := Unlimited
	for _, tm := range f.Flink.TaskManagers {
		limits, ok := tm.limit("nofile")
		if !ok {
			continue
		}
		used, ok := f.NoFile.Descriptors[tm.PID].Get()
		switch {
		case ok && percent(used, int64(limits.Soft)) > worst:
			worst = percent(used, int64(limits.Soft))
			cell = fmt.Sprintf("%d/%s", used, limits.Soft)
		case !ok && worst < 0 && limits.Soft <= lowest:
			lowest = limits.Soft
			cell = "?/" + limits.Soft.String()
		}
	}
	if cell != "" {
		return cell
	}
	return nextCell(f, f.NoFile.Sessions, "nofile")
}

// nextCell is what a new TaskManager would get, the lowest hard limit seen.
func nextCell(f *Facts, sessions map[string]Value[LimitPair], item string) string {
	lowest, seen := Unlimited, false
	if len(f.Flink.TaskManagers) > 0 {
		return "?"
	}
	for _, u := range f.NoFile.Units {
		unit, ok := u.Get()
		if pair, has := unit.Limits[item]; ok && has {
			lowest, seen = min(lowest, pair.Hard), true
		}
	}
	for _, user := range sessionUsers(f, sessions) {
		if pair, ok := sessions[user].Get(); ok {
			lowest, seen = min(lowest, pair.Hard), true
		}
	}
	if !seen {
		return "?"
	}
	return lowest.String()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

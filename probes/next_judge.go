package probes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// limitSpec is how a probe judges a limit of limits.conf on the horizons live
// and boot.
type limitSpec struct {
	item  string // of limits.conf
	what  string // what the limit is on, in a sentence: "open files"
	floor Limit  // 0 where the policy has none
	// hard says that the hard limit counts, since HotSpot raises the soft one.
	hard                bool
	sessionLow, unitLow string // codes of a start below the floor
	used                func(*Facts, TaskManager) Value[int64]
	near                bool // the probe judges the share in use
	raise               func(Input, *start, Limit) string
}

// counts is the one of the two limits that bounds a TaskManager of the start.
func (l limitSpec) counts(s *start, p LimitPair) Limit {
	if l.hardCounts(s) {
		return p.Hard
	}
	return p.Soft
}

// hardCounts is false also where a JVM was told not to raise its soft limit.
func (l limitSpec) hardCounts(s *start) bool {
	return l.hard && !slices.ContainsFunc(s.tms, func(tm TaskManager) bool {
		on, given := tm.flag("MaxFDLimit")
		return given && !on
	})
}

// standings are the limit side by side for each running TaskManager, or for
// what would start one.
func (l limitSpec) standings(in Input) (all []Standing) {
	r := in.next
	for i := range r.startsOf() {
		s := &r.starts[i]
		row := Standing{Setting: l.item, Subject: s.subject(), Start: s.subject(), Used: -1, Live: r.live(s, l.item).value(), Boot: r.boot(s, l.item).value()}
		row.Running = HorizonValue{Unknown: noneRuns}
		if len(s.tms) == 0 {
			all = append(all, row)
		}
		for _, tm := range s.tms {
			one := row
			one.Subject = fmt.Sprintf("pid %d", tm.PID)
			one.Used = l.used(in.Facts, tm).Or(-1)
			source := fmt.Sprintf("/proc/%d/limits", tm.PID)
			one.Running = HorizonValue{Source: source, Unknown: tm.whyNoLimit(l.item)}
			if pair, ok := tm.limit(l.item); ok {
				one.Running = HorizonValue{Value: pair.show(), Source: source}
			}
			all = append(all, one)
		}
	}
	return all
}

// atBoot judges what each start gets after the next boot, and the lines that
// were meant to set it.
func (l limitSpec) atBoot(in Input) (findings []Finding) {
	r := in.next
	told := map[string]bool{}
	for i := range r.startsOf() {
		s := &r.starts[i]
		live, boot := r.live(s, l.item), r.boot(s, l.item)
		one := append(l.ignored(in, s, boot), l.bootLimit(in, s, live, boot)...)
		for _, f := range one {
			key := f.Code + "\x00" + f.Subject
			if !told[key] {
				told[key] = true
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// bootLimit compares the limit of the next boot with the floor, with what a
// start gets now, and with what is in use.
func (l limitSpec) bootLimit(in Input, s *start, live, boot nextLimit) (findings []Finding) {
	if !boot.known {
		return nil
	}
	value, now, at := l.counts(s, boot.pair), l.counts(s, live.pair), boot.at
	if !l.hardCounts(s) {
		at = boot.softAt
	}
	want := max(l.floor, now)
	if !live.known {
		want = l.floor
	}
	find := func(slug, message string) Finding {
		f := in.Find(slug, Boot, message)
		f.Subject, f.Source, f.Observed, f.Want = s.subject(), boot.source, value.String(), want.String()
		f.Evidence = l.evidence(in.Facts, boot)
		f.Remedy = l.raise(in, s, want)
		return f
	}
	for _, tm := range s.tms {
		used, ok := l.used(in.Facts, tm).Get()
		if !ok || value == Unlimited || !l.near {
			continue
		}
		if slug, share, ok := usage(in, used, int64(value)); ok {
			f := find(slug, fmt.Sprintf("a TaskManager uses %d %% or more of the %s %s that a start after the next boot gets", share, value, l.what))
			f.Subject, f.Observed = fmt.Sprintf("pid %d", tm.PID), fmt.Sprintf("%d of %s %s (%d %%)", used, value, l.what, percent(used, int64(value)))
			f.Want = fmt.Sprintf("below %d %%", in.Threshold(in.Probe.Name+"/near"))
			findings = append(findings, f)
		}
	}
	who := "a new session of the TaskManager's user"
	low := l.sessionLow
	if s.kind == LaunchSystemd || s.kind == LaunchUserUnit || s.kind == LaunchYARN {
		who, low = "the TaskManager's unit", l.unitLow
	}
	switch {
	// What only the process that opens the session brings along may differ for
	// reasons that no file tells; a line that takes away is a fact.
	case live.known && value < now && now >= l.floor && (value < l.floor || at != ""):
		findings = append(findings, find("not-persistent", fmt.Sprintf("%s gets %s %s now and %s after a reboot", who, now, l.what, value)))
	case l.floor > 0 && value < l.floor:
		findings = append(findings, find(low, fmt.Sprintf("%s gets %s %s after a reboot, want %s", who, value, l.what, l.floor)))
	case len(findings) == 0:
		return nil
	}
	return append(findings, l.shadowed(in, s, boot, value)...)
}

// evidence is the line that decides, and who else writes its file.
func (l limitSpec) evidence(f *Facts, boot nextLimit) []Evidence {
	evidence := []Evidence{}
	for _, step := range boot.item.Chain {
		if !step.Won {
			continue
		}
		evidence = append(evidence, Evidence{Source: step.At.String(), Text: step.Text})
		evidence = append(evidence, managedEvidence(f, step.At.File)...)
	}
	return evidence
}

// shadowed are lines that would give more than what holds.
func (l limitSpec) shadowed(in Input, s *start, boot nextLimit, value Limit) (findings []Finding) {
	for _, note := range boot.item.Shadowed {
		asked, ok := l.asks(note.Text)
		if !ok || asked <= value || len(findings) == maxBootLines {
			continue
		}
		f := in.Find("shadowed", Boot, fmt.Sprintf("%s %s at %s does not hold: %s", asked, l.what, note.At, note.Why))
		f.Subject, f.Source, f.Observed, f.Want = note.At.String(), boot.source, value.String(), asked.String()
		f.Evidence = append([]Evidence{{Source: note.At.String(), Text: note.Text}}, l.evidence(in.Facts, boot)...)
		f.Remedy = l.raise(in, s, asked)
		findings = append(findings, f)
	}
	return findings
}

// asks is the limit that a line of limits.conf or of a unit names.
func (l limitSpec) asks(text string) (Limit, bool) {
	value := ""
	if _, v, ok := strings.Cut(text, "="); ok {
		value = v
		if soft, hard, pair := strings.Cut(v, ":"); pair && l.hard {
			value = hard
		} else if pair {
			value = soft
		}
	} else if p := strings.Fields(text); len(p) > 3 {
		if p[1] == "soft" && l.hard {
			return 0, false
		}
		value = p[3]
	}
	switch value = strings.ToLower(strings.TrimSpace(value)); value {
	case "unlimited", "infinity", "-1":
		return Unlimited, true
	}
	n, ok := limitsLine{Value: value}.number()
	if l.item == "as" && !strings.Contains(text, "=") {
		n = min(n, int64(Unlimited)/1024) * 1024
	}
	return Limit(n), ok
}

// ignored are lines that were meant for this limit and the user, and that
// pam_limits or systemd skips.
func (l limitSpec) ignored(in Input, s *start, boot nextLimit) (findings []Finding) {
	for _, note := range boot.item.Ignored {
		if !in.next.concerns(note.Text, s) || len(findings) == maxBootLines || strings.EqualFold(wordOf(note.Text, 2), "vmem") {
			continue
		}
		why := note.Why
		if note.Meant != "" && note.Meant != wordOf(note.Text, 2) {
			why += ", the item is " + note.Meant
		}
		f := in.Find("ignored-line", Boot, fmt.Sprintf("the line at %s is skipped: %s", note.At, why))
		f.Subject, f.Source, f.Observed, f.Want = note.At.String(), note.At.String(), note.Text, "a line that is understood"
		f.Evidence = append(f.Evidence, Evidence{Source: note.At.String(), Text: note.Text})
		f.Remedy = fmt.Sprintf("correct or remove the line at %s", note.At)
		findings = append(findings, f)
	}
	return findings
}

// concerns reports whether a line of limits.conf may be for the user of a
// start: a skipped one that names somebody else is none of ours.
func (r *resolver) concerns(text string, s *start) bool {
	if strings.Contains(text, "=") {
		return true // of a unit
	}
	domain, u := wordOf(text, 0), r.loginUser(s.user)
	switch {
	case domain == "*" || domain == u.Name:
		return true
	case strings.HasPrefix(domain, "@") || strings.HasPrefix(domain, "%"):
		return u.GroupsUnknown != "" || slices.ContainsFunc(u.Groups, func(g conf.LoginGroup) bool { return g.Name == domain[1:] })
	}
	return false
}

func wordOf(text string, n int) string {
	p := strings.Fields(text)
	if n >= len(p) {
		return ""
	}
	return p[n]
}

// refusedLogins are users for whom no session is opened, now or after the next
// boot.
func refusedLogins(in Input) (findings []Finding) {
	var told []string
	for i := range in.next.startsOf() {
		s := &in.next.starts[i]
		if s.kind != LaunchLogin || slices.Contains(told, s.user) {
			continue
		}
		horizon, message := Live, "no session of the TaskManager's user is opened: "
		refused := in.next.session(s, "nofile", Live)
		if refused.refused == "" {
			horizon, message = Boot, "no session of the TaskManager's user will be opened after a reboot: "
			refused = in.next.session(s, "nofile", Boot)
		}
		if refused.refused == "" {
			continue
		}
		told = append(told, s.user)
		f := in.Find("login-refused", horizon, message+refused.refused)
		f.Subject, f.Source, f.Observed, f.Want = "user "+s.user, refused.refusedAt, refused.refused, "a session"
		f.Remedy = fmt.Sprintf("correct %s while a root session stays open, and see a new login work before closing it", refused.refusedAt)
		findings = append(findings, f)
	}
	return findings
}

package fix

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// sysctl plans a setting of the kernel: its value now, and what holds it over
// a boot.
func (m *maker) sysctl(p probes.Proposal, i int) {
	if !m.short(&p) {
		return
	}
	want := max(p.AtLeast, p.Live.Pair.Hard, p.Boot.Pair.Hard)
	now, why := m.sysctlNow(&p)
	switch {
	case m.stop != "":
		why = m.stop
	case why == "" && !p.Live.Known:
		why = p.Setting + " is not known: " + p.Live.Why
	}
	if why != "" {
		m.refuse(&p, why, sysctlByHand(&p, want))
		return
	}
	want = max(want, now)
	if !p.Boot.Known || p.BootShort || p.Boot.Pair.Hard < want {
		want = max(want, p.Asked)
		if p.Asked == want && p.Asked > p.AtLeast {
			m.note(fmt.Sprintf("%s becomes %s, which %s asks for", p.Setting, want, p.AskedAt))
		}
		if want > p.Most {
			m.refuse(&p, fmt.Sprintf("%s is more than the kernel takes, %s", want, p.Most), "ask for less in the policy")
			return
		}
		if !m.keepSysctl(&p, i, want) {
			return
		}
		kept, _ := again(m.d.facts, m.policy, &p, i)
		want = max(want, kept.Boot.Pair.Hard)
	}
	if now < want {
		m.plan.Live = append(m.plan.Live, LiveChange{Kind: LiveSysctl, Setting: p.Setting, Before: now.String(), After: want.String()})
		facts := *m.d.facts
		facts.Maps.MaxMapCount = probes.Known(int64(want))
		m.d.facts = &facts
	}
	m.touch(&p)
}

// short reports whether a setting has to be raised. One that is enough now and
// not known after a boot is left alone: nothing shows that it is low.
func (m *maker) short(p *probes.Proposal) bool {
	if p.LiveShort || p.BootShort {
		return true
	}
	pair, seen := m.session(p.User, p.Setting)
	seen = seen && p.Kind == probes.ProposeUser
	switch {
	case p.AtLeast == 0 || p.Boot.Known:
	case !p.Live.Known && seen && p.Counts(pair) < p.AtLeast:
		return true
	case !p.Live.Known && !seen:
		m.refuse(p, "what it is now is not known: "+p.Live.Why, "tmdoctor check --sudo shows more; tmdoctor why HOST "+p.Setting+" says what is missing")
	default:
		m.note(strings.TrimPrefix(fmt.Sprintf("%s: what %s is after a reboot is not known: %s", p.Subject, p.Setting, p.Boot.Why), ": "))
	}
	return false
}

// sysctlNow is the value as root saw it last.
func (m *maker) sysctlNow(p *probes.Proposal) (now probes.Limit, why string) {
	v := m.s.Sysctls[p.Setting]
	text, ok := v.Get()
	if !ok {
		return 0, fmt.Sprintf("%s could not be read: %s", p.Setting, v.Why())
	}
	now, err := probes.ParseLimit(text)
	if err != nil {
		return 0, fmt.Sprintf("%s is no number: %v", p.Setting, err)
	}
	return now, ""
}

// keepSysctl plans the files that hold a value over a boot.
func (m *maker) keepSysctl(p *probes.Proposal, i int, want probes.Limit) bool {
	holds := func(paths []string, f *probes.Facts) string {
		q, ok := again(f, m.policy, p, i)
		switch {
		case !ok:
			return "the planned host cannot be judged"
		case !q.Boot.Known:
			return "what the next boot gives is not known: " + q.Boot.Why
		case q.Boot.Pair.Hard < want:
			return lostTo(q, paths)
		}
		return ""
	}
	edit := func(content string) string {
		value := want
		if text, ok := conf.SysctlText(content, p.Setting); ok {
			value = notLower(text, want, p.Most)
		}
		return conf.SetSysctl(content, p.Setting, value.String())
	}
	all := m.candidates(sysctlPlace, edit, func(paths []string, f *probes.Facts) string {
		q, _ := again(f, m.policy, p, i)
		return m.whySysctl(q, paths)
	})
	chosen, passed := m.choose(p.Setting, all, holds)
	if chosen == nil {
		m.refuse(p, refusedPlaces(m.o.PersistIn, passed), insteadSysctl(toolsOf(passed), p, want))
		return false
	}
	m.tellPassed(passed)
	m.tellManaged(p.Setting, func(managed []string) string { return insteadSysctl(managed, p, want) })
	m.otherLoaders(p, i, want)
	return true
}

// notLower is a value that is written over another one: never less, even where
// that one has no effect, unless the kernel would refuse it.
func notLower(text string, want, most probes.Limit) probes.Limit {
	if old, ok := leading(text); ok && old <= most {
		return max(old, want)
	}
	return want
}

// leading is the number that a text begins with, whatever stands behind it: what
// reads the file may take less of it for the value, and never more.
func leading(text string) (probes.Limit, bool) {
	if text == "unlimited" {
		return probes.Unlimited, true
	}
	digits, base := text, 10
	if strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X") {
		digits, base = text[2:], 16
	}
	end := 0
	for end < len(digits) && (digits[end] >= '0' && digits[end] <= '9' || base == 16 && strings.ContainsRune("abcdefABCDEF", rune(digits[end]))) {
		end++
	}
	n, err := strconv.ParseInt(digits[:end], base, 64)
	return probes.Limit(n), err == nil
}

// again is the same proposal on a planned host.
func again(f *probes.Facts, policy *probes.Policy, p *probes.Proposal, i int) (*probes.Proposal, bool) {
	all := probes.Proposals(f, policy)
	if i >= len(all) || all[i].Setting != p.Setting || all[i].Subject != p.Subject {
		return &probes.Proposal{}, false
	}
	return &all[i], true
}

// lostTo says what wins instead of the files of a candidate, and why they are
// not read where they are not.
func lostTo(q *probes.Proposal, paths []string) string {
	text := fmt.Sprintf("the next boot would give %s, by %s", show(q.Boot.Pair), q.Boot.Source)
	for _, f := range q.Sysctl.Files {
		if slices.Contains(paths, f.Path) && !f.Read && f.Note != "" {
			return text + "; " + f.Note
		}
	}
	return text
}

// show is SOFT:HARD, or one number where both are the same.
func show(p probes.LimitPair) string {
	if p.Soft == p.Hard {
		return p.Hard.String()
	}
	return p.Soft.String() + ":" + p.Hard.String()
}

// whySysctl says why a setting stands in these files, by what the planned host
// makes of it.
func (m *maker) whySysctl(q *probes.Proposal, paths []string) string {
	w, ok := q.Sysctl.Winner()
	if !ok {
		return ""
	}
	for _, f := range q.Sysctl.Files {
		through := f.Path != w.Place.File && slices.ContainsFunc(f.Lines, func(l conf.SysctlLine) bool { return l.Fate == conf.FateWins })
		if through {
			return fmt.Sprintf("at boot %s applies %s last, through %s", q.Sysctl.Loader, w.Place.File, f.Path)
		}
	}
	planned := func(path string) bool {
		st := m.s.file(path)
		return path == w.Place.File || st != nil && st.Real == w.Place.File
	}
	if !slices.ContainsFunc(paths, planned) { // the same value twice
		return fmt.Sprintf("at boot %s applies no file after it that sets less", q.Sysctl.Loader)
	}
	return fmt.Sprintf("at boot %s applies %s last", q.Sysctl.Loader, w.Place.File)
}

// otherLoaders tells of /etc/sysctl.conf where it keeps a lower value: it does
// not decide at boot, but somebody may load it.
func (m *maker) otherLoaders(p *probes.Proposal, i int, want probes.Limit) {
	if st := m.s.file(sysctlPlace.main); st != nil && m.d.at(cmp.Or(st.Real, st.Path)) >= 0 {
		return
	}
	q, _ := again(m.d.facts, m.policy, p, i)
	for _, f := range q.Sysctl.Files {
		if f.Path != sysctlPlace.main {
			continue
		}
		for _, l := range f.Lines {
			if n, err := probes.ParseLimit(l.Value); err == nil && n < want && l.Fate != conf.FateWins {
				m.note(fmt.Sprintf("%s still has %s: sysctl -p, and on some hosts sysctl --system, would set that", l.Place, n))
			}
		}
		if !f.Read {
			m.note(fmt.Sprintf("%s is ignored at boot on this host: %s", sysctlPlace.main, f.Note))
		}
	}
}

// refusedPlaces is why no file will do.
func refusedPlaces(in PersistIn, passed []lost) string {
	if in != "" && in != PersistAuto {
		return fmt.Sprintf("--persist-in %s: %s", in, reasons(passed))
	}
	return reasons(passed)
}

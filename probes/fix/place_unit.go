package fix

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// unitKeys are the settings of a unit by the setting of a proposal.
var unitKeys = map[string]string{"nofile": "LimitNOFILE", "as": "LimitAS", "TasksMax": "TasksMax"}

// unit plans a limit of a systemd unit: a drop-in of our own, or the reload
// that is due.
func (m *maker) unit(p probes.Proposal, i int) {
	if !m.short(&p) {
		return
	}
	want, why := m.wantedUnit(&p)
	switch {
	case m.stop != "":
		why = m.stop
	case !plainUnit(p.Unit):
		why = fmt.Sprintf("%q is no plain name of a unit", p.Unit)
	}
	switch {
	case why != "" && p.Setting == "nofile" && why != m.stop:
		m.refuse(&p, why, aboveNrOpen(&p))
	case why != "":
		m.refuse(&p, why, unitByHand(&p, want))
	case p.Boot.Known && !p.BootShort && p.Reload:
		m.note(fmt.Sprintf("%s: its files give %s of %s already (%s): systemd only has to read them again", p.Unit, show(p.Boot.Pair), p.Setting, p.Boot.Source))
		m.reloaded(&p, i)
	case p.Boot.Known && !p.BootShort:
		m.refuse(&p, fmt.Sprintf("systemd gives %s, and the files give %s already (%s): something else sets it until the reboot", show(p.Live.Pair), show(p.Boot.Pair), p.Boot.Source),
			"look at systemctl show and at the drop-ins in /run/systemd")
	default:
		m.dropIn(&p, i, want)
	}
}

// wantedUnit is the pair that is written.
func (m *maker) wantedUnit(p *probes.Proposal) (probes.LimitPair, string) {
	if p.Setting == "as" {
		return probes.LimitPair{Soft: probes.Unlimited, Hard: probes.Unlimited}, ""
	}
	return m.wanted(p)
}

// plainUnit reports whether a name is one that systemd itself would give.
func plainUnit(name string) bool { return unitName.MatchString(name) }

// unitValue is a pair as systemd reads it.
func unitValue(p probes.LimitPair) string {
	word := func(l probes.Limit) string {
		if l == probes.Unlimited {
			return "infinity"
		}
		return l.String()
	}
	if p.Soft == p.Hard {
		return word(p.Hard)
	}
	return word(p.Soft) + ":" + word(p.Hard)
}

// dropIn plans a drop-in; where the unit hands its limits to a session of
// another user, with the lines for that user.
func (m *maker) dropIn(p *probes.Proposal, i int, want probes.LimitPair) {
	w := unitPlace(p.Unit)
	edit := func(content string) string {
		key := unitKeys[p.Setting]
		soft, hard, pair := strings.Cut(unitWords(conf.UnitText(content, key)), ":")
		if !pair {
			hard = soft
		}
		return conf.SetUnit(content, key, unitValue(probes.LimitPair{Soft: notLower(soft, want.Soft, p.Most), Hard: notLower(hard, want.Hard, p.Most)}))
	}
	why := func(paths []string, _ *probes.Facts) string {
		if slices.Contains(paths, limitsPlace.main) {
			return p.Unit + " switches to " + p.User + " in a session that asks limits.conf again"
		}
		return "systemd reads it after all else of " + p.Unit + ", and no limits.conf"
	}
	all := m.candidates(w, edit, why)
	if p.Setting == "nofile" && plainName(p.User) == "" && m.s.file(limitsPlace.main) != nil {
		lines := userLines(p, want)
		for _, c := range slices.Clone(all) {
			c.paths, c.place, c.edit = append(c.paths, limitsPlace.main), append(c.place, limitsPlace), append(c.edit, lines)
			all = append(all, c)
		}
	}
	holds := func(_ []string, f *probes.Facts) string { return m.gives(f, p, i, want) }
	before := m.d
	chosen, passed := m.choose(p.Setting, all, holds)
	if chosen != nil && slices.Contains(chosen.paths, limitsPlace.main) {
		if why := m.untried(p.User); why != "" {
			m.d, chosen, passed = before, nil, []lost{{files: limitsPlace.main, why: why}}
		}
	}
	if chosen == nil {
		m.refuse(p, reasons(passed), insteadUnit(toolsOf(passed), p, want))
		return
	}
	m.tellPassed(passed)
	m.tellManaged(p.Setting, func(managed []string) string { return insteadUnit(managed, p, want) })
	m.reloaded(p, i)
}

// reloaded gives the draft the unit as systemd has it after a reload.
func (m *maker) reloaded(p *probes.Proposal, i int) {
	m.plan.Reload = true
	m.touch(p)
	q, _ := again(m.d.facts, m.policy, p, i)
	u, ok := m.d.facts.NoFile.Units[p.Unit].Get()
	if !ok || !q.Boot.Known {
		return
	}
	if p.Setting == "TasksMax" {
		u.TasksMax = q.Boot.Pair.Hard
	} else {
		u.Limits = maps.Clone(u.Limits)
		if u.Limits == nil {
			u.Limits = map[string]probes.LimitPair{}
		}
		u.Limits[p.Setting] = q.Boot.Pair
	}
	facts := *m.d.facts
	facts.NoFile.Units = maps.Clone(facts.NoFile.Units)
	facts.NoFile.Units[p.Unit] = probes.Known(u)
	m.d.facts = &facts
}

// unitByHand is what a person does for a limit of a unit.
func unitByHand(p *probes.Proposal, want probes.LimitPair) string {
	return fmt.Sprintf("[Service] %s=%s in %s, then systemctl daemon-reload", unitKeys[p.Setting], unitValue(want), ownDropIn(p.Unit))
}

// insteadUnit is what to do where no file is changed for a unit.
func insteadUnit(managed []string, p *probes.Proposal, want probes.LimitPair) string {
	if len(managed) == 0 {
		return unitByHand(p, want)
	}
	return inWords(managed, func(w words) (string, bool) {
		if w.unit == nil {
			return "", false
		}
		return w.unit(p.Unit, unitKeys[p.Setting], unitValue(want)), true
	}, unitByHand(p, want))
}

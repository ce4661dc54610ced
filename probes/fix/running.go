package fix

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tmdoctor/tmdoctor/probes"
)

// processes plans the limits of running TaskManagers.
func (m *maker) processes() {
	if !m.o.Running {
		return
	}
	for _, p := range probes.Proposals(m.d.facts, m.policy) {
		if p.Kind != probes.ProposeProcess {
			continue
		}
		if !p.Live.Known {
			m.refuse(&p, "its limits are not known: "+p.Live.Why, "prlimit --pid PID shows them to root")
			continue
		}
		if p.LiveShort && !m.restarted(p.Unit) {
			m.process(&p)
		}
	}
}

// process plans a limit of one running TaskManager.
func (m *maker) process(p *probes.Proposal) {
	running := m.running(p.PIDs[0])
	now, ok := probes.LimitPair{}, false
	if running != nil {
		now, ok = parsePair(running.Limits[p.Setting])
	}
	var why string
	switch {
	case m.stop != "":
		why = m.stop
	case running == nil:
		why = "the process was not looked at"
	case running.Gone || running.Started == "":
		why = "the process is gone"
	case !ok:
		why = "its limits could not be read"
	case p.Most == 0:
		why = p.MostWhy
	}
	want := probes.LimitPair{Soft: max(p.AtLeast, now.Soft), Hard: max(p.AtLeast, now.Hard, now.Soft)}
	if p.Setting == "as" {
		want = probes.LimitPair{Soft: probes.Unlimited, Hard: probes.Unlimited}
	}
	if why == "" && want.Hard > p.Most {
		why = fmt.Sprintf("%s is more than fs.nr_open allows, %s", want.Hard, p.Most)
	}
	if why != "" {
		m.refuse(p, why, "restart the TaskManager as it was started")
		return
	}
	if want == now {
		return
	}
	m.plan.Live = append(m.plan.Live, LiveChange{
		Kind: LiveProcess, Setting: p.Setting, PID: running.PID, Started: running.Started, Before: pair(now), After: pair(want),
	})
	m.note(fmt.Sprintf("%s: %s of the running TaskManager is raised with prlimit, which is gone at its next start", p.Subject, p.Setting))
	m.raised(running.PID, p.Setting, want)
	m.touch(p)
}

func pair(p probes.LimitPair) string { return p.Soft.String() + ":" + p.Hard.String() }

func (m *maker) running(pid int) *Process {
	i := slices.IndexFunc(m.s.Processes, func(p Process) bool { return p.PID == pid })
	if i < 0 {
		return nil
	}
	return &m.s.Processes[i]
}

// raised gives the draft a process with another limit.
func (m *maker) raised(pid int, item string, want probes.LimitPair) {
	facts := *m.d.facts
	facts.Flink.TaskManagers = slices.Clone(facts.Flink.TaskManagers)
	for i := range facts.Flink.TaskManagers {
		tm := &facts.Flink.TaskManagers[i]
		if limits, ok := tm.Limits.Get(); ok && tm.PID == pid {
			limits = maps.Clone(limits)
			limits[item] = want
			tm.Limits = probes.Known(limits)
		}
	}
	m.d.facts = &facts
}

// restarted reports whether a unit is restarted by the plan.
func (m *maker) restarted(unit string) bool {
	return unit != "" && slices.Contains(m.plan.Restart, unit)
}

// restarts plans the restart of units whose TaskManagers run with less than
// the next start gets.
func (m *maker) restarts() {
	if !m.o.RestartUnit {
		return
	}
	next := map[string]bool{} // by setting and unit: the next start is enough
	all := probes.Proposals(m.d.facts, m.policy)
	for _, p := range all {
		if p.Kind == probes.ProposeUnit && p.Live.Known && !p.LiveShort {
			next[p.Setting+" "+p.Unit] = true
		}
	}
	for _, p := range all {
		switch {
		case p.Kind != probes.ProposeProcess || !p.LiveShort:
		case p.Unit == "" && m.o.Running: // raised as it runs
		case p.Unit == "":
			m.refuse(&p, "--restart-unit: the TaskManager was not started by a systemd unit", "restart the TaskManager as it was started, or --running")
		case next[p.Setting+" "+p.Unit] && !m.restarted(p.Unit):
			m.restart(&p)
		}
	}
}

// restart plans the restart of a unit that runs.
func (m *maker) restart(p *probes.Proposal) {
	i := slices.IndexFunc(m.s.Units, func(u UnitState) bool { return u.Unit == p.Unit })
	switch {
	case m.stop != "":
		m.refuse(p, "--restart-unit: "+m.stop, "systemctl restart "+p.Unit)
	case i < 0:
		m.refuse(p, "--restart-unit: "+p.Unit+" was not looked at", "systemctl restart "+p.Unit)
	case m.s.Units[i].Unknown != "":
		m.refuse(p, "--restart-unit: the state of "+p.Unit+" is not known: "+m.s.Units[i].Unknown, "systemctl restart "+p.Unit)
	case m.s.Units[i].Active != "active":
		m.refuse(p, "--restart-unit: "+p.Unit+" is "+m.s.Units[i].Active+", and only what runs is restarted", "systemctl start "+p.Unit)
	default:
		m.plan.Restart = append(m.plan.Restart, p.Unit)
		for _, q := range probes.Proposals(m.d.facts, m.policy) {
			if q.Kind == probes.ProposeUnit && q.Unit == p.Unit && q.Setting == p.Setting {
				m.touch(&q)
			}
		}
	}
}

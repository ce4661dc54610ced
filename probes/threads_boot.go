package probes

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// threadsLimit is how nproc is judged on the horizons live and boot. The
// policy has no floor for it: what is in use is compared.
func threadsLimit(Input) limitSpec {
	return limitSpec{
		item: "nproc", what: "threads", near: true,
		used: func(f *Facts, tm TaskManager) Value[int64] {
			uid, ok := tm.UID.Get()
			if !ok || uid == 0 { // the kernel does not hold root to it
				return Unknown[int64]("not counted")
			}
			return f.Threads.Users[uid]
		},
		raise: func(in Input, s *start, want Limit) string {
			if s.kind == LaunchSystemd || s.kind == LaunchYARN {
				return fmt.Sprintf("LimitNPROC=%s in the unit %s, then systemctl daemon-reload", want, shellWord(s.unit))
			}
			return limitsConf(in, s.user, "nproc", want)
		},
	}
}

// tasks are TasksMax of a unit or slice above TaskManagers: the threads of its
// control group and the limits on them.
type tasks struct {
	s          *start
	unit       string
	group      PidsGroup
	running    bool // group is known
	seen       bool // the groups above a TaskManager were read
	live, boot HorizonValue
	item       conf.ItemLimits
}

// unitTasks are the units of starts, and the slices above them that limit
// tasks, now or after the next boot.
func unitTasks(in Input) (all []tasks) {
	var told []string
	for i := range in.next.startsOf() {
		s := &in.next.starts[i]
		names := []string{}
		if s.kind == LaunchSystemd {
			names = append(names, s.unit)
		}
		for _, tm := range s.tms {
			names = append(names, tm.Launch.Slices...)
		}
		for _, name := range names {
			if slices.Contains(told, name) {
				continue
			}
			told = append(told, name)
			t := tasksOf(in, s, name)
			limited := t.live.Value != Unlimited.String() && t.live.Unknown == "" || t.boot.Value != Unlimited.String()
			if strings.HasSuffix(name, ".service") || limited && t.boot.Unknown == "" {
				all = append(all, t)
			}
		}
	}
	return all
}

func tasksOf(in Input, s *start, name string) tasks {
	t := tasks{s: s, unit: name, live: HorizonValue{Source: "systemctl show " + name}}
	facts, isUnit := in.Facts.NoFile.Units[name]
	if !isUnit {
		facts = in.Facts.Login.Slices[name]
	}
	if u, ok := facts.Get(); ok {
		t.live.Value = u.TasksMax.String()
	} else {
		t.live.Unknown = facts.Why()
	}
	u := in.next.unit(name)
	t.item = u.Items["TasksMax"]
	t.boot = limitOf(t.item).value()
	if u.Unknown != "" {
		t.boot = HorizonValue{Unknown: u.Unknown}
	}
	for _, tm := range s.tms {
		groups, known := in.Facts.Threads.Groups[tm.PID].Get()
		t.seen = t.seen || known
		for _, g := range groups {
			if !t.running && path.Base(path.Dir(g.Path)) == name {
				t.group, t.running = g, true
			}
		}
	}
	return t
}

// used are the tasks of the unit: those of its control group where that is
// limited and so was read, else at least those of its TaskManagers.
func (t *tasks) used() (n int64) {
	if t.running {
		return t.group.Current
	}
	for _, tm := range t.s.tms {
		n += tm.Threads.Or(0)
	}
	return n
}

// tasksStandings are TasksMax side by side, for units.
func tasksStandings(in Input) (all []Standing) {
	for _, t := range unitTasks(in) {
		s := Standing{Setting: "TasksMax", Subject: t.unit, Used: -1, Live: t.live, Boot: t.boot}
		switch {
		case len(t.s.tms) == 0:
			s.Running = HorizonValue{Unknown: noneRuns}
		case !t.seen:
			s.Running = HorizonValue{Unknown: in.Facts.Threads.Groups[t.s.tms[0].PID].Why()}
		case !t.running:
			s.Running = HorizonValue{Value: Unlimited.String(), Source: "control groups without a limit"}
		default:
			s.Used = t.group.Current
			s.Running = HorizonValue{Value: Limit(t.group.Max).String(), Source: t.group.Path}
		}
		all = append(all, s)
	}
	return all
}

// tasksAtBoot judges TasksMax after the next boot by what is in use.
func tasksAtBoot(in Input) (findings []Finding) {
	for _, t := range unitTasks(in) {
		n := limitOf(t.item)
		if t.boot.Unknown != "" || !n.known || n.pair.Hard == Unlimited {
			continue
		}
		value := n.pair.Hard
		find := func(slug, message string) Finding {
			f := in.Find(slug, Boot, message)
			f.Subject, f.Source, f.Observed = t.unit, n.source, value.String()
			f.Want = "below " + fmt.Sprint(in.Threshold("threads/near")) + " %"
			f.Evidence = threadsLimit(in).evidence(in.Facts, n)
			want := twice(max(t.used(), int64(value)))
			if live, err := ParseLimit(t.live.Value); err == nil {
				want = max(want, int64(live)) // never lower
			}
			f.Remedy = starter{in: in, kind: LaunchSystemd, unit: t.unit}.raiseTasks(t.unit, want)
			return f
		}
		if slug, share, ok := usage(in, t.used(), int64(value)); ok {
			f := find(slug, fmt.Sprintf("the unit has %d %% or more of the %s threads that TasksMax allows after a reboot", share, value))
			f.Observed = fmt.Sprintf("%d of %s threads (%d %%)", t.used(), value, percent(t.used(), int64(value)))
			findings = append(findings, f)
		}
		if live, err := ParseLimit(t.live.Value); err == nil && t.live.Unknown == "" && value < live && n.at != "" {
			f := find("not-persistent", fmt.Sprintf("TasksMax of the TaskManager's unit is %s now and %s after a reboot", live, value))
			f.Want = live.String()
			findings = append(findings, f)
		}
	}
	return findings
}

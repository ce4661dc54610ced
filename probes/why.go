package probes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// Why resolves how the values of a setting came about on a host. setting is
// the name of a probe's Setting, another item of limits.conf, or any key of
// sysctl; the error says that it is none of these, whatever the facts are.
func Why(f *Facts, p *Policy, setting string) (Chain, error) {
	if !IsSetting(setting) {
		return Chain{}, fmt.Errorf("%q is not a setting", setting)
	}
	in := Input{Facts: f, Policy: p, next: newResolver(f, nil)}
	name := setting
	if item, ok := strings.CutPrefix(setting, "Limit"); ok {
		name = strings.ToLower(item) // LimitNOFILE= of a unit
	}
	switch {
	case name == "TasksMax":
		return whyTasks(in), nil
	case name == "MemoryMax":
		return whyMemory(in), nil
	case conf.IsLimitItem(name):
		return whyLimit(in, name), nil
	}
	return whySysctl(in, strings.ReplaceAll(setting, "/", ".")), nil
}

// whyTasks is the way of TasksMax to its value for the units and slices of
// TaskManagers.
func whyTasks(in Input) Chain {
	c := Chain{Setting: "TasksMax", Standings: tasksStandings(in)}
	for _, t := range unitTasks(in) {
		c.Parts = append(c.Parts,
			ChainPart{Horizon: Live, Title: "now, " + t.unit, Why: t.s.evidence, Result: t.live},
			ChainPart{Horizon: Boot, Title: "after the next boot, " + t.unit, Why: t.s.evidence, Result: t.boot, Steps: stepsOf(t.item.Chain)})
	}
	if len(c.Parts) == 0 {
		c.Parts = []ChainPart{{Horizon: Boot, Title: "after the next boot", Result: HorizonValue{Unknown: "no unit of a TaskManager is known"}}}
	}
	return c
}

// whyMemory is the same for MemoryMax, which no probe judges.
func whyMemory(in Input) Chain {
	r := in.next
	c := Chain{Setting: "MemoryMax"}
	for _, name := range r.startUnits() {
		live := HorizonValue{Source: "systemctl show " + name}
		u, shown := r.f.NoFile.Units[name].Get()
		if limit, ok := u.MemoryMax.Get(); ok {
			live.Value = limit.String()
		} else if live.Unknown = u.MemoryMax.Why(); !shown {
			live.Unknown = cmp.Or(r.f.NoFile.Units[name].Why(), "systemctl show does not tell")
		}
		next := r.resolveUnit(unitKey{name: name}, r.pid1(), uint64(r.f.Memory.Total.Or(0)))
		n := limitOf(next.Items["MemoryMax"])
		if next.Unknown != "" {
			n = unknownNext(next.Unknown)
		}
		c.Standings = append(c.Standings, Standing{Setting: c.Setting, Subject: name, Used: -1, Running: live, Live: live, Boot: n.value()})
		c.Parts = append(c.Parts, ChainPart{Horizon: Boot, Title: "after the next boot, " + name, Result: n.value(), Steps: stepsOf(n.item.Chain)})
	}
	if len(c.Parts) == 0 {
		c.Parts = []ChainPart{{Horizon: Boot, Title: "after the next boot", Result: HorizonValue{Unknown: "no unit of a TaskManager is known"}}}
	}
	return c
}

// whySysctl is the way of a sysctl to its value after the next boot, and what
// the commands would give that operators trust in its place.
func whySysctl(in Input, key string) Chain {
	r := in.next
	boot := r.bootSysctl(key)
	c := Chain{Setting: key, Standings: []Standing{sysctlStanding(in, key, boot)}}
	by := cmp.Or(string(boot.Loader), "a loader that is not known")
	if boot.Loader == conf.LoaderNone {
		by = "nothing"
	}
	c.Parts = append(c.Parts, sysctlPart(Boot, "after the next boot, by "+by, boot))
	for _, f := range boot.Files {
		if name, at := managedBy(in.Facts, f.Path); name != "" && len(f.Lines) > 0 {
			c.Parts[0].Notes = append(slices.Clone(c.Parts[0].Notes), at.String()+": the file says that "+name+" writes it")
		}
	}
	h := r.sysctlHost(key)
	for _, other := range []struct {
		title string
		res   conf.Resolution
	}{
		{"if somebody ran sysctl --system, which is not what a boot runs", conf.SysctlSystem(h, key)},
		{"if somebody ran sysctl -p, which reads /etc/sysctl.conf alone", conf.SysctlLoad(h, key)},
	} {
		part := sysctlPart(Live, other.title, other.res)
		part.Why = ""
		c.Parts = append(c.Parts, part)
	}
	return c
}

func sysctlStanding(in Input, key string, boot conf.Resolution) Standing {
	if key == maxMapCount {
		limit, ok := in.Facts.Maps.MaxMapCount.Get()
		if !ok {
			limit = -1
		}
		return mapsStanding(in.Facts, limit, boot)
	}
	live := HorizonValue{Source: "/proc/sys/" + strings.ReplaceAll(key, ".", "/"), Value: in.next.liveSysctl(key)}
	if live.Value == "" {
		live.Unknown = "it was not read"
	}
	return Standing{Setting: key, Used: -1, Running: live, Live: live, Boot: bootValue(boot)}
}

// sysctlPart is a resolution as it is told.
func sysctlPart(h Horizon, title string, r conf.Resolution) ChainPart {
	part := ChainPart{Horizon: h, Title: title, Why: r.LoaderWhy, Result: bootValue(r), Notes: r.Notes}
	for _, f := range r.Files {
		step := ChainStep{Path: f.Path, Target: f.Target, Note: f.Note}
		for _, l := range f.Lines {
			step.Lines = append(step.Lines, ChainLine{
				Line: l.Place.Line, Text: strings.TrimSpace(l.Text), Fate: string(l.Fate), Why: l.Why, Won: l.Fate == conf.FateWins,
			})
		}
		part.Steps = append(part.Steps, step)
	}
	return part
}

// whyLimit is the way of a limit to its value for each start of a TaskManager.
func whyLimit(in Input, item string) Chain {
	r := in.next
	l := limitSpec{item: item, used: func(*Facts, TaskManager) Value[int64] { return Unknown[int64]("not counted") }}
	if probe := BySetting(item); probe != nil && probe.Setting.limit != nil {
		l = probe.Setting.limit(Input{Facts: in.Facts, Policy: in.Policy, Probe: probe, next: r})
	}
	c := Chain{Setting: item, Standings: l.standings(in)}
	for i := range r.startsOf() {
		s := &r.starts[i]
		c.Parts = append(c.Parts, r.liveParts(s, item)...)
		c.Parts = append(c.Parts, r.bootParts(s, item)...)
	}
	if len(c.Parts) == 0 {
		why := "no TaskManager runs, no unit of its name is there, and whom one would run as is not known"
		c.Parts = []ChainPart{{Horizon: Boot, Title: "a start after the next boot", Result: HorizonValue{Unknown: why}}}
	}
	return c
}

// liveParts are what a start gets now.
func (r *resolver) liveParts(s *start, item string) []ChainPart {
	n := r.live(s, item)
	return []ChainPart{{Horizon: Live, Title: "a start now, " + s.subject(), Why: s.evidence, Result: n.value(), Steps: stepsOf(n.item.Chain)}}
}

// bootParts are the ways of a start after the next boot: one, or a session
// through each service that may have opened it.
func (r *resolver) bootParts(s *start, item string) (parts []ChainPart) {
	title := "a start after the next boot, " + s.subject()
	if s.kind != LaunchLogin {
		n := r.boot(s, item)
		return []ChainPart{{Horizon: Boot, Title: title, Why: s.evidence, Result: n.value(), Steps: stepsOf(n.item.Chain)}}
	}
	notes := r.shellNotes(item)
	for _, service := range s.services {
		if !r.hasService(service) && len(s.services) > 1 {
			continue
		}
		session := r.login(s.user, service, s.under, Boot)
		n := sessionLimit(session, item)
		part := ChainPart{Horizon: Boot, Title: title + " through " + service, Why: s.evidence, Result: n.value(), Steps: stackSteps(session)}
		part.Steps = append(part.Steps, stepsOf(n.item.Chain)...)
		part.Notes = slices.Clone(notes)
		for _, note := range session.MayRefuse {
			part.Notes = append(part.Notes, fmt.Sprintf("a session may be refused: %s at %s", note.Why, note.At))
		}
		parts = append(parts, part)
	}
	if len(parts) == 1 {
		parts[0].Result = r.boot(s, item).value()
	} else if whole := r.boot(s, item); len(parts) > 1 {
		parts = append(parts, ChainPart{Horizon: Boot, Title: title + ", whichever it was", Result: whole.value()})
	}
	return parts
}

// stackSteps say which pam_limits is asked, and by which lines of the stack.
func stackSteps(s sessionLimits) (steps []ChainStep) {
	if s.noPAM != "" {
		steps = append(steps, ChainStep{Note: s.noPAM})
	}
	for _, step := range s.stack.Steps {
		own := ChainStep{Path: step.At.File, Lines: linesOfStep(step)}
		if len(own.Lines) == 0 {
			own.Note = step.What
		}
		steps = append(steps, own)
	}
	if s.Variant.Name != "" {
		steps = append(steps, ChainStep{Note: "pam_limits is " + s.Variant.Name + " (" + s.Variant.Why + ")"})
	}
	return steps
}

func linesOfStep(step conf.Step) []ChainLine {
	if step.At.Line == 0 {
		return nil
	}
	return []ChainLine{{Line: step.At.Line, Text: step.Text, Fate: step.What, Won: step.Won}}
}

// stepsOf puts the lines of one file below it, in the order in which they were
// taken.
func stepsOf(chain []conf.Step) (steps []ChainStep) {
	for _, step := range chain {
		last := len(steps) - 1
		switch {
		case step.At.Line == 0:
			steps = append(steps, ChainStep{Path: step.At.File, Note: step.What})
		case last >= 0 && steps[last].Path == step.At.File && len(steps[last].Lines) > 0:
			steps[last].Lines = append(steps[last].Lines, linesOfStep(step)...)
		default:
			steps = append(steps, ChainStep{Path: step.At.File, Lines: linesOfStep(step)})
		}
	}
	return steps
}

// shellNotes are the lines with ulimit for an item in start files of the
// shell: they are named, and never run.
func (r *resolver) shellNotes(item string) (notes []string) {
	list, ok := r.f.NoFile.Shell.Get()
	if !ok {
		return []string{"start files of the shell: " + r.f.NoFile.Shell.Why()}
	}
	for _, line := range list {
		at, text, ok := conf.ParsePlace(line)
		if !ok {
			continue
		}
		for _, u := range conf.UlimitLine(at, text) {
			if u.Item == item {
				notes = append(notes, "a start file of the shell may change it: "+u.At.String()+": "+strings.TrimSpace(text))
				break
			}
		}
	}
	return notes
}

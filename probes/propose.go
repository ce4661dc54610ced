package probes

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// ProposalKind is what a setting that can be raised belongs to.
type ProposalKind string

// The kinds of a proposal. Limits of what else starts a TaskManager (a
// container, YARN, a user's own systemd) are raised by a person.
const (
	ProposeHost    ProposalKind = "host"    // the kernel
	ProposeUser    ProposalKind = "user"    // new sessions of a user
	ProposeUnit    ProposalKind = "unit"    // the next start of a systemd unit
	ProposeProcess ProposalKind = "process" // a running TaskManager
)

// Worth is what a setting is on a horizon, or why that is not known. Both
// limits are the same where a setting has one.
type Worth struct {
	Pair   LimitPair
	Known  bool
	Why    string
	Source string
}

// Proposal is a setting that a program can raise on a host, for one subject:
// what it is to be, and what it is. It is one whether the setting is low or
// not, so that a planned host can be compared with the host as it is.
type Proposal struct {
	Setting string // "vm.max_map_count", "nofile", "as", "TasksMax"
	Kind    ProposalKind
	// Subject is that of a [Standing], or its Start: "", "user flink", a unit,
	// "pid 4711".
	Subject string
	// User is that of the sessions; of a unit the one to whom its command
	// switches, "" where it does not.
	User string
	Unit string
	PIDs []int // TaskManagers that were started so
	// AtLeast is what the policy and what is in use ask for; 0 for nothing.
	AtLeast Limit
	// Soft says that the soft limit counts. Of open files the hard one does:
	// HotSpot raises the soft one, unless it was told not to.
	Soft bool
	// Most is the greatest value that the kernel takes, now and after the next
	// boot; 0 where MostWhy says why it is not known.
	Most    Limit
	MostWhy string
	// Live is what holds now, of a process what it has; Boot what will hold
	// after the next boot. They fall short where LiveShort and BootShort say so.
	Live, Boot           Worth
	LiveShort, BootShort bool
	// Contradicted is why the files do not tell what a session gets, although
	// they seem to.
	Contradicted string
	// Reload is true of a unit whose files systemd has not read again.
	Reload bool
	// Sysctl and Item are the way to Boot.
	Sysctl conf.Resolution
	Item   conf.ItemLimits
	// Asked is the greatest value that a line asks for in vain, and its place.
	Asked   Limit
	AskedAt string
}

// Counts is the one of the two limits that is compared.
func (p *Proposal) Counts(pair LimitPair) Limit {
	if p.Soft {
		return pair.Soft
	}
	return pair.Hard
}

// Proposals are the settings of a host that a program can raise, in the order
// in which probes judge them. Whether one has to be is judged as Evaluate does.
func Proposals(f *Facts, p *Policy) []Proposal {
	r := newResolver(f, nil)
	in := func(probe *Probe) Input { return Input{Facts: f, Policy: p, Probe: probe, next: r} }
	all := []Proposal{proposeMaps(in(&Maps))}
	for _, probe := range []*Probe{&NoFile, &AddressSpace} {
		all = append(all, proposeLimit(in(probe), probe.Setting.limit(in(probe)))...)
	}
	return append(all, proposeTasks(in(&Threads))...)
}

// proposeMaps is vm.max_map_count.
func proposeMaps(in Input) Proposal {
	p := Proposal{
		Setting: maxMapCount, Kind: ProposeHost, AtLeast: Limit(in.Threshold("maps/floor")),
		Most: math.MaxInt32, Sysctl: in.next.bootSysctl(maxMapCount),
	}
	p.Live = Worth{Source: "/proc/sys/vm/max_map_count", Why: in.Facts.Maps.MaxMapCount.Why()}
	if live, ok := in.Facts.Maps.MaxMapCount.Get(); ok {
		p.Live.set(LimitPair{Limit(live), Limit(live)})
	}
	p.Boot = Worth{Source: p.Sysctl.Source, Why: cmp.Or(p.Sysctl.Why, notCollected)}
	if n, err := ParseLimit(p.Sysctl.Value); p.Sysctl.Known && err == nil {
		p.Boot.set(LimitPair{n, n})
	}
	for _, tm := range in.Facts.Flink.TaskManagers {
		p.PIDs = append(p.PIDs, tm.PID)
		if n, ok := in.Facts.Maps.Counts[tm.PID].Get(); ok && p.crowded(in, n) {
			p.AtLeast = max(p.AtLeast, Limit(twice(n)))
		}
		if need, ok := zgcMaps(tm); ok {
			p.AtLeast = max(p.AtLeast, Limit(need))
		}
	}
	p.judge(true)
	for _, l := range p.Sysctl.Shadowed() {
		n, err := ParseLimit(l.Value)
		overridden := l.Fate == conf.FateLater || l.Fate == conf.FateGlob || l.Fate == conf.FateNotRead
		if err == nil && overridden && n <= p.Most && n > p.Asked {
			p.Asked, p.AskedAt = n, l.Place.String()
		}
	}
	return p
}

// crowded reports whether so much in use is near one of the limits.
func (p *Proposal) crowded(in Input, used int64) bool {
	for _, w := range []Worth{p.Live, p.Boot} {
		if limit := p.Counts(w.Pair); w.Known && limit != Unlimited {
			if _, _, near := usage(in, used, int64(limit)); near {
				return true
			}
		}
	}
	return false
}

// judge says which horizons fall short. lasting is whether it is certain that
// what a boot takes away was given on purpose.
func (p *Proposal) judge(lasting bool) {
	live, boot := p.Counts(p.Live.Pair), p.Counts(p.Boot.Pair)
	p.LiveShort = p.Live.Known && live < p.AtLeast
	p.BootShort = p.Boot.Known && (boot < p.AtLeast || lasting && p.Live.Known && boot < live && live >= p.AtLeast)
}

func (w *Worth) set(pair LimitPair) { w.Pair, w.Known, w.Why = pair, true, "" }

// worth is a limit as a proposal has it.
func (n nextLimit) worth() Worth {
	w := Worth{Source: n.source, Why: cmp.Or(n.why, notCollected)}
	if n.known {
		w.set(n.pair)
	}
	return w
}

// proposeLimit is a limit of limits.conf for each way in which a TaskManager
// is started, and for those that run.
func proposeLimit(in Input, l limitSpec) (all []Proposal) {
	r := in.next
	for i := range r.startsOf() {
		s := &r.starts[i]
		p := l.proposal(in, s)
		for _, tm := range s.tms {
			all = append(all, l.proposeProcess(in, s, tm))
		}
		if p.Kind != "" {
			all = append(all, p)
		}
	}
	return all
}

// proposal is what the next start of one kind gets; of no kind where nothing
// of ours decides it.
func (l limitSpec) proposal(in Input, s *start) Proposal {
	r := in.next
	live, boot := r.live(s, l.item), r.boot(s, l.item)
	p := Proposal{
		Setting: l.item, Subject: s.subject(), User: r.loginUser(s.user).Name, AtLeast: l.floor, Soft: !l.hardCounts(s),
		Live: live.worth(), Boot: boot.worth(), Item: boot.item,
	}
	p.Most, p.MostWhy = l.most(in)
	switch {
	case s.kind == LaunchLogin:
		p.Kind, p.Contradicted = ProposeUser, r.contradicted(s, l.item)
	case s.kind == LaunchSystemd && strings.HasSuffix(s.unit, ".service"):
		p.Kind, p.Unit = ProposeUnit, s.unit
		if p.User = ""; r.changesUser(s, r.unit(s.unit)) {
			p.User = r.switchedUser(s)
		}
		p.Reload = in.Facts.NoFile.Units[s.unit].Or(UnitLimits{}).NeedReload
	}
	for _, tm := range s.tms {
		p.PIDs = append(p.PIDs, tm.PID)
		if used, ok := l.used(in.Facts, tm).Get(); ok && l.near && (p.crowded(in, used) || l.crowds(in, tm, used)) {
			p.AtLeast = max(p.AtLeast, Limit(twice(used)))
		}
	}
	at := boot.at
	if p.Soft {
		at = boot.softAt
	}
	p.judge(at != "")
	for _, note := range boot.item.Shadowed {
		if asked, ok := l.asks(note.Text); ok && asked > p.Asked && asked <= p.Most {
			p.Asked, p.AskedAt = asked, note.At.String()
		}
	}
	return p
}

// crowds reports whether a TaskManager is near the limit that it has.
func (l limitSpec) crowds(in Input, tm TaskManager, used int64) bool {
	pair, ok := tm.limit(l.item)
	if !ok || pair.Soft == Unlimited {
		return false
	}
	_, _, near := usage(in, used, int64(pair.Soft))
	return near
}

// proposeProcess is the limit of a running TaskManager.
func (l limitSpec) proposeProcess(in Input, s *start, tm TaskManager) Proposal {
	p := Proposal{
		Setting: l.item, Kind: ProposeProcess, Subject: fmt.Sprintf("pid %d", tm.PID), PIDs: []int{tm.PID}, Unit: s.unit,
		AtLeast: l.floor, Soft: true,
		Live: Worth{Source: fmt.Sprintf("/proc/%d/limits", tm.PID), Why: tm.whyNoLimit(l.item)},
	}
	if s.kind != LaunchSystemd {
		p.Unit = ""
	}
	p.Most = Unlimited
	if l.item == "nofile" { // of the kernel as it is: a process does not see the next boot
		p.Most, p.MostWhy = Limit(in.Facts.NoFile.NrOpen.Or(0)), "fs.nr_open is not known: "+in.Facts.NoFile.NrOpen.Why()
	}
	if pair, ok := tm.limit(l.item); ok {
		p.Live.set(pair)
	}
	if used, ok := l.used(in.Facts, tm).Get(); ok && l.near && l.crowds(in, tm, used) {
		p.AtLeast = max(p.AtLeast, Limit(twice(used)))
	}
	p.judge(false)
	return p
}

// most is the greatest value of the item that the kernel takes.
func (l limitSpec) most(in Input) (Limit, string) {
	if l.item != "nofile" {
		return Unlimited, ""
	}
	now, ok := in.Facts.NoFile.NrOpen.Get()
	switch boot := in.next.bootNrOpen(); {
	case !ok:
		return 0, "fs.nr_open is not known: " + in.Facts.NoFile.NrOpen.Why()
	case boot == 0:
		return 0, "fs.nr_open after the next boot is not known: " + cmp.Or(in.next.bootSysctl("fs.nr_open").Why, "nothing sets it, and its default differs between distributions")
	default:
		return min(Limit(now), Limit(boot)), ""
	}
}

// proposeTasks is TasksMax of the units that start TaskManagers. It has no
// floor: what is in use is compared, and what holds now.
func proposeTasks(in Input) (all []Proposal) {
	for _, t := range unitTasks(in) {
		if t.s.kind != LaunchSystemd || t.unit != t.s.unit || !strings.HasSuffix(t.unit, ".service") {
			continue
		}
		p := Proposal{
			Setting: "TasksMax", Kind: ProposeUnit, Subject: t.unit, Unit: t.unit, Most: Unlimited,
			Live: worthOf(t.live), Boot: worthOf(t.boot), Item: t.item,
			Reload: in.Facts.NoFile.Units[t.unit].Or(UnitLimits{}).NeedReload,
		}
		for _, tm := range t.s.tms {
			p.PIDs = append(p.PIDs, tm.PID)
		}
		if used := t.used(); used > 0 && p.crowded(in, used) {
			p.AtLeast = Limit(twice(used))
		}
		p.judge(limitOf(t.item).at != "")
		all = append(all, p)
	}
	return all
}

// worthOf is a value of a standing as a proposal has it.
func worthOf(v HorizonValue) Worth {
	w := Worth{Source: v.Source, Why: v.Unknown}
	if n, err := ParseLimit(v.Value); v.Unknown == "" && err == nil {
		w.set(LimitPair{n, n})
	}
	return w
}

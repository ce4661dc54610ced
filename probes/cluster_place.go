package probes

import (
	"cmp"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// Placement tells which failures of a cluster belong to which host of an
// audit. Hosts are known by their names before they are asked, and by what
// their own facts show once they were. A failure belongs to one host by name;
// only where no name tells, to the hosts whose facts show its TaskManager.
type Placement struct {
	facts    *ClusterFacts
	exact    map[string][]string // hosts by a name or address
	short    map[string][]named  // hosts by the first label of a name
	durable  []DurableDir        // the same on every host
	failures []placed
	// Indices in failures: of those placed by name by their host, of the others
	// by what the facts of a host may show.
	byHost, byID, byAddress map[string][]int

	// registered are the TaskManagers in the order of facts, byRegistered
	// their indices by id and by the name or address that they registered by.
	registered   []registered
	byRegistered map[string][]int
}

// ClusterHost is a host of an audit with the names and addresses that the
// inventory has for it.
type ClusterHost struct {
	Name  string
	Names []string
}

// named is a host and one of its names.
type named struct{ host, name string }

// placed is a failure and where it belongs.
type placed struct {
	*ClusterFailure
	job    *ClusterJob
	host   string // by name; "" for none
	why    string // why there is none, where that is worth telling
	judged bool   // with a host
}

// Place prepares to place the failures of c on hosts.
func Place(c *ClusterFacts, hosts []ClusterHost) *Placement {
	p := &Placement{
		facts: c, exact: map[string][]string{}, short: map[string][]named{}, durable: c.durableDirs(),
		byHost: map[string][]int{}, byID: map[string][]int{}, byAddress: map[string][]int{},
	}
	for _, h := range hosts {
		p.know(h)
	}
	p.indexRegistered()
	jobs, _ := c.Jobs.Get()
	for i := range jobs {
		list, _ := jobs[i].Failures.Get()
		for k := range list {
			f := placed{ClusterFailure: &list[k], job: &jobs[i]}
			f.host, f.why = p.byName(f.ClusterFailure)
			p.index(f)
			p.failures = append(p.failures, f)
		}
	}
	return p
}

// index notes how a failure is found, the next of the list.
func (p *Placement) index(f placed) {
	n := len(p.failures)
	if f.host != "" {
		p.byHost[f.host] = append(p.byHost[f.host], n)
		return
	}
	if f.TaskManager != "" {
		p.byID[f.TaskManager] = append(p.byID[f.TaskManager], n)
	}
	if end := canonical(cutPort(f.Endpoint)); end != "" && !loopback(end) {
		p.byAddress[end] = append(p.byAddress[end], n)
	}
}

func (p *Placement) know(h ClusterHost) {
	for i, name := range append([]string{h.Name}, h.Names...) {
		name = canonical(name)
		// Only a host that is called so is meant by localhost: as the address
		// of a host that is the end of a tunnel.
		if name == "" || i > 0 && loopback(name) {
			continue
		}
		if !slices.Contains(p.exact[name], h.Name) {
			p.exact[name] = append(p.exact[name], h.Name)
		}
		if label, _, _ := strings.Cut(name, "."); !isAddress(name) {
			p.short[label] = append(p.short[label], named{h.Name, name})
		}
	}
}

// canonical is a name or address in the form that is compared.
func canonical(name string) string {
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if a, err := netip.ParseAddr(name); err == nil {
		return a.Unmap().WithZone("").String()
	}
	return name
}

func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

// loopback reports whether a name says nothing about which host it is: every
// host is called so by itself.
func loopback(name string) bool {
	switch name {
	case "localhost", "127.0.0.1", "127.0.1.1", "::1", "0.0.0.0", "::":
		return true
	}
	return strings.HasPrefix(name, "localhost.")
}

// byName is the host that a failure names: by where its task ran, by what its
// TaskManager registered as, or by the name that Flink made of HOST:PORT and
// six digits.
func (p *Placement) byName(f *ClusterFailure) (host, why string) {
	names := []string{cutPort(f.Endpoint)}
	registered, _ := p.facts.TaskManagers.Get()
	for _, t := range registered {
		if t.ID == f.TaskManager && t.ID != "" {
			names = append(names, t.Host)
		}
	}
	if i := strings.LastIndexByte(f.TaskManager, '-'); i > 0 && strings.Contains(f.TaskManager[:i], ":") {
		names = append(names, cutPort(f.TaskManager[:i]))
	}
	for _, name := range names {
		hosts := p.called(name)
		if len(hosts) == 1 {
			return hosts[0], ""
		}
		if len(hosts) > 1 {
			why = "may be " + strings.Join(hosts[:min(3, len(hosts))], " or ")
		}
	}
	return "", why
}

// called are the hosts of a name: of exactly this one, else those whose name
// is the same but for a domain that one of the two does not have.
func (p *Placement) called(name string) (hosts []string) {
	name = canonical(name)
	if list := p.exact[name]; len(list) > 0 || name == "" || isAddress(name) || loopback(name) {
		return list
	}
	label, domain, _ := strings.Cut(name, ".")
	for _, n := range p.short[label] {
		if (domain == "" || n.name == label) && !slices.Contains(hosts, n.host) {
			hosts = append(hosts, n.host)
		}
	}
	return hosts
}

// HostCluster is what a REST API says about one host.
type HostCluster struct {
	asked    int64
	facts    *ClusterFacts
	durable  []DurableDir
	failures []placed
}

// Of is what concerns a host that was asked: its failures, and what is true of
// the whole cluster. address is what it was reached by.
func (p *Placement) Of(host, address string, f *Facts) *HostCluster {
	if p == nil {
		return nil
	}
	c := &HostCluster{asked: p.facts.Asked, facts: p.facts, durable: p.durable}
	mine := slices.Concat(p.byHost[host], p.byAddress[canonical(address)])
	ids := f.taskManagerIDs()
	p.claim(host, address, ids)
	for id := range ids {
		mine = append(mine, p.byID[id]...)
	}
	slices.Sort(mine)
	for _, i := range slices.Compact(mine) {
		p.failures[i].judged = true
		c.failures = append(c.failures, p.failures[i])
	}
	return c
}

// taskManagerIDs are the resource ids of TaskManagers that are or were on a
// host, as its own facts show: by their setting, their log, their working
// directory, and of YARN's containers the directory of the log.
func (f *Facts) taskManagerIDs() map[string]bool {
	ids := map[string]bool{}
	container := func(path string) {
		for dir := range strings.SplitSeq(path, "/") {
			if strings.HasPrefix(dir, "container_") {
				ids[dir] = true
			}
		}
	}
	for _, r := range f.Logs.Runs {
		ids[r.ResourceID] = true
	}
	for _, l := range f.Logs.Files {
		container(l.Path)
	}
	for _, d := range f.State.Scratch {
		if id, ok := strings.CutPrefix(path.Base(d.Path), "tm_"); ok {
			ids[id] = true
		}
	}
	for _, tm := range f.Flink.TaskManagers {
		ids[tm.ResourceID] = true
		container(tm.LogFile)
	}
	return ids
}

// Unplaced is a failure that was judged with no host.
type Unplaced struct {
	*ClusterFailure
	Job *ClusterJob
	// Host is the host of the audit that it names and that could not be judged,
	// "" for none.
	Host string
	// Why says more where it belongs to no host.
	Why string
	// Cause is what its text alone points to, nil for nothing.
	Cause *Cause
}

// Left are the failures that Of gave to no host, the newest first.
func (p *Placement) Left() []Unplaced {
	if p == nil {
		return nil
	}
	var left []Unplaced
	for i := range p.failures {
		x := &p.failures[i]
		if x.judged {
			continue
		}
		u := Unplaced{ClusterFailure: x.ClusterFailure, Job: x.job, Host: x.host, Why: x.why}
		alone := &HostCluster{asked: p.facts.Asked, facts: p.facts, failures: []placed{*x}}
		if causes := diagnoseWith(&Facts{}, nil, alone); len(causes) > 0 {
			u.Cause = &causes[0]
		}
		left = append(left, u)
	}
	slices.SortStableFunc(left, func(a, b Unplaced) int { return cmp.Compare(b.Entry.Last, a.Entry.Last) })
	return left
}

package probes

// Probe is one aspect of a host: how to read it, how to judge it, and all the
// words about it. Whatever prints a probe (flags, explain, columns, metrics,
// documentation) reads them here.
type Probe struct {
	// Name is the one name of the probe: the file names, the codes, the
	// column. Lower case, words joined by hyphens.
	Name string
	// Doc is a title (no capital, no full stop, about 60 letters), a blank
	// line, then paragraphs: why it matters, what is measured.
	Doc string
	// Words are what people search for: the runbook's own words, settings,
	// commands ("ulimit -m").
	Words []string
	// Script is NAME.sh. See script.go for what it may use.
	Script string
	// Budget is how many seconds the probe's section may take on the host.
	Budget int
	// Setting is the limit that is judged on three horizons, nil where the
	// probe judges none.
	Setting *Setting
	// Lacking are facts of its section that many kernels have none of: that one
	// is absent is no want of sight, and not said.
	Lacking []string
	// Codes are the findings that the judge may make.
	Codes []Code
	// Thresholds are the numbers the judge compares with.
	Thresholds []Threshold
	// Parse fills the probe's section of the facts from its records. It must
	// not fail: what it cannot read is unknown.
	Parse func(r Records, f *Facts)
	// Judge makes the findings. It may read any section of the facts.
	Judge func(in Input) Judgement
}

// Code is one kind of finding.
type Code struct {
	Slug    string // the part after PROBE/
	Default Status // Warn or Fail; a policy may change it
	Title   string // one line: "vm.max_map_count is below the floor"
	Means   string // what it means for RocksDB
	Measure string // how it is measured
	Source  string // where threshold or claim come from: kernel doc, Flink class, issue
	Fix     string // how to fix it by hand
	Fixable bool   // tmdoctor fix can do it
	// Unknown is true for a code that says that something is not known: it is no
	// less than unknown, whatever a policy makes of it.
	Unknown bool
}

// Threshold is a number that a judge compares with and a policy may change.
type Threshold struct {
	Name    string // "maps/near": probe, slash, words joined by hyphens
	Default int64
	Unit    string // "%", "maps", "bytes", "s"
	Doc     string
	Source  string
}

// Input is what a judge reads.
type Input struct {
	Facts  *Facts
	Policy *Policy
	Probe  *Probe
	// next answers what a setting will be; see resolver.
	next *resolver
	// diagnosis is what the causes are found with: its texts are looked up once
	// for all judges.
	diagnosis *diagnosis
	// cluster is what Flink's REST API says of the host, nil if it was not asked.
	cluster *HostCluster
}

// Judgement is what a judge concludes. The framework adds the check's status
// from the findings and from the facts that are unknown.
type Judgement struct {
	Findings []Finding
	Observed string
	Want     string
	// Horizons are the values of the probe's Setting on the three horizons.
	Horizons []Standing
	// Skipped, if not "", is why the probe does not apply to this host.
	Skipped string
	// Unknown are reasons, beyond needed facts, why nothing can be concluded.
	Unknown []string
}

// Find starts a finding of the probe under judgement with the status of the
// code (default or policy), its horizon and its message. It panics on a slug
// the probe does not declare: a test must catch that.
func (in Input) Find(slug string, h Horizon, message string) Finding {
	for i := range in.Probe.Codes {
		if c := &in.Probe.Codes[i]; c.Slug == slug {
			code := in.Probe.Name + "/" + slug
			return Finding{
				Code: code, Probe: in.Probe.Name, Horizon: h, Message: message,
				Status:   in.Policy.Status(code, c.Default),
				Evidence: []Evidence{}, Remedy: c.Fix, Fixable: c.Fixable,
			}
		}
	}
	panic("probe " + in.Probe.Name + " has no code " + slug)
}

// Threshold is the number in force for a threshold that the probe declares.
func (in Input) Threshold(name string) int64 {
	for _, t := range in.Probe.Thresholds {
		if t.Name == name {
			return in.Policy.Number(name, t.Default)
		}
	}
	panic("probe " + in.Probe.Name + " has no threshold " + name)
}

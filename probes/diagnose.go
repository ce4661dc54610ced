package probes

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Diagnose ranks why RocksDB, or the TaskManager around it, fails on this
// host: the most probable cause first, none if nothing on the host shows one.
//
// A cause needs evidence. What a log says last of a failure is compared with
// the facts of the host: where both agree it is proven, one of the two is
// likely, a fact alone possible. The same text may have several causes ("No
// space left on device"), and then the facts decide, not the text. What
// happened before the last recovery is history; what follows from another
// failure of the same process is no cause; what the job's own code throws is
// never the host's fault.
func Diagnose(f *Facts, p *Policy) []Cause {
	return newDiagnosis(Input{Facts: f, Policy: p, next: newResolver(f, nil)}).causes()
}

// causeFindings makes each likely or proven cause a finding cause/NAME, so
// that a host with a cause is never ok; possible causes and history add none.
func causeFindings(causes []Cause, p *Policy) []Finding {
	findings := []Finding{}
	for _, c := range causes {
		if c.Confidence != Proven && c.Confidence != Likely {
			continue
		}
		status := Fail
		if c.Cause == causeUserCode {
			status = Warn
		}
		code := causePrefix + strings.ReplaceAll(c.Cause, "_", "-")
		title := c.Cause
		if doc := causeDoc(c.Cause); doc != nil {
			title = doc.Title
		}
		f := Finding{
			Code: code, Probe: "logs", Status: p.Status(code, status), Horizon: Live, Subject: c.Subject,
			Observed: c.Message, Want: "no failure", Message: fmt.Sprintf("%s (%s)", title, c.Confidence),
			Evidence: c.Evidence, Remedy: c.Remedy,
		}
		if doc := causeDoc(c.Cause); doc != nil && doc.Probe != "" {
			f.Probe = doc.Probe
		}
		if len(c.Evidence) > 0 {
			f.Source = c.Evidence[0].Source
		}
		findings = append(findings, f)
	}
	return findings
}

// floors are findings that only warn of a limit, and fail where a likely or
// proven cause names that limit.
var floors = map[string]string{"maps/low": causeMaps, "nofile/low": causeOpenFiles, "address-space/limited": causeAddressSpace}

// escalate makes such findings fail, and their checks, where the policy does
// not say otherwise. A cause names the limit of a process by its pid and the
// limits that it was compared with: open files of the whole system are
// another limit.
func (a *Audit) escalate(p *Policy) {
	for i := range a.Findings {
		f := &a.Findings[i]
		name, ok := floors[f.Code]
		if !ok || f.Horizon == Boot || p.Status(f.Code, Fail) != Fail || !slices.ContainsFunc(a.Causes, func(c Cause) bool {
			return c.Cause == name && (c.Confidence == Proven || c.Confidence == Likely) && c.names(*f)
		}) {
			continue
		}
		f.Status = Fail
		for j := range a.Checks {
			if a.Checks[j].Probe == f.Probe {
				a.Checks[j].Status = Worst(a.Checks[j].Status, Fail)
			}
		}
	}
}

// names reports whether a cause is about the limit of a finding.
func (c Cause) names(f Finding) bool {
	switch f.Code {
	case "maps/low":
		return true
	case "nofile/low":
		return c.Subject == f.Subject && slices.ContainsFunc(c.Evidence, func(e Evidence) bool { return strings.HasSuffix(e.Source, "/limits") })
	}
	return c.Subject == f.Subject
}

// candidate is a cause before ranking.
type candidate struct {
	Cause
	run  int   // index in Runs, -1 for none
	at   int64 // newest evidence
	from int64 // oldest evidence
	dead bool  // the process died of it
	// unsure is true if its stack may be a part of somebody's message: then it
	// proves nothing.
	unsure bool
	over   string
}

// diagnosis is the work on one host.
type diagnosis struct {
	in    Input
	f     *Facts
	p     *Policy
	now   int64
	zone  *time.Location
	found []candidate
	// entries are those of the logs, each with its text looked up once.
	entries []LogEntry
}

func newDiagnosis(in Input) *diagnosis {
	f := in.Facts
	d := &diagnosis{in: in, f: f, p: in.Policy, zone: time.UTC}
	d.now, _ = f.Memory.Now.Get()
	if offset, ok := f.Memory.Offset.Get(); ok {
		d.zone = time.FixedZone("", int(offset))
	}
	for _, run := range f.Logs.Runs {
		d.now = max(d.now, run.Last)
	}
	d.entries = slices.Clone(f.Logs.Entries)
	for i := range d.entries {
		e := &d.entries[i]
		e.id, e.looked = e.text(), true
		e.noise = len(e.Chain) > 0 && e.id == "" && noise.match(e.Innermost().text())
	}
	return d
}

// causes collects, drops consequences, and ranks.
func (d *diagnosis) causes() []Cause {
	d.logs()
	d.memory()
	d.oomKills()
	d.unitKills()
	d.cgroupKills()
	d.jobManager()
	d.factsAlone()
	d.settle()
	slices.SortStableFunc(d.found, func(a, b candidate) int {
		if x, y := confidenceRank[a.Confidence], confidenceRank[b.Confidence]; x != y {
			return x - y
		}
		if x, y := causeRank(a.Cause.Cause), causeRank(b.Cause.Cause); x != y {
			return x - y
		}
		return int(b.at - a.at)
	})
	causes := []Cause{}
	for _, c := range d.found {
		c.Since = when(earlier(c.from, c.at))
		causes = append(causes, c.Cause)
	}
	return causes
}

var confidenceRank = map[Confidence]int{Proven: 0, Likely: 1, Possible: 2, History: 3}

// causeRank puts what explains others first: a host that kills or refuses
// before what a job says of it.
func causeRank(name string) int {
	if i := slices.Index(causeOrder, name); i >= 0 {
		return i
	}
	return len(causeOrder)
}

// add takes a candidate in; the same cause of the same subject is told once,
// but what is over is never mixed with what holds.
func (d *diagnosis) add(c candidate) {
	if c.Evidence == nil {
		c.Evidence = []Evidence{}
	}
	if c.unsure && c.Confidence == Proven {
		c.Confidence = Likely
	}
	for i := range d.found {
		o := &d.found[i]
		if o.Cause.Cause != c.Cause.Cause || o.Subject != c.Subject || (o.over == "") != (c.over == "") {
			continue
		}
		if confidenceRank[c.Confidence] < confidenceRank[o.Confidence] {
			*o, c = c, *o
		}
		o.from = earlier(o.from, c.from)
		o.at = max(o.at, c.at)
		for _, e := range c.Evidence {
			if len(o.Evidence) < 6 && !slices.ContainsFunc(o.Evidence, func(x Evidence) bool { return x.Source == e.Source && x.Text == e.Text }) {
				o.Evidence = append(o.Evidence, e)
			}
		}
		return
	}
	d.found = append(d.found, c)
}

func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// settle drops consequences and turns what is over into history. A process
// that ran out of something disconnects from the JobManager, and a job that
// restarts throws what it likes: within one run the earlier host cause counts.
func (d *diagnosis) settle() {
	for i := range d.found {
		c := &d.found[i]
		if c.over == "" {
			continue
		}
		c.Confidence = History
		c.Message += "; over: " + c.over
		c.Remedy = ""
	}
	d.found = slices.DeleteFunc(d.found, func(c candidate) bool {
		if !slices.Contains(consequences, c.Cause.Cause) || c.Confidence == History {
			return false
		}
		return slices.ContainsFunc(d.found, func(o candidate) bool {
			return !slices.Contains(consequences, o.Cause.Cause) && o.run >= 0 && o.run == c.run && o.Confidence != History && o.Confidence != Possible &&
				(o.from == 0 || c.from == 0 || o.from <= c.from+1)
		})
	})
	// A thing that was cured and a thing that is: the same cause is told once.
	d.found = slices.DeleteFunc(d.found, func(c candidate) bool {
		return c.Confidence == History && slices.ContainsFunc(d.found, func(o candidate) bool {
			return o.Cause.Cause == c.Cause.Cause && o.Confidence != History
		})
	})
}

// consequences are causes that another failure of the process brings about.
var consequences = []string{causeJobManager, causeUserCode, causeMissingDirectory}

// group prints a number as 4,096.
func group[T int | int64 | Limit](n T) string {
	s := fmt.Sprint(int64(n))
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// clock prints a time of the host as an operator there reads it: with its
// date only if that is another day.
func (d *diagnosis) clock(t int64) string {
	if t == 0 {
		return "an unknown time"
	}
	at := time.Unix(t, 0).In(d.zone)
	if at.Format(time.DateOnly) == time.Unix(d.now, 0).In(d.zone).Format(time.DateOnly) {
		return at.Format("15:04")
	}
	return at.Format("2006-01-02 15:04")
}

// times says how often and since when: "12 times since 02:41".
func (d *diagnosis) times(count int, first, last int64) string {
	switch {
	case count <= 1 && last > 0:
		return "at " + d.clock(last)
	case count <= 1:
		return "once"
	case first > 0:
		return fmt.Sprintf("%s times since %s", group(count), d.clock(first))
	}
	return group(count) + " times"
}

package main

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/report"
)

// resultSchema names the shape of -o result; it is report/schema/result.json.
const resultSchema = "tmdoctor/result/v1"

// resultDoc is how a run of fix, rollback or resume came out, as JSON.
type resultDoc struct {
	Schema     string       `json:"schema"`
	Run        string       `json:"run"`
	Command    string       `json:"command"`
	Who        string       `json:"who"`
	Began      time.Time    `json:"began"`
	Ended      time.Time    `json:"ended"`
	Version    string       `json:"version"`
	Stopped    string       `json:"stopped"` // why not all hosts were done, "" if they were
	ExitStatus int          `json:"exit_status"`
	Hosts      []resultHost `json:"hosts"`
}

// resultHost is one host of it.
type resultHost struct {
	Name    string        `json:"name"`
	State   string        `json:"state"` // see stateOrder
	Reason  string        `json:"reason"`
	Files   []resultFile  `json:"files"`
	Live    []resultLive  `json:"live"`
	Logins  []string      `json:"logins"`
	Notes   []string      `json:"notes"`
	Refused []fix.Refusal `json:"refused"`
	Advice  []fix.Advice  `json:"advice"`
	Before  *resultSight  `json:"before"` // null where it was not asked
	After   *resultSight  `json:"after"`
}

// resultFile is a file of the plan; State is what the host said of it: old,
// new, edited, unreadable, "" if it said nothing.
type resultFile struct {
	Path         string `json:"path"`
	BeforeSHA256 string `json:"before_sha256"`
	AfterSHA256  string `json:"after_sha256"`
	State        string `json:"state"`
	SHA256       string `json:"sha256"` // now, as the host said; "" is absent or not said
}

// resultLive is a live value of the plan; Now is what the host read back.
type resultLive struct {
	fix.LiveChange
	Now    string `json:"now"`
	Reason string `json:"reason"`
}

// resultSight is what check shows of a host.
type resultSight struct {
	Status probes.Status  `json:"status"`
	Checks []probes.Check `json:"checks"`
}

// resultJSON is the document.
func (c *changing) resultJSON(all []outcome, s *repair.Summary, status int) ([]byte, error) {
	d := resultDoc{
		Schema: resultSchema, Run: s.Run, Command: c.command, Who: c.r.Who, Began: c.began, Ended: time.Now().UTC(),
		Version: versionString(), Stopped: s.Stopped, ExitStatus: status, Hosts: []resultHost{},
	}
	for _, o := range all {
		d.Hosts = append(d.Hosts, c.resultHost(o))
	}
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(report.EscapeJSON(b), '\n'), nil
}

func (c *changing) resultHost(o outcome) resultHost {
	h := resultHost{
		Name: o.Host.Name, State: o.state, Reason: o.reason, Files: []resultFile{}, Live: []resultLive{}, Logins: []string{}, Notes: []string{},
		Refused: []fix.Refusal{}, Advice: []fix.Advice{}, Before: sightOf(o.Before),
	}
	var answer fix.Answer
	if o.done != nil {
		h.Logins = append(h.Logins, o.done.Logins...)
		if o.done.After != nil {
			h.After = sightOf(settledReport(o.done.After, c.policy))
		}
		if o.done.Answer != nil {
			answer = *o.done.Answer
		}
	}
	h.Notes = append(h.Notes, answer.Notes...)
	if o.Plan == nil {
		return h
	}
	h.Refused, h.Advice = append(h.Refused, o.Plan.Refused...), append(h.Advice, o.Plan.Advice...)
	for _, f := range o.Plan.Files {
		r := resultFile{Path: f.Path, BeforeSHA256: f.BeforeSHA256, AfterSHA256: f.AfterSHA256}
		for _, said := range answer.Files {
			if said.Path == f.Path {
				r.State, r.SHA256 = string(said.State), said.SHA256
			}
		}
		h.Files = append(h.Files, r)
	}
	for _, l := range o.Plan.Live {
		r := resultLive{LiveChange: l}
		for _, said := range answer.Live {
			if said.LiveChange == l {
				r.Now, r.Reason = said.Now, said.Reason
			}
		}
		h.Live = append(h.Live, r)
	}
	return h
}

func sightOf(h *report.Host) *resultSight {
	if h == nil || h.Unreachable != nil {
		return nil
	}
	return &resultSight{Status: h.Status, Checks: append([]probes.Check{}, h.Checks...)}
}

// settledReport is a host judged as if the run that has just changed it had
// ended there: it was looked at before it was told to keep what it has.
func settledReport(h *report.Host, policy *probes.Policy) *report.Host {
	if h.Facts == nil {
		return h
	}
	runs, _ := h.Facts.Host.FixRuns.Get()
	if len(runs) == 0 {
		return h
	}
	var kept []string
	for _, r := range runs {
		run, _, _ := strings.Cut(r, " ")
		kept = append(kept, run+" "+string(fix.RunKept))
	}
	facts := *h.Facts
	facts.Host.FixRuns = probes.Known(kept)
	again := *h
	audit.Judge(&again, &facts, probes.NewEvaluator(policy), audit.View{}, nil)
	return &again
}

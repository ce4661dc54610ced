package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// ErrNoHost means that what was saved is not about any host.
var ErrNoHost = errors.New("the report has no host")

// Saved reads what was collected before, for check --from: saved reports (json
// or ndjson, shards of one fleet become one), or the raw output of `tmdoctor
// script` that something else carried to a host. A raw file stands for one
// host, named like the file without its extension.
//
// Hosts keep what made them unreachable; all others are judged again, with
// policy and by this tmdoctor.
//
// The run is that of the first report; Selected counts the hosts of all, so
// that a report which was cut short stays cut short.
//
// Nothing read is not all well: reports of no host at all are ErrNoHost.
func Saved(files []string, policy *probes.Policy, only []string) (hosts []*report.Host, run report.Run, err error) {
	seen := map[string]string{} // host -> file
	for i, file := range files {
		r, err := savedFile(file, policy, only)
		if err != nil {
			return nil, run, err
		}
		selected := run.Selected + max(r.Run.Selected, len(r.Hosts))
		if i == 0 {
			run = r.Run
		}
		run.Selected = selected
		for i := range r.Hosts {
			h := &r.Hosts[i]
			if first, twice := seen[h.Name]; twice {
				return nil, run, fmt.Errorf("%s: host %s is already in %s", file, h.Name, first)
			}
			seen[h.Name] = file
			h.Index = len(hosts)
			hosts = append(hosts, h)
		}
	}
	if run.Selected == 0 {
		return nil, run, fmt.Errorf("%s: %w", strings.Join(files, ", "), ErrNoHost)
	}
	return hosts, run, nil
}

func savedFile(file string, policy *probes.Policy, only []string) (*report.Report, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return rawOutput(file, b, policy, only)
	}
	r, err := report.Read(bytes.NewReader(b))
	if err != nil && !errors.Is(err, report.ErrTruncated) {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if r.Summary.Finished == nil { // what was not asked then is not known now
		r.Run.Selected = max(r.Run.Selected, len(r.Hosts)+1)
	}
	if r.Run.Selected < 0 {
		return nil, fmt.Errorf("%s: %w: selected is %d", file, report.ErrSchema, r.Run.Selected)
	}
	for i := range r.Hosts {
		judgeAgain(&r.Hosts[i], policy, only)
	}
	return r, nil
}

// judgeAgain judges a host of a saved report. Its status then is not believed:
// without a complete answer beside it, a host is unknown.
func judgeAgain(h *report.Host, policy *probes.Policy, only []string) {
	switch {
	case h.Unreachable != nil:
		h.Facts = nil // of an answer that did not come to its end
		lost(h, h.Unreachable)
	case h.Facts == nil:
		lost(h, &report.Unreachable{
			Phase:  string(remote.PhaseScript),
			Reason: "the saved report has no facts of this host",
			Hint:   "ask the host again: tmdoctor check -o json=FILE keeps the facts",
		})
	default:
		Judge(h, h.Facts, policy, only)
	}
}

// rawOutput judges what `tmdoctor script` printed on one host.
func rawOutput(file string, b []byte, policy *probes.Policy, only []string) (*report.Report, error) {
	facts, err := probes.ParseFacts(b, "")
	if err != nil {
		return nil, fmt.Errorf("%s: neither a saved report nor the output of the script: %w", file, err)
	}
	base := filepath.Base(file)
	h := report.Host{Name: strings.TrimSuffix(base, filepath.Ext(base)), Groups: []string{}}
	Judge(&h, facts, policy, only)
	return &report.Report{Run: report.Run{ID: base, Selected: 1}, Hosts: []report.Host{h}}, nil
}

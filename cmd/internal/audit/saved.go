package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// ErrNoHost means that what was saved is not about any host.
var ErrNoHost = errors.New("the report has no host")

// Collected is what was collected before, judged again.
type Collected struct {
	Hosts []*report.Host
	// Run is that of the first report; Selected counts the hosts of all.
	Run report.Run
	// Cluster is what Flink's REST API said then, nil if it was not asked.
	Cluster *Cluster
	// Finished is when the last report was finished, nil if one of them was cut
	// short: what was not asked then is not known now.
	Finished *time.Time
}

// Saved reads what was collected before, for check --from: saved reports (json
// or ndjson, shards of one fleet become one), or the raw output of `tmdoctor
// script` that something else carried to a host. A raw file stands for one
// host, named like the file without its extension.
//
// What Flink's REST API said is judged again too. Shards of one fleet may have
// asked it one after the other: the newest answers count. Answers of different
// APIs do not become one.
//
// Hosts keep what made them unreachable; all others are judged again, with
// policy and by this tmdoctor, as far as the view goes: what the saved report
// was judged at does not matter.
//
// Nothing read is not all well: reports of no host at all are ErrNoHost.
func Saved(files []string, policy *probes.Policy, view View) (all Collected, err error) {
	judge := probes.NewEvaluator(policy)
	seen := map[string]string{} // host -> file
	var cluster *report.Cluster
	cutShort := false
	var notRegistered []string // each shard knows it of its own hosts
	for i, file := range files {
		r, err := savedFile(file)
		if err != nil {
			return Collected{}, err
		}
		selected := all.Run.Selected + max(r.Run.Selected, len(r.Hosts))
		if i == 0 {
			all.Run = r.Run
			all.Run.Horizon = view.Horizon
		}
		all.Run.Selected = selected
		if c := r.Cluster; c != nil && cluster != nil && c.URL != cluster.URL {
			return Collected{}, fmt.Errorf("%s: Flink's REST API is %s, and %s in a file before it", file, c.URL, cluster.URL)
		} else if c != nil && (cluster == nil || c.Asked.After(cluster.Asked)) {
			cluster = c
		}
		if r.Cluster != nil && r.Cluster.Registration != nil {
			notRegistered = append(notRegistered, r.Cluster.Registration.NotRegistered...)
		}
		if end := r.Summary.Finished; end == nil || len(r.Hosts) < r.Run.Selected {
			cutShort = true
		} else if all.Finished == nil || end.After(*all.Finished) {
			all.Finished = end
		}
		for i := range r.Hosts {
			h := &r.Hosts[i]
			if first, twice := seen[h.Name]; twice {
				return Collected{}, fmt.Errorf("%s: host %s is already in %s", file, h.Name, first)
			}
			seen[h.Name] = file
			h.Index = len(all.Hosts)
			all.Hosts = append(all.Hosts, h)
		}
	}
	if cutShort {
		all.Finished = nil
	}
	if all.Run.Selected == 0 {
		return Collected{}, fmt.Errorf("%s: %w", strings.Join(files, ", "), ErrNoHost)
	}
	if cluster != nil {
		if cluster.Registration != nil {
			cluster.Registration.NotRegistered = notRegistered
		}
		all.Cluster = savedCluster(cluster, all.Hosts)
	}
	for _, h := range all.Hosts {
		judgeAgain(h, judge, view, all.Cluster)
	}
	return all, nil
}

func savedFile(file string) (*report.Report, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return rawOutput(file, b)
	}
	r, err := report.Read(bytes.NewReader(b))
	if err != nil && !errors.Is(err, report.ErrTruncated) {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if r.Run.Selected < 0 {
		return nil, fmt.Errorf("%s: %w: selected is %d", file, report.ErrSchema, r.Run.Selected)
	}
	return r, nil
}

// judgeAgain judges a host of a saved report. Its status then is not believed:
// without a complete answer beside it, a host is unknown.
func judgeAgain(h *report.Host, judge *probes.Evaluator, view View, cluster *Cluster) {
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
		Judge(h, h.Facts, judge, view, cluster)
	}
}

// rawOutput is what `tmdoctor script` printed on one host.
func rawOutput(file string, b []byte) (*report.Report, error) {
	facts, err := probes.ParseFacts(b, "")
	if err != nil {
		return nil, fmt.Errorf("%s: neither a saved report nor the output of the script: %w", file, err)
	}
	base := filepath.Base(file)
	h := report.Host{Name: strings.TrimSuffix(base, filepath.Ext(base)), Groups: []string{}, Facts: facts}
	now := time.Now().UTC()
	return &report.Report{
		Run: report.Run{ID: base, Started: now, Selected: 1}, Hosts: []report.Host{h},
		Summary: report.Summary{Finished: &now},
	}, nil
}

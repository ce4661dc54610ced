package audit

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// Runner runs a script on hosts and streams one result for each; see
// [remote.Runner].
type Runner interface {
	Run(ctx context.Context, hosts []inventory.Host, s remote.Script) iter.Seq[remote.Result]
}

// Audit is one reading and judging of many hosts. It changes nothing on them.
type Audit struct {
	Runner Runner
	Script *probes.Script
	Policy *probes.Policy
	// Sudo raises single sections of the script on every host; a host's own
	// setting in the inventory does it for that host.
	Sudo bool
	// FlinkUser overrides the inventory's flink_user where it is not "".
	FlinkUser string
	// Root is a directory that stands for the host, "" for real hosts.
	Root string
	// View is what of the answers is judged.
	View View
	// Cluster is what Flink's REST API says, nil if it is not asked.
	Cluster *Cluster

	judge *probes.Evaluator
	begun sync.Once // of Host
}

// View is how much of a host is judged. The zero View is all of it.
type View struct {
	// Only are the probes to judge; nil means all.
	Only []string
	// Horizon is the only horizon to judge at; "" means all.
	Horizon probes.Horizon
}

// Run asks all hosts and calls each with every host as it ends: exactly once a
// host, also for hosts that ctx kept from being asked. An error of each ends
// the run and is returned.
func (a *Audit) Run(ctx context.Context, hosts []inventory.Host, each func(*report.Host) error) error {
	a.judge = probes.NewEvaluator(a.Policy)
	for res := range a.Runner.Run(ctx, hosts, &hostScript{a}) {
		if err := each(a.host(res)); err != nil {
			return err
		}
	}
	return nil
}

// HostScript is what is run on each host, for a caller that holds the
// connections itself and gives the results to [Audit.Host].
func (a *Audit) HostScript() remote.Script { return &hostScript{a} }

// Host judges one result of [Audit.HostScript]. It may be called by several
// goroutines at once, but not beside [Audit.Run].
func (a *Audit) Host(res remote.Result) *report.Host {
	a.begun.Do(func() { a.judge = probes.NewEvaluator(a.Policy) })
	return a.host(res)
}

// host turns a result into a host of the report. A panic costs the host, not the
// run.
func (a *Audit) host(res remote.Result) (h *report.Host) {
	defer func() {
		if p := recover(); p != nil {
			lost(h, unreachable(remote.Panicked(p)))
		}
	}()
	h = &report.Host{
		Name: res.Host.Name, Address: res.Address, Port: res.Port, User: res.User,
		Groups: append([]string{}, res.Host.Groups...), Index: res.Index,
		Timing: report.Timing{
			ConnectMS: res.Timing.Connect.Milliseconds(),
			AuthMS:    res.Timing.Auth.Milliseconds(),
			ScriptMS:  res.Timing.Script.Milliseconds(),
		},
	}
	if res.Err != nil {
		lost(h, unreachable(res.Err))
		return h
	}
	facts, err := a.judge.ParseFacts(res.Stdout, a.Script.Nonce())
	if err != nil {
		lost(h, &report.Unreachable{
			Phase:  string(remote.PhaseScript),
			Reason: err.Error() + whatItSaid(res),
			Hint:   "run `tmdoctor script | ssh " + res.Host.Name + " exec /bin/sh -s` to see what the host answers",
		})
		return h
	}
	facts.Session.LegacySSH = res.Legacy
	facts.SetClock(res.Ended.Add(-res.Timing.Script), res.Ended)
	Judge(h, facts, a.judge, a.View, a.Cluster)
	return h
}

// whatItSaid is a short piece of a host's own words, for a script that did not
// come to its end.
func whatItSaid(res remote.Result) string {
	for _, out := range [][]byte{res.Stderr, res.Stdout} {
		if line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n"); line != "" {
			return fmt.Sprintf("; the host said %q", clip(line, 120))
		}
	}
	return ""
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}

// unreachable is why a host has no complete answer.
func unreachable(err error) *report.Unreachable {
	e, ok := err.(*remote.Error)
	if !ok {
		return &report.Unreachable{Phase: string(remote.PhaseScript), Reason: err.Error()}
	}
	return &report.Unreachable{Phase: string(e.Phase), Reason: e.Reason, Hint: e.Hint, Kind: string(e.Kind)}
}

// lost marks a host that gave no complete answer: unknown, never healthy.
func lost(h *report.Host, why *report.Unreachable) {
	h.Status = probes.StatusUnknown
	h.Unreachable = why
	h.TaskManagers = []report.TaskManager{}
	h.Checks = []probes.Check{}
	h.Findings = []probes.Finding{}
	h.Causes = []probes.Cause{}
}

// Judge fills in what the facts of a host, and what the cluster says about it,
// mean to an evaluator, as far as the view goes.
func Judge(h *report.Host, facts *probes.Facts, judge *probes.Evaluator, view View, cluster *Cluster) {
	audit := judge.EvaluateWith(facts, cluster.of(h, facts)).At(view.Horizon).Only(view.Only)
	h.Unreachable = nil
	h.Facts = facts
	h.Status, h.Checks, h.Findings, h.Causes = audit.Status, audit.Checks, audit.Findings, audit.Causes
	h.TaskManagers = make([]report.TaskManager, 0, len(facts.Flink.TaskManagers))
	for _, tm := range facts.Flink.TaskManagers {
		t := report.TaskManager{
			PID: tm.PID, User: tm.User.Or(""), ResourceID: tm.ResourceID, Version: tm.Version,
			Launch: report.Launch{Kind: tm.Launch.Kind, Unit: tm.Launch.Unit},
		}
		if s, ok := tm.Started.Get(); ok {
			started := time.Unix(s, 0).UTC()
			t.Started = &started
		}
		h.TaskManagers = append(h.TaskManagers, t)
	}
}

// hostScript is the run's script as remote sends it: the same program, with
// the settings of each host on its first two lines.
type hostScript struct{ a *Audit }

// Text is the script for one host.
func (s *hostScript) Text(h inventory.Host) []byte {
	set := probes.HostSettings{
		Root: s.a.Root, Sudo: h.Sudo || s.a.Sudo, FlinkUser: h.FlinkUser,
		FlinkHome: h.FlinkHome, StateDirs: h.StateDirs,
	}
	if s.a.FlinkUser != "" {
		set.FlinkUser = s.a.FlinkUser
	}
	return s.a.Script.For(set)
}

// Complete reports whether the whole answer is there.
func (s *hostScript) Complete(stdout []byte) bool { return s.a.Script.Complete(stdout) }

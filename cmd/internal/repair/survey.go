package repair

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
)

// Survey asks hosts and plans: one connection a host. each is called once a
// host, from one goroutine, as they end; hosts that ctx kept from being asked
// have that as their error. An error of each ends the survey and is returned.
func (r *Repair) Survey(ctx context.Context, hosts []inventory.Host, each func(*Planned) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	planned := make(chan *Planned)
	go func() {
		defer close(planned)
		var g errgroup.Group
		g.SetLimit(r.inFlight())
		for i, h := range hosts {
			g.Go(func() error {
				planned <- r.survey(ctx, i, h)
				return nil
			})
		}
		g.Wait()
	}()
	var err error
	for p := range planned { // to the end, also after an error: nothing is left behind
		if err == nil {
			if err = each(p); err != nil {
				cancel()
			}
		}
	}
	return err
}

// survey asks one host and plans for it. A panic costs the host, not the run.
func (r *Repair) survey(ctx context.Context, index int, h inventory.Host) (p *Planned) {
	p = &Planned{Host: h, Index: index}
	defer func() {
		if bug := recover(); bug != nil {
			p.Plan, p.Err = nil, remote.Panicked(bug)
		}
	}()
	if ctx.Err() != nil {
		p.Err = &remote.Error{Phase: remote.PhaseDeadline, Kind: remote.KindCanceled, Err: context.Cause(ctx), Reason: "the run ended before this host was tried"}
		return p
	}
	r.notify(Event{Host: h.Name, Step: StepSurvey})
	conn, err := r.connect(ctx, h)
	if err != nil {
		// Judged like a script that did not come to its end, for the table.
		p.Before, p.Err = r.speech().judge(remote.Result{Host: h, Index: index, Address: h.Address, Port: h.Port, User: h.User, Err: err}), err
		return p
	}
	defer conn.Close()
	p.Plan, p.Err = r.planFor(ctx, conn, p)
	return p
}

// planFor asks a host over a connection what it is like, and plans for it.
func (r *Repair) planFor(ctx context.Context, conn remote.Conn, p *Planned) (*fix.Plan, error) {
	var err error
	if p.Before, err = r.audit(ctx, conn, p.Host, p.Index); err != nil {
		return nil, err
	}
	say, policy, facts := r.speech(), r.Audit.Policy, p.Before.Facts
	q := say.ask(facts, policy, r.Options)
	if nothingAsked(q) && !unfinishedThere(facts) {
		return say.plan(p.Host.Name, facts, &fix.Snapshot{}, policy, r.Options), nil
	}
	s, err := r.inspect(ctx, conn, q)
	if err != nil {
		return nil, err
	}
	if s.Unfinished != nil && s.Unfinished.State == fix.RunStaged {
		// It changed nothing, and nobody is at work: there would be a lock. The
		// program that comes next cleans it away.
		s.Unfinished = nil
	}
	p.Unfinished = s.Unfinished
	p.opened = opened(s)
	return say.plan(p.Host.Name, facts, s, policy, r.Options), nil
}

// unfinishedThere reports whether what everybody may see of a host tells of a
// run that did not end there.
func unfinishedThere(facts *probes.Facts) bool {
	runs, _ := facts.Host.FixRuns.Get()
	return slices.ContainsFunc(runs, func(r string) bool {
		_, state, _ := strings.Cut(r, " ")
		return !settledState(&fix.HostRun{State: fix.RunState(state)})
	})
}

// opened are the users whose sessions were tried, and whether one opened.
func opened(s *fix.Snapshot) map[string]bool {
	all := map[string]bool{}
	for _, session := range s.Sessions {
		all[session.User] = session.Failed == ""
	}
	return all
}

// nothingAsked reports whether a query asks for nothing: then nothing of the
// host could be fixed, and root has nothing to read.
func nothingAsked(q fix.Query) bool {
	return len(q.Paths)+len(q.Sysctls)+len(q.Users)+len(q.PIDs)+len(q.Units) == 0 && q.Run == ""
}

func (r *Repair) notify(e Event) {
	if r.Notify != nil {
		r.Notify(e)
	}
}

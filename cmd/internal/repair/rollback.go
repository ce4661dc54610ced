package repair

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
)

// planned are the hosts among those given that a saved run has a plan for, in
// the order of its plans. The run's other hosts, and other hosts, are not
// touched.
func (s *SavedRun) planned(hosts []inventory.Host) (all []*Planned) {
	given := map[string]inventory.Host{}
	for _, h := range hosts {
		given[h.Name] = h
	}
	for i, p := range s.Plans.Hosts {
		if h, ok := given[p.Host]; ok {
			all = append(all, &Planned{Host: h, Index: i, Plan: p, opened: s.opened[p.Host]})
		}
	}
	return all
}

// like is r with what was confirmed of a saved run.
func (r *Repair) like(saved *SavedRun) *Repair {
	all := *r
	all.Options.AcceptUnverified = r.Options.AcceptUnverified || saved.Plans.Options.AcceptUnverified
	return &all
}

// Rollback undoes a saved run on hosts: two connections a host. A host that
// refuses, because somebody edited since, does not keep the others from it.
// With force it undoes also what was edited since.
func (r *Repair) Rollback(ctx context.Context, saved *SavedRun, hosts []inventory.Host, force bool) (*Summary, error) {
	all := r.like(saved)
	all.Canary, all.MaxFailures = 0, -1
	o, err := all.newRound(saved.Run, saved.planned(hosts))
	if err != nil {
		return nil, err
	}
	o.redo = "go on with: tmdoctor rollback " + saved.Run
	o.work = func(ctx context.Context, p *Planned, at Event) Done { return o.worker(p, at).rollBack(ctx, force) }
	var todo []int
	for i := range o.done {
		d := &o.done[i]
		switch state := saved.Hosts[d.Planned.Host.Name]; state {
		case Kept, Unknown, Stuck:
			todo = append(todo, i)
		default:
			d.State, d.Reason = Nothing, fmt.Sprintf("the run left nothing there: %s", state)
		}
	}
	o.batches(ctx, todo)
	return o.summary(), nil
}

// rollBack undoes a run on a host and looks at it over a new connection, while
// the first is still open.
func (w *worker) rollBack(ctx context.Context, force bool) Done {
	conn, err := w.connect(ctx, w.p.Host)
	switch {
	case ctx.Err() != nil:
		if err == nil {
			conn.Close()
		}
		return w.end(NotBegun, "the run was ended before it was touched")
	case err != nil:
		return w.settled(EventNotUndone, Refused, "it was not reached: "+err.Error())
	}
	defer conn.Close()
	if err := w.record(Record{Event: EventBack, Host: w.p.Host.Name, Reason: "roll back by " + w.Who}); err != nil {
		return w.end(NotBegun, err.Error())
	}
	ctx = context.WithoutCancel(ctx)
	w.tell(StepBack)
	nonce := newNonce()
	answer, sent, err := w.carryOut(ctx, conn, nonce, w.speech().rollback(nonce, w.run, w.Who, force))
	switch {
	case !sent:
		return w.settled(EventNotUndone, Refused, "the program could not be started: "+err.Error())
	case err != nil:
		conn.Close()
		return w.findUndone(ctx, "the connection was lost while it was rolled back: "+err.Error())
	}
	w.done.Answer = answer
	switch answer.Outcome {
	case fix.RolledBack:
		return w.verifyOld(ctx, answer.Reason)
	case fix.Untouched:
		reason := answer.Reason
		if edited(answer) && !force {
			reason += "; --force undoes that too, and shows it first"
		}
		return w.settled(EventNotUndone, Refused, reason)
	case fix.Stuck:
		return w.settled(EventStuck, Stuck, answer.Reason)
	}
	return w.unknown(answer.Reason, fmt.Sprintf("its program ended as %.32q", string(answer.Outcome)))
}

// verifyOld looks over a new connection at a host that was rolled back: it is
// as it was, and people can log in.
func (w *worker) verifyOld(ctx context.Context, why string) Done {
	w.tell(StepVerify)
	ctx, cancel := context.WithTimeout(ctx, w.verifyTime())
	defer cancel()
	second, err := w.connect(ctx, w.p.Host)
	if err != nil {
		return w.unknown(why, "it says that it is as it was, and a new login does not work: "+err.Error())
	}
	defer second.Close()
	return w.lookOld(ctx, second, why)
}

// lookOld is verifyOld over a connection that is there.
func (w *worker) lookOld(ctx context.Context, second remote.Conn, why string) Done {
	after, err := w.audit(ctx, second, w.p.Host, w.p.Index)
	if err != nil {
		return w.unknown(why, "it says that it is as it was, and a new session does not work: "+err.Error())
	}
	s, err := w.inspect(ctx, second, w.query())
	if err != nil {
		return w.unknown(why, "it says that it is as it was, and cannot be looked at: "+err.Error())
	}
	// No limit is expected of the sessions: only that they open, if they did
	// before the run.
	v := verification{Planned: &Planned{Host: w.p.Host, Plan: &fix.Plan{Query: w.p.Plan.Query}, opened: w.p.opened}, accept: true, after: after, s: s}
	v.logins()
	if len(v.wrong) > 0 {
		w.unknown(why, "it says that it is as it was, but "+strings.Join(v.wrong, "; "))
	} else {
		w.wasRolledBack(s, why)
	}
	w.done.After, w.done.Logins = after, v.loggedIn
	return w.done
}

// findUndone asks a host what became of a roll back whose connection was lost.
// It does not try again: who wants that calls once more.
func (w *worker) findUndone(ctx context.Context, why string) Done {
	ctx, cancel := context.WithTimeout(ctx, w.lookTime(w.p.Plan))
	defer cancel()
	conn, err := w.connect(ctx, w.p.Host)
	if err != nil {
		return w.unknown(why, "it cannot be asked: "+err.Error())
	}
	defer conn.Close()
	s, err := w.await(ctx, conn, beginTime)
	switch {
	case err != nil:
		return w.unknown(why, err.Error())
	case s.Run != nil && s.Run.State == fix.RunRolledBack:
		return w.lookOld(ctx, conn, "")
	case s.Run != nil && s.Run.State == fix.RunKept:
		return w.settled(EventNotUndone, Refused, join(why, "it was not begun"))
	}
	return w.unknown(why, "it is not rolled back whole")
}

// Look asks hosts what they know of a saved run, for a diff before a forced
// roll back: one connection a host. each is called once a host of the run,
// from one goroutine; run is nil where the host knows of none. An error of each
// ends it and is returned.
func (r *Repair) Look(ctx context.Context, saved *SavedRun, hosts []inventory.Host, each func(name string, run *fix.HostRun, err error) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type seen struct {
		name string
		run  *fix.HostRun
		err  error
	}
	all := make(chan seen)
	go func() {
		defer close(all)
		var g errgroup.Group
		g.SetLimit(r.inFlight())
		for _, p := range saved.planned(hosts) {
			g.Go(func() error {
				run, err := r.look(ctx, saved.Run, p)
				all <- seen{p.Host.Name, run, err}
				return nil
			})
		}
		g.Wait()
	}()
	var err error
	for s := range all {
		if err == nil {
			if err = each(s.name, s.run, s.err); err != nil {
				cancel()
			}
		}
	}
	return err
}

func (r *Repair) look(ctx context.Context, run string, p *Planned) (found *fix.HostRun, err error) {
	defer func() {
		if bug := recover(); bug != nil {
			found, err = nil, remote.Panicked(bug)
		}
	}()
	conn, err := r.connect(ctx, p.Host)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	s, err := r.inspect(ctx, conn, fix.Query{Run: run})
	if err != nil {
		return nil, err
	}
	return s.Run, nil
}

package repair

import (
	"context"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
)

// Resume finishes a run that was cut short, on those of its hosts that are
// given. First the hosts that nobody is certain of: what was applied is
// verified and kept or rolled back, what is half done is rolled back. Then
// what was confirmed and is not done is done, canary and batches as in
// [Repair.Apply]. A host whose verification had failed stays as it was.
func (r *Repair) Resume(ctx context.Context, saved *SavedRun, hosts []inventory.Host) (*Summary, error) {
	all := r.like(saved)
	o, err := all.newRound(saved.Run, saved.planned(hosts))
	if err != nil {
		return nil, err
	}
	var open, todo []int
	for i := range o.done {
		d := &o.done[i]
		switch state := saved.Hosts[d.Planned.Host.Name]; state {
		case Unknown:
			open = append(open, i)
		case NotBegun, Refused:
			todo = append(todo, i)
		case Stuck:
			d.State, d.Reason = state, "a person has to look at it; then: tmdoctor rollback "+saved.Run
		default:
			d.State, d.Reason = state, "it was so when the run was cut short"
		}
	}
	o.work = func(ctx context.Context, p *Planned, at Event) Done {
		_, verdict := saved.verdicts[p.Host.Name]
		return o.worker(p, at).resume(ctx, verdict)
	}
	o.together(ctx, open, settling, 0)
	for _, i := range open {
		if o.done[i].State == NotBegun {
			todo = append(todo, i)
		}
	}
	o.work = func(ctx context.Context, p *Planned, at Event) Done { return o.worker(p, at).apply(ctx) }
	o.batches(ctx, todo)
	return o.summary(), nil
}

// resume brings a host to a certain end that a run before was not certain of.
// NotBegun is a host on which nothing of the run is left, for the run to go on
// with. verdict is true if it was to be rolled back.
func (w *worker) resume(ctx context.Context, verdict bool) Done {
	w.tell(StepLook)
	if err := w.record(Record{Event: EventLook, Host: w.p.Host.Name, Reason: "the run was cut short"}); err != nil {
		return w.end(Unknown, err.Error())
	}
	conn, err := w.connect(ctx, w.p.Host)
	if err != nil {
		return w.unknown("", "it cannot be asked: "+err.Error())
	}
	defer conn.Close()
	wait, cancel := context.WithTimeout(ctx, w.lookTime(w.p.Plan))
	defer cancel()
	s, err := w.await(wait, conn, 0)
	if err != nil {
		return w.unknown("", err.Error())
	}
	ctx = context.WithoutCancel(ctx) // it is brought to its end
	switch {
	case s.Run == nil:
		return w.settled(EventNotBegun, NotBegun, "")
	case s.Run.State == fix.RunKept:
		return w.settled(EventKept, Kept, "")
	case s.Run.State == fix.RunApplied && !verdict:
		return w.resumeApplied(ctx, conn)
	case s.Run.State == fix.RunRolledBack:
		// It wrote that down when it was so. What the files are now may be the work
		// of a later run.
		w.settled(EventRolledBack, RolledBack, "")
	default:
		w.undo(ctx, conn, "the run was cut short")
	}
	if w.done.State == RolledBack && !verdict {
		return w.settled(EventNotBegun, NotBegun, "")
	}
	return w.done
}

// resumeApplied verifies what was applied before, over a connection that is
// new since then, and keeps it or rolls it back.
func (w *worker) resumeApplied(ctx context.Context, conn remote.Conn) Done {
	w.tell(StepVerify)
	err := w.record(Record{Event: EventVerify, Host: w.p.Host.Name})
	if err != nil {
		return w.end(Unknown, err.Error())
	}
	bounded, cancel := context.WithTimeout(ctx, w.verifyTime())
	defer cancel()
	if wrong := w.inspected(bounded, conn, nil); wrong != "" {
		return w.undo(ctx, conn, wrong)
	}
	w.verified = true
	return w.settleOver(ctx, conn, "")
}

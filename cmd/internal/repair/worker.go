package repair

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
)

// worker takes one host through its plan.
type worker struct {
	*round
	p    *Planned
	at   Event // its place in the run
	done Done
	// verified is true once all that the plan expects was seen, and the record
	// that it stays is written.
	verified bool
	looked   bool // find was asked once
}

func (o *round) worker(p *Planned, at Event) *worker {
	return &worker{round: o, p: p, at: at, done: Done{Planned: p}}
}

// tell says how far the host is.
func (w *worker) tell(step Step) {
	e := w.at
	e.Step = step
	w.notify(e)
}

// Apply carries out plans, and no others: two connections a host. When ctx
// ends, no further host is begun, and those at work are verified or rolled
// back before it returns.
func (r *Repair) Apply(ctx context.Context, plans []*Planned) (*Summary, error) {
	o, err := r.newRound(r.Run, plans)
	if err != nil {
		return nil, err
	}
	o.work = func(ctx context.Context, p *Planned, at Event) Done { return o.worker(p, at).apply(ctx) }
	o.batches(ctx, o.toChange())
	return o.summary(), nil
}

// toChange are the places of hosts that get something; the others have their
// end.
func (o *round) toChange() (todo []int) {
	for i := range o.done {
		switch d, p := &o.done[i], o.done[i].Planned; {
		case p.Err != nil || p.Plan == nil:
			d.State, d.Reason = Refused, "nothing could be planned"
			if p.Err != nil {
				d.Reason += ": " + p.Err.Error()
			}
		case p.Unfinished != nil && p.Unfinished.Run != o.run:
			d.State = Refused
			d.Reason = p.Unfinished.Open()
		case p.Plan.IsEmpty():
			d.State = Nothing
		default:
			todo = append(todo, i)
		}
	}
	return todo
}

// apply changes a host, verifies it over a second connection while the first
// waits, and keeps what was changed or rolls it back.
func (w *worker) apply(ctx context.Context) Done {
	w.tell(StepApply)
	conn, err := w.connect(ctx, w.p.Host)
	switch {
	case ctx.Err() != nil: // nothing was begun
		if err == nil {
			conn.Close()
		}
		return w.end(NotBegun, "the run was ended before it was touched")
	case err != nil:
		return w.settled(EventUntouched, Refused, "it was not reached: "+err.Error())
	}
	defer conn.Close()
	if w.p.opened == nil && w.Options.AcceptUnverified {
		// A plan of before does not know who could log in: what nobody can try is
		// accepted, but no session that opens now and does not afterwards.
		s, err := w.inspect(ctx, conn, fix.Query{Users: w.p.Plan.Query.Users})
		if err != nil {
			return w.settled(EventUntouched, Refused, "who can log in could not be tried: "+err.Error())
		}
		w.p.opened = opened(s)
	}
	if err := w.recheck(ctx, conn); err != nil {
		return w.settled(EventUntouched, Refused, err.Error())
	}
	if err := w.record(w.changes(EventApply)); err != nil {
		return w.end(NotBegun, err.Error())
	}
	// From here on the host comes to an end of its own, whatever becomes of
	// the run.
	ctx = context.WithoutCancel(ctx)
	nonce := newNonce()
	talk, answer, ended := w.change(ctx, conn, nonce)
	if ended {
		return w.done
	}
	w.done.Answer = answer
	second, wrong := w.verify(ctx, answer)
	if second != nil {
		defer second.Close()
	}
	if wrong == "" {
		if err := w.record(Record{Event: EventKeep, Host: w.p.Host.Name}); err != nil {
			wrong = err.Error()
		}
	}
	if wrong != "" {
		return w.back(ctx, talk, second, nonce, wrong)
	}
	w.verified = true
	return w.keep(ctx, talk, second, nonce)
}

// recheck holds a plan from a file against its host, and expects of it what was
// found besides.
func (w *worker) recheck(ctx context.Context, conn remote.Conn) error {
	if !w.p.Recheck {
		return nil
	}
	before, err := w.audit(ctx, conn, w.p.Host, w.p.Index)
	if err != nil {
		return fmt.Errorf("it cannot be judged before the change: %w", err)
	}
	more, err := w.speech().recheck(w.p.Plan, before.Facts, w.Audit.Policy, w.Options)
	if err != nil {
		return fmt.Errorf("the plan is not one for this host: %w", err)
	}
	plan := *w.p.Plan
	plan.Expect = append(slices.Clone(plan.Expect), more...)
	w.p.Before, w.p.Plan = before, &plan
	return nil
}

// change runs the program that applies the plan up to where it waits. ended is
// true if it came to another end, which is then in w.done.
func (w *worker) change(ctx context.Context, conn remote.Conn, nonce string) (talk remote.Talk, answer *fix.Answer, ended bool) {
	ctx, cancel := context.WithTimeout(ctx, w.applyTime(w.p.Plan))
	defer cancel()
	say := w.speech()
	text := say.apply(nonce, w.run, w.Who, w.p.Plan, int(w.patience()/time.Second), true)
	talk, err := conn.Start(ctx, remote.Program{Text: text, Root: true, End: fix.EndMark(nonce)})
	if err != nil {
		w.settled(EventUntouched, Refused, "the program could not be started: "+err.Error())
		return nil, nil, true
	}
	stdout, err := talk.Until(ctx, fix.AppliedMark(nonce))
	if err == nil {
		answer, err = say.answer(stdout, nonce)
	}
	if err == nil && answer.Outcome == fix.Applied {
		return talk, answer, false
	}
	w.ended(ctx, talk, nonce, err)
	return nil, nil, true
}

// ended is a program that did not come to where it waits: it said why, or the
// connection was lost.
func (w *worker) ended(ctx context.Context, talk remote.Talk, nonce string, why error) {
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.hostTime())
	defer cancel()
	answer, err := w.answered(talk.Wait(grace), nonce)
	if err != nil {
		talk.Abandon()
		if why == nil { // it printed its mark, and then what is no answer
			why = err
		}
		w.find(context.WithoutCancel(ctx), nil, "the connection was lost while it was changed: "+why.Error())
		return
	}
	w.said(ctx, nil, answer, "")
}

// keep tells the host that what it has stays.
func (w *worker) keep(ctx context.Context, talk remote.Talk, second remote.Conn, nonce string) Done {
	w.tell(StepKeep)
	bounded, cancel := context.WithTimeout(ctx, w.hostTime())
	defer cancel()
	err := talk.Say(bounded, fix.Keep(nonce))
	if err != nil {
		talk.Abandon()
		return w.find(ctx, second, "the connection was lost before it was told to keep: "+err.Error())
	}
	answer, err := w.answered(talk.Wait(bounded), nonce)
	if err != nil {
		talk.Abandon()
		return w.find(ctx, second, "the connection was lost when it was told to keep: "+err.Error())
	}
	return w.said(ctx, second, answer, "it was told to keep, and did not")
}

// back tells the host to undo what it did, which it does without being told
// too. A journal that cannot be written keeps nobody from it.
func (w *worker) back(ctx context.Context, talk remote.Talk, second remote.Conn, nonce, wrong string) Done {
	w.tell(StepBack)
	_ = w.record(Record{Event: EventBack, Host: w.p.Host.Name, Reason: wrong})
	bounded, cancel := context.WithTimeout(ctx, w.applyTime(w.p.Plan))
	defer cancel()
	err := talk.Say(bounded, fix.Back(nonce))
	if err == nil {
		var answer *fix.Answer
		if answer, err = w.answered(talk.Wait(bounded), nonce); err == nil {
			return w.said(ctx, second, answer, wrong)
		}
	}
	talk.Abandon()
	return w.find(ctx, second, fmt.Sprintf("%s; then the connection was lost: %v", wrong, err))
}

// said settles a host by what its program said at its end. why is what was
// wrong before, "" if nothing was.
func (w *worker) said(ctx context.Context, second remote.Conn, a *fix.Answer, why string) Done {
	w.done.Answer = a
	reason := join(why, a.Reason)
	switch a.Outcome {
	case fix.Kept:
		return w.settled(EventKept, Kept, "")
	case fix.Untouched:
		return w.settled(EventUntouched, Refused, reason)
	case fix.RolledBack:
		if why != "" { // what it says itself is that it was told to
			reason = why
		}
		return w.rolledBack(ctx, second, reason)
	case fix.Applied:
		return w.find(ctx, second, join(reason, "its program ended without a verdict"))
	case fix.Stuck:
		return w.settled(EventStuck, Stuck, reason)
	}
	return w.settled(EventUnknown, Unknown, join(reason, fmt.Sprintf("its program ended as %.32q", string(a.Outcome))))
}

// settled writes down how the host ended, and ends it. That it cannot be
// written does not change what the host is like.
func (w *worker) settled(event RecordEvent, s State, reason string) Done {
	_ = w.record(Record{Event: event, Host: w.p.Host.Name, Reason: reason})
	return w.end(s, reason)
}

func (w *worker) end(s State, reason string) Done {
	w.done.State, w.done.Reason = s, reason
	return w.done
}

// changes is a record of what a plan changes.
func (w *worker) changes(event RecordEvent) Record {
	r := Record{Event: event, Host: w.p.Host.Name, Live: w.p.Plan.Live}
	for _, f := range w.p.Plan.Files {
		r.Files = append(r.Files, RecordFile{Path: f.Path, Before: f.BeforeSHA256, After: f.AfterSHA256})
	}
	for _, user := range w.p.Plan.Query.Users {
		if w.p.opened[user] {
			r.Opened = append(r.Opened, user)
		}
	}
	return r
}

// join is two reasons in a line, either of which may be "".
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ": " + b
}

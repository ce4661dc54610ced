package repair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tmdoctor/tmdoctor/remote"
)

// round takes hosts through canary and batches. It decides who is begun, never
// what is done with a host.
type round struct {
	*Repair
	run  string // the run on the hosts: of a roll back the one that is undone
	done []Done // by place of the host among those given
	// work takes a host to its end; the event is its place in the run.
	work func(context.Context, *Planned, Event) Done
	// redo is what makes a run that stopped go on, in words.
	redo string

	mu       sync.Mutex
	failures int
	stopped  string // why no further host is begun, "" while they are
}

// newRound is a round in which nothing was begun.
func (r *Repair) newRound(run string, plans []*Planned) (*round, error) {
	if r.Journal == nil {
		return nil, errors.New("nothing is changed without a journal")
	}
	o := &round{Repair: r, run: run, done: make([]Done, len(plans)), redo: "go on with: tmdoctor fix --resume " + run}
	seen := map[string]bool{}
	for i, p := range plans {
		if p == nil || seen[p.Host.Name] {
			return nil, fmt.Errorf("plan %d is nil or of a host that has one already", i+1)
		}
		seen[p.Host.Name] = true
		if p.Plan != nil && p.Plan.Host != p.Host.Name {
			return nil, fmt.Errorf("the plan of host %s is for host %s", p.Host.Name, p.Plan.Host)
		}
		o.done[i] = Done{Planned: p, State: NotBegun}
	}
	return o, nil
}

// failed are the states that count as failures.
func (s State) failed() bool { return s == Refused || s == RolledBack || s == Unknown || s == Stuck }

// batches takes hosts, by their places, through canary and batches.
func (o *round) batches(ctx context.Context, todo []int) {
	rest := o.canaries(ctx, todo)
	began := len(rest) < len(todo)
	if len(rest) == 0 {
		return
	}
	size := o.Batch
	if size <= 0 {
		size = len(rest)
	}
	of := (len(rest) + size - 1) / size
	n := 0
	for batch := range slices.Chunk(rest, size) {
		n++
		if began && !o.pause(ctx, n, of) {
			return
		}
		began = true
		o.together(ctx, batch, n, of)
	}
}

// canary is the number of the batch of canaries, settling that of hosts that a
// run before left open.
const (
	canary   = 0
	settling = -1
)

// canaries takes hosts one after the other until Canary of them were kept, and
// gives those it did not need. One that could not be touched proves nothing:
// it counts as a failure, and the next takes its place. One that was changed
// and not kept ends the run at once.
func (o *round) canaries(ctx context.Context, todo []int) (rest []int) {
	kept := 0
	for kept < o.Canary && len(todo) > 0 {
		i := todo[0]
		todo = todo[1:]
		o.one(ctx, i, canary, 0)
		if o.done[i].State == Kept {
			kept++
		}
		if o.over(ctx) {
			return nil
		}
	}
	return todo
}

// together takes the hosts of a batch, as many at once as may be.
func (o *round) together(ctx context.Context, batch []int, n, of int) {
	var g errgroup.Group
	g.SetLimit(o.atOnce())
	for _, i := range batch {
		if o.over(ctx) {
			break
		}
		g.Go(func() error {
			o.one(ctx, i, n, of)
			return nil
		})
	}
	g.Wait()
}

// atOnce is one where units are restarted: a fleet that restarts at once is
// down at once.
func (o *round) atOnce() int {
	for i := range o.done {
		if p := o.done[i].Planned.Plan; p != nil && len(p.Restart) > 0 {
			return 1
		}
	}
	return o.inFlight()
}

// one takes one host to its end. A panic costs the host, not the run.
func (o *round) one(ctx context.Context, i, batch, of int) {
	if o.over(ctx) {
		return
	}
	p := o.done[i].Planned
	d := Done{Planned: p, State: Unknown}
	at := Event{Host: p.Host.Name, Batch: batch, Of: of}
	defer func() {
		if bug := recover(); bug != nil {
			d.State, d.Reason = Unknown, remote.Panicked(bug).Error()
		}
		o.settle(i, d, batch)
		at.Step, at.State = StepDone, d.State
		o.notify(at)
	}()
	d = o.work(ctx, p, at)
}

// settle keeps how a host ended, and stops the run after a canary that was
// changed and not kept, and after too many failures.
func (o *round) settle(i int, d Done, batch int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done[i] = d
	if !d.State.failed() {
		return
	}
	o.failures++
	name := d.Planned.Host.Name
	switch {
	case o.stopped != "":
	case batch == canary && d.State != Refused:
		o.stopped = fmt.Sprintf("the canary %s is %s: %s", name, d.State, d.Reason)
	case o.MaxFailures >= 0 && o.failures > o.MaxFailures:
		o.stopped = fmt.Sprintf("%d failed, %d may; the last is %s, %s: %s", o.failures, o.MaxFailures, name, d.State, d.Reason)
	}
}

// stop lets no further host begin. The first reason counts.
func (o *round) stop(why string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped == "" {
		o.stopped = why
	}
}

// over reports whether no further host may begin.
func (o *round) over(ctx context.Context) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped == "" && ctx.Err() != nil {
		o.stopped = endedText(ctx)
	}
	return o.stopped != ""
}

// endedText is why a context ended, in an operator's words.
func endedText(ctx context.Context) string {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.Canceled):
		return "it was interrupted"
	case errors.Is(cause, context.DeadlineExceeded):
		return "its time was over"
	default:
		return cause.Error()
	}
}

// pause waits between batches, and reports whether the next may begin.
func (o *round) pause(ctx context.Context, next, of int) bool {
	if o.over(ctx) || o.Pause <= 0 {
		return !o.over(ctx)
	}
	o.notify(Event{Step: StepPause, Batch: next, Of: of})
	sleep(ctx, o.Pause)
	return !o.over(ctx)
}

// sleep waits for d, or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// record writes to the journal before what it announces. Where that is not
// possible, no further host is begun.
func (o *round) record(rec Record) error {
	err := o.Journal.Write(rec)
	if err != nil {
		o.stop("what is done cannot be written down: " + err.Error())
	}
	return err
}

// summary ends the round. Hosts of whom nothing was asked do not count as left
// out.
func (o *round) summary() *Summary {
	s := &Summary{Run: o.run, Hosts: o.done}
	left := 0
	for i := range o.done {
		if o.done[i].State == NotBegun {
			left++
		}
	}
	if o.stopped != "" {
		s.Stopped = o.stopped
		if left > 0 {
			s.Stopped += fmt.Sprintf("; %d of %d hosts were not begun; %s", left, len(o.done), o.redo)
		}
	}
	_ = o.record(Record{Event: EventEnd, Reason: s.Stopped}) // a run without its end needs a look, and gets it
	return s
}

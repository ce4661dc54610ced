package remote

import (
	"context"
	"fmt"
	"iter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// Runner runs a script on many hosts at once.
type Runner struct {
	// Transport reaches all hosts but those that are this machine.
	Transport Transport
	// Local reaches this machine; nil is a [Local] with Limits.
	Local Transport
	// Limits bound how many hosts are at work at once (InFlight); a transport
	// has its own for the rest.
	Limits Limits
	// Started and Finished, if set, are called for each host when work on it
	// begins and when its result is known: from several goroutines at once,
	// so they must be safe for that, and quick. A host that was never started
	// is only finished.
	Started  func(index int, h inventory.Host)
	Finished func(Result)
}

// preparer is a transport that makes use of knowing its hosts beforehand.
type preparer interface {
	Prepare(hosts []inventory.Host)
}

// Run yields one result for each host, in order of arrival. When ctx ends,
// those at work come back as they are and those not begun as
// [PhaseDeadline]. A caller that stops early ends the run; nothing is left
// behind.
func (r *Runner) Run(ctx context.Context, hosts []inventory.Host, s Script) iter.Seq[Result] {
	return func(yield func(Result) bool) {
		ctx, cancel := context.WithCancel(ctx)
		results := make(chan Result)
		if p, ok := r.Transport.(preparer); ok {
			p.Prepare(hosts)
		}
		go r.all(ctx, hosts, s, results)
		defer func() {
			cancel()
			for range results { // until all() has closed it
			}
		}()
		for res := range results {
			if !yield(res) {
				return
			}
		}
	}
}

// all sends one result a host and closes results. A host never fails the
// group: its error is in its result.
func (r *Runner) all(ctx context.Context, hosts []inventory.Host, s Script, results chan<- Result) {
	defer close(results)
	local := r.Local
	if local == nil {
		local = &Local{Limits: r.Limits}
	}
	var g errgroup.Group
	g.SetLimit(r.Limits.Descriptors(len(hosts)).Fit)
	for i, h := range hosts {
		if ctx.Err() != nil {
			results <- r.finish(neverStarted(ctx, i, h))
			continue
		}
		t := r.Transport
		if h.Local {
			t = local
		}
		g.Go(func() error {
			results <- r.finish(r.one(ctx, t, i, h, s))
			return nil
		})
	}
	g.Wait()
}

// Panicked is the error of a host whose answer made tmdoctor itself panic.
func Panicked(p any) *Error {
	return &Error{Phase: PhaseScript, Reason: fmt.Sprintf("tmdoctor itself panicked: %v", p), Hint: "this is a bug in tmdoctor: please report it"}
}

// one runs a host. A panic costs the host, not the run.
func (r *Runner) one(ctx context.Context, t Transport, i int, h inventory.Host, s Script) (res Result) {
	defer func() {
		if p := recover(); p != nil {
			res = Result{Err: Panicked(p)}
		}
		res.Host, res.Index = h, i
	}()
	if ctx.Err() != nil {
		return neverStarted(ctx, i, h)
	}
	if r.Started != nil {
		r.Started(i, h)
	}
	if t == nil {
		return Result{Err: &Error{Phase: PhaseConfig, Reason: "no transport for this host"}}
	}
	res = t.Run(ctx, h, s)
	if res.Err == nil {
		res.Ended = time.Now()
	}
	return res
}

func (r *Runner) finish(res Result) Result {
	if r.Finished != nil {
		r.Finished(res)
	}
	return res
}

func neverStarted(ctx context.Context, i int, h inventory.Host) Result {
	return Result{Host: h, Index: i, Address: h.Address, Port: h.Port, User: h.User, Err: &Error{
		Phase: PhaseDeadline, Kind: KindCanceled, Err: context.Cause(ctx), Reason: "the run ended before this host was tried",
	}}
}

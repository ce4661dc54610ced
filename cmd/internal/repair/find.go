package repair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
)

// find asks a host what became of the run after its connection was lost, until
// nobody is at work there any more, and finishes what is then left undone: the
// host rolls back by itself unless its program was killed. conn is a
// connection that still works, or nil. why is what happened.
func (w *worker) find(ctx context.Context, conn remote.Conn, why string) Done {
	if w.looked { // a host that leads us in a circle
		return w.unknown(why, "what it says makes no sense")
	}
	w.looked = true
	w.tell(StepLook)
	if err := w.record(Record{Event: EventLook, Host: w.p.Host.Name, Reason: why}); err != nil {
		return w.end(Unknown, join(why, err.Error()))
	}
	ctx, cancel := context.WithTimeout(ctx, w.lookTime(w.p.Plan))
	defer cancel()
	if conn == nil || conn.Alive(ctx) != nil {
		var err error
		// What was changed may be why the last login was refused.
		if conn, err = w.connect(remote.TryAgain(ctx), w.p.Host); err != nil {
			return w.unknown(why, "it cannot be asked: "+err.Error())
		}
		defer conn.Close()
	}
	s, err := w.await(ctx, conn, beginTime)
	if err != nil {
		return w.unknown(why, err.Error())
	}
	return w.found(ctx, conn, s, why)
}

// await looks at a host until nobody is at work on the run there any more, as
// long as ctx. A host without traces is given some time to show them.
func (w *worker) await(ctx context.Context, conn remote.Conn, grace time.Duration) (*fix.Snapshot, error) {
	over := fix.RunState("") // what it is like since nobody works on it
	for began := time.Now(); ; sleep(ctx, lookEvery) {
		s, err := w.inspect(ctx, conn, w.query())
		switch {
		case ctx.Err() != nil:
			return nil, errors.New("it is still at work")
		case err != nil:
			return nil, fmt.Errorf("it cannot be asked: %w", err)
		case s.Run == nil && time.Since(began) < grace: // it may be about to begin
		case s.Lock != "" && !settledState(s.Run):
		case s.Run == nil || s.Run.State == over:
			return s, nil
		default:
			// The host reads files before it reads how far the run is: these may
			// be from before its program ended. The next look is one of after it.
			over = s.Run.State
			continue
		}
	}
}

// settledState reports whether a run on a host is one that nobody works on.
func settledState(run *fix.HostRun) bool {
	return run != nil && (run.State == fix.RunKept || run.State == fix.RunRolledBack)
}

// found ends a host by what it says of the run, while nobody is at work there.
func (w *worker) found(ctx context.Context, conn remote.Conn, s *fix.Snapshot, why string) Done {
	if s.Run == nil {
		return w.settled(EventUntouched, Refused, join(why, "it was not touched"))
	}
	switch s.Run.State {
	case fix.RunKept:
		return w.settled(EventKept, Kept, "")
	case fix.RunRolledBack:
		return w.wasRolledBack(s, why)
	case fix.RunApplied:
		if w.verified {
			return w.settleOver(ctx, conn, why)
		}
	}
	return w.undo(ctx, conn, why)
}

// undo rolls a host back over a connection, from what it kept of the run.
func (w *worker) undo(ctx context.Context, conn remote.Conn, why string) Done {
	if err := w.record(Record{Event: EventBack, Host: w.p.Host.Name, Reason: why}); err != nil {
		return w.end(Unknown, join(why, err.Error()))
	}
	w.tell(StepBack)
	nonce := newNonce()
	answer, _, err := w.carryOut(ctx, conn, nonce, w.speech().rollback(nonce, w.run, w.Who, false))
	if err != nil {
		return w.unknown(why, "rolling it back: "+err.Error())
	}
	if answer.Outcome == fix.Untouched { // it would not, and is what it was found to be
		w.done.Answer = answer
		if edited(answer) {
			return w.settled(EventStuck, Stuck, join(why, "it cannot be rolled back: "+answer.Reason))
		}
		return w.unknown(why, "it was not rolled back: "+answer.Reason)
	}
	return w.said(ctx, conn, answer, why)
}

// settleOver keeps what was applied and verified, over a connection.
func (w *worker) settleOver(ctx context.Context, conn remote.Conn, why string) Done {
	if err := w.record(Record{Event: EventKeep, Host: w.p.Host.Name}); err != nil {
		return w.end(Unknown, join(why, err.Error()))
	}
	w.tell(StepKeep)
	nonce := newNonce()
	answer, _, err := w.carryOut(ctx, conn, nonce, w.speech().settle(nonce, w.run, w.Who))
	if err != nil {
		return w.unknown(why, "keeping it: "+err.Error())
	}
	if answer.Outcome == fix.Untouched { // not by this program: it is still applied
		w.done.Answer = answer
		return w.unknown("it did not keep what was applied", answer.Reason)
	}
	return w.said(ctx, conn, answer, "it did not keep what was applied")
}

// edited reports whether a host says that somebody else wrote into a file.
func edited(a *fix.Answer) bool {
	return slices.ContainsFunc(a.Files, func(f fix.FileResult) bool { return f.State == fix.FileEdited })
}

// carryOut runs a program that settles a run on a host, to its end. sent is
// false if it never began.
func (w *worker) carryOut(ctx context.Context, conn remote.Conn, nonce string, text []byte) (a *fix.Answer, sent bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.applyTime(w.p.Plan))
	defer cancel()
	talk, err := conn.Start(ctx, remote.Program{Text: text, Root: true, End: fix.EndMark(nonce)})
	if err != nil {
		return nil, false, err
	}
	a, err = w.answered(talk.Wait(ctx), nonce)
	return a, true, err
}

// rolledBack is a host that says that it is as it was: each file and each live
// value is looked at, over the second connection if there is one.
func (w *worker) rolledBack(ctx context.Context, second remote.Conn, why string) Done {
	w.done.After = nil // of the host as it is no more
	ctx, cancel := context.WithTimeout(ctx, w.verifyTime())
	defer cancel()
	s, err := w.lookAgain(ctx, second)
	if err != nil {
		return w.unknown(why, "it says that it is as it was, and cannot be looked at: "+err.Error())
	}
	return w.wasRolledBack(s, why)
}

// lookAgain inspects a host over a connection that is there, if there is one
// and it serves, else over a new one: sshd asks PAM for a session once a
// connection, and one that was refused it then gets none for as long as it
// lasts.
func (w *worker) lookAgain(ctx context.Context, second remote.Conn) (*fix.Snapshot, error) {
	if second != nil {
		s, err := w.inspect(ctx, second, w.query())
		var e *remote.Error
		if !errors.As(err, &e) || e.Phase == remote.PhaseSudo {
			return s, err // no other connection would make more of us
		}
	}
	third, err := w.connect(remote.TryAgain(ctx), w.p.Host)
	if err != nil {
		return nil, err
	}
	defer third.Close()
	return w.inspect(ctx, third, w.query())
}

// wasRolledBack holds a host against what it was before the plan.
func (w *worker) wasRolledBack(s *fix.Snapshot, why string) Done {
	w.done.After = nil
	for _, f := range w.p.Plan.Files {
		switch now := fileNow(s, f.Path); {
		case now == f.BeforeSHA256:
		case now != f.AfterSHA256 && len(now) == len(f.AfterSHA256) && f.BeforeSHA256 != "" && settledState(s.Run):
			// The host says that it was edited before it was its turn.
			why = join(why, f.Path+" was edited by another meanwhile: it stays")
		default:
			return w.settled(EventStuck, Stuck, join(why, f.Path+" is not as it was before"))
		}
	}
	for _, l := range w.p.Plan.Live {
		// A value that is neither was given by somebody else: it stays theirs.
		switch now, gone := liveNow(s, l); {
		case gone:
		case !reaches(now, "0"):
			return w.unknown(why, fmt.Sprintf("%s was %s before, and now it is %s", liveName(l), l.Before, now))
		case now == l.After && l.After != l.Before:
			return w.settled(EventStuck, Stuck, join(why, fmt.Sprintf("%s is still %s, and was %s before", liveName(l), now, l.Before)))
		}
	}
	if s.Run != nil && !settledState(s.Run) {
		// All is as it was, and the host could not write that down: for whoever
		// comes next the run is open there.
		return w.unknown(why, fmt.Sprintf("all is as it was, but the host still says that the run is %s there", s.Run.State))
	}
	return w.settled(EventRolledBack, RolledBack, why)
}

// unknown ends a host of which nobody knows what it is like.
func (w *worker) unknown(why, because string) Done {
	return w.settled(EventUnknown, Unknown, join(why, because))
}

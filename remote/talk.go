package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// programGrace is how long the exit status of a program is waited for after
// its last line: by then it removes what it made for itself.
const programGrace = 5 * time.Second

// talk is a Talk over the streams of a shell.
type talk struct {
	sh    *streams
	r     *running
	lim   Limits
	end   string // the last line
	res   Result // of what it does, but for that
	start time.Time

	seen  int             // bytes of standard output that Until has done with
	sent  <-chan struct{} // closed when all that was sent is written
	leave sync.Once
	over  *Error // why the talk is
}

func newTalk(sh *streams, lim Limits, res Result) *talk {
	sent := make(chan struct{})
	close(sent)
	t := &talk{sh: sh, r: newRunning(sh, lim), lim: lim, res: res, start: time.Now(), sent: sent}
	t.r.exitGrace = programGrace
	return t
}

// send writes after all that was sent before. A shell reads its program as it
// runs it, so what is long may be written late, and some of it never.
func (t *talk) send(text []byte) <-chan error {
	before, sent, done := t.sent, make(chan struct{}), make(chan error, 1)
	t.sent = sent
	go func() {
		defer close(sent)
		<-before
		_, err := t.sh.stdin.Write(text)
		done <- err
	}()
	return done
}

// closeInput ends the input after all that was sent before.
func (t *talk) closeInput() {
	before := t.sent
	go func() {
		<-before
		t.sh.stdin.Close()
	}()
}

// Abandon leaves the program as if the connection had been lost.
func (t *talk) Abandon() {
	t.fail(&Error{Phase: PhaseScript, Kind: KindCanceled, Reason: "the program was left alone"})
}

// fail ends the talk. The first reason stays.
func (t *talk) fail(e *Error) *Error {
	if t.over == nil {
		t.over = e
	}
	t.leave.Do(t.sh.leave)
	return t.over
}

// Say sends one line.
func (t *talk) Say(ctx context.Context, line string) error {
	if t.over != nil {
		return t.over
	}
	if bytes.ContainsRune([]byte(line), '\n') {
		return &Error{Phase: PhaseScript, Reason: "more than one line is not said at once"}
	}
	select {
	case err := <-t.send([]byte(line + "\n")):
		if err != nil {
			return t.fail(t.unheard(err))
		}
		return nil
	case <-ctx.Done():
		return t.fail(scriptTimedOut(ctx, t.r))
	}
}

// unheard is for a program that takes no more input.
func (t *talk) unheard(err error) *Error {
	e := &Error{Phase: PhaseScript, Reason: "the program no longer listens", Err: err, Hint: "it has ended, or the connection has"}
	if !errors.Is(err, io.EOF) && !isLost(err) {
		e.Reason += ": " + excerptText(err.Error())
	}
	return e
}

// Until waits for a whole line of standard output.
func (t *talk) Until(ctx context.Context, line string) ([]byte, error) {
	if t.over != nil {
		return t.r.stdout.soFar(), t.over
	}
	_, e := t.await(ctx, func(stdout []byte) bool { return bytes.Equal(stdout, []byte(line)) })
	if e != nil {
		return t.r.stdout.soFar(), t.fail(e)
	}
	return t.r.stdout.soFar(), nil
}

// await waits for a whole line that is looked for, gives it, and has done with
// it and all before it.
func (t *talk) await(ctx context.Context, wanted func(line []byte) bool) (line []byte, e *Error) {
	e = t.watch(ctx, func() (ok bool) {
		line, ok = t.next(wanted)
		return ok
	})
	return line, e
}

// watch looks at what is printed until that is what is waited for.
func (t *talk) watch(ctx context.Context, found func() bool) *Error {
	var over <-chan time.Time
	for {
		if found() {
			return nil
		}
		if t.r.ended == nil {
			return t.endedFirst()
		}
		if over == nil && t.r.exits == nil {
			over = time.After(statusGrace) // its output is still on the way
		}
		select {
		case <-ctx.Done():
			return scriptTimedOut(ctx, t.r)
		case <-t.r.stdout.changed:
			over = nil
		case <-t.r.stderr.changed:
		case t.r.exit = <-t.r.exits:
			t.r.exits = nil
		case err := <-t.r.ended:
			if e := t.r.hasEnded(err); e != nil {
				return e
			}
		case <-over:
			if found() {
				return nil
			}
			return t.endedFirst()
		}
	}
}

// next looks at the whole lines that were not looked at yet.
func (t *talk) next(wanted func([]byte) bool) ([]byte, bool) {
	stdout := t.r.stdout.soFar()
	for {
		line, _, whole := bytes.Cut(stdout[t.seen:], []byte("\n"))
		if !whole {
			return nil, false
		}
		t.seen += len(line) + 1
		if wanted(line) {
			return line, true
		}
	}
}

// endedFirst is for a program that ended before the line that was waited for.
func (t *talk) endedFirst() *Error {
	if t.r.exits != nil {
		select {
		case t.r.exit = <-t.r.exits:
			t.r.exits = nil
		case <-time.After(statusGrace):
		}
	}
	res := Result{Stdout: t.r.stdout.soFar(), Stderr: t.r.stderr.soFar()}
	res.Truncated = len(res.Stdout) == t.lim.Stdout
	return incomplete(&res, t.r.exit, t.lim)
}

// Wait closes standard input and waits for the last line and the exit.
func (t *talk) Wait(ctx context.Context) Result {
	e := t.over
	if e == nil {
		t.closeInput()
		e = t.r.wait(ctx, t.whole)
	}
	res := t.res
	res.settle(t.r, t.whole, t.lim, e)
	res.Timing.Script = time.Since(t.start)
	if res.Err == nil {
		res.Ended = time.Now()
	}
	t.fail(&Error{Phase: PhaseScript, Reason: "the program has ended"})
	return res
}

// whole is true once the last line was printed. A program without a name for
// it is whole when it ends with a status of its own.
func (t *talk) whole(stdout []byte) bool {
	if t.end == "" {
		return t.r.exit.status >= 0
	}
	last := bytes.TrimSuffix(stdout, []byte("\n"))
	if len(last) == len(stdout) {
		return false
	}
	last = last[bytes.LastIndexByte(last, '\n')+1:]
	return bytes.Equal(last, []byte(t.end))
}

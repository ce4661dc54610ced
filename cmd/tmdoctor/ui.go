package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes/conf"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// Rules of the user interface, for every command:
//
// Standard output carries what was asked for (a report, a script, an
// explanation) and nothing else. Everything else goes to standard error, in
// lines that begin with "tmdoctor: ", in lower case, without a full stop:
// "error: " for why it did not work, "hint: " for the flag or file to change,
// "warning: " for what was worked around. Nothing prompts but what goes through
// ask: a passphrase, a password for sudo, the number of hosts that are changed;
// and only on a terminal. Text that came from a host or a file is escaped.

// environment is everything a command takes from its process, so that a test
// can give another one.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	// stdoutFD and stderrFD are file descriptors, -1 where the stream is no
	// file.
	stdoutFD, stderrFD int
	// terminal opens what a person is asked on; nil is the terminal that
	// controls the process.
	terminal func() (*terminal, error)
	// repairs is what carries plans out; nil is package repair. A test gives
	// hosts that are none.
	repairs func(*repair.Repair) repairer
}

func processEnv() *environment {
	return &environment{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
		stdoutFD: int(os.Stdout.Fd()), stderrFD: int(os.Stderr.Fd()),
	}
}

// ui is how commands speak to a person.
type ui struct {
	*environment
	mu       sync.Mutex
	progress *progress  // nil while none is shown
	asking   sync.Mutex // one question at a time
	question func()     // takes back the question on the terminal, nil if there is none
	verbose  bool
}

// errorf says why it did not work.
func (u *ui) errorf(format string, args ...any) { u.say("error: ", format, args...) }

// hintf says what to change.
func (u *ui) hintf(format string, args ...any) { u.say("hint: ", format, args...) }

// warnf says what was worked around.
func (u *ui) warnf(format string, args ...any) { u.say("warning: ", format, args...) }

// printf says anything else.
func (u *ui) printf(format string, args ...any) { u.say("", format, args...) }

func (u *ui) say(kind, format string, args ...any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.progress.hold()
	defer u.progress.release()
	// One line, whatever stands in the arguments: a newline is escaped like any
	// other control character, so that nothing can forge a line of ours.
	fmt.Fprintf(u.stderr, "tmdoctor: %s%s\n", kind, report.Escape(fmt.Sprintf(format, args...)))
}

// failed says err and its hint, if it has one.
func (u *ui) failed(err error) {
	u.errorf("%s", err.Error())
	if hint := hintOf(err); hint != "" {
		u.hintf("%s", hint)
	}
}

// hintOf is what to do about an error, "" if nothing is known.
func hintOf(err error) string {
	var own *usageError
	if errors.As(err, &own) && own.hint != "" {
		return own.hint
	}
	var policy *conf.Error
	if errors.As(err, &policy) {
		return policy.Hint
	}
	var host *remote.Error
	if errors.As(err, &host) {
		return host.Hint
	}
	return inventory.Hint(err)
}

// usageError is a command line, an inventory or a policy that cannot be used:
// exit status 64, and nothing was asked of any host.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usagef makes a usageError.
func usagef(hint, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...), hint}
}

// isTerminal reports whether a file descriptor is a terminal.
func isTerminal(fd int) bool { return fd >= 0 && term.IsTerminal(fd) }

// width is the number of columns to print to: the terminal's, else $COLUMNS,
// else 0 for unbounded.
func (u *ui) width() int {
	if isTerminal(u.stdoutFD) {
		if w, _, err := term.GetSize(u.stdoutFD); err == nil && w > 0 {
			return w
		}
	}
	var w int
	if _, err := fmt.Sscanf(u.getenv("COLUMNS"), "%d", &w); err == nil && w > 0 {
		return w
	}
	return 0
}

// colour decides by --color: auto means a terminal that is not dumb, without
// NO_COLOR (https://no-color.org); CLICOLOR_FORCE overrides both.
func (u *ui) colour(when string) (bool, error) {
	switch when {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		if f := u.getenv("CLICOLOR_FORCE"); f != "" && f != "0" {
			return true, nil
		}
		return u.getenv("NO_COLOR") == "" && u.getenv("TERM") != "dumb" && isTerminal(u.stdoutFD), nil
	}
	return false, usagef("use auto, always or never", "--color %q is not a choice", when)
}

// ascii reports whether the locale is one that has no characters outside
// ASCII: LC_ALL, LC_CTYPE and LANG in the order of locale(7). Windows has no
// locale variables and prints UTF-8.
func (u *ui) ascii() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := u.getenv(name); v != "" {
			return v == "C" || v == "POSIX"
		}
	}
	return false
}

// askPassphrase asks for a key's passphrase on the terminal. It returns nil
// where there is no terminal to ask on: a cron job is never asked anything.
func (u *ui) askPassphrase() func(path string) ([]byte, error) {
	t := u.openTerminal()
	if t == nil {
		return nil
	}
	return func(path string) ([]byte, error) {
		return u.ask(t, "passphrase for "+report.Escape(path)+": ", t.secret, t.restore)
	}
}

// ask puts one question on the terminal and reads the answer; restore makes
// the terminal show again what is typed if the answer is not waited for.
//
// u.mu is not held while a person thinks: hosts that end meanwhile have
// something to say, and so has an interrupt.
func (u *ui) ask(tty io.Writer, question string, read func() ([]byte, error), restore func()) ([]byte, error) {
	u.asking.Lock()
	defer u.asking.Unlock()
	u.progress.hold()
	defer u.progress.release()
	u.setQuestion(func() {
		restore()
		fmt.Fprintln(tty)
	})
	fmt.Fprint(tty, question)
	answer, err := read()
	if u.setQuestion(nil) {
		fmt.Fprintln(tty)
	}
	return answer, err
}

// setQuestion notes how the question on the terminal is taken back, nil for
// none, and reports whether there was one.
func (u *ui) setQuestion(drop func()) (was bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	was = u.question != nil
	u.question = drop
	return was
}

// dropQuestion takes back a question that nobody answered: the terminal shows
// again what is typed. Reading cannot be ended, only left behind.
func (u *ui) dropQuestion() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.question != nil {
		u.question()
		u.question = nil
	}
}

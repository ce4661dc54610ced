package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// errNoTerminal means that there is nobody to ask.
var errNoTerminal = errors.New("there is no terminal")

// terminal is where a person reads and types.
type terminal struct {
	io.Writer
	line    func() ([]byte, error) // what is typed up to the end of a line, without it
	secret  func() ([]byte, error) // the same, and it is not shown
	restore func()                 // shows again what is typed, also in the middle of secret
}

// openTerminal is the terminal to ask on, or nil where nobody can be asked: a
// cron job is never asked anything, whatever its standard input is.
func (u *ui) openTerminal() *terminal {
	open := u.terminal
	if open == nil {
		open = u.controllingTerminal
	}
	t, err := open()
	if err != nil {
		return nil
	}
	return t
}

// controllingTerminal is the terminal of the process, as long as messages go
// there too: who redirects them does not see what is asked.
func (u *ui) controllingTerminal() (*terminal, error) {
	if !isTerminal(u.stderrFD) {
		return nil, errNoTerminal
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	fd := int(tty.Fd())
	before, _ := term.GetState(fd)
	lines := bufio.NewReader(tty)
	return &terminal{
		Writer: tty,
		line: func() ([]byte, error) {
			s, err := lines.ReadString('\n')
			return []byte(strings.TrimRight(s, "\r\n")), err
		},
		secret: func() ([]byte, error) { return term.ReadPassword(fd) },
		restore: func() {
			if before != nil {
				_ = term.Restore(fd, before)
			}
		},
	}, nil
}

// askLogin asks what a server wants to know beyond a key; nil where there is
// nobody to ask.
func (u *ui) askLogin() func(remote.Question) ([]byte, error) {
	t := u.openTerminal()
	if t == nil {
		return nil
	}
	return func(q remote.Question) ([]byte, error) {
		host, user := report.Escape(q.Host), report.Escape(q.User)
		switch {
		case q.Jump && q.Text == "":
			return u.ask(t, fmt.Sprintf("password of %s on jump host %s: ", user, host), t.secret, t.restore)
		case q.Text == "":
			return u.ask(t, fmt.Sprintf("password of %s on the hosts (%s wants it): ", user, host), t.secret, t.restore)
		}
		// The words are the server's: what precedes them says so.
		read, restore := t.secret, t.restore
		if q.Echo {
			read, restore = t.line, func() {}
		}
		return u.ask(t, fmt.Sprintf("%s asks %s: %s ", host, user, report.Escape(q.Text)), read, restore)
	}
}

// askSudo asks for the password that sudo wants, once for all hosts; nil where
// there is nobody to ask.
func (u *ui) askSudo() func() ([]byte, error) {
	t := u.openTerminal()
	if t == nil {
		return nil
	}
	return func() ([]byte, error) {
		return u.ask(t, "password for sudo on the hosts: ", t.secret, t.restore)
	}
}

// confirm asks for the number of hosts that are changed. Only that number is a
// yes: a key pressed twice, an answer meant for another question and a closed
// terminal are not. The error is that of ctx.
func (u *ui) confirm(ctx context.Context, t *terminal, question string, hosts int) (bool, error) {
	type answer struct {
		text []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() { // a read of a terminal cannot be ended, only left behind
		text, err := u.ask(t, report.Escape(question), t.line, func() {})
		answers <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case a := <-answers:
		return a.err == nil && strings.TrimSpace(string(a.text)) == strconv.Itoa(hosts), nil
	}
}

// confirmed settles whether so many hosts may be changed: --yes, or the number
// typed on a terminal; nothing else. what is "change
// them", or whatever else is done. Without either it is an error that says how to
// go on.
func (u *ui) confirmed(ctx context.Context, yes bool, what string, hosts int) error {
	if yes {
		return nil
	}
	t := u.openTerminal()
	if t == nil {
		return usagef("look at what is above, then give --yes; or run it on a terminal and type the number of hosts",
			"nothing was changed: to change %s has to be confirmed, and there is no terminal to ask on", counted(hosts, "host"))
	}
	ok, err := u.confirm(ctx, t, fmt.Sprintf("type the number of hosts (%d) to %s: ", hosts, what), hosts)
	if err != nil {
		u.printf("nothing was changed: it was not confirmed")
		return verdict(exitCutShort)
	}
	if !ok {
		u.printf("nothing was changed: the answer was not %d", hosts)
		return verdict(exitCutShort)
	}
	return nil
}

// counted is "1 host", "2 hosts".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

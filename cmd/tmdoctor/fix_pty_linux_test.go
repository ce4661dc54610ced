package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// typed is an operator at a terminal: what is asked, and what is typed then.
type typed struct {
	asked, answer string
	hidden        bool // it is not shown as it is typed
}

// echoes reports whether a terminal shows what is typed.
func echoes(master *os.File) bool {
	state, err := unix.IoctlGetTermios(int(master.Fd()), unix.TCGETS)
	return err == nil && state.Lflag&unix.ECHO != 0
}

// onTerminal is tmdoctor on a pseudo-terminal, with somebody who types each
// answer once it is asked for. It gives all that the terminal showed.
func (l *fixLab) onTerminal(answers []typed, args ...string) (shown string, status int) {
	l.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		l.t.Fatal(err)
	}
	defer master.Close()
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		l.t.Fatal(err)
	}
	cmd := l.command(args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	slave.Close()
	if err != nil {
		l.t.Fatal(err)
	}
	var out bytes.Buffer
	var reading sync.WaitGroup
	reading.Go(func() {
		from := 0
		block := make([]byte, 4096)
		for {
			n, err := master.Read(block)
			out.Write(block[:n])
			if len(answers) > 0 && strings.Contains(out.String()[from:], answers[0].asked) {
				from = out.Len()
				for answers[0].hidden && echoes(master) { // a person is never that fast
					time.Sleep(time.Millisecond)
				}
				_, _ = master.WriteString(answers[0].answer + "\n")
				answers = answers[1:]
			}
			if err != nil { // EIO: the last of its processes is gone
				return
			}
		}
	})
	_ = cmd.Wait()
	reading.Wait()
	if len(answers) > 0 {
		l.t.Errorf("it never asked for %q:\n%s", answers[0].asked, out.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// TestFixAsksAPerson: a password for sudo is asked for once for all hosts, and
// the number of hosts is what confirms. A wrong password and a wrong number change
// nothing, and no password is left anywhere.
func TestFixAsksAPerson(t *testing.T) {
	needLongFix(t)
	const password = "let me"
	l := newFixLab(t, fixHostSpec{name: "one", sudo: "password"}, fixHostSpec{name: "two", sudo: "password", flavour: "nologin"})
	l.state = l.path("state")
	for _, row := range []struct {
		name    string
		answers []typed
		status  int
		fixed   bool
	}{
		{"a wrong password", []typed{{"password", "let us", true}}, 3, false},
		{"a wrong number", []typed{{"password", password, true}, {"number of hosts", "3", false}}, 3, false},
		{"the right number", []typed{{"password", password, true}, {"number of hosts", "2", false}}, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := l.with(t, "state")
			shown, status := l.onTerminal(row.answers, l.asks("fix")...)
			if status != row.status {
				t.Errorf("exit status %d, want %d", status, row.status)
			}
			if strings.Contains(shown, password) || strings.Count(shown, "password for sudo") != 1 {
				t.Error("the password was shown, or not asked for once")
			}
			for _, name := range l.order {
				if wrong := l.inEffect(l.hosts[name]); (wrong == nil) != row.fixed {
					t.Errorf("%s: %q", name, wrong)
				}
			}
			t.Logf("%s", shown)
		})
	}
	for _, row := range []struct {
		name, password string
		status         int
		said           string
		fixed          bool
	}{
		{"a file with a wrong password", "let us", 2, "sudo did not take the password", true},
		{"a file with the right password", password, 0, "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := l.with(t, "state")
			file := writeSecret(t, row.password+"\n", 0o600)
			run := l.lastRun(t)
			shown, errs, status := l.run(append(l.asks("rollback", run), "--yes", "--sudo-password-file", file)...)
			if status != row.status || !strings.Contains(shown+errs, row.said) {
				t.Errorf("exit status %d, want %d and %q:\n%s%s", status, row.status, row.said, shown, errs)
			}
			for _, name := range l.order {
				if wrong := l.inEffect(l.hosts[name]); (wrong == nil) != row.fixed {
					t.Errorf("%s: %q", name, wrong)
				}
			}
		})
	}
	t.Run("the password is nowhere", func(t *testing.T) {
		for _, place := range []string{l.state, l.inHost(l.hosts["one"], "/var/lib/tmdoctor"), l.inHost(l.hosts["one"], "/var/log"), l.path("one/sshd.log")} {
			if found := grep(t, place, password); found != "" {
				t.Errorf("%s has the password", found)
			}
		}
	})
}

// grep is a file below a place that has a text, "" for none.
func grep(t *testing.T, place, text string) (found string) {
	t.Helper()
	_ = filepath.WalkDir(place, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(text)) {
				found = path
			}
		}
		return nil
	})
	return found
}

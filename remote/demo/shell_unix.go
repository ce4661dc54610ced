//go:build unix

package demo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// rootLine is the first line of every script; it is replaced by the host's
// directory.
const rootLine = "root=''\n"

// shellPath is the whole environment of a script.
const shellPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// statusNotRun is what a shell answers for a command it cannot execute.
const statusNotRun = 126

// leaveTime is how long a program that was left in the middle of a
// conversation may take to put things right before it is killed.
const leaveTime = 30 * time.Second

// runShell runs the script over root in a process group of its own. The group
// is killed when the channel ends; but a program whose input was still open
// then sees its end first and has leaveTime, because on a host of its own it
// would go on. Like sshd it tells the status at the end of the shell, and
// waits for the end of the output. It closes stdin when it needs no more of it.
func runShell(root string, p process, exited func(status int)) {
	script, err := rooted(root, p.stdin)
	if err != nil {
		fmt.Fprintln(p.stderr, err)
		exited(statusNotRun)
		return
	}
	cmd := exec.Command("/bin/sh", "-s")
	cmd.Dir = "/"
	cmd.Env = []string{shellPath}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	sh, err := startPiped(cmd)
	if err != nil {
		fmt.Fprintln(p.stderr, err)
		exited(statusNotRun)
		return
	}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		io.Copy(sh.stdin, script)
		sh.stdin.Close()
	}()
	ended := make(chan struct{})
	stop := onEnd(p.ctx, func() {
		sh.leave(p, fed, ended)
		sh.kill()
	})
	defer stop()

	var streams sync.WaitGroup
	streams.Go(func() { io.Copy(p.stdout, sh.stdout) })
	streams.Go(func() { io.Copy(p.stderr, sh.stderr) })
	err = cmd.Wait()
	close(ended)
	exited(exitStatus(err))
	streams.Wait()
	sh.kill() // what the script left behind in its group, if anything
	p.stdin.Close()
	<-fed
}

// leave gives a program whose input was held open the time to end by itself.
// Its output has nobody to read it.
func (sh *piped) leave(p process, fed, ended <-chan struct{}) {
	select {
	case <-fed: // it may still be in the pipe of a shell that reads none of it
	case <-ended:
	case <-p.server.Done():
	case <-time.After(leaveTime):
	}
	if !p.held.Load() {
		return
	}
	closeAll(sh.stdout, sh.stderr)
	select {
	case <-ended:
	case <-p.server.Done():
	case <-time.After(leaveTime):
	}
}

// rooted is the script with its first line replaced.
func rooted(root string, script io.Reader) (io.Reader, error) {
	r := bufio.NewReader(script)
	first, err := r.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	if string(first) != rootLine {
		return nil, fmt.Errorf("standard input:1: a script for this host begins with %s", strings.TrimSpace(rootLine))
	}
	return io.MultiReader(strings.NewReader("root="+quote(root)+"\n"), r), nil
}

// quote makes s one word of a shell.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// piped is a started command and our ends of its pipes. They are plain pipes
// and not exec's copying goroutines, so that [exec.Cmd.Wait] waits for the
// shell alone.
type piped struct {
	cmd                   *exec.Cmd
	stdin, stdout, stderr *os.File
}

func startPiped(cmd *exec.Cmd) (*piped, error) {
	p := &piped{cmd: cmd}
	var theirs [3]*os.File
	for i, ours := range []**os.File{&p.stdin, &p.stdout, &p.stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(append(theirs[:i], p.stdin, p.stdout, p.stderr)...)
			return nil, err
		}
		*ours, theirs[i] = r, w
		if i == 0 {
			*ours, theirs[i] = w, r
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs[0], theirs[1], theirs[2]
	err := cmd.Start()
	closeAll(theirs[:]...)
	if err != nil {
		closeAll(p.stdin, p.stdout, p.stderr)
		return nil, err
	}
	return p, nil
}

// kill ends every process of the group and gives up the pipes: a process that
// left the group may still hold the other ends.
func (p *piped) kill() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	closeAll(p.stdin, p.stdout, p.stderr)
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// exitStatus is the status as a shell tells it: 128 and the signal for a
// process that was killed.
func exitStatus(err error) int {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	if w, ok := exit.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return exit.ExitCode()
}

//go:build unix

package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// rootLine is the first line of every script; it is replaced by the host's
// directory.
const rootLine = "root=''\n"

// shellPath is the whole environment of a script.
const shellPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// statusNotRun is what a shell answers for a command it cannot execute.
const statusNotRun = 126

// runShell runs the script over root in a process group of its own. The group
// is killed when ctx ends; like sshd it waits for the end of the output, not
// only of the shell. It closes stdin when it needs no more of it.
func runShell(ctx context.Context, root string, stdin io.ReadCloser, stdout, stderr io.Writer) int {
	script, err := rooted(root, stdin)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return statusNotRun
	}
	cmd := exec.Command("/bin/sh", "-s")
	cmd.Dir = "/"
	cmd.Env = []string{shellPath}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p, err := startPiped(cmd)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return statusNotRun
	}
	stop := onEnd(ctx, p.kill)
	defer stop()

	var feeder, streams sync.WaitGroup
	feeder.Go(func() { io.Copy(p.stdin, script); p.stdin.Close() })
	streams.Go(func() { io.Copy(stdout, p.stdout) })
	streams.Go(func() { io.Copy(stderr, p.stderr) })
	err = cmd.Wait()
	streams.Wait()
	p.kill() // what the script left behind in its group, if anything
	stdin.Close()
	feeder.Wait()
	return exitStatus(err)
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

//go:build unix

package remote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// master is an ssh that logs in and then waits at a control socket, in a
// directory that is the caller's alone.
type master struct {
	dir    string
	cmd    *exec.Cmd
	files  []*os.File    // ours, to be closed
	gone   chan struct{} // closed when ssh has ended
	log    *sshLog
	stderr *capture // banners, and what a ProxyCommand says
	drain  sync.WaitGroup
	stop   func() // ends ssh and removes the directory
}

// masterScript runs ssh, and ends it when we are no more, whatever killed us:
// then its standard input ends. The words after it are the directory and ssh's.
const masterScript = `exec 3<&0 </dev/null
dir=$1
shift
"$@" 3<&- &
ssh=$!
{ read -r _; rm -f "$dir/s" "$dir/log"; rmdir "$dir"; kill -KILL 0; } <&3 3<&- >/dev/null 2>&1 &
guard=$!
exec 3<&-
wait "$ssh"
status=$?
kill "$guard"
exit "$status"
`

// maxStderr is how much is kept of what a host shows before login: what PAM
// has to say comes last.
const maxStderr = 8 << 10

// longestSocket is how long the path of a socket may be: 104 bytes on some
// systems, of which ssh needs 17 for a name that it renames.
const longestSocket = 104 - 17 - 1

// privateDir is a new directory with a short path.
func privateDir() (string, error) {
	const pattern, grown = "tmdoctor-*", len("tmdoctor-4294967295/s")
	parent := os.TempDir()
	if len(parent)+1+grown > longestSocket {
		parent = "/tmp"
	}
	return os.MkdirTemp(parent, pattern) // 0700
}

// startMaster starts an ssh for a host. What is first in its arguments counts.
func (o *OpenSSH) startMaster(h inventory.Host, first []string) (*master, *Error) {
	args, e := o.target(h)
	if e != nil {
		return nil, e
	}
	m, err := o.newMaster(append(first, args...))
	if err != nil {
		return nil, &Error{Phase: PhaseConnect, Reason: "starting ssh: " + err.Error(), Err: err, Hint: shellHint(err)}
	}
	return m, nil
}

func (o *OpenSSH) newMaster(args []string) (m *master, err error) {
	m = &master{gone: make(chan struct{}), log: newSSHLog(), stderr: newCapture(maxStderr, o.limits.Banner)}
	if m.dir, err = privateDir(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			m.clear()
		}
	}()
	pipe := filepath.Join(m.dir, "log")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		return nil, fmt.Errorf("%s: %w", pipe, err)
	}
	// A pipe bounds what a host can make ssh write. It is held open until ssh
	// has ended, so that it neither blocks who opens it nor ends before. (With
	// O_NONBLOCK instead, os reads no named pipe on macOS.)
	held, err := m.open(os.OpenFile(pipe, os.O_RDWR, 0))
	if err != nil {
		return nil, err
	}
	log, err := m.open(os.OpenFile(pipe, os.O_RDONLY, 0))
	if err != nil {
		return nil, err
	}
	life, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer life.Close()
	m.files = append(m.files, input)
	stderr, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	m.files = append(m.files, stderr)
	words := []string{"-c", masterScript, "sh", m.dir, o.program.path, "-v", "-E", pipe, "-N", "-M", "-S", m.socket()}
	m.cmd = exec.Command("/bin/sh", append(append(words, keepAliveArgs...), args...)...)
	m.cmd.Stdin, m.cmd.Stderr, m.cmd.Env = life, theirs, o.environ()
	ownSession(m.cmd)
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	m.stop = sync.OnceFunc(m.end)
	m.drain.Go(func() { m.flooded(m.log.readFrom(log)) })
	m.drain.Go(func() { m.flooded(m.stderr.readFrom(stderr)) })
	go func() {
		m.cmd.Wait()
		held.Close()
		close(m.gone)
	}()
	return m, nil
}

func (m *master) open(f *os.File, err error) (*os.File, error) {
	if err == nil {
		m.files = append(m.files, f)
	}
	return f, err
}

func (m *master) socket() string { return filepath.Join(m.dir, "s") }

// flooded ends an ssh that says more than any login has to say.
func (m *master) flooded(err error) {
	if errors.Is(err, errFlood) {
		m.log.flood()
		killGroup(m.cmd)
	}
}

// clear closes our files and removes the directory.
func (m *master) clear() {
	for _, f := range m.files {
		f.Close()
	}
	os.RemoveAll(m.dir)
}

// end kills ssh and what it started. One in uninterruptible sleep is not waited
// for.
func (m *master) end() {
	killGroup(m.cmd)
	select {
	case <-m.gone:
	case <-time.After(lingering):
	}
	m.drained()
	m.clear()
}

// drained waits until all that ssh said was read. What a ProxyCommand left
// running may hold its standard error open.
func (m *master) drained() {
	read := make(chan struct{})
	go func() { m.drain.Wait(); close(read) }()
	select {
	case <-read:
	case <-time.After(statusGrace):
		for _, f := range m.files {
			f.Close()
		}
		select {
		case <-read:
		case <-time.After(lingering):
		}
	}
}

// login waits until ssh has logged in, and speaks to it.
func (m *master) login(ctx context.Context, lim Limits) (*ssh.Client, *Error) {
	// Behind a jump host the first sign is the host's version: the login there
	// comes before.
	connect, stop := within(ctx, lim.Connect)
	defer stop()
	handshake := context.Context(nil)
	for waited := connect; ; {
		select {
		case <-m.log.changed:
		case <-m.gone:
			m.drained()
			return nil, m.failure(m.log.state())
		case <-waited.Done():
			st := m.log.state()
			return nil, endedAt(waited, st)
		}
		st := m.log.state()
		if st.proxied && handshake == nil && waited == connect {
			longer, stop := within(ctx, lim.Connect+lim.Handshake)
			defer stop()
			connect, waited = longer, longer
		}
		if st.connected && handshake == nil {
			var stop context.CancelFunc
			handshake, stop = within(ctx, lim.Handshake)
			defer stop()
			waited = handshake
		}
		if !st.ready {
			continue
		}
		client, err := dialMaster(waited, m.socket())
		if err != nil {
			if waited.Err() != nil {
				return nil, endedAt(waited, st)
			}
			select {
			case <-m.gone: // right after the login
				m.drained()
				return nil, m.failure(m.log.state())
			case <-waited.Done():
			case <-time.After(statusGrace): // it removes its socket first
			}
			return nil, lostConnection(PhaseSession, "logged in, but the control socket of ssh does not answer", err)
		}
		return client, nil
	}
}

//go:build unix

package remote

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// proxyTo is a ProxyCommand that writes its number down and connects by bash.
const proxyTo = `sh -c 'echo $$ >>"$0"; exec bash -c "exec 3<>/dev/tcp/%h/%p; cat <&3 & exec cat >&3"' PIDS`

// proxied is a site whose ssh_config reaches the host by a command. PIDS in it
// is a file for process numbers.
func (s *site) proxied(server *demo.Server, command string) (pids string) {
	s.t.Helper()
	pids = s.dir + "/pids"
	config := fmt.Sprintf("Host tm*\nHostName 127.0.0.1\nPort %d\nProxyCommand %s\n", server.Port(), strings.ReplaceAll(command, "PIDS", pids))
	s.opts.ConfigFile = writeFile(s.t, s.dir+"/config", config)
	return pids
}

// started are the processes that wrote their number down.
func started(t *testing.T, pids string) (numbers []int) {
	t.Helper()
	for _, w := range strings.Fields(readIf(pids)) {
		n, err := strconv.Atoi(w)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// anyNumber is as many commands as are started: one whose output ends before we have
// written is started again, to hear it out.
const anyNumber = -1

// noneLeft fails the test unless the process groups of all are gone.
func noneLeft(t *testing.T, pids string, want int) {
	t.Helper()
	numbers := started(t, pids)
	if want != anyNumber && len(numbers) != want {
		t.Errorf("%d commands were started, want %d", len(numbers), want)
	}
	for _, n := range numbers {
		gone := false
		for range 100 {
			if gone = syscall.Kill(-n, 0) == syscall.ESRCH; gone {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if !gone {
			t.Errorf("process group %d is left", n)
		}
	}
}

func TestHostsAreReachedByAProxyCommand(t *testing.T) {
	need(t, "bash")
	leakCheck(t)
	s := newSite(t)
	_, server := s.host(demo.Host{})
	pids := s.proxied(server, proxyTo)
	n := s.native()
	n.proxies = make(chan struct{}, 3) // as if few files could be open
	hosts := make([]inventory.Host, 12)
	for i := range hosts {
		hosts[i] = inventory.Host{Name: fmt.Sprintf("tm%d", i)}
	}
	for res := range (&Runner{Transport: n}).Run(t.Context(), hosts, script("")) {
		if res.Err != nil || string(res.Stdout) != "hello\n"+endMark {
			t.Errorf("%s: %q, %v", res.Host.Name, res.Stdout, res.Err)
		}
	}
	noneLeft(t, pids, 12)
	if c := server.Stats().Connections; c != 12 {
		t.Errorf("%d connections, want 12", c)
	}
	conn, err := n.Connect(t.Context(), hosts[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Alive(t.Context()); err != nil {
		t.Error(err)
	}
	conn.Close()
	noneLeft(t, pids, 13)
}

// sshd itself may be the command: it speaks SSH on its standard streams.
func TestARealServerIsAProxyCommand(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.startSSHD("")
	config := strings.TrimSuffix(d.log, "log") + "sshd_config"
	s.opts.ConfigFile = writeFile(t, s.dir+"/config", fmt.Sprintf("Host inetd\nUser %s\nHostKeyAlias inetd\nProxyCommand /usr/sbin/sshd -i -f %s\n", d.user, config))
	s.knowLine("inetd %s", d.keys["ed25519"])
	res := s.native().Run(t.Context(), inventory.Host{Name: "inetd"}, script("echo hello; echo '== end =='\n"))
	if res.Err != nil || string(res.Stdout) != "hello\n"+endMark {
		t.Errorf("%q, %v", res.Stdout, res.Err)
	}
}

func TestWhatAProxyCommandDoesIsNamed(t *testing.T) {
	t.Parallel()
	limits := Limits{Connect: 2 * time.Second, Handshake: 2 * time.Second, Script: time.Second, Host: 6 * time.Second}
	const note = `sh -c 'echo $$ >>"$0"; %s' PIDS`
	for _, c := range []struct {
		name, command string
		phase         Phase
		kind          Kind
		reason        string
		started       int
	}{
		{"exits at once", fmt.Sprintf(note, `echo "no route" >&2; exit 7`), PhaseConnect, "", `proxy command exited with status 7: it says "no route"`, 1},
		{"exits after its output", fmt.Sprintf(note, `exec 1>&-; sleep 0.2; printf "\033[2Jwiped" >&2; exit 9`), PhaseConnect, "", `proxy command exited with status 9: it says "\u001b[2Jwiped"`, 1},
		{"ends without a word", fmt.Sprintf(note, `exit 0`), PhaseConnect, "", `proxy command ended before an SSH server spoke`, 3},
		{"is killed", fmt.Sprintf(note, `kill -TERM $$`), PhaseConnect, "", `proxy command was ended by signal: terminated`, 1},
		{"lingers until its input ends", fmt.Sprintf(note, `exec 1>&-; cat; exit 4`), PhaseConnect, "", `proxy command exited with status 4`, 1},
		{"does not exist", "/nonexistent/nc %h %p", PhaseConnect, "", `proxy command exited with status 127: it says "`, 0},
		{"hangs", fmt.Sprintf(note, `echo waiting >&2; sleep 60 & sleep 60`), PhaseConnect, KindTimeout, `proxy command reached no SSH server within 2s: it says "waiting"`, 1},
		{"complains without end", fmt.Sprintf(note, `exec yes complaint >&2`), PhaseConnect, "", `proxy command printed without end on standard error: it says "complaint`, 1},
		{"speaks no SSH", fmt.Sprintf(note, `echo HTTP/1.1 400 Bad Request`), PhaseHandshake, "", `HTTP/1.1 400 Bad Request`, anyNumber},
		{"speaks and then hangs", fmt.Sprintf(note, `echo SSH-2.0-mute; sleep 60`), PhaseHandshake, KindTimeout, "key exchange did not end within 2s", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.opts.Limits = limits
			_, server := s.host(demo.Host{})
			pids := s.proxied(server, c.command)
			start := time.Now()
			n := s.native()
			e := failure(t, n.Run(t.Context(), inventory.Host{Name: "tm1"}, script("")))
			if e.Phase != c.phase || e.Kind != c.kind || e.Hint == "" {
				t.Errorf("phase %s kind %q hint %q, want %s %q and a hint", e.Phase, e.Kind, e.Hint, c.phase, c.kind)
			}
			contains(t, "reason", e.Reason, c.reason)
			if took := time.Since(start); took > limits.Host {
				t.Errorf("took %v", took)
			}
			if c.started != 0 {
				noneLeft(t, pids, c.started)
			}
			if len(n.proxies) != 0 {
				t.Errorf("%d places are not given back", len(n.proxies))
			}
		})
	}
}

// Without a terminal a command can ask nobody, and Ctrl-C does not reach it
// before the hosts are done with.
func TestAProxyCommandLeadsItsSession(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("sessions are read from /proc")
	}
	s := newSite(t)
	_, server := s.host(demo.Host{})
	s.proxied(server, `sh -c 'read -r stat </proc/$$/stat; set -- $stat; [ "$6" = $$ ] && exit 8; exit 9'`)
	e := failure(t, s.native().Run(t.Context(), inventory.Host{Name: "tm1"}, script("")))
	contains(t, "reason", e.Reason, "exited with status 8")
}

func TestNoShellForAProxyCommand(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, server := s.host(demo.Host{})
	s.proxied(server, "nc")
	s.opts.Env = func(string) string { return "/nonexistent/sh" }
	e := failure(t, s.native().Run(t.Context(), inventory.Host{Name: "tm1"}, script("")))
	if e.Phase != PhaseConnect || e.Hint != "$SHELL names no shell" {
		t.Errorf("%+v, want phase connect and that $SHELL names none", e)
	}
}

// A run that ends takes the command with it, and a command that is killed ends
// the host at once.
func TestAProxyCommandEndsWithItsHost(t *testing.T) {
	need(t, "bash")
	leakCheck(t)
	s := newSite(t)
	entered := make(chan struct{}, 1)
	_, server := s.host(demo.Host{Exec: func(ctx context.Context, _ io.Reader, _, _ io.Writer) int {
		entered <- struct{}{}
		<-ctx.Done()
		return 0
	}})
	pids := s.proxied(server, proxyTo)
	n := s.native()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	if e := failure(t, n.Run(ctx, inventory.Host{Name: "tm1"}, script(""))); e.Phase != PhaseDeadline {
		t.Errorf("phase %s, want deadline", e.Phase)
	}
	noneLeft(t, pids, 1)
	go func() {
		<-entered
		numbers := started(t, pids)
		syscall.Kill(-numbers[len(numbers)-1], syscall.SIGKILL)
	}()
	start := time.Now()
	e := failure(t, n.Run(t.Context(), inventory.Host{Name: "tm1"}, script("")))
	if e.Phase != PhaseScript && e.Phase != PhaseSession || time.Since(start) > 15*time.Second {
		t.Errorf("phase %s after %v (%s), want script or session at once", e.Phase, time.Since(start), e.Reason)
	}
	contains(t, "reason", e.Reason, "; the proxy command was ended by signal: killed")
	noneLeft(t, pids, 2)
}

func TestAJumpHostIsReachedByAProxyCommandOnce(t *testing.T) {
	need(t, "bash")
	leakCheck(t)
	s := newSite(t)
	_, gate := s.host(demo.Host{})
	h, _ := s.host(demo.Host{})
	pids := s.proxied(gate, proxyTo)
	h.Jump = "tm-gate"
	n := s.native()
	for range 4 {
		if res := n.Run(t.Context(), h, script("")); res.Err != nil {
			t.Fatal(res.Err)
		}
	}
	if c := gate.Stats(); c.Connections != 1 || c.Forwards != 4 {
		t.Errorf("jump host %+v, want one connection and 4 forwards", c)
	}
	n.Close()
	noneLeft(t, pids, 1)

	s.proxied(gate, "sh -c 'echo no way >&2; exit 3'")
	e := failure(t, s.native().Run(t.Context(), h, script("")))
	if e.Phase != PhaseJump || !strings.HasPrefix(e.Reason, "jump host tm-gate: proxy command exited with status 3") {
		t.Errorf("%v, want that the command of the jump host failed", e)
	}
}

// A file that others may write could name a command for us to run.
func TestAConfigurationThatOthersWriteIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := os.Mkdir(s.dir+"/.ssh", 0o700); err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, s.dir+"/.ssh/config", "Include more\n")
	more := writeFile(t, s.dir+"/.ssh/more", "ProxyCommand touch /tmp/x\n")
	for _, f := range []string{path, more} {
		if err := os.Chmod(f, 0o620); err != nil {
			t.Fatal(err)
		}
		if _, err := NewResolver(Options{Home: s.dir}); err == nil || !strings.Contains(err.Error(), f+": somebody else owns it or may write it") {
			t.Errorf("%s: %v, want that others may write it", f, err)
		}
		os.Chmod(f, 0o600)
	}
	if _, err := NewResolver(Options{Home: s.dir}); err != nil {
		t.Error(err)
	}
}

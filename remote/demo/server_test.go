package demo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// operator is a client key, and a client configuration that trusts a server.
type operator struct{ key ssh.Signer }

func newOperator(t *testing.T) operator {
	t.Helper()
	k, err := demo.NewKey(demo.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	return operator{k}
}

func (o operator) config(s *demo.Server) *ssh.ClientConfig {
	return &ssh.ClientConfig{
		User:            "flink",
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(o.key)},
		HostKeyCallback: ssh.FixedHostKey(s.HostKey()),
	}
}

// listen starts a server that the operator may log in to.
func (o operator) listen(t *testing.T, h demo.Host) *demo.Server {
	t.Helper()
	h.AuthorizedKeys = []ssh.PublicKey{o.key.PublicKey()}
	s, err := demo.Listen(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// dial connects with a deadline of d on everything; zero means ten seconds.
func (o operator) dial(t *testing.T, s *demo.Server, d time.Duration) (*ssh.Client, error) {
	t.Helper()
	return o.dialConfig(t, s, o.config(s), d)
}

func (o operator) dialConfig(t *testing.T, s *demo.Server, config *ssh.ClientConfig, d time.Duration) (*ssh.Client, error) {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if d == 0 {
		d = 10 * time.Second
	}
	nc.SetDeadline(time.Now().Add(d))
	c, channels, requests, err := ssh.NewClientConn(nc, s.Addr(), config)
	if err != nil {
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}

// answer is what a session gave.
type answer struct {
	Stdout, Stderr string
	Status         int
}

// run executes one command with the script on standard input.
func run(c *ssh.Client, command, script string) (answer, error) {
	session, err := c.NewSession()
	if err != nil {
		return answer{}, err
	}
	defer session.Close()
	var stdout, stderr bytes.Buffer
	session.Stdin, session.Stdout, session.Stderr = strings.NewReader(script), &stdout, &stderr
	err = session.Run(command)
	a := answer{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		a.Status = exit.ExitStatus()
		return a, nil
	}
	return a, err
}

const execSh = "exec /bin/sh -s"

func TestServerRunsTheScriptOverItsRoot(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "it's a host")
	if err := os.MkdirAll(root, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "name"), []byte("tm001\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := newOperator(t)
	s := o.listen(t, demo.Host{Root: root})
	c, err := o.dial(t, s, 0)
	if err != nil {
		t.Fatal(err)
	}
	script := "root=''\ncat \"$root/name\"; pwd; env | grep -c ^HOME=; echo trouble >&2; exit 3\n"
	for range 2 { // a connection has several sessions
		got, err := run(c, execSh, script)
		want := answer{Stdout: "tm001\n/\n0\n", Stderr: "trouble\n", Status: 3}
		if got != want || err != nil {
			t.Errorf("run = %+v, %v, want %+v", got, err, want)
		}
	}
	want := demo.Stats{Connections: 1, PeakUnauthenticated: 1, Handshakes: 1, Sessions: 2, Execs: 2}
	if got := s.Stats(); got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
}

func TestServerExecutesNothingElse(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	rooted := o.listen(t, demo.Host{Root: t.TempDir()})
	bare := o.listen(t, demo.Host{})
	for _, tt := range []struct {
		name            string
		server          *demo.Server
		command, script string
		want            answer
	}{
		{"another command", rooted, "id", "", answer{Stderr: "this host executes nothing but: exec /bin/sh -s\n", Status: 127}},
		{"a longer command", rooted, execSh + " ", "root=''\n", answer{Stderr: "this host executes nothing but: exec /bin/sh -s\n", Status: 127}},
		{"a script for this machine", rooted, execSh, "id\n", answer{Stderr: "standard input:1: a script for this host begins with root=''\n", Status: 126}},
		{"an empty script", rooted, execSh, "", answer{Stderr: "standard input:1: a script for this host begins with root=''\n", Status: 126}},
		{"a first line without an end", rooted, execSh, "root=''", answer{Stderr: "standard input:1: a script for this host begins with root=''\n", Status: 126}},
		{"a host without a root", bare, execSh, "root=''\n", answer{Stderr: "this host has no root\n", Status: 127}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := o.dial(t, tt.server, 0)
			if err != nil {
				t.Fatal(err)
			}
			got, err := run(c, tt.command, tt.script)
			if got != tt.want || err != nil {
				t.Errorf("run(%q) = %+v, %v, want %+v", tt.command, got, err, tt.want)
			}
			session, err := c.NewSession()
			if err != nil {
				t.Fatal(err)
			}
			if err := session.Shell(); err == nil {
				t.Error("a shell was started")
			}
		})
	}
}

func TestServerLetsInOnlyAuthorizedKeys(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	s := o.listen(t, demo.Host{User: "flink"})
	for _, tt := range []struct {
		name, user string
		key        ssh.Signer
		in         bool
	}{
		{"the key", "flink", o.key, true},
		{"another key", "flink", newOperator(t).key, false},
		{"another user", "root", o.key, false},
	} {
		config := o.config(s)
		config.User, config.Auth = tt.user, []ssh.AuthMethod{ssh.PublicKeys(tt.key)}
		_, err := o.dialConfig(t, s, config, 0)
		if (err == nil) != tt.in {
			t.Errorf("%s: login = %v, want in = %t", tt.name, err, tt.in)
		}
	}
	if got := s.Stats().Handshakes; got != 1 {
		t.Errorf("Handshakes = %d, want 1", got)
	}
}

func TestServerHasTheKeysItIsGiven(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	var keys []ssh.Signer
	for _, kind := range []demo.KeyType{demo.Ed25519, demo.ECDSA, demo.RSA} {
		k, err := demo.NewKey(kind)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	s := o.listen(t, demo.Host{HostKeys: keys})
	for i, algorithm := range []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoRSASHA512} {
		config := o.config(s)
		config.HostKeyAlgorithms = []string{algorithm}
		config.HostKeyCallback = ssh.FixedHostKey(s.HostKeys()[i])
		if _, err := o.dialConfig(t, s, config, 0); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
	if _, err := demo.NewKey("dsa"); err == nil {
		t.Error(`NewKey("dsa") made a key`)
	}
}

func TestServerIsAJumpHost(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	jump := o.listen(t, demo.Host{Behave: demo.Behaviour{Fault: demo.NoSessions}})
	inner := o.listen(t, demo.Host{Root: t.TempDir()})
	c, err := o.dial(t, jump, 0)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := c.Dial("tcp", inner.Addr())
	if err != nil {
		t.Fatal(err)
	}
	cc, channels, requests, err := ssh.NewClientConn(nc, inner.Addr(), o.config(inner))
	if err != nil {
		t.Fatal(err)
	}
	got, err := run(ssh.NewClient(cc, channels, requests), execSh, "root=''\necho inside\n")
	if want := (answer{Stdout: "inside\n"}); got != want || err != nil {
		t.Errorf("run = %+v, %v, want %+v", got, err, want)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for to, want := range map[string]string{
		"192.0.2.1:22":         `ssh: rejected: administratively prohibited ("only loopback is forwarded to")`,
		"tm001:22":             `ssh: rejected: administratively prohibited ("only loopback is forwarded to")`,
		closed.Addr().String(): `ssh: rejected: connect failed ("Connection refused")`,
	} {
		if _, err := c.Dial("tcp", to); err == nil || err.Error() != want {
			t.Errorf("Dial(%s) = %v, want %s", to, err, want)
		}
	}
	if got := jump.Stats(); got.Handshakes != 1 || got.Forwards != 4 || got.Sessions != 0 {
		t.Errorf("Stats() = %+v, want 1 handshake, 4 forwards, no session", got)
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Skip("needs sleep")
	}
	for _, how := range []string{"server", "client", "session"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			o := newOperator(t)
			s := o.listen(t, demo.Host{Root: t.TempDir()})
			c, err := o.dial(t, s, 0)
			if err != nil {
				t.Fatal(err)
			}
			session, err := c.NewSession()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := session.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			// It speaks once its input has ended: before that, what runs may go on for
			// a while.
			session.Stdin = strings.NewReader("root=''\nsleep 600 & cat; echo $! $$; wait\n")
			if err := session.Start(execSh); err != nil {
				t.Fatal(err)
			}
			var child, shell int
			if _, err := fmt.Fscan(stdout, &child, &shell); err != nil {
				t.Fatal(err)
			}
			switch how {
			case "client":
				c.Close()
			case "session":
				session.Close()
			case "server":
				s.Close()
				s.Close()
			}
			for _, pid := range []int{child, shell} {
				waitGone(t, pid)
			}
		})
	}
}

// waitGone waits until a process has ended: it is no more, or nobody has
// fetched its status yet.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc")
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Errorf("process %d still runs", pid)
}

func TestExecEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	ended := make(chan string, 1)
	s := o.listen(t, demo.Host{Exec: func(ctx context.Context, stdin io.Reader, stdout, _ io.Writer) int {
		script, _ := io.ReadAll(stdin)
		io.WriteString(stdout, "READY")
		<-ctx.Done()
		ended <- string(script)
		return 0
	}})
	c, err := o.dial(t, s, 0)
	if err != nil {
		t.Fatal(err)
	}
	session, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	session.Stdin = strings.NewReader("anything")
	if err := session.Start(execSh); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if got := <-ended; got != "anything" {
		t.Errorf("stdin = %q, want %q", got, "anything")
	}
}

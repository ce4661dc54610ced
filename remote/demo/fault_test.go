package demo_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// patience is how long a client of these tests waits for a server that never
// answers. Everything else has ten seconds.
const patience = 250 * time.Millisecond

// meeting is how far a client came and what it saw there.
type meeting struct {
	Stage  string // of handshake, session, exec, output, done
	Hangs  bool   // the stage did not end within patience
	Err    string // what ended the stage otherwise
	Answer answer
}

// meet goes through a whole run of the script on s. Stage hangs has only
// patience to come to its end.
func meet(t *testing.T, o operator, s *demo.Server, config *ssh.ClientConfig, hangs string) meeting {
	t.Helper()
	m := meeting{Stage: "connect"}
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		m.Err = err.Error()
		return m
	}
	defer nc.Close()
	enter := func(stage string) {
		m.Stage = stage
		d := 10 * time.Second
		if stage == hangs {
			d = patience
		}
		nc.SetDeadline(time.Now().Add(d))
	}
	start := time.Now()
	fail := func(err error) meeting {
		m.Hangs = m.Stage == hangs && time.Since(start) >= patience
		if !m.Hangs {
			m.Err = said(err)
		}
		return m
	}
	enter("handshake")
	cc, channels, requests, err := ssh.NewClientConn(nc, s.Addr(), config)
	if err != nil {
		return fail(err)
	}
	start = time.Now()
	enter("session")
	client := ssh.NewClient(cc, channels, requests)
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return fail(err)
	}
	start = time.Now()
	enter("exec")
	var stdout, stderr bytes.Buffer
	session.Stdin, session.Stdout, session.Stderr = strings.NewReader("root=''\necho healthy\n"), &stdout, &stderr
	if err := session.Start(execSh); err != nil {
		return fail(err)
	}
	start = time.Now()
	enter("output")
	err = session.Wait()
	m.Answer = answer{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		m.Answer.Status = exit.ExitStatus()
	} else if err != nil || time.Since(start) >= patience && hangs == "output" {
		if err == nil {
			err = errors.New("none") // Wait takes a status without a close for success
		}
		return fail(err)
	}
	m.Stage = "done"
	return m
}

func TestFaults(t *testing.T) {
	t.Parallel()
	healthy := answer{Stdout: "healthy\n"}
	for _, tt := range []struct {
		name   string
		behave demo.Behaviour
		want   meeting
	}{
		{"none", demo.Behaviour{}, meeting{Stage: "done", Answer: healthy}},
		{"noise", demo.Behaviour{Before: "Welcome\n", After: "bye\n"},
			meeting{Stage: "done", Answer: answer{Stdout: "Welcome\nhealthy\nbye\n"}}},
		{"cut output", demo.Behaviour{CutStdout: 3},
			meeting{Stage: "output", Err: "wait: remote command exited without exit status or exit signal", Answer: answer{Stdout: "hea"}}},
		fault(demo.Silent, meeting{Stage: "handshake", Hangs: true}),
		fault(demo.DripVersion, meeting{Stage: "handshake", Hangs: true}),
		fault(demo.EndlessPreVersion, meeting{Stage: "handshake", Err: "ssh: handshake failed: ssh: overflow reading version string"}),
		fault(demo.Throttled, meeting{Stage: "handshake", Err: "closed"}),
		fault(demo.ResetAccept, meeting{Stage: "handshake", Err: "closed"}),
		fault(demo.CloseAccept, meeting{Stage: "handshake", Err: "closed"}),
		fault(demo.CloseVersion, meeting{Stage: "handshake", Err: "closed"}),
		fault(demo.CloseKex, meeting{Stage: "handshake", Err: "closed"}),
		fault(demo.OtherHostKey, meeting{Stage: "handshake", Err: "ssh: handshake failed: ssh: host key mismatch"}),
		fault(demo.EndlessBanners, meeting{Stage: "handshake", Hangs: true}),
		fault(demo.NoAuthReply, meeting{Stage: "handshake", Hangs: true}),
		fault(demo.CloseAuth, meeting{Stage: "session", Err: "closed"}),
		fault(demo.NoSessions, meeting{Stage: "session", Err: `ssh: rejected: connect failed ("open failed")`}),
		fault(demo.NoChannelReply, meeting{Stage: "session", Hangs: true}),
		fault(demo.ChannelFlood, meeting{Stage: "session", Hangs: true}),
		fault(demo.NoExecReply, meeting{Stage: "exec", Hangs: true}),
		fault(demo.ExecRefused, meeting{Stage: "exec", Err: "ssh: command exec /bin/sh -s failed"}),
		fault(demo.CloseExec, meeting{Stage: "output", Err: "wait: remote command exited without exit status or exit signal"}),
		fault(demo.NoLogin, meeting{Stage: "done", Answer: answer{Stdout: "This account is currently not available.\n", Status: 1}}),
		fault(demo.Hang, meeting{Stage: "output", Hangs: true}),
		fault(demo.OneBytePackets, meeting{Stage: "done", Answer: healthy}),
		fault(demo.StatusWithoutClose, meeting{Stage: "output", Hangs: true, Answer: healthy}),
		fault(demo.CloseWithoutStatus, meeting{Stage: "output", Err: "wait: remote command exited without exit status or exit signal", Answer: healthy}),
		fault(demo.ShortStatus, meeting{Stage: "output", Err: "ssh: malformed exit-status request", Answer: healthy}),
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := newOperator(t)
			s := o.listen(t, demo.Host{Root: t.TempDir(), Behave: tt.behave})
			hangs := ""
			if tt.want.Hangs {
				hangs = tt.want.Stage
			}
			if got := meet(t, o, s, o.config(s), hangs); got != tt.want {
				t.Errorf("met %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// TestCloseEndsEveryGoroutine is not parallel: it looks at all goroutines.
func TestCloseEndsEveryGoroutine(t *testing.T) {
	o := newOperator(t)
	for _, f := range []demo.Fault{
		"", demo.Silent, demo.DripVersion, demo.EndlessBanners, demo.NoAuthReply, demo.NoChannelReply,
		demo.ChannelFlood, demo.NoExecReply, demo.Hang, demo.Flood, demo.FloodBytes, demo.DripOutput, demo.StatusWithoutClose,
	} {
		s := o.listen(t, demo.Host{Root: t.TempDir(), Behave: demo.Behaviour{Fault: f}})
		met := make(chan struct{})
		go func() {
			defer close(met)
			meet(t, o, s, o.config(s), "")
		}()
		for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if s.Stats().Execs > 0 {
				break
			}
		}
		s.Close()
		var left []string
		for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if left = serverGoroutines(); len(left) == 0 {
				break // the last instructions of a goroutine are not waited for
			}
		}
		for _, g := range left {
			t.Errorf("after Close of a server with fault %q:\n%s", f, g)
		}
		<-met
	}
}

// serverGoroutines are the stacks of all goroutines of servers but the one
// kind that Close does not wait for.
func serverGoroutines() []string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var of []string
	for g := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(g, "remote/demo.(*") && !strings.Contains(g, "demo.(*conn).flood") {
			of = append(of, g)
		}
	}
	return of
}

type faultRow = struct {
	name   string
	behave demo.Behaviour
	want   meeting
}

func fault(f demo.Fault, want meeting) faultRow {
	return faultRow{string(f), demo.Behaviour{Fault: f}, want}
}

// said is an error without the operating system's choice of words for a
// connection that is gone: which of them comes is a race in the kernel.
func said(err error) string {
	for _, gone := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed} {
		if errors.Is(err, gone) || strings.HasSuffix(err.Error(), gone.Error()) {
			return "closed"
		}
	}
	if strings.HasSuffix(err.Error(), "in response to channel open: <nil>") {
		return "closed" // while a channel is asked for
	}
	return err.Error()
}

func TestLegacyHostIsMetWithLegacyAlgorithmsOnly(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	s := o.listen(t, demo.Host{Root: t.TempDir(), Behave: demo.Behaviour{Fault: demo.LegacyAlgorithms}})
	config := o.config(s)
	_, err := o.dialConfig(t, s, config, 0)
	var refused *ssh.AlgorithmNegotiationError
	if !errors.As(err, &refused) {
		t.Errorf("with the usual algorithms: %v, want an AlgorithmNegotiationError", err)
	}
	group16 := o.listen(t, demo.Host{Behave: demo.Behaviour{KeyExchanges: []string{ssh.KeyExchangeDH16SHA512}}})
	if _, err = o.dial(t, group16, 0); !errors.As(err, &refused) {
		t.Errorf("with group16 alone: %v, want an AlgorithmNegotiationError", err)
	}
	config.KeyExchanges = []string{ssh.InsecureKeyExchangeDH1SHA1}
	config.HostKeyAlgorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSA}
	c, err := o.dialConfig(t, s, config, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Conn.(ssh.AlgorithmsConnMetadata).Algorithms().HostKey; got != ssh.KeyAlgoRSA {
		t.Errorf("host key algorithm %s, want %s", got, ssh.KeyAlgoRSA)
	}
}

func TestFloodsDoNotEnd(t *testing.T) {
	t.Parallel()
	const enough = 3 << 20 // more than the window of a channel
	for _, f := range []demo.Fault{demo.Flood, demo.FloodStderr, demo.BigLine} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			stdout, stderr := flooded(t, f)
			r := stdout
			if f == demo.FloodStderr {
				r = stderr
			}
			var b bytes.Buffer
			if _, err := io.CopyN(&b, r, enough); err != nil {
				t.Fatal(err)
			}
			if hasLine := bytes.Contains(b.Bytes(), []byte("\n")); hasLine == (f == demo.BigLine) {
				t.Errorf("printed a newline = %t", hasLine)
			}
		})
	}
	t.Run("in single bytes", func(t *testing.T) {
		t.Parallel()
		stdout, _ := flooded(t, demo.FloodBytes)
		if _, err := io.CopyN(io.Discard, stdout, 1<<12); err != nil {
			t.Fatal(err)
		}
	})
}

// flooded starts the script on a server with fault f.
func flooded(t *testing.T, f demo.Fault) (stdout, stderr io.Reader) {
	t.Helper()
	o := newOperator(t)
	s := o.listen(t, demo.Host{Behave: demo.Behaviour{Fault: f}})
	c, err := o.dial(t, s, 0)
	if err != nil {
		t.Fatal(err)
	}
	session, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if stdout, err = session.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if stderr, err = session.StderrPipe(); err != nil {
		t.Fatal(err)
	}
	if err := session.Start(execSh); err != nil {
		t.Fatal(err)
	}
	return stdout, stderr
}

func TestThrottleEndsAfterItsConnections(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	s := o.listen(t, demo.Host{Behave: demo.Behaviour{Throttle: 2}})
	for range 2 {
		nc, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(nc)
		nc.Close()
		if string(text) != "Exceeded MaxStartups\r\n" || err != nil {
			t.Errorf("read %q, %v", text, err)
		}
	}
	if _, err := o.dial(t, s, 0); err != nil {
		t.Errorf("third connection: %v", err)
	}
}

func TestMaxUnauthenticatedThrottlesOnlyTheSurplus(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	s := o.listen(t, demo.Host{Behave: demo.Behaviour{MaxUnauthenticated: 1}})
	idle, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if _, err := idle.Read(make([]byte, 1)); err != nil { // it is served
		t.Fatal(err)
	}
	if _, err := o.dial(t, s, 0); err == nil {
		t.Error("a second unauthenticated connection was served")
	}
	idle.Close()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if s.Stats().Unauthenticated == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("Stats() = %+v", s.Stats())
		}
	}
	if _, err := o.dial(t, s, 0); err != nil {
		t.Errorf("after the idle connection: %v", err)
	}
	if got := s.Stats().PeakUnauthenticated; got != 2 {
		t.Errorf("PeakUnauthenticated = %d, want 2", got)
	}
}

func TestDripComesSlowly(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	s := o.listen(t, demo.Host{Behave: demo.Behaviour{Fault: demo.DripVersion}})
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetReadDeadline(time.Now().Add(patience))
	got, err := io.ReadAll(nc)
	if !errors.Is(err, os.ErrDeadlineExceeded) || len(got) == 0 || len(got) > 5 || !strings.HasPrefix("SSH-2.0-", string(got)) {
		t.Errorf("read %q, %v; want 1 to 5 bytes of a version in %v", got, err, patience)
	}
}

func TestFloodedConnectionsEnd(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	s := o.listen(t, demo.Host{Behave: demo.Behaviour{Fault: demo.ChannelFlood}})
	for range 100 {
		c, err := o.dial(t, s, 0)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
		c.Close()
	}
	ended := make(chan struct{})
	go func() { s.Close(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatalf("Close waits for ever:\n%s", strings.Join(serverGoroutines(), "\n\n"))
	}
}

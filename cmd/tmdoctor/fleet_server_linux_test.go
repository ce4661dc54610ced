package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
)

// recordedNonce stands in recorded output for that of the script that is
// answered.
const recordedNonce = "0123456789abcdef0123456789abcdef"

// The parts of a measurement, each a process of its own, so that the control
// side is measured without its servers, and all of it in the same way.
func init() {
	programs["bench-server"] = func() { benchPart(serveFleet) }
	programs["bench-floor"] = func() { benchPart(floor) }
	programs["bench-transport"] = func() { benchPart(transportOnly) }
}

// benchJob is what a part is told.
type benchJob struct {
	Dir      string        // with key, hostkey and output
	Delay    time.Duration // of what servers send: the time of a round trip
	Hosts    int
	Port     int    // of the hosts
	Jump     string // for part transport
	InFlight int
}

func benchPart(do func(benchJob) error) {
	var job benchJob
	err := json.Unmarshal([]byte(os.Args[1]), &job)
	if err == nil {
		err = do(job)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// rack is how many hosts have a network of their own.
const rack = 40

// benchAddress is that of a host: in racks, on loopback.
func benchAddress(i int) string {
	return fmt.Sprintf("127.%d.%d.%d", 1+i/rack/250, i/rack%250, 1+i%rack)
}

// fleetServer is all hosts and their jump host: one process, which counts the
// connections to the jump host.
type fleetServer struct {
	config *ssh.ServerConfig
	output []byte
	delay  time.Duration
	near   string // where the jump host finds all hosts
	jumps  atomic.Int64
}

// serveFleet listens, prints the ports of hosts and jump host, and ends with
// its standard input; then it prints how many connections the jump host had.
func serveFleet(job benchJob) error {
	f := &fleetServer{delay: job.Delay}
	var err error
	if f.output, err = os.ReadFile(filepath.Join(job.Dir, "output")); err != nil {
		return err
	}
	key, err := readSigner(filepath.Join(job.Dir, "hostkey"))
	if err != nil {
		return err
	}
	f.config = &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	f.config.AddHostKey(key)
	hosts, err := listenOnLoopback("0.0.0.0:0") // all of 127.0.0.0/8, and nothing else
	if err != nil {
		return err
	}
	near, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	jump, err := listenOnLoopback("0.0.0.0:0")
	if err != nil {
		return err
	}
	f.near = near.Addr().String()
	go accept(hosts, func(c net.Conn) { f.serve(f.far(c)) })
	go accept(near, f.serve)
	go accept(jump, func(c net.Conn) { f.jumps.Add(1); f.serve(f.far(c)) })
	fmt.Println(hosts.Addr().(*net.TCPAddr).Port, jump.Addr().(*net.TCPAddr).Port)
	io.Copy(io.Discard, os.Stdin)
	fmt.Println(f.jumps.Load())
	return nil
}

// listenOnLoopback is for an address that may be any, but of that device.
func listenOnLoopback(addr string) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var bound error
		err := c.Control(func(fd uintptr) { bound = unix.BindToDevice(int(fd), "lo") })
		return errors.Join(err, bound)
	}}
	return lc.Listen(context.Background(), "tcp4", addr)
}

func accept(l net.Listener, serve func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go serve(c)
	}
}

func (f *fleetServer) serve(nc net.Conn) {
	defer nc.Close()
	conn, chans, reqs, err := ssh.NewServerConn(nc, f.config)
	if err != nil {
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(reqs)
	for c := range chans {
		switch c.ChannelType() {
		case "session":
			go f.session(c)
		case "direct-tcpip":
			go f.forward(c)
		default:
			c.Reject(ssh.UnknownChannelType, "")
		}
	}
}

func (f *fleetServer) session(nc ssh.NewChannel) {
	ch, reqs, err := nc.Accept()
	if err != nil {
		return
	}
	for r := range reqs {
		r.Reply(r.Type == "exec", nil)
		if r.Type == "exec" {
			go f.answer(ch)
		}
	}
}

// answer reads the whole script and prints what was recorded, under its nonce.
func (f *fleetServer) answer(ch ssh.Channel) {
	text, err := io.ReadAll(ch)
	if err != nil {
		return
	}
	out := f.output
	if _, rest, ok := bytes.Cut(text[:min(len(text), 1024)], []byte("nonce='")); ok {
		nonce, _, _ := bytes.Cut(rest, []byte("'"))
		out = bytes.ReplaceAll(out, []byte(recordedNonce), nonce)
	}
	ch.Write(out)
	ch.SendRequest("exit-status", false, []byte{0, 0, 0, 0})
	ch.Close()
}

// forward connects to the hosts, wherever it is to.
func (f *fleetServer) forward(nc ssh.NewChannel) {
	out, err := net.Dial("tcp", f.near)
	if err != nil {
		nc.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer out.Close()
	ch, reqs, err := nc.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	go ssh.DiscardRequests(reqs)
	go func() { io.Copy(out, ch); out.Close() }()
	io.Copy(ch, out)
}

// far is a connection whose bytes take their time to the client.
func (f *fleetServer) far(c net.Conn) net.Conn {
	if f.delay == 0 {
		return c
	}
	l := &farConn{Conn: c, delay: f.delay, sent: make(chan packet, 4096), over: make(chan struct{})}
	go l.deliver()
	return l
}

type farConn struct {
	net.Conn
	delay time.Duration
	sent  chan packet
	over  chan struct{}
	once  sync.Once
}

type packet struct {
	at    time.Time
	bytes []byte
}

func (l *farConn) Write(p []byte) (int, error) {
	select {
	case l.sent <- packet{time.Now().Add(l.delay), bytes.Clone(p)}:
		return len(p), nil
	case <-l.over:
		return 0, net.ErrClosed
	}
}

// Close lets what was sent before arrive.
func (l *farConn) Close() error {
	l.once.Do(func() { close(l.over) })
	return nil
}

func (l *farConn) deliver() {
	defer l.Conn.Close()
	put := func(p packet) {
		time.Sleep(time.Until(p.at))
		l.Conn.Write(p.bytes)
	}
	for {
		select {
		case p := <-l.sent:
			put(p)
			continue
		default:
		}
		select {
		case p := <-l.sent:
			put(p)
		case <-l.over:
			for len(l.sent) > 0 {
				put(<-l.sent)
			}
			return
		}
	}
}

// floor is the least that it takes: a loop that connects, authenticates,
// executes and reads.
func floor(job benchJob) error {
	key, err := readSigner(filepath.Join(job.Dir, "key"))
	if err != nil {
		return err
	}
	hostKey, err := readSigner(filepath.Join(job.Dir, "hostkey"))
	if err != nil {
		return err
	}
	config := &ssh.ClientConfig{User: "operator", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.FixedHostKey(hostKey.PublicKey())}
	script := probes.NewScript(recordedNonce)
	text := script.For(probes.HostSettings{})
	var g errgroup.Group
	g.SetLimit(job.InFlight)
	for i := range job.Hosts {
		g.Go(func() error {
			client, err := ssh.Dial("tcp", fmt.Sprintf("%s:%d", benchAddress(i), job.Port), config)
			if err != nil {
				return err
			}
			defer client.Close()
			s, err := client.NewSession()
			if err != nil {
				return err
			}
			s.Stdin = bytes.NewReader(text)
			out, err := s.Output("exec /bin/sh -s")
			if err == nil && !script.Complete(out) {
				err = errors.New("the answer is not whole")
			}
			return err
		})
	}
	return g.Wait()
}

// transportOnly reaches hosts as check does, and throws away what they say.
func transportOnly(job benchJob) error {
	hosts := make([]inventory.Host, job.Hosts)
	for i := range hosts {
		hosts[i] = inventory.Host{Name: fmt.Sprintf("tm%05d", i), Address: benchAddress(i), Port: job.Port, Jump: job.Jump}
	}
	t, err := remote.NewChoice(remote.Options{
		ConfigFile: filepath.Join(job.Dir, "ssh_config"), Env: func(string) string { return "" }, Limits: remote.Limits{InFlight: job.InFlight},
	}, "")
	if err != nil {
		return err
	}
	defer t.Close()
	script := probes.NewScript(recordedNonce)
	for res := range (&remote.Runner{Transport: t, Limits: remote.Limits{InFlight: job.InFlight}}).Run(context.Background(), hosts, plainScript{script}) {
		if res.Err != nil {
			return fmt.Errorf("%s: %w", res.Host.Name, res.Err)
		}
	}
	return nil
}

// plainScript is the script with the settings of no host.
type plainScript struct{ *probes.Script }

func (s plainScript) Text(inventory.Host) []byte { return s.For(probes.HostSettings{}) }

func readSigner(path string) (ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ssh.ParsePrivateKey(text)
}

// writeSigner makes a key that readSigner reads.
func writeSigner(path string) (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
}

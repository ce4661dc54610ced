package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

const (
	// filtered takes packets and gives nothing back.
	filtered = "10.77.0.251"
	// unreachable is what a router says of it.
	unreachable = "10.77.9.9"
)

// matrixLab is a lab with a host for each row of the matrix.
type matrixLab struct {
	*lab
	inventory, config, known, hostsFile strings.Builder
}

// newMatrixLab makes all hosts of the matrix.
func newMatrixLab(t *testing.T, rows []matrixRow) *matrixLab {
	require(t, "fish", "csh", "tcsh", "rbash", "chsh", "chage", "usermod")
	l := &matrixLab{lab: newLab(t)}
	l.inNet(l.ctl, "ip", "route", "add", "unreachable", unreachable)
	l.inNet(l.ctl, "ip", "addr", "add", "fd77::1/64", "dev", "br0", "nodad")
	var waits []func()
	for _, r := range rows {
		if r.made.fault == "" && r.made.address == "" {
			waits = append(waits, l.begin(labHostSpec{name: r.host, env: []string{"PREPARE=" + r.made.prepare}}))
		}
	}
	for _, wait := range waits {
		wait()
	}
	l.filter(filtered)
	for _, r := range rows {
		if h := l.hosts[r.host]; h != nil && r.made.then != nil {
			r.made.then(l, h)
		}
	}
	l.lab.connect("stranger")
	l.config.WriteString(l.read("ssh_config"))
	l.known.WriteString(l.read("known_hosts"))
	for _, r := range rows {
		fmt.Fprintln(&l.inventory, r.host)
		switch {
		case r.made.address != "":
			l.add(r.host, r.made.address, 22)
		case r.made.fault != "":
			l.serve(r.host, demo.Behaviour{Fault: r.made.fault, Throttle: r.made.throttle})
		}
	}
	l.write("hosts.txt", l.inventory.String())
	l.write("ssh_config", l.config.String())
	l.write("known_hosts", l.known.String())
	if err := os.Mkdir(l.path("etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	l.write("etc/hosts", "127.0.0.1 localhost\n"+l.hostsFile.String())
	l.write("etc/nsswitch.conf", "hosts: files\n")
	return l
}

// add adds a host that is no more than an address.
func (l *matrixLab) add(name, address string, port int) {
	fmt.Fprintf(&l.config, "Host %s\n\tHostName %s\n\tPort %d\n", name, address, port)
}

// serve adds a server of this process that listens in the control namespace.
func (l *matrixLab) serve(name string, b demo.Behaviour) {
	l.t.Helper()
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(l.read("key.pub")))
	if err != nil {
		l.t.Fatal(err)
	}
	var s *demo.Server
	l.joined(l.ctl, func() {
		s, err = demo.Listen(demo.Host{Name: name, Root: "/", AuthorizedKeys: []ssh.PublicKey{key}, Behave: b})
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { s.Close() })
	l.add(name, "127.0.0.1", s.Port())
	for _, k := range s.HostKeys() {
		fmt.Fprintf(&l.known, "[127.0.0.1]:%d %s", s.Port(), ssh.MarshalAuthorizedKey(k))
	}
}

// joined calls f in a network namespace. A socket stays in that it was made in.
func (l *matrixLab) joined(netns string, f func()) {
	l.t.Helper()
	runtime.LockOSThread() // a thread that does not find back ends with its test
	var ns []*os.File
	for _, path := range []string{"/proc/thread-self/ns/net", "/run/netns/" + netns} {
		file, err := os.Open(path)
		if err != nil {
			l.t.Fatal(err)
		}
		defer file.Close()
		ns = append(ns, file)
	}
	enter := func(file *os.File) {
		if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			l.t.Fatal(err)
		}
	}
	enter(ns[1])
	f()
	enter(ns[0])
	runtime.UnlockOSThread()
}

// filter makes an address take packets and give nothing back. A bridge that
// gets another port forgets it.
func (l *matrixLab) filter(address string) {
	l.inNet(l.ctl, "ip", "neigh", "add", address, "lladdr", "02:00:00:00:00:01", "dev", "br0")
}

// onlyIPv6 takes a host's IPv4 address away and gives it a name.
func (l *matrixLab) onlyIPv6(h *labHost) {
	l.inNet(h.netns, "ip", "addr", "flush", "dev", "eth0", "scope", "global")
	l.inNet(h.netns, "ip", "addr", "add", "fd77::6/64", "dev", "eth0", "nodad")
	l.named(h, "fd77::6")
}

// lastOfTwelve gives a host a name with twelve addresses; eleven are filtered.
func (l *matrixLab) lastOfTwelve(h *labHost) {
	var all []string
	for i := range 11 {
		a := fmt.Sprintf("10.77.0.%d", 200+i)
		l.filter(a)
		all = append(all, a)
	}
	l.named(h, append(all, h.address)...)
}

// named makes a host known by a name with these addresses.
func (l *matrixLab) named(h *labHost, addresses ...string) {
	h.address = h.name + ".lab"
	for _, a := range addresses {
		fmt.Fprintf(&l.hostsFile, "%s %s\n", a, h.address)
	}
}

// stop stops a host's sshd, so that the kernel alone answers.
func (l *matrixLab) stop(h *labHost) {
	if err := syscall.Kill(h.pid, syscall.SIGSTOP); err != nil {
		l.t.Fatal(err)
	}
}

// occupy holds a connection to the host that never logs in.
func (l *matrixLab) occupy(h *labHost) {
	l.t.Helper()
	var c net.Conn
	var err error
	l.joined(l.ctl, func() { c, err = net.Dial("tcp", h.address+":22") })
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
}

// begun is what a session leaves on a host, to show that it has begun.
const begun = ": >/var/tmp/begun; sleep 600\nEOF"

// reboot ends all processes of a host at once when a session has begun: that
// and the sshd that listens.
func (l *matrixLab) reboot(h *labHost) {
	l.onceBegun(h, func() { _ = h.cmd.Process.Kill() }) // and with it the pid namespace
}

// powerOff takes a host off the network when a session has begun.
func (l *matrixLab) powerOff(h *labHost) {
	l.onceBegun(h, func() { _ = exec.Command("ip", "-n", h.netns, "link", "set", "eth0", "down").Run() })
}

func (l *matrixLab) onceBegun(h *labHost, f func()) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if _, err := os.Stat(fmt.Sprintf("/proc/%d/root/var/tmp/begun", h.pid)); err == nil {
				f()
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	l.t.Cleanup(func() { stop(); <-done })
}

package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// benchHosts is how many sshd hosts the comparison asks in one go.
const benchHosts = 16

// BenchmarkAgainstXargsSSH runs the same script on the same sshd hosts with
// tmdoctor and with `xargs ssh`, in turn, and prints the CPU of each client's
// process tree per host, the wall time, and the ratios.
func BenchmarkAgainstXargsSSH(b *testing.B) {
	dir, script := benchFleet(b)
	bin := filepath.Join(dir, "tmdoctor")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "script"), script, 0o600); err != nil {
		b.Fatal(err)
	}
	ours := func() *exec.Cmd {
		return exec.Command(bin, "check", "-F", dir+"/ssh_config", "-i", dir+"/hosts.txt", "--fail-on", "never", "-o", "json=/dev/null")
	}
	theirs := func() *exec.Cmd {
		return exec.Command("/bin/sh", "-c", fmt.Sprintf(
			"xargs -P %d -I{} sh -c 'ssh -F %s/ssh_config -o BatchMode=yes {} exec /bin/sh -s <%s/script >/dev/null 2>&1' <%s/hosts.txt",
			benchHosts, dir, dir, dir))
	}
	var a, x cost
	for b.Loop() {
		a.add(b, ours())
		x.add(b, theirs())
	}
	perHost := float64(b.N * benchHosts)
	b.ReportMetric(a.cpu.Seconds()*1e3/perHost, "tmdoctor-cpu-ms/host")
	b.ReportMetric(x.cpu.Seconds()*1e3/perHost, "xargs-ssh-cpu-ms/host")
	b.ReportMetric(x.cpu.Seconds()/a.cpu.Seconds(), "cpu-ratio")
	b.ReportMetric(a.wall.Seconds()*1e3/float64(b.N), "tmdoctor-wall-ms")
	b.ReportMetric(x.wall.Seconds()*1e3/float64(b.N), "xargs-ssh-wall-ms")
	b.ReportMetric(x.wall.Seconds()/a.wall.Seconds(), "wall-ratio")
}

// cost is what a client's whole process tree used, and the most memory that its
// process had, in KiB.
type cost struct {
	cpu, wall time.Duration
	peak      int64
}

func (c *cost) add(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	began := time.Now()
	err := cmd.Start()
	if err == nil {
		ended := make(chan struct{})
		peak := make(chan int64)
		go func() { peak <- peakMemory(cmd.Process.Pid, ended) }()
		err = cmd.Wait()
		c.wall += time.Since(began)
		close(ended)
		c.peak = max(c.peak, <-peak)
	}
	if err != nil {
		b.Fatalf("%s: %v\n%s", cmd, err, stderr.String())
	}
	c.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// peakMemory is VmHWM of a process in KiB, as last seen before it ended. (What
// wait4 says of it begins with the memory of the process that started it.)
func peakMemory(pid int, ended <-chan struct{}) (kib int64) {
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if _, rest, ok := strings.Cut(string(status), "\nVmHWM:"); ok {
			fmt.Sscan(rest, &kib)
		}
		select {
		case <-ended:
			return kib
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// benchFleet starts real sshd servers on loopback ports, as the current user,
// and returns the directory with inventory, ssh_config and key.
func benchFleet(b *testing.B) (dir string, script []byte) {
	b.Helper()
	sshd := "/usr/sbin/sshd"
	for _, tool := range []string{sshd, "ssh", "ssh-keygen", "xargs"} {
		if _, err := exec.LookPath(tool); err != nil {
			b.Skipf("needs %s", tool)
		}
	}
	dir = b.TempDir()
	for _, name := range []string{"hostkey", "key"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, name)).CombinedOutput(); err != nil {
			b.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	me, err := user.Current()
	if err != nil {
		b.Fatal(err)
	}
	hostKey, err := os.ReadFile(filepath.Join(dir, "hostkey.pub"))
	if err != nil {
		b.Fatal(err)
	}
	_ = os.MkdirAll("/run/sshd", 0o755) // sshd started by root insists on it
	var inv, config, known strings.Builder
	for i := range benchHosts {
		port := startSSHD(b, sshd, dir, i)
		name := fmt.Sprintf("bench%02d", i)
		fmt.Fprintln(&inv, name)
		fmt.Fprintf(&config, "Host %s\n\tPort %d\n", name, port)
		fmt.Fprintf(&known, "[127.0.0.1]:%d %s", port, hostKey)
	}
	fmt.Fprintf(&config, "Host *\n\tHostName 127.0.0.1\n\tUser %s\n\tIdentityFile %s/key\n\tIdentitiesOnly yes\n\tUserKnownHostsFile %s/known_hosts\n", me.Username, dir, dir)
	for name, content := range map[string]string{"hosts.txt": inv.String(), "ssh_config": config.String(), "known_hosts": known.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	s, err := newProbeScript()
	if err != nil {
		b.Fatal(err)
	}
	return dir, s.For(probes.HostSettings{})
}

// startSSHD runs one sshd on a free loopback port until the benchmark ends.
func startSSHD(b *testing.B, sshd, dir string, i int) (port int) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	config := filepath.Join(dir, fmt.Sprintf("sshd_config%d", i))
	text := fmt.Sprintf("ListenAddress 127.0.0.1:%d\nHostKey %s/hostkey\nAuthorizedKeysFile %s/key.pub\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nMaxStartups 100\n", port, dir, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(sshd, "-D", "-e", "-f", config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	for range 100 {
		if c, err := net.Dial("tcp", loopback(port)); err == nil {
			c.Close()
			return port
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatalf("sshd on port %d did not come up", port)
	return 0
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

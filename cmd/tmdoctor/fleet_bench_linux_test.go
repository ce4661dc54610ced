package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// benchFarm is a fleet in a process of its own, with all that is needed to
// reach it.
type benchFarm struct {
	b     *testing.B
	job   benchJob
	jump  string
	bin   string // tmdoctor
	close func() (jumps int)
}

// startFarm starts one whose servers all print what the script recorded on a
// demo host of two TaskManagers, more than 20 KB.
func startFarm(b *testing.B, hosts int, delay time.Duration) *benchFarm {
	b.Helper()
	f := &benchFarm{b: b, job: benchJob{Dir: b.TempDir(), Delay: delay, Hosts: hosts, InFlight: remote.DefaultLimits().InFlight}}
	f.record()
	hostKey, err := writeSigner(f.path("hostkey"))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := writeSigner(f.path("key")); err != nil {
		b.Fatal(err)
	}
	server := f.part("bench-server")
	stdin, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	said := bufio.NewReader(stdout)
	var jumpPort int
	if _, err := fmt.Fscanln(said, &f.job.Port, &jumpPort); err != nil {
		b.Fatal(err)
	}
	f.jump = fmt.Sprintf("127.0.0.1:%d", jumpPort)
	f.close = func() (jumps int) {
		stdin.Close()
		fmt.Fscanln(said, &jumps)
		server.Wait()
		return jumps
	}
	f.configure(hostKey.PublicKey(), jumpPort)
	f.bin = f.path("tmdoctor")
	if out, err := exec.Command("go", "build", "-o", f.bin, ".").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return f
}

func (f *benchFarm) path(name string) string { return filepath.Join(f.job.Dir, name) }

// record writes what all hosts will answer.
func (f *benchFarm) record() {
	root := f.b.TempDir()
	if err := demo.Unpack(root, "two-taskmanagers", demo.Archive("two-taskmanagers"), demo.Caller(time.Now())); err != nil {
		f.b.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-s")
	cmd.Stdin = bytes.NewReader(probes.NewScript(recordedNonce).For(probes.HostSettings{Root: root}))
	out, err := cmd.Output()
	if err != nil || len(out) < 20_000 {
		f.b.Fatalf("recorded %d bytes, %v", len(out), err)
	}
	if err := os.WriteFile(f.path("output"), out, 0o600); err != nil {
		f.b.Fatal(err)
	}
}

// configure writes the inventory, ssh_config and known_hosts, a line a host.
func (f *benchFarm) configure(key ssh.PublicKey, jumpPort int) {
	var inv, behind, known strings.Builder
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	const schema = "schema: tmdoctor/inventory/v1\n"
	inv.WriteString("hosts:\n")
	for i := range f.job.Hosts {
		fmt.Fprintf(&inv, "  tm%05d: {address: %s, port: %d}\n", i, benchAddress(i), f.job.Port)
		fmt.Fprintf(&known, "[%s]:%d %s\n", benchAddress(i), f.job.Port, line)
	}
	fmt.Fprintf(&behind, "%sdefaults: {jump: %q}\n%s", schema, f.jump, inv.String())
	fmt.Fprintf(&known, "[127.0.0.1]:%d %s\n", jumpPort, line)
	config := fmt.Sprintf("User operator\nIdentityFile %s\nIdentitiesOnly yes\nUserKnownHostsFile %s\n", f.path("key"), f.path("known_hosts"))
	for name, text := range map[string]string{"tmdoctor.yaml": schema + inv.String(), "behind.yaml": behind.String(), "known_hosts": known.String(), "ssh_config": config} {
		if err := os.WriteFile(f.path(name), []byte(text), 0o600); err != nil {
			f.b.Fatal(err)
		}
	}
}

// part is this test binary as another program.
func (f *benchFarm) part(name string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		f.b.Fatal(err)
	}
	job, err := json.Marshal(f.job)
	if err != nil {
		f.b.Fatal(err)
	}
	return &exec.Cmd{Path: self, Args: []string{name, string(job)}}
}

// check is the whole tool: inventory, transport, parser, judge and report.
func (f *benchFarm) check(inventory string) *exec.Cmd {
	cmd := exec.Command(f.bin, "check", "-F", f.path("ssh_config"), "-i", f.path(inventory), "--fail-on", "never", "-o", "table="+f.path("report.txt"))
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK=")
	return cmd
}

// reached fails the benchmark unless all hosts were judged: what was recorded is
// a sick host, which fails.
func (f *benchFarm) reached() {
	f.b.Helper()
	table, err := os.ReadFile(f.path("report.txt"))
	if err != nil {
		f.b.Fatal(err)
	}
	if want := fmt.Sprintf("\n%d hosts: 0 ok, 0 warn, %[1]d fail, 0 unknown; ", f.job.Hosts); !strings.Contains(string(table), want) {
		f.b.Fatalf("the report does not say %q:\n%.500s", want, table)
	}
}

// BenchmarkFleet10000 asks ten thousand hosts with all of check: inventory,
// transport, parser, judge and table. In turn with it, a fourth of them are
// asked with a bare loop of golang.org/x/crypto/ssh and with the transport alone,
// for the processor time of a host.
func BenchmarkFleet10000(b *testing.B) {
	const part = 4
	f := startFarm(b, 10_000, 0)
	defer f.close()
	some := *f
	some.job.Hosts /= part
	var bare, transport, tool cost
	for b.Loop() {
		bare.add(b, some.part("bench-floor"))
		tool.add(b, f.check("tmdoctor.yaml"))
		transport.add(b, some.part("bench-transport"))
	}
	f.reached()
	perHost := func(c cost, hosts int) float64 { return c.cpu.Seconds() * 1e3 / float64(b.N*hosts) }
	least, ours, all := perHost(bare, some.job.Hosts), perHost(transport, some.job.Hosts), perHost(tool, f.job.Hosts)
	b.ReportMetric(least, "floor-cpu-ms/host")
	b.ReportMetric(ours, "transport-cpu-ms/host")
	b.ReportMetric(all, "check-cpu-ms/host")
	b.ReportMetric(ours/least, "transport/floor")
	b.ReportMetric(all/least, "check/floor")
	b.ReportMetric(bare.wall.Seconds()*part/float64(b.N), "floor-wall-s")
	b.ReportMetric(tool.wall.Seconds()/float64(b.N), "check-wall-s")
	b.ReportMetric(float64(bare.peak)/1024, "floor-MB")
	b.ReportMetric(float64(tool.peak)/1024, "check-MB")
}

// BenchmarkFleetFarAway asks two thousand hosts that are 100 ms away, in racks
// of 40. No tool can be faster than the least that it prints: nine round trips
// for each, InFlight at once.
func BenchmarkFleetFarAway(b *testing.B) {
	const roundTrips = 9
	f := startFarm(b, 2000, 100*time.Millisecond)
	defer f.close()
	var tool cost
	for b.Loop() {
		tool.add(b, f.check("tmdoctor.yaml"))
	}
	f.reached()
	wall := tool.wall.Seconds() / float64(b.N)
	least := float64(f.job.Hosts) * roundTrips * f.job.Delay.Seconds() / float64(f.job.InFlight)
	b.ReportMetric(wall, "check-wall-s")
	b.ReportMetric(least, "least-wall-s")
	b.ReportMetric(wall/least, "check/least")
}

// BenchmarkFleetBehindAJumpHost asks five hundred hosts 100 ms away, directly
// and through one jump host, which adds its own login.
func BenchmarkFleetBehindAJumpHost(b *testing.B) {
	f := startFarm(b, 500, 100*time.Millisecond)
	var direct, jump, gate cost
	for b.Loop() {
		direct.add(b, f.check("tmdoctor.yaml"))
		jump.add(b, f.check("behind.yaml"))
		gate.add(b, f.loginToJump())
	}
	f.reached()
	if jumps := f.close(); jumps != 2*b.N {
		b.Errorf("%d connections to the jump host in %d runs, want one each", jumps-b.N, b.N)
	}
	b.ReportMetric(direct.wall.Seconds()*1e3/float64(b.N), "direct-wall-ms")
	b.ReportMetric(jump.wall.Seconds()*1e3/float64(b.N), "jump-wall-ms")
	b.ReportMetric(gate.wall.Seconds()*1e3/float64(b.N), "jump-login-ms")
	b.ReportMetric(jump.wall.Seconds()/(direct.wall+gate.wall).Seconds(), "jump/(direct+login)")
	b.ReportMetric(jump.cpu.Seconds()/direct.cpu.Seconds(), "cpu-ratio")
}

// loginToJump asks the jump host itself, as one host.
func (f *benchFarm) loginToJump() *exec.Cmd {
	_, port, _ := strings.Cut(f.jump, ":")
	n, err := strconv.Atoi(port)
	if err != nil {
		f.b.Fatal(err)
	}
	job := f.job
	defer func() { f.job = job }()
	f.job.Hosts, f.job.Port = 1, n
	return f.part("bench-floor")
}

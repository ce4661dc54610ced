package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

var started = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

func testRun(hosts int) Run {
	return Run{
		ID: "20260301T030000Z-4f2a", Started: started, Version: "0.1.0",
		ScriptSHA256: strings.Repeat("ab", 32), Selected: hosts,
	}
}

// wellHost is a healthy host with one TaskManager.
func wellHost(i int) *Host {
	begin := started.Add(-48 * time.Hour)
	return &Host{
		Name: fmt.Sprintf("tm%03d", i), Address: fmt.Sprintf("10.0.0.%d", i%250), Port: 22, User: "ops",
		Groups: []string{"rack1"}, Status: probes.OK, Index: i - 1,
		TaskManagers: []TaskManager{{
			PID: 4000 + i, User: "flink", ResourceID: fmt.Sprintf("tm-%d", i), Version: "1.20.0",
			Started: &begin, Launch: Launch{Kind: "systemd", Unit: "flink-taskmanager.service"},
		}},
		Checks: []probes.Check{
			{Probe: "flink", Status: probes.OK, Observed: "1 running", Want: "1"},
			{Probe: "maps", Status: probes.OK, Observed: "1204/262144", Want: "262144"},
			{Probe: "nofile", Status: probes.OK, Observed: "812/65536", Want: "65536"},
			{Probe: "disk", Status: probes.OK, Observed: "41%", Want: "90%"},
			{Probe: "memory", Status: probes.OK, Observed: "12 GiB free"},
		},
		Timing: Timing{ConnectMS: 3, AuthMS: 21, ScriptMS: 140},
	}
}

// lostHost is a host that was not reached.
func lostHost(i int, u Unreachable) *Host {
	return &Host{
		Name: fmt.Sprintf("tm%03d", i), Address: fmt.Sprintf("10.0.0.%d", i), Port: 22, User: "ops",
		Groups: []string{"rack2"}, Status: probes.StatusUnknown, Unreachable: &u, Index: i - 1,
	}
}

// set changes a check and makes the host's status follow.
func (h *Host) set(probe string, s probes.Status, observed, reason string) *Host {
	for i := range h.Checks {
		if c := &h.Checks[i]; c.Probe == probe {
			c.Status, c.Observed, c.Reason = s, observed, reason
		}
	}
	h.Status = probes.Worst(h.Status, s)
	return h
}

func (h *Host) find(s probes.Status, code, subject, observed, want, message, remedy string) *Host {
	probe, _, _ := strings.Cut(code, "/")
	h.Findings = append(h.Findings, probes.Finding{
		Code: code, Probe: probe, Status: s, Horizon: probes.Running, Subject: subject,
		Observed: observed, Want: want, Source: "/proc", Message: message, Remedy: remedy,
	})
	h.Status = probes.Worst(h.Status, s)
	return h
}

const (
	lowMaps  = "vm.max_map_count 65530, want 262144"
	setMaps  = "sysctl -w vm.max_map_count=262144"
	noSudo   = "only the TaskManager's own user may see it"
	noAnswer = "within 10s"
)

// nearMaps is a host that is about to run out of memory maps, and did before.
func nearMaps(i int, used string) *Host {
	h := wellHost(i).set("maps", probes.Fail, used+"/65530", "")
	pid := fmt.Sprintf("pid %d", 4000+i)
	h.find(probes.Fail, "maps/near", pid, used, "at most 60 %", "a TaskManager uses most of the memory maps it may have", setMaps)
	h.find(probes.Warn, "maps/low", "vm.max_map_count", "65530", "262144", lowMaps, setMaps)
	h.find(probes.Fail, "cause/max-map-count", pid, used, "", "the JVM was refused a memory map", setMaps)
	when := started.Add(-7 * time.Minute)
	h.Causes = []probes.Cause{{
		Cause: "max_map_count", Confidence: probes.Proven, Subject: pid, Message: "the JVM was refused a memory map", Remedy: setMaps,
		Evidence: []probes.Evidence{{Source: "/opt/flink/log/hs_err_pid77.log:3", Time: &when, Text: "Out of Memory Error (os_linux.cpp:3341), pid=77"}},
	}}
	return h
}

// sickFleet is a small fleet with every status and every kind of trouble.
func sickFleet() []*Host {
	hosts := []*Host{wellHost(1), wellHost(2), wellHost(3)}
	hosts[1].Checks[1].Observed = "?/262144"
	hosts[1].Checks[1].NotSeen = []probes.NotSeen{{Fact: "counts.4002", Why: noSudo}}
	hosts[2].Checks[1].NotSeen = []probes.NotSeen{{Fact: "counts.4003", Why: noSudo}}
	hosts[2].Checks[2].NotSeen = []probes.NotSeen{{Fact: "open.4003", Why: noSudo}}
	hosts = append(hosts,
		nearMaps(4, "61204"), nearMaps(5, "65528"), nearMaps(6, "58111"),
		wellHost(7).set("maps", probes.Warn, "65530", "").find(probes.Warn, "maps/low", "vm.max_map_count", "65530", "262144", lowMaps, setMaps),
		wellHost(8).set("nofile", probes.Fail, "4001/4096", "").
			find(probes.Fail, "nofile/near", "pid 4008", "4001", "at most 70 %", "a TaskManager uses most of the files it may open", "add LimitNOFILE=65536 to the unit, then restart it"),
		wellHost(9).set("disk", probes.StatusUnknown, "", "statfs./data: it did not answer within 5 s"),
		lostHost(10, Unreachable{Phase: "connect", Reason: "no answer from 10.0.0.10:22 " + noAnswer, Hint: "is the host up? is port 22 open?"}),
		lostHost(11, Unreachable{Phase: "host_key", Reason: "the key SHA256:AAAA is not in known_hosts", Hint: "tmdoctor check --accept-new", Kind: "unknown_key"}),
		lostHost(12, Unreachable{Phase: "host_key", Reason: "the key SHA256:BBBB is not in known_hosts", Hint: "tmdoctor check --accept-new", Kind: "unknown_key"}),
		wellHost(13),
		wellHost(14).set("flink", probes.Skipped, "", "a rescue mount"),
	)
	hosts[7].Causes = []probes.Cause{{Cause: "open_files", Confidence: probes.Likely, Subject: "pid 4008", Message: "the limit of open files is nearly used up"}}
	long := hosts[12]
	long.Name = "flink-taskmanager-euw1-production-13.example.net"
	long.set("disk", probes.Fail, "100%", "").set("memory", probes.Warn, "310 MiB free", "")
	long.find(probes.Fail, "disk/full", "/data", "0 bytes", "10 %", "the state directory is full", "free space on /data")
	long.find(probes.Warn, "memory/low", "", "310 MiB", "1 GiB", "little memory is available", "")
	hosts[13].TaskManagers[0].Version = "1.18.1"
	hosts[13].Findings = []probes.Finding{{
		Code: "host/thp", Probe: "host", Status: probes.Warn, Horizon: probes.Live, Message: "transparent huge pages are always on",
		Waived: &probes.Waiver{Reason: "measured, no effect", Owner: "ops", Until: "2026-12-31"},
	}}
	return hosts
}

// render writes hosts through a Format as a run does: in order of arrival,
// with tally and comparison.
func render(t testing.TB, format string, o Options, run Run, hosts []*Host, finished bool) []byte {
	t.Helper()
	var b bytes.Buffer
	f, err := NewFormat(format, &b, o)
	if err != nil {
		t.Fatal(err)
	}
	renderTo(t, f, run, hosts, finished)
	return b.Bytes()
}

func renderTo(t testing.TB, f Format, run Run, hosts []*Host, finished bool) (Summary, Fleet) {
	t.Helper()
	var tally Tally
	var compare Comparison
	if err := f.Begin(run); err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		tally.Add(h)
		compare.Add(h)
		if err := f.Host(h); err != nil {
			t.Fatal(err)
		}
	}
	var end *time.Time
	if finished {
		at := started.Add(12400 * time.Millisecond)
		end = &at
	}
	s, fleet := tally.Summary(end), compare.Fleet()
	if err := f.End(fleet, s); err != nil {
		t.Fatal(err)
	}
	return s, fleet
}

package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

// value is a value and where it was read; not is none.
func value(v, source string) probes.HorizonValue {
	return probes.HorizonValue{Value: v, Source: source}
}

func not(why string) probes.HorizonValue { return probes.HorizonValue{Unknown: why} }

// stands adds a standing of its setting to a check.
func (h *Host) stands(probe, subject string, used int64, running, live, boot probes.HorizonValue) *Host {
	return h.of(probe, probes.ByName(probe).Setting.Name, subject, used, running, live, boot)
}

// of adds a standing to a check.
func (h *Host) of(probe, setting, subject string, used int64, running, live, boot probes.HorizonValue) *Host {
	if !slices.ContainsFunc(h.Checks, func(c probes.Check) bool { return c.Probe == probe }) {
		h.Checks = append(h.Checks, probes.Check{Probe: probe, Status: probes.OK})
	}
	for i := range h.Checks {
		if c := &h.Checks[i]; c.Probe == probe {
			c.Horizons = append(c.Horizons, probes.Standing{
				Setting: setting, Subject: subject, Used: used, Running: running, Live: live, Boot: boot,
			})
		}
	}
	return h
}

const (
	procMaps  = "/proc/sys/vm/max_map_count"
	flinkConf = "/etc/sysctl.d/90-flink.conf:3"
	unitShow  = "systemctl show flink-taskmanager.service"
	noSession = "only a session of flink tells: log in as that user, or run with --sudo"
)

// mapsStand gives a host its memory maps: what the kernel has now, and what it
// gets at boot.
func mapsStand(h *Host, used int64, now string, boot probes.HorizonValue) *Host {
	return h.stands("maps", fmt.Sprintf("pid %d", 4000+h.Index+1), used, value(now, procMaps), value(now, procMaps), boot)
}

// limitsFleet has what an operator meets: a value that the next boot takes
// away, one that only a restart gives, one that nobody knows, and healthy ones.
func limitsFleet() []*Host {
	well := func(i int) *Host {
		h := wellHost(i)
		limits := value("65536", fmt.Sprintf("/proc/%d/limits", 4000+i))
		h.stands("nofile", "flink-taskmanager.service", 800+int64(i), limits, value("65536", unitShow), value("65536", "/etc/systemd/system/flink-taskmanager.service:12"))
		return mapsStand(h, 1200, "262144", value("262144", flinkConf))
	}
	hosts := []*Host{well(1), well(2)}
	for i := 3; i <= 5; i++ { // set by hand, lost at the next boot
		h := wellHost(i).find(probes.Warn, "maps/not-persistent", "", "65530", "262144", "vm.max_map_count is 262144 now and 65530 after the next boot", "")
		h.Findings[0].Horizon = probes.Boot
		hosts = append(hosts, mapsStand(h.set("maps", probes.Warn, "1204/262144", ""), 204*int64(i), "262144", value("65530", "kernel default")))
	}
	for i := 6; i <= 7; i++ { // mended in the files, not in the process
		h := nearMaps(i, "61204")
		hosts = append(hosts, mapsStand(h, 61204-int64(i), "65530", value("262144", flinkConf)))
		hosts[i-1].stands("nofile", "user flink", 4000, value("4096", fmt.Sprintf("/proc/%d/limits", 4000+i)), not(noSession), value("65536", "/etc/security/limits.conf:61"))
	}
	unread := "/etc/sysctl.d/70-site.conf: permission denied"
	hosts = append(hosts, mapsStand(wellHost(8).set("maps", probes.StatusUnknown, "?/65530", unread), -1, "65530", not(unread)))
	return append(hosts, well(9))
}

// bootFleet is limitsFleet as its next boot is judged: what is wrong only now
// is no finding.
func bootFleet() []*Host {
	hosts := limitsFleet()
	for _, h := range hosts {
		if len(h.Causes) > 0 {
			*h = *mapsStand(wellHost(h.Index+1), 61204, "65530", value("262144", flinkConf))
		}
	}
	return hosts
}

// addressSpaceHost has a limit in bytes, and two TaskManagers.
func addressSpaceHost(i int) *Host {
	h := wellHost(i)
	h.Checks = append(h.Checks, probes.Check{Probe: "address-space", Status: probes.Fail, Observed: "8192M"})
	h.Status = probes.Fail
	for pid := 1; pid <= 2; pid++ {
		limit := value("8589934592", fmt.Sprintf("/proc/%d/limits", pid))
		h.stands("address-space", fmt.Sprintf("flink@%d.service", pid), int64(pid)<<32+4096, limit, value("unlimited", "systemctl show flink@.service"), value("unlimited", "systemd default"))
	}
	return h
}

// hostileLimits answers with what would rewrite the screen wherever a limit
// has text.
func hostileLimits() []*Host {
	const evil = "\x1b[2J\x1b]0;owned\x07\r\n1 host: all ok\u202egnp.exe\u200b\u0085\u2028\xff"
	h := wellHost(1).set("nofile", probes.Fail, evil, "")
	h.stands("nofile", "user "+evil, 5, value(evil, evil), not(evil), value("磁盘已满"+evil, strings.Repeat("/磁盘", 2000)))
	h.Checks[2].Horizons[0].Setting = evil
	return []*Host{h}
}

// printed is the section LIMITS alone.
func printed(t testing.TB, o Options, hosts []*Host) string {
	t.Helper()
	o.Command = command
	out := string(render(t, "table", o, testRun(len(hosts)), hosts, true))
	at := strings.Index(out, "LIMITS:")
	if at < 0 {
		return ""
	}
	section, _, _ := strings.Cut(out[at:], "\n\n")
	return section
}

// TestLimitsThatAreWellNeedNoLine: what is the same on three horizons and in
// order is shown only where all is asked for.
func TestLimitsThatAreWellNeedNoLine(t *testing.T) {
	t.Parallel()
	same := value("65536", "x")
	other := value("4096", "y")
	for _, row := range []struct {
		name  string
		spoil func(*Host) *Host
		o     Options
		want  bool
	}{
		{"well", func(h *Host) *Host { return h.stands("nofile", "", 1, same, same, same) }, Options{}, false},
		{"well, --all", func(h *Host) *Host { return h.stands("nofile", "", 1, same, same, same) }, Options{All: true}, true},
		{"well, --wide", func(h *Host) *Host { return h.stands("nofile", "", 1, same, same, same) }, Options{Wide: true}, true},
		{"boot differs", func(h *Host) *Host { return h.stands("nofile", "", 1, same, same, other) }, Options{}, true},
		{"live differs", func(h *Host) *Host { return h.stands("nofile", "", 1, same, other, same) }, Options{}, true},
		{"boot is not known", func(h *Host) *Host { return h.stands("nofile", "", 1, same, same, not("why")) }, Options{}, false},
		{"the check warns", func(h *Host) *Host {
			return h.set("nofile", probes.Warn, "1", "").stands("nofile", "", 1, same, same, same)
		}, Options{}, true},
		{"the check is unknown", func(h *Host) *Host {
			return h.set("nofile", probes.StatusUnknown, "", "why").stands("nofile", "", 1, same, same, same)
		}, Options{}, true},
		{"a probe that was not asked for", func(h *Host) *Host { return h.stands("nofile", "", 1, same, same, other) }, Options{Probes: []string{"maps"}}, false},
		{"no standing", func(h *Host) *Host { return h.set("nofile", probes.Fail, "1", "") }, Options{All: true}, false},
	} {
		if got := printed(t, row.o, []*Host{row.spoil(wellHost(1))}); (got != "") != row.want {
			t.Errorf("%s: shown %v, want %v\n%s", row.name, got != "", row.want, got)
		}
	}
}

// TestLimitsFoldOverHosts compares whole sections.
func TestLimitsFoldOverHosts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		hosts []*Host
		want  string
	}{
		{"bytes, two TaskManagers of a host", []*Host{addressSpaceHost(1), addressSpaceHost(2)}, `
LIMITS: the process as it runs, a start now, a start after the next boot
SETTING                RUNNING             LIVE       BOOT       BOOT FROM        HOSTS
as of flink@*.service  4096M..8192M/8192M  unlimited  unlimited  systemd default  tm[001-002] (2)
  as: running from /proc/PID/limits; live from systemctl show flink@.service`},
		{"the only TaskManager of a host has no pid, beside the limit of its unit as well", []*Host{
			wellHost(1).stands("threads", "pid 11", 1, value("4096", "a"), value("4096", "a"), value("8192", "b")).of("threads", "TasksMax", "flink.service", 1, value("9", "c"), value("9", "c"), value("8", "d")),
		}, `
LIMITS: the process as it runs, a start now, a start after the next boot
SETTING                    RUNNING  LIVE  BOOT  BOOT FROM  HOSTS
TasksMax of flink.service  1/9      9     8     d          tm001
nproc                      1/4096   4096  8192  b          tm001
  TasksMax: running and live from c
  nproc: running and live from a`},
		{"sources that differ are said where they do", []*Host{
			wellHost(1).stands("nofile", "user flink", 7, value("4096", "/proc/1/limits"), value("65536", "a session"), value("65536", "x:1")),
			wellHost(2).stands("nofile", "user flink", 9, value("4096", "/proc/2/limits"), not("nobody tells"), value("65536", "x:1")),
		}, `
LIMITS: the process as it runs, a start now, a start after the next boot
SETTING               RUNNING  LIVE   BOOT   BOOT FROM  HOSTS
nofile of user flink  7/4096   65536  65536  x:1        tm001
    live from a session
nofile of user flink  9/4096   ?      65536  x:1        tm002
    live not known: nobody tells
  nofile: running from /proc/PID/limits`},
		{"one reason with numbers of each host is one", []*Host{
			wellHost(1).stands("nofile", "pid 11", -1, value("4096", "/proc/11/limits"), value("65536", "s"), not("pid 11 is gone")),
			wellHost(2).stands("nofile", "pid 12", -1, value("4096", "/proc/12/limits"), value("65536", "s"), not("pid 12 is gone")),
		}, `
LIMITS: the process as it runs, a start now, a start after the next boot
SETTING  RUNNING  LIVE   BOOT  BOOT FROM       HOSTS
nofile   4096     65536  ?     pid 11 is gone  tm[001-002] (2)
  nofile: running from /proc/PID/limits; live from s`},
	} {
		if diff := cmp.Diff(row.want, "\n"+printed(t, Options{}, row.hosts)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

// TestLimitsOfManyHostsAreBounded: hosts with limits of their own cost a
// bounded memory and twenty lines, and what is left out is counted.
func TestLimitsOfManyHostsAreBounded(t *testing.T) {
	t.Parallel()
	var hosts []*Host
	for i := 1; i <= 3000; i++ {
		hosts = append(hosts, wellHost(i).stands("nofile", "", 1, value("1", "a"), value("2", "b"), value(fmt.Sprint(i), strings.Repeat("x", 1<<12))))
	}
	for _, w := range []int{0, 50, 80, 120} {
		tab := newTable(&bytes.Buffer{}, Options{Width: w}).(*table)
		renderTo(t, tab, testRun(len(hosts)), hosts, true)
		if n := len(tab.limits.list); n != maxLimitFolds || tab.limits.lost != 3000-maxLimitFolds {
			t.Errorf("width %d: %d folds are kept, %d lost", w, n, tab.limits.lost)
		}
		_, section, _ := strings.Cut(tab.out.String(), "LIMITS:")
		section, _, _ = strings.Cut(section, "\n\n")
		if n := strings.Count(section, "\n"); n > 2*maxLimitLines {
			t.Errorf("width %d: %d lines:\n%s", w, n, section)
		}
		for _, want := range []string{"more limits; --all shows them", "2500 limits are not shown: there are more than 500 different ones"} {
			if !strings.Contains(section, want) {
				t.Errorf("width %d: it is not said: %s\n%s", w, want, section)
			}
		}
	}
}

// TestWriteLimitsShowsEveryHost of a probe, and says which were not reached.
func TestWriteLimitsShowsEveryHost(t *testing.T) {
	t.Parallel()
	lost := lostHost(10, Unreachable{Phase: "connect", Reason: "no answer"})
	for _, row := range []struct {
		name, probe string
		hosts       []*Host
		want        string
	}{
		{"maps", "maps", append(limitsFleet(), lost), `
LIMITS: the process as it runs, a start now, a start after the next boot
SETTING           RUNNING             LIVE    BOOT    BOOT FROM                                      HOSTS
vm.max_map_count  61197..61198/65530  65530   262144  /etc/sysctl.d/90-flink.conf:3                  tm[006-007] (2)
vm.max_map_count  65530               65530   ?       /etc/sysctl.d/70-site.conf: permission denied  tm008
vm.max_map_count  612..1020/262144    262144  65530   kernel default                                 tm[003-005] (3)
vm.max_map_count  1200/262144         262144  262144  /etc/sysctl.d/90-flink.conf:3                  tm[001-002,009] (3)
  vm.max_map_count: running and live from /proc/sys/vm/max_map_count

1 host was not reached: nothing is known about it
`},
		{"none", "threads", []*Host{wellHost(1)}, "\nno host of the report tells the limits of threads\n"},
	} {
		var b bytes.Buffer
		if err := WriteLimits(&b, Options{}, row.probe, row.hosts); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row.want, "\n"+b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

package report

import (
	"fmt"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

const unitOfFlink = "/etc/systemd/system/flink-taskmanager.service"

// factual is a healthy host with the facts that are compared.
func factual(i int) *Host {
	h := wellHost(i)
	h.Facts = &probes.Facts{Version: 1, Files: []probes.File{{Path: unitOfFlink, Kind: probes.FileRegular, Content: "[Service]\n", Modified: 1740787200}}}
	h.Facts.Logs.Read = probes.Known(true)
	f := &h.Facts.Host
	f.Kernel, f.OS, f.Machine, f.Libc = probes.Known("6.1.0-25"), probes.Known("debian 12"), probes.Known("x86_64"), probes.Known("glibc 2.36")
	f.ZoneOffset = probes.Known(int64(0))
	h.Facts.Flink.TaskManagers = []probes.TaskManager{{PID: 4000 + i, ConfigDir: "/opt/flink/conf"}}
	h.Facts.Flink.Configs = []probes.FlinkConfig{{Path: "/opt/flink/conf/config.yaml", Settings: map[string]probes.ConfigSetting{
		"state.backend.type": {Value: "rocksdb"}, "taskmanager.host": {Value: h.Name},
	}}}
	return h.limit("65536", unitOfFlink+":9")
}

// limit gives the TaskManager a limit of open files.
func (h *Host) limit(value, source string) *Host {
	for i := range h.Checks {
		if c := &h.Checks[i]; c.Probe == "nofile" {
			c.Horizons = []probes.Standing{{
				Setting: "nofile", Subject: "pid 1", Used: -1,
				Running: probes.HorizonValue{Value: value, Source: "/proc/1/limits"},
				Live:    probes.HorizonValue{Unknown: "only a session tells"},
				Boot:    probes.HorizonValue{Value: value, Source: source},
			}}
		}
	}
	return h
}

// has gives a host a cause.
func (h *Host) has(cause string, c probes.Confidence) *Host {
	h.Causes = append(h.Causes, probes.Cause{Cause: cause, Confidence: c, Message: cause + " on " + h.Name, Remedy: "mend " + cause})
	if holds(c) {
		h.Status = probes.Fail
	}
	return h
}

func (h *Host) kernel(release string) *Host {
	h.Facts.Host.Kernel = probes.Known(release)
	if release == "" {
		h.Facts.Host.Kernel = probes.Unknown[string]("uname is not there")
	}
	return h
}

func (h *Host) setting(key, value string) *Host {
	h.Facts.Flink.Configs[0].Settings[key] = probes.ConfigSetting{Value: value}
	return h
}

// fleetOf is n hosts, each as one says; index 0 is the first.
func fleetOf(n int, one func(i int, h *Host)) []*Host {
	hosts := make([]*Host, n)
	for i := range hosts {
		hosts[i] = factual(i + 1)
		one(i, hosts[i])
	}
	return hosts
}

func summaryOf(hosts []*Host) Summary {
	var tally Tally
	for _, h := range hosts {
		tally.Add(h)
	}
	return tally.Summary(nil)
}

// sharedFleet is what an operator meets: one line that somebody changed on some
// hosts, a cause of one rack, one of a single host, and hosts that are well.
func sharedFleet() []*Host {
	return fleetOf(40, func(i int, h *Host) {
		since := started.Add(-time.Duration(i) * time.Minute)
		switch {
		case i >= 2 && i < 16:
			h.limit("4096", unitOfFlink+":9").kernel("6.1.0-28").find(probes.Fail, "cause/open-files", "", "4096", "", "open files", "")
			h.Facts.Files[0].Modified = 1795132800
			h.Causes = []probes.Cause{{Cause: "open_files", Confidence: probes.Proven, Since: &since, Remedy: "raise LimitNOFILE, then restart",
				Message: fmt.Sprintf("open files: the JVM holds 4,096 of 4,096; `Too many open files` %d times since 02:41", i)}}
			if i == 9 {
				h.Causes[0].Confidence = probes.Likely
			}
		case i == 18:
			h.has("open_files", probes.Possible)
		case i == 19 || i == 20:
			h.has("inodes", probes.Proven).Groups = []string{"rack3"}
			h.kernel("6.1.0-28").find(probes.Fail, "cause/inodes", "", "", "", "inodes", "")
		case i == 25:
			h.has("noexec", probes.Likely).setting("io.tmp.dirs", "/tmp").find(probes.Fail, "cause/noexec", "", "", "", "noexec", "")
		default:
			h.setting("io.tmp.dirs", "/data/tmp")
		}
	})
}

// hostileSharing has traits that would rewrite the screen.
func hostileSharing() []*Host {
	const evil = "\x1b[2J\r\n1 host: all ok\u202egnp.exe"
	return fleetOf(6, func(i int, h *Host) {
		if i < 2 {
			h.has("open_files", probes.Proven).kernel(evil).limit("4096", "/etc/"+evil+":9").setting("key"+evil, evil)
			h.Groups, h.TaskManagers[0].Launch.Unit = []string{evil}, evil
			h.Causes[0].Remedy = evil + fmt.Sprint(i)
		}
	})
}

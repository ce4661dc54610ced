package conf_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

const mapCount = "vm.max_map_count"

// sysctlVectors names sysctl-systemdNNN-procpsNNN.json, with or without dots
// in the version of procps, and whatever follows.
var sysctlVectors = regexp.MustCompile(`^sysctl-systemd(\d+)-procps(\d)\.?(\d)\.?(\d+)\b.*\.json$`)

// sysctlVector is a tree and the value of vm.max_map_count after each program
// ran on it.
type sysctlVector struct {
	Name    string              `json:"name"`
	Files   map[string]treeFile `json:"files"`
	Systemd any                 `json:"systemd"`
	Procps  any                 `json:"procps"`
	Busybox any                 `json:"busybox"`
}

// The vectors with the value of busybox 1.35 were recorded with a plain file
// system in place of /proc/sys, like the others.
func TestGoldenSysctlAgreesWithTheRealPrograms(t *testing.T) {
	t.Parallel()
	var n tally
	for _, f := range goldenFiles(t, sysctlVectors) {
		systemd, procps := f.groups[0], strings.Join(f.groups[1:], ".")
		for i, v := range vectors[sysctlVector](t, f) {
			host := &conf.SysctlHost{Files: treeFiles(v.Files), Marks: []string{"/proc/1/comm systemd"}, Systemd: systemd, Procps: procps, Live: "65530"}
			alpine := &conf.SysctlHost{
				Files: append(treeFiles(v.Files), conf.File{Path: "/etc/alpine-release", Content: "3.20.0\n"}),
				Marks: []string{"/proc/1/comm init", "/etc/runlevels/boot/sysctl"},
			}
			for _, c := range []struct {
				program string
				want    any
				resolve func() conf.Resolution
			}{
				{"systemd " + systemd, v.Systemd, func() conf.Resolution { return conf.SysctlBoot(host, mapCount) }},
				{"procps " + procps, v.Procps, func() conf.Resolution { return conf.SysctlSystem(host, mapCount) }},
				{"busybox", v.Busybox, func() conf.Resolution { return conf.SysctlBoot(alpine, mapCount) }},
			} {
				if want, ok := goldenNumber(c.want); ok {
					what := strings.TrimSpace(fmt.Sprintf("%s[%d] %s: %s", f.name, i, v.Name, c.program))
					n.judge(t, what, valueOf(c.resolve()), want, treeText(v.Files))
				}
			}
		}
	}
	n.done(t)
}

// valueOf is the value of a resolution, or why there is none.
func valueOf(r conf.Resolution) string {
	if !r.Known {
		return "unknown (" + r.Why + ")"
	}
	return r.Value
}

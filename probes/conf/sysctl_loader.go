package conf

import (
	"fmt"
	"slices"
	"strings"
)

// has reports whether the host has a mark.
func (h *SysctlHost) has(mark string) bool { return slices.Contains(h.Marks, mark) }

// first is the name of process 1.
func (h *SysctlHost) first() string {
	for _, m := range h.Marks {
		if name, ok := strings.CutPrefix(m, "/proc/1/comm "); ok {
			return name
		}
	}
	return ""
}

// release are ID and the numbers of VERSION_ID of /etc/os-release.
func release(files []File) (id string, version int) {
	f, ok := fileAt(files, "/etc/os-release")
	if !ok {
		return "", 0
	}
	for line := range strings.Lines(f.Content) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch name {
		case "ID":
			id = value
		case "VERSION_ID":
			// Ubuntu counts in halves of a year: 24.04 is 2404.
			if v := numbers(value); len(v) > 1 && v[1] < 100 {
				version = v[0]*100 + v[1]
			} else if len(v) > 0 {
				version = v[0] * 100
			}
		}
	}
	return id, version
}

// IsAlpine reports whether a host with these files is an Alpine, whose OpenRC
// applies sysctl files in a way of its own (see LoaderBusybox). It looks at
// /etc/alpine-release and at ID of /etc/os-release.
func IsAlpine(files []File) bool {
	id, _ := release(files)
	_, ok := fileAt(files, "/etc/alpine-release")
	return ok || id == "alpine"
}

// ContainerMark is the first mark of a container among the marks of a host
// (SysctlHost.Marks), "" for a host of its own. systemd makes the first where it
// is process 1 of one, Docker the second, Podman the third.
func ContainerMark(marks []string) string {
	for _, m := range []string{"/run/systemd/container", "/.dockerenv", "/run/.containerenv"} {
		if slices.Contains(marks, m) {
			return m
		}
	}
	return ""
}

// bootPlan chooses the loader of the boot from the facts of the host.
func bootPlan(h *SysctlHost) plan {
	id, _ := release(h.Files)
	first := h.first()
	switch {
	case h.MarksWhy != "":
		return plan{unknown: "the loader is not known: " + h.MarksWhy}
	case first == "systemd" || h.has("/run/systemd/system"):
		return systemdPlan(h)
	case IsAlpine(h.Files):
		if !h.has("/etc/runlevels/boot/sysctl") {
			return nothing(alpineSteps(h), "Alpine without sysctl in the boot runlevel: nothing applies the files (rc-update add sysctl boot)")
		}
		return plan{loader: LoaderBusybox, why: "Alpine, whose OpenRC applies every file by itself", steps: alpineSteps(h), dialects: []dialect{busybox}}
	case h.has("/etc/runlevels/boot/sysctl"):
		return plan{loader: LoaderProcps, why: "OpenRC with sysctl in the boot runlevel, which runs sysctl --system", steps: systemSteps(h, true, true), dialects: procpsDialects(h)}
	case h.has("/etc/init.d/procps") && (first == "init" || first == ""):
		return plan{loader: LoaderProcps, why: "System V init with /etc/init.d/procps, which runs sysctl --system", steps: systemSteps(h, true, true), dialects: procpsDialects(h)}
	}
	return plan{unknown: fmt.Sprintf("it is not known what applies sysctl files on this host (process 1 is %q, distribution %q)", first, clip(id))}
}

// nothing is the plan where no file is applied.
func nothing(steps []step, why string) plan {
	for i := range steps {
		steps[i].read, steps[i].fate, steps[i].why = false, FateNotRead, why
	}
	return plan{loader: LoaderNone, why: why, steps: steps}
}

// systemdPlan is the plan where process 1 is systemd.
func systemdPlan(h *SysctlHost) plan {
	const unit = "/etc/systemd/system/systemd-sysctl.service"
	if f, ok := fileAt(h.Files, unit); ok {
		switch {
		case f.isNull() || f.kind() == FileDangling || f.kind() == FileOther || f.kind() == FileRegular && f.Content == "" && !f.Cut:
			return nothing(systemSteps(h, false, false), unit+" masks systemd-sysctl: nothing applies the files")
		default:
			return plan{unknown: unit + " replaces the unit of systemd-sysctl"}
		}
	}
	id, version := release(h.Files)
	p := plan{loader: LoaderSystemd, why: "process 1 is systemd", steps: systemSteps(h, false, false), dialects: systemdDialects(h)}
	if f, ok := fileAt(h.Files, "/run/systemd/system/systemd-sysctl.service"); ok {
		p.notes = append(p.notes, f.Path+" stands in for systemd-sysctl until the reboot, which empties /run")
	}
	if v := numbers(h.Systemd); len(v) > 0 && v[0] < 207 {
		return plan{unknown: "systemd " + h.Systemd + " is older than 207, whose order is not known"}
	}
	el7 := version/100 == 7 && slices.Contains([]string{"rhel", "centos", "ol", "scientific"}, id)
	if el7 || id == "amzn" && version/100 == 2 {
		p.loader = LoaderSystemdEL7
		p.why = fmt.Sprintf("systemd of %s %d, which reads /etc/sysctl.conf itself, after all others", id, version/100)
		p.steps = append(dropStep(p.steps, "/etc/sysctl.conf"), oneStep(h, "/etc/sysctl.conf")...)
	}
	return p
}

// systemdDialects are the dialects that systemd-sysctl of this host may
// speak: one if its version is known.
func systemdDialects(h *SysctlHost) []dialect {
	id, v := release(h.Files)
	version := systemdVersion(h.Systemd, id, v)
	switch {
	case version >= 249:
		return []dialect{systemd249}
	case version >= 245:
		return []dialect{systemd245}
	case version >= 243:
		return []dialect{systemd243}
	case version > 0 && version != 239: // RHEL 8 has newer parts in its 239
		return []dialect{systemd207}
	}
	return []dialect{systemd249, systemd245, systemd243, systemd207}
}

// procpsDialects are the dialects that sysctl of this host may speak.
func procpsDialects(h *SysctlHost) []dialect {
	v := numbers(h.Procps)
	if len(v) == 0 {
		id, version := release(h.Files)
		v = numbers(map[int]string{4: "4.0.4", 3: "3.3.17", 2: "3.3.15"}[newest(version, map[string][][2]int{
			"debian": {{1200, 4}, {1100, 3}, {1000, 2}},
			"ubuntu": {{2404, 4}, {2004, 3}, {1604, 2}},
			"rhel":   {{1000, 4}, {900, 3}, {700, 2}}, "centos": {{1000, 4}, {900, 3}, {700, 2}},
			"rocky": {{1000, 4}, {900, 3}, {800, 2}}, "almalinux": {{1000, 4}, {900, 3}, {800, 2}}, "ol": {{1000, 4}, {900, 3}, {700, 2}},
		}[id])])
	}
	v = append(v, 0, 0, 0)
	switch n := v[0]*10000 + v[1]*100 + v[2]; {
	case n >= 40005:
		return []dialect{procps405}
	case n >= 40000:
		return []dialect{procps400}
	case n >= 30316:
		return []dialect{procps3316}
	case n > 0:
		return []dialect{procps33}
	}
	return []dialect{procps405, procps400, procps3316, procps33}
}

// newest is the number of the newest release that is not newer than version.
func newest(version int, releases [][2]int) int {
	for _, r := range releases {
		if version >= r[0] {
			return r[1]
		}
	}
	return 0
}

package fix

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

var (
	runID     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	modeText  = regexp.MustCompile(`^0[0-7]{3}$`)
	ownerText = regexp.MustCompile(`^[0-9]{1,10}:[0-9]{1,10}$`)
	startText = regexp.MustCompile(`^[0-9]{1,20}$`)
	sysctlKey = regexp.MustCompile(`^[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)+$`)
	// unitName is what systemd.unit(5) lets a name of a service be made of.
	unitName = regexp.MustCompile(`^[A-Za-z0-9:_\\@-][A-Za-z0-9:_.\\@-]{0,238}\.service$`)
)

// A file that is made has this mode and this owner.
const newMode, newOwner = "0644", "0:0"

// mainFiles are the files of the runbook; dropIns are the directories for
// files of our own and for those that win over the runbook's.
var (
	mainFiles = []string{"/etc/sysctl.conf", "/etc/security/limits.conf"}
	dropIns   = []string{"/etc/sysctl.d", "/etc/security/limits.d"}
)

// places says where fix writes, for the error of a path elsewhere.
const places = "it writes to /etc/sysctl.conf, /etc/sysctl.d/*.conf, /etc/security/limits.conf, " +
	"/etc/security/limits.d/*.conf and /etc/systemd/system/UNIT.d/*.conf"

// isPlace reports whether fix writes to a path at all.
func isPlace(name string) bool {
	if path.Clean(name) != name {
		return false
	}
	if slices.Contains(mainFiles, name) {
		return true
	}
	dir, base := path.Split(name)
	dir = strings.TrimSuffix(dir, "/")
	if !strings.HasSuffix(base, ".conf") || base == ".conf" {
		return false
	}
	return slices.Contains(dropIns, dir) || isUnitPlace(name)
}

// isUnitPlace reports whether a path is a drop-in of a service.
func isUnitPlace(name string) bool {
	parent, unit := path.Split(path.Dir(name))
	unit, isDropIn := strings.CutSuffix(unit, ".d")
	return isDropIn && parent == "/etc/systemd/system/" && plainUnit(unit)
}

// IsRun reports whether a text can be the id of a run: it names directories, here
// and on hosts.
func IsRun(id string) bool { return runID.MatchString(id) }

// liveSysctls are the keys of /proc/sys that fix sets, with the greatest value
// that the kernel takes (an int).
var liveSysctls = map[string]probes.Limit{"vm.max_map_count": 1<<31 - 1}

// processLimits are the limits of a running process that fix sets.
var processLimits = []string{"nofile", "as", "nproc"}

// live checks one live value: it is known, and raised.
func (c *checker) live(at string, l *LiveChange) {
	switch l.Kind {
	case LiveSysctl:
		c.sysctl(at, l)
	case LiveProcess:
		c.process(at, l)
	default:
		c.refuse(at+".kind", "%q is neither sysctl nor process", l.Kind)
	}
}

func (c *checker) sysctl(at string, l *LiveChange) {
	most, known := liveSysctls[l.Setting]
	if !known {
		c.refuse(at+".setting", "%q is not a key that fix sets", l.Setting)
	}
	if l.PID != 0 || l.Started != "" {
		c.refuse(at+".pid", "%s belongs to no process", l.Setting)
	}
	before, after := c.number(at+".before", l.Before), c.number(at+".after", l.After)
	if after <= before {
		c.refuse(at+".after", "%s does not raise %s, and fix never lowers a value", l.After, l.Before)
	}
	if after > most {
		c.refuse(at+".after", "%s is more than the kernel takes, %s", l.After, most)
	}
}

func (c *checker) process(at string, l *LiveChange) {
	if !slices.Contains(processLimits, l.Setting) {
		c.refuse(at+".setting", "%q is not a limit that fix sets", l.Setting)
	}
	if l.PID < 2 || l.PID > 1<<22 { // PID_MAX_LIMIT, include/linux/threads.h
		c.refuse(at+".pid", "%d is not the pid of a TaskManager", l.PID)
	}
	if !startText.MatchString(l.Started) {
		c.refuse(at+".started", "%q is not a number of clock ticks: the pid alone may be another process by now", l.Started)
	}
	before, after := c.pair(at+".before", l.Before), c.pair(at+".after", l.After)
	if after[0] < before[0] || after[1] < before[1] {
		c.refuse(at+".after", "%s lowers %s, and fix never lowers a value", l.After, l.Before)
	}
	if after == before {
		c.refuse(at+".after", "it is the same as before: nothing would change")
	}
	if after[0] > after[1] {
		c.refuse(at+".after", "%s has a soft limit above its hard limit", l.After)
	}
	if l.Setting == "nofile" && after[1] == probes.Unlimited {
		c.refuse(at+".after", "nofile is never unlimited: the kernel refuses what is above fs.nr_open")
	}
}

// number is a value of the kernel as it prints it itself.
func (c *checker) number(at, s string) probes.Limit {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 0 || strconv.FormatInt(v, 10) != s {
		c.refuse(at, "%q is not a number", s)
	}
	return probes.Limit(v)
}

// pair is SOFT:HARD.
func (c *checker) pair(at, s string) (pair [2]probes.Limit) {
	soft, hard, ok := strings.Cut(s, ":")
	if !ok {
		c.refuse(at, "%q is not SOFT:HARD", s)
		return pair
	}
	for i, part := range []string{soft, hard} {
		if pair[i] = probes.Unlimited; part != "unlimited" {
			pair[i] = c.number(at, part)
		}
	}
	return pair
}

// expect checks what must hold afterwards.
func (c *checker) expect(at string, list []Expect) {
	c.count(at, len(list), maxEntries)
	for i, e := range list {
		at := fmt.Sprintf("%s[%d]", at, i)
		c.line(at+".setting", e.Setting)
		c.line(at+".subject", e.Subject)
		switch e.Horizon {
		case probes.Running, probes.Live, probes.Boot:
		default:
			c.refuse(at+".horizon", "%q is none of running, live and boot", e.Horizon)
		}
		if e.AtLeast <= 0 && e.AtLeast != probes.Unlimited {
			c.refuse(at+".at_least", "%s is not a value to expect", e.AtLeast)
		}
	}
}

// query checks what is read again to verify.
func (c *checker) query(at string, q *Query) {
	c.lines(at+".paths", q.Paths)
	for i, p := range q.Paths {
		if !path.IsAbs(p) || path.Clean(p) != p {
			c.refuse(fmt.Sprintf("%s.paths[%d]", at, i), "%q is not an absolute path without detours", p)
		}
	}
	c.names(at+".sysctls", q.Sysctls, sysctlKey.MatchString, "a sysctl")
	c.names(at+".users", q.Users, func(name string) bool { return plainName(name) == "" }, "a user")
	c.names(at+".units", q.Units, plainUnit, "a systemd service")
	c.count(at+".pids", len(q.PIDs), maxEntries)
	for i, pid := range q.PIDs {
		if pid < 1 || pid > 1<<22 {
			c.refuse(fmt.Sprintf("%s.pids[%d]", at, i), "%d is not a pid", pid)
		}
	}
	if q.Run != "" && !runID.MatchString(q.Run) {
		c.refuse(at+".run", "%q is not the id of a run", q.Run)
	}
}

// names checks a list of names of one kind.
func (c *checker) names(at string, list []string, plain func(string) bool, kind string) {
	c.lines(at, list)
	for i, s := range list {
		if !plain(s) {
			c.refuse(fmt.Sprintf("%s[%d]", at, i), "%q is not the name of %s", s, kind)
		}
	}
}

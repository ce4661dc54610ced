package probes

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// loginKey is a question about a new session.
type loginKey struct {
	// under is the service of the session from which another one was asked for,
	// "" where that is not known.
	user, service, under string
	horizon              Horizon
}

// sessionLimits are what a new session gets of every item, and the way to it.
type sessionLimits struct {
	conf.LoginLimits
	service string
	stack   conf.Stack
	// why is set where nothing can be known.
	why string
	// noPAM says why limits.conf is not read at all.
	noPAM string
}

// login is what a new session of a user gets through a PAM service.
func (r *resolver) login(user, service, under string, h Horizon) sessionLimits {
	key := loginKey{user, service, under, h}
	s, ok := r.logins[key]
	if !ok {
		s = r.rememberSession(user, service, h, r.sessionStart(user, service, under, h))
		r.logins[key] = s
	}
	return s
}

// rememberSession is resolveSession, asked once for hosts that are alike.
func (r *resolver) rememberSession(user, service string, horizon Horizon, begins map[string]conf.Rlimits) sessionLimits {
	return remember(r.memo, func(h *hasher) {
		h.words("session", user, service, fmt.Sprint(r.sshdUsedPAM()), r.packageVersion("pam"), r.osRelease(), r.container(), r.pamDirs())
		h.number(r.nrOpen(horizon))
		h.fact(r.f.NoFile.SSHD)
		hashLimits(h, begins)
		hashLimits(h, r.pid1())
		u := r.loginUser(user)
		h.words(u.Name, u.GroupsUnknown)
		h.number(uint64(u.UID))
		h.number(uint64(u.GID))
		for _, g := range u.Groups {
			h.words(g.Name)
			h.number(uint64(g.GID))
		}
		r.hash(h, loginFiles)
	}, func() sessionLimits { return r.resolveSession(user, service, horizon, begins) })
}

// pamDirs tells which directories of PAM are there.
func (r *resolver) pamDirs() (kinds string) {
	for _, dir := range conf.PAMDirs {
		kinds += string(r.file(dir).Kind) + ","
	}
	return kinds
}

var allLimitItems = conf.LimitItems()

// hashLimits hashes limits in the order of their names.
func hashLimits(h *hasher, limits map[string]conf.Rlimits) {
	for _, item := range allLimitItems {
		if l, ok := limits[item]; ok {
			h.words(item)
			h.number(uint64(l.Soft))
			h.number(uint64(l.Hard))
		}
	}
	h.words()
}

// resolveSession is what a session gets that begins with certain limits.
func (r *resolver) resolveSession(user, service string, h Horizon, begins map[string]conf.Rlimits) sessionLimits {
	s := sessionLimits{service: service}
	files := r.confFiles(loginFiles)
	if len(files) == 0 {
		s.why = "which limits files there are was not told"
		return s
	}
	if mark := r.container(); mark != "" {
		s.why = "this host is a container (" + mark + "): its runtime sets what a session starts with and may raise"
		return s
	}
	if u := r.loginUser(user); strings.Trim(u.Name, "0123456789") == "" {
		s.why = "the name of uid " + user + " is not known, and limits.conf goes by names"
		return s
	}
	in := conf.Login{User: r.loginUser(user), Files: files, NROpen: r.nrOpen(h), Start: begins, PID1: r.pid1()}
	in.Modules, s.stack, s.noPAM, s.why = r.limitsModules(files, service)
	if s.why != "" {
		return s
	}
	in.Variants = conf.VariantsOf(r.osRelease(), r.packageVersion("pam"), files)
	s.LoginLimits = conf.ResolveLogin(in)
	return s
}

// container is the mark of a host that is a container itself.
func (r *resolver) container() string {
	marks, _ := r.f.Maps.Boot.Get()
	return conf.ContainerMark(marks)
}

// limitsModules are the pam_limits lines of a service. none says why there
// are none for sure.
func (r *resolver) limitsModules(files []conf.File, service string) (modules []conf.LimitsModule, stack conf.Stack, none, why string) {
	if !slices.ContainsFunc(conf.PAMDirs, func(dir string) bool { return r.file(dir).Kind != FileAbsent }) {
		return nil, stack, "there is no PAM on this host: limits.conf is not read", ""
	}
	if service == "sshd" {
		yes, at, unknown := conf.SSHDUsesPAM(r.sshdFiles())
		if !r.f.NoFile.SSHD.IsKnown() {
			unknown = r.f.NoFile.SSHD.Why()
		}
		switch {
		case unknown != "" && r.sshdUsedPAM():
		case unknown != "":
			return nil, stack, "", "whether sshd uses PAM: " + unknown
		case !yes && at.File != "":
			return nil, stack, "UsePAM no at " + at.String(), ""
		case !yes:
			return nil, stack, "UsePAM is not set, and sshd's default is no", ""
		}
	}
	stack = conf.PAMStack(files, service)
	if stack.Unknown != "" {
		return nil, stack, "", stack.Unknown
	}
	for _, m := range stack.Modules {
		if m.MaySkip.File != "" {
			return nil, stack, "", m.MaySkip.String() + " may end the stack before pam_limits is called"
		}
	}
	return stack.Modules, stack, "", ""
}

// sshdUsedPAM reports whether a TaskManager is in a session that logind has
// under the service sshd: only pam_systemd tells it that, so sshd uses PAM, and
// its configuration need not be read (elsewhere root alone may).
func (r *resolver) sshdUsedPAM() bool {
	return slices.ContainsFunc(r.f.Flink.TaskManagers, func(tm TaskManager) bool { return tm.Launch.Session == "sshd" })
}

// sshdFiles are the lines of sshd's configuration that decide whether PAM is
// used, in their places.
func (r *resolver) sshdFiles() []conf.File {
	lines, _ := r.f.NoFile.SSHD.Get()
	return filesOfLines(lines)
}

// filesOfLines puts FILE:LINE:TEXT, in the order of their lines, back into
// files, with empty lines for what was not told. A file whose lines are out of
// order or too many, which none of a host is, is not readable.
func filesOfLines(lines []string) (files []conf.File) {
	const maxLine, maxFiles = 10000, 200
	type text struct {
		strings.Builder
		lines int
		wrong bool
	}
	texts, order := map[string]*text{}, []string{}
	for _, line := range lines {
		at, content, ok := conf.ParsePlace(line)
		if !ok {
			continue
		}
		path, n := at.File, at.Line
		t := texts[path]
		if t == nil {
			if len(order) == maxFiles {
				break
			}
			t = &text{}
			texts[path], order = t, append(order, path)
		}
		switch {
		case n == 0:
		case n > maxLine || n <= t.lines:
			t.wrong = true
		default:
			t.WriteString(strings.Repeat("\n", n-1-t.lines) + content + "\n")
			t.lines = n
		}
	}
	for _, path := range order {
		f := conf.File{Path: path, Content: texts[path].String()}
		if texts[path].wrong {
			f = conf.File{Path: path, Kind: conf.FileUnreadable}
		}
		files = append(files, f)
	}
	return files
}

// loginUser is a user as PAM sees it.
func (r *resolver) loginUser(user string) conf.LoginUser {
	u := conf.LoginUser{Name: user, UID: -1, GID: -1}
	if user == "root" {
		return conf.LoginUser{Name: user, Groups: []conf.LoginGroup{{Name: "root"}}, GroupsUnknown: "root's groups were not asked"}
	}
	account := r.f.Login.Accounts[user]
	a, ok := account.Get()
	if ok && a.Name != "" {
		u.Name = a.Name // of a user whom /etc/passwd does not have
	}
	if !ok {
		u.GroupsUnknown = account.Why()
		for _, tm := range r.f.Flink.TaskManagers {
			if userKey(tm) == user {
				u.UID = tm.UID.Or(-1)
			}
		}
		return u
	}
	u.UID, u.GID = a.UID, a.GID
	for _, g := range a.Groups {
		if g.Name == "" {
			u.GroupsUnknown = fmt.Sprintf("group %d has no name", g.GID)
		}
		u.Groups = append(u.Groups, conf.LoginGroup{Name: g.Name, GID: g.GID})
	}
	return u
}

// osRelease is the text of os-release(5).
func (r *resolver) osRelease() string { return r.file("/etc/os-release").Content }

// nrOpen is fs.nr_open now or after the next boot, 0 where not known.
func (r *resolver) nrOpen(h Horizon) uint64 {
	if h == Boot {
		return r.bootNrOpen()
	}
	return uint64(r.f.NoFile.NrOpen.Or(0))
}

// pid1 are the limits of process 1.
func (r *resolver) pid1() map[string]conf.Rlimits {
	if r.first == nil {
		r.first = r.procLimits("/proc/1/limits")
	}
	return r.first
}

func (r *resolver) procLimits(path string) map[string]conf.Rlimits {
	return conf.ParseProcLimits(r.file(path).Content)
}

// sessionStart are the limits of the process that opens the session: sshd's or
// cron's for their own; for what switches users in a session of sshd those of
// root's session. Others that switch users may stand anywhere.
func (r *resolver) sessionStart(user, service, under string, h Horizon) map[string]conf.Rlimits {
	switch {
	case service == "sshd" && h != Boot:
		if pid, ok := r.f.Login.SSHDPID.Get(); ok {
			return r.procLimits(fmt.Sprintf("/proc/%d/limits", pid))
		}
	case service == "sshd":
		return r.daemonLimits("ssh.service", "sshd.service")
	case service == "cron" || service == "crond":
		return r.daemonLimits("cron.service", "crond.service")
	case service == "systemd-user":
		return r.daemonLimits("user@" + strconv.FormatInt(r.f.Login.Accounts[user].Or(Account{}).UID, 10) + ".service")
	case slices.Contains(switching, service) && under == "sshd" && user != "root":
		return throughSu(service, sessionRlimits(r.login("root", "sshd", "", h)))
	}
	return map[string]conf.Rlimits{}
}

// throughSu is what su and runuser make of the limits they were called with
// before they ask PAM: measured on Debian 12 and 13, they lower the soft limit
// of open files to 1024, free the address space and the size of files, and set
// nice and rtprio to 0. sudo leaves all as it is.
func throughSu(service string, begins map[string]conf.Rlimits) map[string]conf.Rlimits {
	begins = maps.Clone(begins)
	if strings.HasPrefix(service, "sudo") {
		return begins
	}
	if l, ok := begins["nofile"]; ok {
		begins["nofile"] = conf.Rlimits{Soft: min(l.Soft, 1024), Hard: l.Hard}
	}
	for _, item := range []string{"as", "fsize", "nice", "rtprio"} {
		if begins[item] != (conf.Rlimits{Soft: conf.RlimitInfinity, Hard: conf.RlimitInfinity}) {
			delete(begins, item) // not on every release
		}
	}
	return begins
}

// daemonLimits are what systemd gives to the first of these units that has a
// file. Without systemd they are the ones the process has now, which nothing
// but its start script decides.
func (r *resolver) daemonLimits(units ...string) map[string]conf.Rlimits {
	for _, name := range units {
		if u := r.unit(name); u.Fragment != "" {
			return unitRlimits(u)
		}
	}
	return map[string]conf.Rlimits{}
}

// sessionRlimits are the limits of a session that are known.
func sessionRlimits(s sessionLimits) map[string]conf.Rlimits {
	all := map[string]conf.Rlimits{}
	if s.why == "" && s.Refused == "" {
		for item, l := range s.Items {
			if l.Soft.Known && l.Hard.Known {
				all[item] = conf.Rlimits{Soft: l.Soft.Value, Hard: l.Hard.Value}
			}
		}
	}
	return all
}

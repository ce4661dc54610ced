package probes

import (
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// unitKey is a question about a unit; home is set for a unit of a user's own
// manager.
type unitKey struct{ name, user string }

// unit is what the next start of a unit of the system's manager gets by its
// files.
func (r *resolver) unit(name string) conf.UnitResult {
	return r.anyUnit(unitKey{name: name}, func() conf.Unit { return r.systemUnit(name) })
}

// userUnit is the same for a unit of a user's own manager, which has what a
// session of service systemd-user leaves it.
func (r *resolver) userUnit(name, user string) conf.UnitResult {
	return r.anyUnit(unitKey{name, user}, func() conf.Unit {
		u := r.systemUnit(name)
		u.UserManager, u.PID1 = true, sessionRlimits(r.login(user, "systemd-user", Boot))
		u.Home = r.home(user)
		return u
	})
}

func (r *resolver) anyUnit(key unitKey, in func() conf.Unit) conf.UnitResult {
	res, ok := r.units[key]
	if !ok {
		u := in()
		res = r.memo.unit(u)
		if res.Unknown == "" {
			res.Unknown = closedUnitDir(u.Files)
		}
		r.units[key] = res
	}
	return res
}

// closedUnitDir names a directory of drop-ins that could not be listed.
func closedUnitDir(files []conf.File) string {
	for _, f := range files {
		if f.Kind == conf.FileUnreadable && strings.HasSuffix(f.Path, ".d") {
			return f.Path + " cannot be read"
		}
	}
	return ""
}

func (r *resolver) systemUnit(name string) conf.Unit {
	packages, _ := r.f.Login.Packages.Get()
	u := conf.Unit{
		Name: name, Files: r.confFiles(isUnitFile), NROpen: r.bootNrOpen(), PID1: r.pid1(),
		Systemd: conf.SystemdVersion(packageVersion(packages["systemd"]), r.osRelease()),
	}
	// systemd takes the smaller of the two for the number of tasks that there
	// can be (src/basic/process-util or limits-util.c, system_tasks_max).
	threads, ok1 := r.f.Threads.ThreadsMax.Get()
	pids, ok2 := r.f.Threads.PidMax.Get()
	if ok1 && ok2 {
		u.TasksTotal = uint64(min(threads, pids))
	}
	if mem, ok := r.f.Memory.Total.Get(); ok {
		u.MemoryTotal = uint64(mem)
	}
	return u
}

// home is the home directory of a user, as the files of its own units tell.
func (r *resolver) home(user string) string {
	for i := range r.f.Files {
		if dir, _, ok := strings.Cut(r.f.Files[i].Path, "/.config/systemd/user"); ok && strings.HasSuffix(dir, "/"+user) {
			return dir
		}
	}
	return ""
}

// unitRlimits are the limits of a unit that are known.
func unitRlimits(u conf.UnitResult) map[string]conf.Rlimits {
	all := map[string]conf.Rlimits{}
	for item, key := range unitItems {
		if l := u.Items[key]; l.Soft.Known && l.Hard.Known {
			all[item] = conf.Rlimits{Soft: l.Soft.Value, Hard: l.Hard.Value}
		}
	}
	return all
}

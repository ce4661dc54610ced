package probes

import (
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// unitKey is a question about a unit; user is set for a unit of a user's own
// manager.
type unitKey struct{ name, user string }

// unit is what the next start of a unit of the system's manager gets by its
// files.
func (r *resolver) unit(name string) conf.UnitResult {
	return r.anyUnit(unitKey{name: name}, r.pid1())
}

// userUnit is the same for a unit of a user's own manager, which has what a
// session of service systemd-user leaves it.
func (r *resolver) userUnit(name, user string) conf.UnitResult {
	return r.anyUnit(unitKey{name, user}, sessionRlimits(r.login(user, "systemd-user", "", Boot)))
}

func (r *resolver) anyUnit(key unitKey, manager map[string]conf.Rlimits) conf.UnitResult {
	res, ok := r.units[key]
	if !ok {
		res = remember(r.memo, func(h *hasher) {
			h.words("unit", key.name, key.user, r.home(key.user), r.packageVersion("systemd"), r.osRelease())
			h.number(r.bootNrOpen())
			h.number(r.totalTasks())
			hashLimits(h, manager)
			r.hash(h, unitFiles)
		}, func() conf.UnitResult { return r.resolveUnit(key, manager, 0) })
		r.units[key] = res
	}
	return res
}

// resolveUnit asks package conf. What shares of MemoryMax are of differs a
// little between hosts that are alike, and no probe judges MemoryMax: only who
// asks for it gives it.
func (r *resolver) resolveUnit(key unitKey, manager map[string]conf.Rlimits, memory uint64) conf.UnitResult {
	u := conf.Unit{
		Name: key.name, Files: r.confFiles(unitFiles), NROpen: r.bootNrOpen(), PID1: manager,
		Systemd: conf.SystemdVersion(r.packageVersion("systemd"), r.osRelease()), Release: r.osRelease(),
	}
	u.TasksTotal, u.MemoryTotal = r.totalTasks(), memory
	if key.user != "" {
		u.UserManager, u.Home = true, r.home(key.user)
		if u.Home == "" {
			return conf.UnitResult{Unknown: "where the home of " + key.user + " is, which may have the unit, is not known"}
		}
	}
	if len(u.Files) == 0 {
		return conf.UnitResult{Unknown: "unit files were not collected"}
	}
	res := conf.ResolveUnit(u)
	if res.Unknown == "" {
		res.Unknown = closedUnitDir(u.Files)
	}
	return res
}

// home is the home directory of a user, "" where it is not known.
func (r *resolver) home(user string) string { return r.f.Login.Accounts[user].Or(Account{}).Home }

// closedUnitDir names a directory of drop-ins that could not be listed.
func closedUnitDir(files []conf.File) string {
	for _, f := range files {
		if f.Kind == conf.FileUnreadable && strings.HasSuffix(f.Path, ".d") {
			return f.Path + " cannot be read"
		}
	}
	return ""
}

// totalTasks is what a share of TasksMax is of, 0 where not known: systemd takes
// the smaller of two bounds (system_tasks_max of its src/basic).
func (r *resolver) totalTasks() uint64 {
	threads, ok1 := r.f.Threads.ThreadsMax.Get()
	pids, ok2 := r.f.Threads.PidMax.Get()
	if !ok1 || !ok2 {
		return 0
	}
	return uint64(min(threads, pids))
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

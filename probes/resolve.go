package probes

import (
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// resolver answers what a setting of one host will be: it hands the facts to
// the resolvers of package conf, and asks each question once.
type resolver struct {
	f       *Facts
	memo    *memo
	digests map[string]digest // of the files of a kind
	index   map[string]int    // of Facts.Files, by path
	sysctl  map[string]conf.Resolution
	logins  map[loginKey]sessionLimits
	units   map[unitKey]conf.UnitResult
	starts  []start
	open    *uint64 // fs.nr_open after the next boot; see bootNrOpen
	first   map[string]conf.Rlimits
}

func newResolver(f *Facts, m *memo) *resolver {
	return &resolver{
		f: f, memo: m, digests: map[string]digest{}, sysctl: map[string]conf.Resolution{},
		logins: map[loginKey]sessionLimits{}, units: map[unitKey]conf.UnitResult{},
	}
}

// file is the file at a path; the zero File, which is of no kind, where nobody
// looked.
func (r *resolver) file(path string) *File {
	if r.index == nil {
		r.index = make(map[string]int, len(r.f.Files))
		for i := range r.f.Files {
			r.index[r.f.Files[i].Path] = i
		}
	}
	if i, ok := r.index[path]; ok {
		return &r.f.Files[i]
	}
	return &File{}
}

// kindOfFiles are files that are asked for together.
type kindOfFiles struct {
	name string
	has  func(path string) bool
}

var (
	sysctlFiles = kindOfFiles{"sysctl", isSysctlFile}
	loginFiles  = kindOfFiles{"login", isLoginFile}
	unitFiles   = kindOfFiles{"unit", isUnitFile}
)

// hash writes what stands for all files of a kind.
func (r *resolver) hash(h *hasher, kind kindOfFiles) {
	d, ok := r.digests[kind.name]
	if !ok {
		d = r.memo.digest(func(h *hasher) {
			for i := range r.f.Files {
				if f := &r.f.Files[i]; kind.has(f.Path) {
					h.file(f)
				}
			}
			h.words(r.f.Session.Cut...)
		})
		r.digests[kind.name] = d
	}
	h.number(d[0])
	h.number(d[1])
}

// confFiles are the files of a kind, for package conf.
func (r *resolver) confFiles(kind kindOfFiles) (files []conf.File) {
	pass := kind.has
	for i := range r.f.Files {
		if f := &r.f.Files[i]; pass(f.Path) {
			files = append(files, conf.File{Path: f.Path, Kind: conf.FileKind(f.Kind), Target: f.Target, Content: f.Content, Cut: f.Cut})
		}
	}
	// A directory of which not all was read is as good as one that cannot be.
	for _, dir := range r.f.Session.Cut {
		if strings.HasPrefix(dir, "/") && pass(dir) {
			files = slices.DeleteFunc(files, func(f conf.File) bool { return f.Path == dir })
			files = append(files, conf.File{Path: dir, Kind: conf.FileUnreadable})
		}
	}
	return files
}

// isReleaseFile reports whether a file tells which distribution this is.
func isReleaseFile(path string) bool {
	return path == "/etc/os-release" || path == "/etc/alpine-release"
}

// isSysctlFile and the two below go by a part of the path: more files than are
// read do no harm, package conf takes those that it knows.
func isSysctlFile(path string) bool {
	return path == "/etc/sysctl.conf" || isReleaseFile(path) || strings.Contains(path, "/sysctl.d") ||
		strings.HasPrefix(path, "/etc/tuned/") || strings.HasPrefix(path, "/usr/lib/tuned/") || strings.HasSuffix(path, "/systemd-sysctl.service")
}

func isLoginFile(path string) bool {
	return strings.Contains(path, "/security/") || strings.HasSuffix(path, "/limits.d") || strings.Contains(path, "/pam.d")
}

// isUnitFile leaves out what is in /run, which a reboot empties. What is there
// is evidence for what holds now.
func isUnitFile(path string) bool {
	return strings.Contains(path, "/systemd/") && !strings.HasPrefix(path, "/run/")
}

// sysctlHost is what decides the sysctls of the host.
func (r *resolver) sysctlHost(key string) *conf.SysctlHost {
	m := &r.f.Maps
	h := &conf.SysctlHost{Files: r.confFiles(sysctlFiles), Kernel: r.f.Host.Kernel.Or(""), Live: r.liveSysctl(key)}
	h.Marks, _ = m.Boot.Get()
	h.CommandLine, _ = m.CommandLine.Get()
	h.Writers, _ = m.Writers.Get()
	if !m.Boot.IsKnown() {
		h.MarksWhy = m.Boot.Why()
	}
	if !m.CommandLine.IsKnown() {
		h.CommandLineWhy = m.CommandLine.Why()
	}
	if !m.Writers.IsKnown() {
		h.WritersWhy = m.Writers.Why()
	}
	h.Systemd, h.Procps = r.packageVersion("systemd"), r.packageVersion("procps")
	return h
}

// packageVersion is the version of a package without its epoch, "" where it is
// not known.
func (r *resolver) packageVersion(name string) string {
	packages, _ := r.f.Login.Packages.Get()
	v := packages[name]
	if _, rest, ok := strings.Cut(v, ":"); ok {
		return rest
	}
	return v
}

// liveSysctl is the value of a key now, "" where no probe reads it.
func (r *resolver) liveSysctl(key string) string {
	v := Value[int64]{}
	switch key {
	case maxMapCount:
		v = r.f.Maps.MaxMapCount
	case "fs.nr_open":
		v = r.f.NoFile.NrOpen
	case "fs.file-max":
		v = r.f.NoFile.FileMax
	case "kernel.threads-max":
		v = r.f.Threads.ThreadsMax
	case "kernel.pid_max":
		v = r.f.Threads.PidMax
	case "vm.swappiness":
		v = r.f.Host.Swappiness
	}
	if n, ok := v.Get(); ok {
		return Limit(n).String()
	}
	return ""
}

// bootSysctl is the value of a key after the next boot. The value now has no
// part in it.
func (r *resolver) bootSysctl(key string) conf.Resolution {
	res, ok := r.sysctl[key]
	if !ok {
		res = remember(r.memo, func(h *hasher) {
			m := &r.f.Maps
			h.words("sysctl", key, r.f.Host.Kernel.Or(""), r.packageVersion("systemd"), r.packageVersion("procps"))
			h.fact(m.Boot)
			h.fact(m.CommandLine)
			h.fact(m.Writers)
			r.hash(h, sysctlFiles)
		}, func() conf.Resolution { return r.resolveSysctl(key) })
		r.sysctl[key] = res
	}
	return res
}

func (r *resolver) resolveSysctl(key string) conf.Resolution {
	h := r.sysctlHost(key)
	res := conf.SysctlBoot(h, key)
	if w, ok := res.Winner(); ok && res.Known && strings.HasPrefix(w.Place.File, "/run/") {
		// A reboot empties /run. What writes the file may write it again, or not.
		h.Files = slices.DeleteFunc(h.Files, func(f conf.File) bool { return strings.HasPrefix(f.Path, "/run/") })
		if without := conf.SysctlBoot(h, key); !without.Known || without.Value != res.Value {
			res.Known, res.Value = false, ""
			res.Why = w.Place.String() + " decides, and a reboot empties /run"
		}
	}
	marks, _ := r.f.Maps.Boot.Get()
	if slices.Contains(marks, "/etc/systemd/system/systemd-sysctl.service.d") && res.Known {
		res.Known, res.Value, res.Why = false, "", "drop-ins change systemd-sysctl.service: /etc/systemd/system/systemd-sysctl.service.d"
	}
	if r.file("/etc/tuned/active_profile").Kind != "" && !slices.Contains(marks, tunedEnabled) && res.Known {
		// A profile stays when tuned is disabled; only the daemon applies it.
		h.Files = slices.DeleteFunc(h.Files, func(f conf.File) bool { return strings.HasPrefix(f.Path, "/etc/tuned/") })
		if without := conf.SysctlBoot(h, key); !without.Known || without.Value != res.Value {
			res.Known, res.Value, res.Why = false, "", "tuned has an active profile, and no link in multi-user.target.wants starts tuned at boot"
		}
	}
	return res
}

// tunedEnabled is there where systemd starts tuned at boot.
const tunedEnabled = "/etc/systemd/system/multi-user.target.wants/tuned.service"

// nrOpenDefaults are what fs.nr_open is where nothing sets it: the kernel's
// own (fs/file.c), and what process 1 of systemd 240 and later makes of it
// unless it was built without (src/core/main.c, bump_file_max_and_nr_open).
var nrOpenDefaults = []int64{1 << 20, 1073741816, 1073741824, 2147483584}

// bootNrOpen is fs.nr_open after the next boot, 0 where that is not known. Its
// default differs between distributions: where no file sets it and it is one
// of the defaults now, it will be the same.
func (r *resolver) bootNrOpen() uint64 {
	if r.open != nil {
		return *r.open
	}
	var n uint64
	res := r.bootSysctl("fs.nr_open")
	live, ok := r.f.NoFile.NrOpen.Get()
	switch {
	case res.Known:
		l, _ := ParseLimit(res.Value)
		n = uint64(l)
	case res.Unset && ok && slices.Contains(nrOpenDefaults, live):
		n = uint64(live)
	}
	r.open = &n
	return n
}

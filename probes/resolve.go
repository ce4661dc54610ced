package probes

import (
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// resolver answers what a setting of one host will be: it hands the facts to
// the resolvers of package conf, and asks each question once.
type resolver struct {
	f      *Facts
	memo   *memo
	files  []conf.File
	sysctl map[string]conf.Resolution
	logins map[loginKey]sessionLimits
	units  map[unitKey]conf.UnitResult
	starts []start
	open   *int64 // fs.nr_open after the next boot; see bootNrOpen
}

func newResolver(f *Facts, m *memo) *resolver {
	return &resolver{
		f: f, memo: m, sysctl: map[string]conf.Resolution{},
		logins: map[loginKey]sessionLimits{}, units: map[unitKey]conf.UnitResult{},
	}
}

// confFiles are the files of the host whose path passes.
func (r *resolver) confFiles(pass func(path string) bool) (files []conf.File) {
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

// releaseFiles tell which distribution this is.
func isReleaseFile(path string) bool {
	return path == "/etc/os-release" || path == "/etc/alpine-release"
}

func isSysctlFile(path string) bool {
	return path == "/etc/sysctl.conf" || isReleaseFile(path) || strings.Contains(path, "/sysctl.d") ||
		strings.HasPrefix(path, "/etc/tuned/") || strings.HasPrefix(path, "/usr/lib/tuned/") || strings.HasSuffix(path, "/systemd-sysctl.service")
}

func isLoginFile(path string) bool {
	return strings.Contains(path, "/security/") || strings.HasSuffix(path, "/limits.d") || strings.Contains(path, "/pam.d")
}

// isUnitFile leaves out what is in /run: a reboot empties it.
func isUnitFile(path string) bool {
	return strings.Contains(path, "/systemd/") && !strings.HasPrefix(path, "/run/")
}

// sysctlHost is what decides the sysctls of the host.
func (r *resolver) sysctlHost(key string) *conf.SysctlHost {
	m := &r.f.Maps
	h := &conf.SysctlHost{Files: r.confFiles(isSysctlFile), Kernel: r.f.Host.Kernel.Or("")}
	h.Marks, _ = m.Boot.Get()
	h.CommandLine, _ = m.CommandLine.Get()
	h.Writers, _ = m.Writers.Get()
	if !m.Boot.IsKnown() {
		h.MarksWhy = m.Boot.Why()
	}
	if !m.CommandLine.IsKnown() {
		h.CommandLineWhy = m.CommandLine.Why()
	}
	packages, _ := r.f.Login.Packages.Get()
	h.Systemd, h.Procps = packageVersion(packages["systemd"]), packageVersion(packages["procps"])
	h.Live = r.liveSysctl(key)
	return h
}

// packageVersion is a version without the epoch of the package.
func packageVersion(v string) string {
	if _, rest, ok := strings.Cut(v, ":"); ok {
		return rest
	}
	return v
}

// liveSysctl is the value of a key now, "" where no probe reads it.
func (r *resolver) liveSysctl(key string) string {
	f := r.f
	v := map[string]Value[int64]{
		"vm.max_map_count": f.Maps.MaxMapCount, "fs.nr_open": f.NoFile.NrOpen, "fs.file-max": f.NoFile.FileMax,
		"kernel.threads-max": f.Threads.ThreadsMax, "kernel.pid_max": f.Threads.PidMax, "vm.swappiness": f.Host.Swappiness,
	}[key]
	if n, ok := v.Get(); ok {
		return Limit(n).String()
	}
	return ""
}

// bootSysctl is the value of a key after the next boot.
func (r *resolver) bootSysctl(key string) conf.Resolution {
	res, ok := r.sysctl[key]
	if ok {
		return res
	}
	h := r.sysctlHost(key)
	res = r.memo.sysctl(h, key)
	if w, ok := res.Winner(); ok && res.Known && strings.HasPrefix(w.Place.File, "/run/") {
		// A reboot empties /run. What writes the file may write it again, or not.
		h.Files = slices.DeleteFunc(slices.Clone(h.Files), func(f conf.File) bool { return strings.HasPrefix(f.Path, "/run/") })
		if without := r.memo.sysctl(h, key); !without.Known || without.Value != res.Value {
			res.Known, res.Value = false, ""
			res.Why = w.Place.String() + " decides, and a reboot empties /run"
		}
	}
	r.sysctl[key] = res
	return res
}

// nrOpenDefaults are what fs.nr_open is where nothing sets it: the kernel's
// own (fs/file.c), and what process 1 of systemd 240 and later makes of it
// unless it was built without (src/core/main.c, bump_file_max_and_nr_open).
var nrOpenDefaults = []int64{1 << 20, 1073741816, 1073741824, 2147483584}

// bootNrOpen is fs.nr_open after the next boot, 0 where that is not known. Its
// default differs between distributions: where no file sets it and it is one
// of the defaults now, it will be the same.
func (r *resolver) bootNrOpen() uint64 {
	if r.open != nil {
		return uint64(*r.open)
	}
	var n int64
	res := r.bootSysctl("fs.nr_open")
	live, ok := r.f.NoFile.NrOpen.Get()
	switch {
	case res.Known:
		l, _ := ParseLimit(res.Value)
		n = int64(l)
	case res.Unset && ok && slices.Contains(nrOpenDefaults, live):
		n = live
	}
	r.open = &n
	return uint64(n)
}

package probes

import (
	"hash/maphash"
	"sync"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// memo remembers what package conf made of a tree of files: most hosts of a
// fleet have the same. Its answers are shared and must not be changed. A nil
// memo remembers nothing.
type memo struct {
	seeds   [2]maphash.Seed
	mu      sync.Mutex
	answers map[[2]uint64]any
}

// maxMemo is how many answers are kept: a fleet has tens of kinds of hosts, and
// one in which every host differs must not fill our memory.
const maxMemo = 4096

func newMemo() *memo {
	return &memo{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, answers: map[[2]uint64]any{}}
}

// remember is the answer to the question that write hashes, asked once.
func remember[A any](m *memo, write func(*maphash.Hash), ask func() A) A {
	if m == nil {
		return ask()
	}
	key := [2]uint64{}
	for i, seed := range m.seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		write(&h)
		key[i] = h.Sum64()
	}
	m.mu.Lock()
	answer, ok := m.answers[key].(A)
	m.mu.Unlock()
	if ok {
		return answer
	}
	answer = ask()
	m.mu.Lock()
	if len(m.answers) >= maxMemo {
		clear(m.answers)
	}
	m.answers[key] = answer
	m.mu.Unlock()
	return answer
}

// sysctl is conf.SysctlBoot.
func (m *memo) sysctl(h *conf.SysctlHost, key string) conf.Resolution {
	write := func(w *maphash.Hash) {
		words(w, "sysctl", key, h.MarksWhy, h.CommandLineWhy, h.Kernel, h.Systemd, h.Procps, h.Live)
		words(w, h.Marks...)
		words(w, h.CommandLine...)
		words(w, h.Writers...)
		hashFiles(w, h.Files)
	}
	return remember(m, write, func() conf.Resolution { return conf.SysctlBoot(h, key) })
}

// login is conf.ResolveLogin.
func (m *memo) login(in conf.Login) conf.LoginLimits {
	write := func(w *maphash.Hash) {
		words(w, "login", in.User.Name, in.User.GroupsUnknown)
		integers(w, in.User.UID, in.User.GID, int64(in.NROpen), int64(len(in.User.Groups)), int64(len(in.Modules)), int64(len(in.Variants)))
		for _, g := range in.User.Groups {
			words(w, g.Name)
			integers(w, g.GID)
		}
		for _, l := range in.Modules {
			words(w, l.At.File, l.Conf, l.MaySkip.File)
			integers(w, int64(l.At.Line), int64(l.MaySkip.Line), truth(l.SetAll), truth(l.Optional))
		}
		for _, v := range in.Variants {
			words(w, v.Name, v.Why)
			words(w, v.VendorDirs...)
			integers(w, truth(v.Debian), truth(v.NofileInfinity))
		}
		hashLimits(w, in.Start)
		hashLimits(w, in.PID1)
		integers(w, truth(in.Unprivileged))
		hashFiles(w, in.Files)
	}
	return remember(m, write, func() conf.LoginLimits { return conf.ResolveLogin(in) })
}

// unit is conf.ResolveUnit.
func (m *memo) unit(u conf.Unit) conf.UnitResult {
	write := func(w *maphash.Hash) {
		words(w, "unit", u.Name, u.Home)
		integers(w, int64(u.Systemd), int64(u.NROpen), truth(u.UserManager), int64(u.TasksTotal), int64(u.MemoryTotal))
		hashLimits(w, u.PID1)
		hashFiles(w, u.Files)
	}
	return remember(m, write, func() conf.UnitResult { return conf.ResolveUnit(u) })
}

// words hashes texts, so that no two lists of them look the same.
func words(w *maphash.Hash, texts ...string) {
	integers(w, int64(len(texts)))
	for _, t := range texts {
		integers(w, int64(len(t)))
		w.WriteString(t)
	}
}

func integers(w *maphash.Hash, numbers ...int64) {
	for _, n := range numbers {
		maphash.WriteComparable(w, n)
	}
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func hashLimits(w *maphash.Hash, limits map[string]conf.Rlimits) {
	for _, item := range sortedKeys(limits) {
		words(w, item)
		integers(w, int64(limits[item].Soft), int64(limits[item].Hard))
	}
	words(w)
}

func hashFiles(w *maphash.Hash, files []conf.File) {
	for i := range files {
		f := &files[i]
		words(w, f.Path, string(f.Kind), f.Target, f.Content)
		integers(w, truth(f.Cut))
	}
	words(w)
}

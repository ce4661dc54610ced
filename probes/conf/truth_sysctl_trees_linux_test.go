package conf_test

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// sysctlTrees makes random trees of sysctl files.
type sysctlTrees struct {
	rng *rand.Rand
	// bare allows a key without a value, for which sysctl of procps 3.3 writes
	// what else is in its buffer, which a kernel would refuse and a file takes.
	bare  bool
	files []conf.File
}

// sysctlSpans are the keys that are numbers, with values the kernel takes.
var sysctlSpans = []struct {
	key      string
	min, max int64
}{
	{"vm.max_map_count", 0, 1<<31 - 1}, {"vm.max_map_count", 65530, 262144}, {"vm.max_map_count", 1, 9},
	{"vm.swappiness", 0, 200}, {"vm.overcommit_memory", 0, 2}, {"vm.min_free_kbytes", 1024, 65536},
	{"fs.nr_open", 64, 2147483584}, {"fs.file-max", 0, 1<<62 - 1}, {"fs.inotify.max_user_watches", 1, 1 << 20},
	{"kernel.threads-max", 1000, 1 << 20}, {"kernel.pid_max", 301, 4194304},
	{"net.core.somaxconn", 1, 65535}, {"net.ipv4.conf.eth0/100.rp_filter", 0, 2}, {"net.ipv4.conf.all.rp_filter", 0, 2},
}

// sysctlGlobs are patterns with values that every key they may match takes.
var sysctlGlobs = []struct {
	pattern  string
	min, max int64
}{
	{"vm.max_map_*", 0, 1<<31 - 1}, {"vm.m[ae]x_map_count", 1, 1 << 20}, {"vm.?ax_map_count", 1, 1 << 20},
	{"vm.[!s]ax_map_coun[s-u]", 1, 1 << 20}, {"vm/max*count", 1, 1 << 20}, {"*.max_map_count", 1, 1 << 20},
	{"vm.*", 0, 2}, {"vm.o*y", 0, 2}, {"*/swappiness", 0, 200}, {"vm.s*", 0, 200}, {"v?.swappiness", 0, 200},
	{"kernel.*", 1000, 4194304}, {"kernel.[pt]*max", 1000, 4194304}, {"fs.*", 1000, 65536}, {"fs.n*", 1000, 1 << 20},
	{"net.ipv4.conf.*.rp_filter", 0, 2}, {"net.ipv4.conf.eth*.rp_filter", 0, 2}, {"net/ipv4/conf/*/rp_filter", 0, 2},
	{"vm.max_map_count*", 1, 1 << 20}, {"vm.max_map_count.*", 0, 2}, {"*", 0, 2}, {"[", 0, 2}, {"vm.[max_map_count", 1, 9},
}

// tree makes a tree on the release's own files or on nothing. Where one file
// alone is read, that one is there nearly always.
func (g *sysctlTrees) tree(own []conf.File, confAlone bool) {
	if chance(g.rng, 50) {
		g.files = slices.Clone(own)
	}
	for range 1 + g.rng.IntN(7) {
		g.file(pick(g.rng, sysctlTruthDirs...) + "/" + g.name())
	}
	if confAlone || chance(g.rng, 50) {
		g.put(conf.File{Path: sysctlConf, Content: g.text()})
	}
	switch g.rng.IntN(12) {
	case 0:
		g.put(conf.File{Path: sysctlConf, Kind: conf.FileAbsent})
	case 1:
		g.put(conf.File{Path: sysctlConf, Target: "sysctl.d/99-sysctl.conf"})
		g.put(conf.File{Path: "/etc/sysctl.d/99-sysctl.conf", Content: g.text()})
	case 2, 3, 4:
		g.put(conf.File{Path: "/etc/sysctl.d/99-sysctl.conf", Target: pick(g.rng, "../sysctl.conf", sysctlConf)})
	}
}

func (g *sysctlTrees) put(f conf.File) {
	g.files = slices.DeleteFunc(g.files, func(old conf.File) bool { return old.Path == f.Path })
	g.files = append(g.files, f)
}

func (g *sysctlTrees) name() string {
	return pick(g.rng, "10-a.conf", "50-b.conf", "50-b.conf", "99-sysctl.conf", "99-z.conf", "100-x.conf", "zz.conf", "a.conf", "B.conf",
		"50-pid-max.conf", ".hidden.conf", "a.conf~", "README", "two words.conf", ".conf", "a.conf.dpkg-old", "b.CONF", "99-.conf")
}

// file makes a file, a link, a mask or a directory.
func (g *sysctlTrees) file(name string) {
	f := conf.File{Path: name}
	switch n := g.rng.IntN(20); {
	case n == 0:
		f.Target = "/dev/null"
	case n == 1:
		f.Target = pick(g.rng, "nowhere", "/nowhere/at.conf", path.Base(name))
	case n == 2:
		f.Kind = conf.FileDir
	case n == 3: // empty
	case n == 4:
		f.Target = pick(g.rng, sysctlConf, "/etc/./sysctl.conf", "/etc/sysctl.d/50-b.conf", "10-a.conf", "/usr/lib/sysctl.d")
	default:
		f.Content = g.text()
	}
	g.put(f)
}

func (g *sysctlTrees) text() string {
	var b strings.Builder
	end := "\n"
	if chance(g.rng, 8) {
		end = "\r\n"
	}
	if chance(g.rng, 3) {
		b.WriteString("\ufeff")
	}
	for range g.rng.IntN(6) {
		b.WriteString(g.line() + end)
	}
	if text := b.String(); chance(g.rng, 10) {
		return strings.TrimSuffix(text, end)
	}
	return b.String()
}

// line is an assignment three times in four, as people write them.
func (g *sysctlTrees) line() string {
	key, value := g.assignment()
	eq := pick(g.rng, "=", " = ", " = ", "\t=\t", "= ", " =")
	switch n := g.rng.IntN(24); {
	case n == 0:
		return pick(g.rng, "# ", ";", "  # ", "#") + key + eq + value
	case n == 1:
		return "-" + key + eq + value
	case n == 2 && g.bare:
		return pick(g.rng, "-", "-", "") + key
	case n == 3:
		return pick(g.rng, "- ", "--") + key + eq + value
	case n == 4:
		return pick(g.rng, key+" "+value, "sysctl -w "+key+"="+value, "", "   ", "[sysctl]", strings.ToUpper(key)+eq+value,
			"/proc/sys/"+strings.ReplaceAll(key, ".", "/")+eq+value, `"`+key+`"`+eq+value, "="+value)
	case n == 5:
		return pick(g.rng, " ", "\t", "  \t") + key + eq + value + pick(g.rng, " ", "\t", "  ")
	case n == 6:
		return strings.Replace(key, ".", pick(g.rng, "/", "..", "./", "/./", "//"), 1) + eq + value
	case n == 7:
		return pick(g.rng, "/", ".", "./") + key + eq + value
	case n == 8:
		return key + pick(g.rng, ".", "/", ".no", "_") + eq + value
	}
	return key + eq + value
}

func (g *sysctlTrees) assignment() (key, value string) {
	if chance(g.rng, 25) {
		p := sysctlGlobs[g.rng.IntN(len(sysctlGlobs))]
		return p.pattern, g.number(p.min, p.max)
	}
	if chance(g.rng, 4) {
		return "net.ipv4.tcp_rmem", fmt.Sprintf("4096%s%d", pick(g.rng, "\t", " ", "  "), g.rng.IntN(1<<20))
	}
	p := sysctlSpans[g.rng.IntN(len(sysctlSpans))]
	if chance(g.rng, 15) { // as a path
		return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(p.key, "/", "\x00"), ".", "/"), "\x00", "."), g.number(p.min, p.max)
	}
	return p.key, g.number(p.min, p.max)
}

// number is often an end of what is allowed, and often one of few, so that
// lines agree.
func (g *sysctlTrees) number(least, most int64) string {
	n := least + g.rng.Int64N(most-least+1)
	return strconv.FormatInt(pick(g.rng, n, n, n, least, most, least+min(3, most-least)), 10)
}

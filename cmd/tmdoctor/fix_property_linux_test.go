package main

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var (
	fixTrees = flag.Int("fixtrees", 5, "how many trees a release TestFixOfRandomTrees fixes")
	fixSeed  = flag.Uint64("fixseed", 20261126, "the seed of these trees")
)

// treeDirs are where the trees have their files.
var treeDirs = []string{"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/etc/security/limits.d"}

// TestFixOfRandomTrees plants random trees of sysctl and limits files on Debian
// 11, 12 and 13, and fixes them. Where a fix says that it is done, the release's
// own systemd-sysctl, su and sshd give the wanted values, no assignment is lower
// than it was, and every other byte is the same. Where it refuses, nothing was
// touched. A rollback makes all as it was.
func TestFixOfRandomTrees(t *testing.T) {
	needLongFix(t)
	truth := os.Getenv("TMDOCTOR_TRUTH")
	if truth == "" {
		t.Skip("TMDOCTOR_TRUTH is not set: see make fix")
	}
	var specs []fixHostSpec
	for _, release := range []string{"11", "12", "13"} {
		lower := filepath.Join(truth, "debian-"+release)
		if _, err := os.Stat(lower + "/.packages"); err != nil {
			t.Fatalf("probes/conf/testdata/truth/roots.sh has not made %s", lower)
		}
		specs = append(specs, fixHostSpec{name: "d" + release, lower: lower})
	}
	l := newFixLab(t, specs...)
	l.state = l.path("state")
	own := map[string][]string{} // of the release, which stay
	for _, name := range l.order {
		for path := range l.treeFiles(l.hosts[name]) {
			own[name] = append(own[name], path)
		}
	}
	rng := rand.New(rand.NewPCG(*fixSeed, 0))
	fixed, refused := 0, 0
	for n := range *fixTrees {
		before := map[string]map[string]string{}
		texts := map[string]map[string]string{}
		for _, name := range l.order {
			h := l.hosts[name]
			l.plant(h, own[name], randomTree(rng))
			before[name], texts[name] = l.tree(h, "/etc"), l.treeFiles(h)
		}
		out, errs, status := l.fix("--yes", "--canary", "0", "--max-failures", "9")
		did := false
		for _, name := range l.order {
			h := l.hosts[name]
			at := fmt.Sprintf("seed %d, tree %d, %s", *fixSeed, n, name)
			after := l.treeFiles(h)
			touched := l.live(h) != "65530"
			for path, text := range after {
				touched = touched || texts[name][path] != text
			}
			did = did || touched
			if !touched {
				refused++
				continue
			}
			fixed++
			// A hard limit is enough where nothing else is to be fixed: the JVM
			// raises its soft limit to it, and so check judges.
			wrong := l.effects(h, "0:"+wantFiles)
			for path, text := range after {
				for _, w := range onlyRaised(texts[name][path], text) {
					wrong = append(wrong, path+": "+w)
				}
			}
			for path := range texts[name] {
				if _, ok := after[path]; !ok {
					wrong = append(wrong, path+" is gone")
				}
			}
			if wrong != nil {
				t.Errorf("%s:\n%s\nbefore:\n%safter:\n%s%d %s%s", at, strings.Join(wrong, "\n"), showTree(texts[name]), showTree(after), status, out, errs)
			}
		}
		if testing.Verbose() {
			t.Logf("tree %d: exit status %d\n%s%s", n, status, out, errs)
		}
		if !did {
			continue
		}
		out, errs, status = l.lab.run(l.asks("rollback", "last", "--yes")...)
		for _, name := range l.order {
			var timeless []string
			for path := range texts[name] {
				timeless = append(timeless, path)
			}
			if diff := differences(before[name], l.tree(l.hosts[name], "/etc"), timeless...); diff != nil {
				t.Errorf("seed %d, tree %d, %s after the rollback (%d):\n%s\n%s%s", *fixSeed, n, name, status, strings.Join(diff, "\n"), out, errs)
			}
		}
	}
	t.Logf("%d trees fixed, %d left alone (seed %d)", fixed, refused, *fixSeed)
	if fixed < refused {
		t.Errorf("of %d trees only %d were fixed", fixed+refused, fixed)
	}
}

// treeFiles are the files of a host's tree: regular ones, with their bytes, and
// links, with where they lead.
func (l *fixLab) treeFiles(h *labHost) map[string]string {
	l.t.Helper()
	out := map[string]string{}
	read := func(path string) {
		name := l.inHost(h, path)
		info, err := os.Lstat(name)
		switch {
		case err != nil:
		case info.Mode()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(name)
			out[path] = "-> " + to
		case info.Mode().IsRegular():
			out[path] = l.file(h, path)
		}
	}
	for _, dir := range treeDirs {
		entries, _ := os.ReadDir(l.inHost(h, dir))
		for _, e := range entries {
			read(dir + "/" + e.Name())
		}
	}
	for _, path := range fixFiles {
		read(path)
	}
	return out
}

// plant makes a host's tree: what the release has, and the files given.
func (l *fixLab) plant(h *labHost, own []string, tree map[string]string) {
	l.t.Helper()
	for path := range l.treeFiles(h) {
		if !slices.Contains(own, path) || slices.Contains(fixFiles, path) {
			if err := os.Remove(l.inHost(h, path)); err != nil {
				l.t.Fatal(err)
			}
		}
	}
	for path, text := range tree {
		name := l.inHost(h, path)
		_ = os.Remove(name)
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(to, name)
		} else if err == nil {
			err = os.WriteFile(name, []byte(text), 0o644)
		}
		if err != nil {
			l.t.Fatal(err)
		}
	}
	l.root(h, "echo 65530 >/run/lab/max_map_count")
}

func showTree(files map[string]string) string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "-- %s\n", path)
		for line := range strings.Lines(files[path]) {
			fmt.Fprintf(&b, "%.200q\n", line)
		}
	}
	return b.String()
}

func one(rng *rand.Rand, all ...string) string { return all[rng.IntN(len(all))] }

// randomTree is a tree as people and packages leave them.
func randomTree(rng *rand.Rand) map[string]string {
	// No line may limit the operator and root: what their sessions cannot have,
	// root cannot give back where the test lacks CAP_SYS_RESOURCE.
	tree := map[string]string{"/etc/security/limits.conf": "op - nofile 20000\n" + randomText(rng, randomLimit)}
	for range rng.IntN(4) {
		tree[one(rng, treeDirs[:4]...)+"/"+one(rng, "10-a.conf", "50-b.conf", "99-sysctl.conf", "99-z.conf", "zz.conf", "zzz.conf", "B.conf",
			"100-x.conf", "elasticsearch.conf", ".hidden.conf", "old.conf~")] = randomText(rng, randomSysctl)
	}
	for range rng.IntN(3) {
		tree["/etc/security/limits.d/"+one(rng, "10-a.conf", "90-nproc.conf", "zz.conf", "B.conf", ".hidden.conf")] = randomText(rng, randomLimit)
	}
	switch rng.IntN(6) {
	case 0: // no sysctl.conf
	case 1:
		tree["/etc/sysctl.conf"] = "-> sysctl.d/99-sysctl.conf"
		tree["/etc/sysctl.d/99-sysctl.conf"] = randomText(rng, randomSysctl)
	case 2, 3:
		tree["/etc/sysctl.conf"] = randomText(rng, randomSysctl)
		tree["/etc/sysctl.d/99-sysctl.conf"] = one(rng, "-> ../sysctl.conf", "-> /etc/sysctl.conf")
	default:
		tree["/etc/sysctl.conf"] = randomText(rng, randomSysctl)
	}
	return tree
}

func randomText(rng *rand.Rand, line func(*rand.Rand) string) string {
	end := "\n"
	if rng.IntN(12) == 0 {
		end = "\r\n"
	}
	var b strings.Builder
	for range rng.IntN(6) {
		b.WriteString(line(rng) + end)
	}
	if rng.IntN(8) == 0 {
		return strings.TrimSuffix(b.String(), end)
	}
	return b.String()
}

func randomSysctl(rng *rand.Rand) string {
	value := one(rng, "65530", "65530", "100000", "262143", "262144", "300000", "1048576", "2147483647", "0x10000", "0200000", "65530 # why")
	equals := one(rng, "=", " = ", " = ", "\t=\t", "= ")
	switch rng.IntN(12) {
	case 0:
		return one(rng, "# vm.max_map_count = 1", "; old", "", "   ", "vm.swappiness = 10", "vm.max_map_count 65530", "[x]")
	case 1:
		return one(rng, "-", "- ", " ") + "vm.max_map_count" + equals + value
	case 2:
		return "vm/max_map_count" + equals + value
	case 3:
		return one(rng, "vm.max_map_*", "vm.*_map_count", "vm.m?x_map_count") + equals + one(rng, "65530", "300000")
	case 4:
		return one(rng, "-vm.max_map_count", "vm.max_map_counts = 5", "kernel.pid_max = 4194304")
	}
	return "vm.max_map_count" + equals + value + one(rng, "", "", "", " ", "\t")
}

func randomLimit(rng *rand.Rand) string {
	gap := one(rng, " ", " ", "\t", "   ")
	who := one(rng, "flink", "flink", "flink", "*", "*", "@flink", "nobody", ":7001", "7001:7001", "@7001:7001")
	kind := one(rng, "soft", "hard", "-", "soft", "hard", "Soft")
	what, value := "nofile", one(rng, "1024", "4096", "8192", "016384", "16383", "16384", "20000", "2048")
	switch rng.IntN(12) {
	case 0:
		return one(rng, "# flink - nofile 1", "", "  ", "flink nofile 5000", "flink - vmem 100", "flink both nofile 5")
	case 1:
		what, value = one(rng, "core", "memlock", "sigpending"), one(rng, "0", "1000")
	case 2:
		what = "NOFILE"
	case 3:
		value += one(rng, "k", " # why", "# why", " extra")
	}
	return strings.Join([]string{who, kind, what, value}, gap)
}

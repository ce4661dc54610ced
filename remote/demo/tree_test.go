package demo_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("CET", 3600))

func someone() demo.Options {
	return demo.Options{Host: "tm001", Now: noon, UID: 1002, GID: 1003, User: "flink", Group: "hadoop"}
}

// listing is a tree as text: a line for each path below dir.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		text := info.Mode().String()
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			text = "-> " + target
		case info.Mode().IsRegular() && info.Size() < 1<<20:
			data, err := os.ReadFile(p)
			if err != nil {
				text += " unreadable"
				break
			}
			text += fmt.Sprintf(" %q", data)
		case info.Mode().IsRegular():
			text += fmt.Sprintf(" %d", info.Size())
		}
		got[name] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestUnpackWritesWhatTheArchiveSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		archive string
		want    map[string]string
	}{
		{"a file", "-- etc/hostname --\ntm001\n", map[string]string{
			"etc": "drwxr-xr-x", "etc/hostname": `-rw-r--r-- "tm001\n"`}},
		{"remarks", "# a host\n\n#another\n", map[string]string{}},
		{"links", "link etc/sysctl.d/99-sysctl.conf -> ../sysctl.conf\nlink data -> /srv/a b\n-- etc/sysctl.conf --\n", map[string]string{
			"etc": "drwxr-xr-x", "etc/sysctl.d": "drwxr-xr-x", "etc/sysctl.conf": `-rw-r--r-- ""`,
			"etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf", "data": "-> /srv/a b"}},
		{"modes", "mode 0400 root/secret\nmode 0700 root\ndir tmp\nmode 1777 tmp\n-- root/secret --\nx\n", map[string]string{
			"root": "drwx------", "root/secret": `-r-------- "x\n"`, "tmp": "dtrwxrwxrwx"}},
		{"a pipe", "fifo log/x.log\n", map[string]string{"log": "drwxr-xr-x", "log/x.log": "prw-r--r--"}},
		{"NULs", "nul cmdline\n-- cmdline --\njava\n-Xmx1g\n", map[string]string{"cmdline": `-rw-r--r-- "java\x00-Xmx1g\x00"`}},
		{"repetition", "repeat maps 3 7f%06x0000-7f%06x1000 %d {{uid}}\n-- maps --\nfirst\n", map[string]string{
			"maps": `-rw-r--r-- "first\n7f0000000000-7f0000001000 0 1002\n7f0000010000-7f0000011000 1 1002\n7f0000020000-7f0000021000 2 1002\n"`}},
		{"repeated links", "link fd/0 -> /dev/null\nrepeatlinks fd 2 -> /db/%06d.sst\n", map[string]string{
			"fd": "drwxr-xr-x", "fd/0": "-> /dev/null", "fd/1": "-> /db/000000.sst", "fd/2": "-> /db/000001.sst"}},
		{"a hole before the text", "size log 8\n-- log --\nend\n", map[string]string{"log": `-rw-r--r-- "\x00\x00\x00\x00end\n"`}},
		{"a big hole", "size log 10G\n", map[string]string{"log": "-rw-r--r-- 10737418240"}},
		{"owners", "-- status --\nUid:\t{{uid}}\t{{gid}} {{user}}:{{group}}\n", map[string]string{"status": `-rw-r--r-- "Uid:\t1002\t1003 flink:hadoop\n"`}},
		{"an addition", "append a c\nappend b d\n-- a --\n1\n-- c --\n2\n-- d --\n3\n", map[string]string{
			"a": `-rw-r--r-- "1\n2\n"`, "b": `-rw-r--r-- "3\n"`}},
		{"the host in paths", "link {{host}}.old -> {{host}}.log\n-- {{host}}.log --\n{{host}}\n", map[string]string{
			"tm001.log": `-rw-r--r-- "tm001\n"`, "tm001.old": "-> tm001.log"}},
		{"times", "-- log --\n{{now|15:04}} {{now -2h30m|2006-01-02 15:04:05,000}} {{now -1d1h|Jan _2}} {{now +1s|unix}}\n", map[string]string{
			"log": `-rw-r--r-- "11:00 2026-03-01 08:30:00,000 Feb 28 1772362801\n"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := demo.Unpack(dir, "tm001.txtar", []byte(tt.archive), someone()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, listing(t, dir)); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnpackSetsTimes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive := "time log/a -3d\ntime log -2h\ntime log/b +1s\n-- log/a --\n-- log/b --\n"
	if err := demo.Unpack(dir, "a", []byte(archive), someone()); err != nil {
		t.Fatal(err)
	}
	for name, ago := range map[string]time.Duration{"log/a": 72 * time.Hour, "log": 2 * time.Hour, "log/b": -time.Second} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if want := noon.Add(-ago); !info.ModTime().Equal(want) {
			t.Errorf("%s is of %v, want %v", name, info.ModTime(), want)
		}
	}
}

func TestUnpackRefusesBeforeItWrites(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, archive, want string }{
		{"a path that climbs", "# one\n-- ok --\nx\n-- ../x --\n", `a.txtar:4: "../x" is not a path inside the tree`},
		{"an absolute path", "-- /etc/passwd --\n", `a.txtar:1: "/etc/passwd" is not a path inside the tree`},
		{"a directory that climbs", "\ndir a/../../b\n", `a.txtar:2: "a/../../b" is not a path inside the tree`},
		{"the tree itself", "dir .\n", `a.txtar:1: "." is not a path inside the tree`},
		{"a backslash", `dir a\b`, `a.txtar:1: "a\\b" is not a path inside the tree`},
		{"a path twice", "-- a --\n-- a --\n", "a.txtar:2: a is already at line 1"},
		{"a path through a link", "link a -> /etc\n-- a/passwd --\n", "a.txtar:2: a/passwd lies beneath a, which is no directory"},
		{"a path beneath a file", "-- a --\n-- a/b/c --\n", "a.txtar:2: a/b/c lies beneath a, which is no directory"},
		{"an unknown directive", "chmod 0644 a\n", `a.txtar:1: "chmod" is none of the directives append, dir, fifo, like, link, mode, nul, remove, repeat, repeatlinks, size, time`},
		{"like an unknown host", "# one\nlike nobody\n", "a.txtar:2: no host nobody to be like"},
		{"like too late", "dir a\nlike healthy\n", "a.txtar:2: like must be the first directive"},
		{"an addition of nothing", "append a b\n-- a --\n", "a.txtar:1: no file b"},
		{"a removal of nothing", "remove a\n", "a.txtar:1: no file, link or pipe a"},
		{"a link without an arrow", "link a b c\n", "a.txtar:1: want link PATH -> TARGET"},
		{"a link without a target", "link a ->\n", "a.txtar:1: want link PATH -> TARGET"},
		{"repeated links without an arrow", "repeatlinks fd 3 b c\n", "a.txtar:1: want repeatlinks DIR COUNT -> TARGET"},
		{"a mode in words", "mode u+x a\n-- a --\n", `a.txtar:1: mode "u+x" is not octal, at most 7777`},
		{"a mode of nothing", "mode 0644 a\n", "a.txtar:1: no path a"},
		{"a mode of a link", "link a -> b\nmode 0644 a\n", "a.txtar:2: a is a link"},
		{"NULs in nothing", "nul a\n", "a.txtar:1: no file a"},
		{"NULs in a directory", "dir a\nnul a\n", "a.txtar:2: no file a"},
		{"a negative count", "repeat a -1 x\n", `a.txtar:1: count "-1" is not a number from 0 to 300000`},
		{"a count beyond reason", "repeatlinks a 300001 -> x\n", `a.txtar:1: count "300001" is not a number from 0 to 300000`},
		{"a size without a unit", "size a big\n", `a.txtar:1: size "big" is not like 512, 64K, 20M or 10G`},
		{"a size too small", "size a 1\n-- a --\nxy\n", "a.txtar:1: a has 3 bytes already"},
		{"a time without a sign", "time a 2h\n-- a --\n", `a.txtar:1: offset "2h" is not like -2h30m or -3d`},
		{"a time with two signs", "time a --2h\n-- a --\n", `a.txtar:1: offset "--2h" is not like -2h30m or -3d`},
		{"an unknown placeholder", "# one\n-- a --\nb\nc {{pid}}\n", "a.txtar:4: {{pid}} is none of host, uid, gid, user, group, now OFFSET|LAYOUT"},
		{"a placeholder without its end", "-- a --\n{{uid\n}}\n", "a.txtar:2: {{ without }}"},
		{"a bad offset", "-- a --\n{{now 3|15}}\n", `a.txtar:2: offset "3" is not like -2h30m or -3d`},
		{"a placeholder in a link", "link a -> {{x}}\n", "a.txtar:1: {{x}} is none of host, uid, gid, user, group, now OFFSET|LAYOUT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			err := demo.Unpack(dir, "a.txtar", []byte(tt.archive), someone())
			if err == nil || err.Error() != tt.want {
				t.Errorf("Unpack = %v, want %s", err, tt.want)
			}
			if got := listing(t, dir); len(got) != 0 {
				t.Errorf("it wrote %v", got)
			}
		})
	}
}

func TestUnpackDoesNotWriteOverOrOutside(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, archive string }{
		{"a file that is there", "-- there --\nnew\n"},
		{"a link that was there before", "-- out/new --\nnew\n"},
	} {
		outside, dir := t.TempDir(), t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "there"), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
			t.Fatal(err)
		}
		err := demo.Unpack(dir, "a", []byte(tt.archive), someone())
		if err == nil || !strings.HasPrefix(err.Error(), "a:1: ") {
			t.Errorf("%s: Unpack = %v, want an error at a:1", tt.name, err)
		}
		if got := listing(t, outside); len(got) != 0 {
			t.Errorf("%s: outside it wrote %v", tt.name, got)
		}
	}
}

func TestCallerIsThisProcess(t *testing.T) {
	t.Parallel()
	got := demo.Caller(noon)
	if got.UID != os.Getuid() || got.GID != os.Getgid() || got.User == "" || got.Group == "" || !got.Now.Equal(noon) {
		t.Errorf("Caller() = %+v", got)
	}
}

func FuzzUnpackStaysInside(f *testing.F) {
	f.Add("link a -> ..\ndir b\n-- c/d --\n{{uid}}\n")
	f.Add("link a -> /\nrepeatlinks a 2 -> %d\n-- a/../../x --\n")
	f.Add("mode 0 a\nsize a 1K\nrepeat b 3 %x\ntime a -1d\n-- a --\n")
	f.Fuzz(func(t *testing.T, archive string) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "tree")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		err := demo.Unpack(dir, "a", []byte(archive), someone())
		if err != nil && !strings.HasPrefix(err.Error(), "a:") {
			t.Errorf("error without its place: %v", err)
		}
		beside, err := os.ReadDir(outer)
		if err != nil || len(beside) != 1 {
			t.Errorf("beside the tree: %v, %v", beside, err)
		}
		if err := demo.RemoveAll(outer); err != nil {
			t.Errorf("RemoveAll = %v", err)
		}
	})
}

func BenchmarkUnpack(b *testing.B) {
	archive := []byte("repeat proc/1/maps 61204 7f%06x0000-7f%06x1000 r--s 00000000 fe:01 1234 /data/index\n" +
		"repeatlinks proc/1/fd 3900 -> /data/flink/%06d.sst\n")
	for b.Loop() {
		dir := b.TempDir()
		if err := demo.Unpack(dir, "a", archive, someone()); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAnArchiveReplacesWhatItIsLike(t *testing.T) {
	t.Parallel()
	healthy, mine := t.TempDir(), t.TempDir()
	if err := demo.Unpack(healthy, "healthy", demo.Archive("healthy"), someone()); err != nil {
		t.Fatal(err)
	}
	archive := "# mine\nlike healthy\nremove proc/loadavg\nlink proc/version -> uptime\n-- etc/hostname --\nmine\n-- etc/motd --\nhi\n"
	if err := demo.Unpack(mine, "mine", []byte(archive), someone()); err != nil {
		t.Fatal(err)
	}
	want := listing(t, healthy)
	delete(want, "proc/loadavg")
	want["proc/version"] = "-> uptime"
	want["etc/hostname"] = `-rw-r--r-- "mine\n"`
	want["etc/motd"] = `-rw-r--r-- "hi\n"`
	if diff := cmp.Diff(want, listing(t, mine)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

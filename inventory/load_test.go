package inventory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFormatIsKnownByContentAndFlinksByName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, arg, file, text, want string }{
		{"a plain list", "hosts.txt", "hosts.txt", "a@tm[1-2]", "a@tm1 a@tm2"},
		{"a plain list under the name of YAML", "h.yaml", "h.yaml", "tm1", "tm1"},
		{"YAML under the name of a list", "hosts.txt", "hosts.txt", head + "hosts: [tm1]", "tm1"},
		{"workers by its name", "workers", "workers", "r/tm1", "tm1"},
		{"slaves by its name", "slaves", "slaves", "r/tm1", "tm1"},
		{"workers in a folder", "conf/workers", "conf/workers", "r/tm1", "tm1"},
		{"workers by its prefix", "workers:nodes.txt", "nodes.txt", "r/tm1", "tm1"},
		{"a name that only ends so", "my-workers", "my-workers", "tm1:22", "tm1:22"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inv, err := Loader{Dir: write(t, tt.file, tt.text)}.Load([]string{tt.arg})
			if err != nil || names(inv.Hosts) != tt.want {
				t.Errorf("Load(%s) = %v, %v, want %s", tt.arg, inv, err, tt.want)
			}
		})
	}
}

func TestStandardInputIsReadInAnyFormat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		arg, text string
		want      []Host
	}{
		{"-", "# x\ntm1", []Host{{Name: "tm1", Source: "stdin:2"}}},
		{"-", head + "hosts: [tm1]", []Host{{Name: "tm1", Source: "stdin:2"}}},
		{"workers:-", "r/tm1\ntm1", []Host{{Name: "tm1", TaskManagers: 2, Source: "stdin:1"}}},
	} {
		inv, err := Loader{Stdin: strings.NewReader(tt.text)}.Load([]string{tt.arg})
		if err != nil {
			t.Fatal(err)
		}
		wantHosts(t, inv.Hosts, tt.want)
	}
	_, err := Loader{Stdin: strings.NewReader("tm1:x")}.Load([]string{"-"})
	wantError(t, err, `stdin:1:5: port "x" is not a number from 1 to 65535`)
	_, err = Load([]string{"-"})
	wantError(t, err, "stdin: there is no standard input to read | name a file")
}

func TestFilesAreJoined(t *testing.T) {
	t.Parallel()
	dir := write(t,
		"workers", "tm1\ntm1\ntm2\n",
		"old/slaves", "tm1\ntm3\n",
		"how.yaml", head+"groups: {g: {user: flink, hosts: [tm1, tm4]}}\n",
		"more.yaml", head+"groups: {g: {port: 22, hosts: [tm2]}, f: {user: flink, hosts: [tm1]}}\n",
		"here", "localhost\n",
		"there.yaml", head+"hosts: {localhost: {user: a}}\n")
	inv, err := Loader{Dir: dir}.Load([]string{"workers", "how.yaml", "old/slaves", "more.yaml", "workers"})
	if err != nil {
		t.Fatal(err)
	}
	wantHosts(t, inv.Hosts, []Host{
		{Name: "tm1", User: "flink", Groups: []string{"f", "g"}, TaskManagers: 3, Source: "workers:1"},
		{Name: "tm2", Port: 22, Groups: []string{"g"}, TaskManagers: 1, Source: "workers:3"},
		{Name: "tm4", User: "flink", Groups: []string{"g"}, Source: "how.yaml:2"},
		{Name: "tm3", TaskManagers: 1, Source: "old/slaves:2"}})
	if want := []string{"workers", "how.yaml", "old/slaves", "more.yaml"}; !slices.Equal(inv.Files, want) {
		t.Errorf("Files = %q, want %q", inv.Files, want)
	}
	if got := inv.Group("g"); !slices.Equal(got, []string{"tm1", "tm2", "tm4"}) {
		t.Errorf("Group(g) = %q", got)
	}
	inv, err = Loader{Dir: dir}.Load([]string{"here", "there.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	wantHosts(t, inv.Hosts, []Host{{Name: "localhost", User: "a", Source: "here:1"}})
}

func TestFilesThatContradictEachOtherAreRefusedWithBothPlaces(t *testing.T) {
	t.Parallel()
	dir := write(t,
		"a.txt", "a@tm1\n",
		"b.txt", "\n  b@tm1\n",
		"c.yaml", head+"groups:\n  g:\n    user: c\n    hosts: [tm1]\n",
		"d.txt", "x[1-60000]", "e.txt", "y[1-60000]")
	for _, tt := range []struct{ files, want string }{
		{"a.txt b.txt", `b.txt:2:3: host "tm1" has user "b" here and "a" at a.txt:1 | keep one of the two`},
		{"a.txt c.yaml", `c.yaml:4:11: host "tm1" has user "c" here and "a" at a.txt:1`},
		{"d.txt e.txt", "e.txt:1:1: more than 100000 hosts | split the fleet into several runs"},
	} {
		_, err := Loader{Dir: dir}.Load(strings.Fields(tt.files))
		wantError(t, err, tt.want)
	}
}

func TestAFileThatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	dir := write(t, "secret", "tm1", "ec2.py", "#!/usr/bin/python3\nimport json\n", "big", strings.Repeat("#", maxFile+1))
	if err := os.Chmod(filepath.Join(dir, "secret"), 0); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		file, want string
		is         error
	}{
		{"gone", "gone: no such file or directory | name the inventory with -i FILE", fs.ErrNotExist},
		{".", ".: is a directory | name the files in it; if the folder is an inventory of Ansible: ansible-inventory -i . --list | tmdoctor hosts -i -", nil},
		{"ec2.py", "ec2.py:1: this is a program, and tmdoctor runs none | let Ansible ask it: ansible-inventory -i ec2.py --list | tmdoctor hosts -i -", nil},
		{"big", "big: longer than 16 MiB | is this an inventory?", nil},
	}
	if os.Geteuid() != 0 { // root reads any file
		tests = append(tests, tests[0])
		tests[len(tests)-1].file = "secret"
		tests[len(tests)-1].want = "secret: permission denied | make the file readable for the user who runs tmdoctor"
		tests[len(tests)-1].is = fs.ErrPermission
	}
	for _, tt := range tests {
		_, err := Loader{Dir: dir}.Load([]string{tt.file})
		wantError(t, err, tt.want)
		if tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("Load(%s) = %v, which is not %v", tt.file, err, tt.is)
		}
	}
}

func TestFindTakesTheFirstThatIsThere(t *testing.T) {
	t.Parallel()
	everything := write(t, "tmdoctor.yaml", head+"hosts: [here]", "env.txt", "env", "flink/conf/workers", "flink")
	flinkOnly := write(t, "flink/conf/workers", "flink")
	for _, tt := range []struct {
		name, dir string
		env       map[string]string
		hosts     string
		files     string
	}{
		{"the variable first", everything, map[string]string{"TMDOCTOR_INVENTORY": "env.txt", "FLINK_HOME": everything + "/flink"}, "env", "env.txt"},
		{"then the folder", everything, map[string]string{"FLINK_HOME": everything + "/flink"}, "here", "tmdoctor.yaml"},
		{"then Flink", flinkOnly, map[string]string{"FLINK_HOME": flinkOnly + "/flink"}, "flink", flinkOnly + "/flink/conf/workers"},
		{"a relative FLINK_HOME", flinkOnly, map[string]string{"FLINK_HOME": "flink"}, "flink", "flink/conf/workers"},
		{"none", flinkOnly, nil, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := Loader{Dir: tt.dir, Getenv: func(k string) string { return tt.env[k] }}
			inv, err := l.Open(nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(inv.Hosts); got != tt.hosts || strings.Join(inv.Files, " ") != tt.files {
				t.Errorf("Open(nil) = %q of %q, want %q of %q", got, inv.Files, tt.hosts, tt.files)
			}
		})
	}
}

func TestFindShowsWhyAFileItFoundIsNotRead(t *testing.T) {
	t.Parallel()
	dir := write(t, "tmdoctor.yaml", "hosts:\n")
	_, err := Loader{Dir: dir}.Find()
	wantError(t, err, "tmdoctor.yaml:1:1: this YAML does not begin with schema: tmdoctor/inventory/v1")
	_, err = Loader{Dir: dir, Getenv: func(string) string { return "gone" }}.Find()
	wantError(t, err, "gone: no such file or directory | $TMDOCTOR_INVENTORY names this file: change it or unset it")

	l := Loader{Dir: t.TempDir(), Getenv: func(k string) string {
		return map[string]string{"FLINK_HOME": "/nonexistent/flink"}[k]
	}}
	inv, err := l.Find()
	if err != nil {
		t.Fatal(err)
	}
	_, err = inv.Select(nil)
	wantError(t, err, "no inventory; looked for $TMDOCTOR_INVENTORY (not set), ./tmdoctor.yaml (not there), /nonexistent/flink/conf/workers (not there)")
}

func TestNewChecksHostsFromElsewhere(t *testing.T) {
	t.Parallel()
	inv, err := New([]Host{{Name: "tm2", Groups: []string{"g"}}, {Name: "::1"}})
	if err != nil {
		t.Fatal(err)
	}
	if h, ok := inv.Host("::1"); !ok || h.Name != "::1" {
		t.Errorf("Host(::1) = %v, %v", h, ok)
	}
	if _, ok := inv.Host("tm1"); ok {
		t.Error("Host(tm1) is there")
	}
	if got := inv.Group("g"); !slices.Equal(got, []string{"tm2"}) {
		t.Errorf("Group(g) = %q", got)
	}
	_, err = New([]Host{{Name: "-v", Source: "rest"}})
	wantError(t, err, `rest: host name "-v" begins with '-'`)
	_, err = New([]Host{{Name: "a", Source: "x:1"}, {Name: "a", Source: "y:2"}})
	wantError(t, err, `y:2: host "a" is there twice, also at x:1`)
}

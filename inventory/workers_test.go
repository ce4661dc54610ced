package inventory

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// workersFiles are files as people have them; they seed FuzzWorkers.
var workersFiles = []struct {
	name, text string
	want       []Host
}{
	{"the file Flink ships", "localhost\n", []Host{{Name: "localhost", Local: true, TaskManagers: 1, Source: "workers:1"}}},
	{"repeats are TaskManagers", "tm1\ntm2\ntm1\ntm1\n", []Host{
		{Name: "tm1", TaskManagers: 3, Source: "workers:1"}, {Name: "tm2", TaskManagers: 1, Source: "workers:2"}}},
	{"only the first word counts", "tm1 tm2 slots=4\n", []Host{{Name: "tm1", TaskManagers: 1, Source: "workers:1"}}},
	{"comments", "# all\n#tm0\n  # x\ntm1#x\ntm2 # y\n", []Host{
		{Name: "tm1", TaskManagers: 1, Source: "workers:4"}, {Name: "tm2", TaskManagers: 1, Source: "workers:5"}}},
	{"racks are dropped", "/dc1/rack2/tm1\nrack/tm-2.x#y\n", []Host{
		{Name: "tm1", TaskManagers: 1, Source: "workers:1"}, {Name: "tm-2.x", TaskManagers: 1, Source: "workers:2"}}},
	{"a rack in a comment is a comment", "tm1#a/b\n", []Host{{Name: "tm1", TaskManagers: 1, Source: "workers:1"}}},
	{"the last line needs no newline", "tm1\ntm2", []Host{
		{Name: "tm1", TaskManagers: 1, Source: "workers:1"}, {Name: "tm2", TaskManagers: 1, Source: "workers:2"}}},
	{"space around", "\n \t\n\t tm1 \t\n", []Host{{Name: "tm1", TaskManagers: 1, Source: "workers:3"}}},
	{"a backslash joins lines", "tm\\\n1\ntm2\n", []Host{
		{Name: "tm1", TaskManagers: 1, Source: "workers:1"}, {Name: "tm2", TaskManagers: 1, Source: "workers:3"}}},
	{"a backslash joins a comment with what follows", "# old \\\ntm1\ntm2\n", []Host{{Name: "tm2", TaskManagers: 1, Source: "workers:3"}}},
	{"a backslash before another character is dropped", "t\\m1 \\\\\ntm2\n", []Host{
		{Name: "tm1", TaskManagers: 1, Source: "workers:1"}, {Name: "tm2", TaskManagers: 1, Source: "workers:2"}}},
	{"addresses", "10.0.0.1\n", []Host{{Name: "10.0.0.1", TaskManagers: 1, Source: "workers:1"}}},
	{"an underscore, without a rack", "tm_1\n", []Host{{Name: "tm_1", TaskManagers: 1, Source: "workers:1"}}},
}

func TestWorkersAreReadAsFlinkReadsThem(t *testing.T) {
	t.Parallel()
	for _, tt := range workersFiles {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantHosts(t, mustLoad(t, "workers", tt.text).Hosts, tt.want)
		})
	}
}

// shellReader is the reading of conf/workers in bash, the shell of Flink's
// scripts: the four things they do, in the same order.
const shellReader = `
more=yes
while [ $more = yes ]; do
	read entry || more=no
	set -- $entry
	name=$(echo $1 | cut -d'#' -f1)
	if [[ "$name" =~ ^.*/([0-9a-zA-Z.-]+)$ ]]; then name=${BASH_REMATCH[1]}; fi
	if [ -n "$name" ]; then echo "$name"; fi
done`

func TestWorkersTableAgreesWithBash(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("bash is not installed")
		}
		t.Skip("bash is not installed")
	}
	for _, tt := range workersFiles {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(bash, "-c", shellReader)
			cmd.Dir = t.TempDir()
			cmd.Stdin = strings.NewReader(tt.text)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, h := range tt.want {
				want = append(want, slices.Repeat([]string{h.Name}, h.TaskManagers)...)
			}
			got := strings.Fields(string(out))
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("bash reads %q as %q, the table says %q", tt.text, got, want)
			}
		})
	}
}

func TestWorkersErrorsNamePlaceAndRemedy(t *testing.T) {
	t.Parallel()
	const bare = "conf/workers has one bare name a line; a plain list under another file name may have them"
	for _, tt := range []struct{ name, text, want string }{
		{"range", "tm1\n tm[1-3]", `workers:2:4: host name "tm[1-3]" has a user, a port or a range | ` + bare},
		{"user", "flink@tm1", `workers:1:6: host name "flink@tm1" has a user, a port or a range | ` + bare},
		{"port", "tm1:22", `workers:1:4: host name "tm1:22" has a user, a port or a range | ` + bare},
		{"Windows line ends", "tm1\r\n", `workers:1:4: host name "tm1\r" has a carriage return | the file has Windows line ends: convert it with dos2unix`},
		{"a rack that Flink does not strip", "rack/tm_1", `workers:1:5: host name "rack/tm_1" has the character '/' | Flink strips a rack (rack1/tm17) only from names of letters, digits, '.' and '-'`},
		{"leading dash", "-v", `workers:1:1: host name "-v" begins with '-' | ` + nameHint},
		{"leading dash behind a rack", "rack/-v", `workers:1:6: host name "-v" begins with '-'`},
		{"glob", "tm*", `workers:1:3: host name "tm*" has the character '*'`},
		{"none", "# none\n", "workers: has no hosts"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, "workers", tt.text)
			wantError(t, err, tt.want)
		})
	}
}

func TestMastersAreAGroupOfTheirOwn(t *testing.T) {
	t.Parallel()
	dir := write(t, "masters", "jm1:8081\n# old\njm2\njm1:8082\n", "workers", "tm1\njm2\n", "other", "rack/jm1:1\n")
	inv, err := Loader{Dir: dir}.Load([]string{"masters", "workers"})
	if err != nil {
		t.Fatal(err)
	}
	wantHosts(t, inv.Hosts, []Host{
		{Name: "jm1", Groups: []string{"masters"}, Source: "masters:1"},
		{Name: "jm2", Groups: []string{"masters"}, TaskManagers: 1, Source: "masters:3"},
		{Name: "tm1", TaskManagers: 1, Source: "workers:1"}})
	wantNotes(t, inv.Notes, []string{`masters:1: the port behind a JobManager ("8081") is that of its web page, not that of ssh, and is not used (own)`})
	for _, tt := range []struct{ text, want string }{
		{"jm1:80:81", `stdin:1:1: host "jm1:80:81" has several colons, which Flink takes for ports | give the host a name`},
		{"flink@jm1", `stdin:1:6: host name "flink@jm1" has a user, a port or a range`},
		{"rack/jm1:1", `stdin:1:5: host name "rack/jm1" has the character '/'`},
		{"\n", "stdin: has no hosts"},
	} {
		_, err := Loader{Stdin: strings.NewReader(tt.text)}.Load([]string{"masters:-"})
		wantError(t, err, tt.want)
	}
}

// mastersReader is readMasters of Flink's scripts, with extractHostName.
const mastersReader = `
more=yes
while [ $more = yes ]; do
	read line || more=no
	set -- $line
	name=$(echo $1 | cut -d'#' -f1)
	if [[ "$name" =~ ^.*/([0-9a-zA-Z.-]+)$ ]]; then name=${BASH_REMATCH[1]}; fi
	if [ -n "$name" ]; then echo $name | cut -f1 -d:; fi
done`

func TestMastersAgreeWithBash(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("bash is not installed")
		}
		t.Skip("bash is not installed")
	}
	const text = "localhost:8081\nr/jm1\n jm2:8081 x\njm3#:1\n#jm4\nj\\m5:1\njm6"
	cmd := exec.Command(bash, "-c", mastersReader)
	cmd.Dir, cmd.Stdin = t.TempDir(), strings.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := mustLoad(t, "masters", text).HostNames(); !slices.Equal(got, strings.Fields(string(out))) {
		t.Errorf("hosts = %q, bash reads %q", got, out)
	}
}

func FuzzMasters(f *testing.F) {
	f.Add("jm1:8081\n")
	for _, tt := range workersFiles {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		inv, err := Loader{Stdin: strings.NewReader(text)}.Load([]string{"masters:-"})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "stdin:") {
				t.Fatalf("error without its place: %v", err)
			}
			return
		}
		for _, h := range inv.Hosts {
			if !slices.Equal(h.Groups, []string{"masters"}) || h.Port != 0 {
				t.Errorf("host %+v", h)
			}
		}
	})
}

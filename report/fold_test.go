package report

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

func TestHostsThatAreLostForOneReasonFold(t *testing.T) {
	t.Parallel()
	lost := func(name, address, phase, reason, hint, kind string) *Host {
		return &Host{Name: name, Address: address, Status: "unknown", Unreachable: &Unreachable{Phase: phase, Reason: reason, Hint: hint, Kind: kind}}
	}
	const accept = "rerun with --accept-new, or add the key"
	for _, c := range []struct {
		name  string
		hosts []*Host
		want  []string // hosts: text
	}{
		{"one host keeps its own words", []*Host{
			lost("tm1", "10.0.0.1", "connect", "connection to 10.0.0.1:22 refused", "", ""),
		}, []string{"tm1: connect: connection to 10.0.0.1:22 refused"}},
		{"addresses and ports", []*Host{
			lost("tm1", "10.0.0.1", "connect", "connection to 10.0.0.1:22 refused", "", ""),
			lost("tm2", "10.0.0.17", "connect", "connection to 10.0.0.17:2222 refused", "", ""),
			lost("tm3", "tm3.example.net", "connect", "connection to [2001:db8::3]:22 refused", "", ""),
		}, []string{"tm[1-3]: connect: connection to HOST refused"}},
		{"names", []*Host{
			lost("tmx", "tmx.example.net", "resolve", "name tmx.example.net is not known", "", ""),
			lost("tmy", "tmy.example.net", "resolve", "name tmy.example.net is not known", "", ""),
		}, []string{"tmx,tmy: resolve: name HOST is not known"}},
		{"numbers of one host", []*Host{
			lost("tm1", "", "script", `the shell ended with status 1: "bash: 4711 Killed"`, "", ""),
			lost("tm2", "", "script", `the shell ended with status 1: "bash: 20815 Killed"`, "", ""),
		}, []string{`tm[1-2]: script: the shell ended with status 1: "bash: 4711 Killed"`}},
		{"numbers that say something", []*Host{
			lost("tm1", "", "handshake", "the server offers only diffie-hellman-group1-sha1", "", ""),
			lost("tm2", "", "handshake", "the server offers only diffie-hellman-group14-sha1", "", ""),
			lost("tm3", "", "script", "the shell ended with status 1", "", ""),
			lost("tm4", "", "script", "the shell ended with status 0", "", ""),
		}, []string{
			"tm1: handshake: the server offers only diffie-hellman-group1-sha1",
			"tm2: handshake: the server offers only diffie-hellman-group14-sha1",
			"tm4: script: the shell ended with status 0",
			"tm3: script: the shell ended with status 1",
		}},
		{"another hint is another reason", []*Host{
			lost("tm1", "10.0.0.1", "script", "did not come to its end within 30s", "it printed nothing", ""),
			lost("tm2", "10.0.0.2", "script", "did not come to its end within 30s", "it is slow", ""),
			lost("tm3", "10.0.0.3", "auth", "refused", "ssh -v op@10.0.0.3", ""),
			lost("tm4", "10.0.0.4", "auth", "refused", "ssh -v op@10.0.0.4", ""),
		}, []string{
			"tm[3-4]: auth: refused",
			"tm1: script: did not come to its end within 30s",
			"tm2: script: did not come to its end within 30s",
		}},
		{"another phase is another reason", []*Host{
			lost("tm1", "", "connect", "no answer", "", ""),
			lost("tm2", "", "auth", "no answer", "", ""),
		}, []string{"tm2: auth: no answer", "tm1: connect: no answer"}},
		{"unknown keys", []*Host{
			lost("tm1", "", "host_key", "host key SHA256:aaa of tm1 is not in known_hosts", accept, "unknown_key"),
			lost("tm2", "", "host_key", "host key SHA256:bbb of tm2 is not in known_hosts", accept, ""), // saved
		}, []string{"tm[1-2]: the host key is in no known_hosts file: --accept-new records it"}},
		{"changed keys", []*Host{
			lost("tm1", "", "host_key", "host key changed: got SHA256:aaa", "", "changed_key"),
			lost("tm2", "", "host_key", "host key changed: got SHA256:bbb", "", "changed_key"),
		}, []string{"tm[1-2]: host_key: the host key has changed"}},
		{"the jump host is not the host", []*Host{
			lost("tm1", "10.0.0.1", "jump", "jump host gate: no route to 192.0.2.1:22", "", ""),
			lost("tm2", "10.0.0.2", "jump", "jump host gate: no route to 192.0.2.1:22", "", ""),
		}, []string{"tm[1-2]: jump: jump host gate: no route to 192.0.2.1:22"}},
		{"an unknown key of a jump host", []*Host{
			lost("tm1", "", "jump", "jump host gate: host key SHA256:ccc is not in known_hosts", accept, "unknown_key"),
		}, []string{"tm1: jump: jump host gate: host key SHA256:ccc is not in known_hosts"}},
	} {
		var fs folds
		for _, h := range c.hosts {
			fs.add(h)
		}
		var got []string
		for _, f := range fs.sorted() {
			got = append(got, f.Hosts()+": "+f.text())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestFactsAreNamedWithoutPids(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"counts.4711":            "counts",
		"taskmanagers.4711.uid":  "uid",
		"0":                      "",
		"mounts.3.options.noatt": "mounts.options.noatt",
	} {
		if got := factName(path); got != want {
			t.Errorf("factName(%s) = %q, want %q", path, got, want)
		}
	}
}

func TestReasonsOfAnUnknownCheckAreBrief(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "",
		"taskmanagers.4711.uid: not collected; taskmanagers.4711.limits: not collected; taskmanagers.4712.uid: not collected": "uid, limits: not collected",
		"max_map_count: permission denied; counts.1: gone":                                                                    "max_map_count: permission denied; counts: gone",
		"limits of pid 7: not collected; statfs: no answer":                                                                   "limits of pid 7: not collected; statfs: no answer",
		"4711: gone": "gone",
	} {
		if got := briefly(in); got != want {
			t.Errorf("briefly(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAnUnknownCheckIsNamedOnce(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ probe, reason, want string }{
		{"nofile", "nofile (pid 4711): why", "nofile (pid 4711): why"},
		{"address-space", "as of pid 4711: why", "address-space: as of pid 4711: why"},
		{"maps", "counts: why", "maps: counts: why"}, {"maps", "", "maps: no reason was given"},
		{"nofile", "nofile", "nofile: nofile"},
	} {
		if got := reasonOf(&probes.Check{Probe: row.probe, Reason: row.reason}); got != row.want {
			t.Errorf("%s unknown for %q is told as %q, want %q", row.probe, row.reason, got, row.want)
		}
	}
}

func TestWrapKeepsEveryWordAndNoLineIsTooLong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, sep string
		n         int
		want      []string
	}{
		{"a bb ccc", " ", 0, []string{"a bb ccc"}},
		{"a bb ccc", " ", 4, []string{"a bb", "ccc"}},
		{"abcdefgh i", " ", 4, []string{"abcd", "efgh", "i"}},
		{"tm[1,2,3],x", ",", 6, []string{"tm[1,", "2,3],x"}},
		{"磁盘已满", " ", 5, []string{"磁盘", "已满"}},
		{"", " ", 5, []string{""}},
	} {
		if diff := cmp.Diff(c.want, wrapAt(c.text, c.sep, c.n)); diff != "" {
			t.Errorf("wrapAt(%q, %q, %d) (-want +got):\n%s", c.text, c.sep, c.n, diff)
		}
	}
	if got := strings.Join(atMost([]string{"one", "two", "three"}, 2, 10, "…"), "|"); got != "one|two…" {
		t.Errorf("atMost = %q", got)
	}
}

// A host that cannot fork has one thing wrong, and not one for each check.
func TestAHostWithoutProcessesIsOneFold(t *testing.T) {
	t.Parallel()
	var fs folds
	unknown := func(probe, reason string) probes.Check {
		return probes.Check{Probe: probe, Status: probes.StatusUnknown, Reason: reason}
	}
	h := &Host{Name: "tm1", Status: probes.StatusUnknown, Checks: []probes.Check{
		unknown("maps", "max_map_count: the maps section was given up: the host refuses to start processes"),
		unknown("disk", "listed: the disk section was given up: the host refuses to start processes"),
		unknown("nofile", "not collected"),
	}}
	fs.add(h)
	if out := string(render(t, "table", Options{}, testRun(1), []*Host{h}, true)); !strings.Contains(out, "compare nproc") {
		t.Errorf("nothing says what to do:\n%s", out)
	}
	var got []string
	for _, f := range fs.sorted() {
		got = append(got, f.text())
	}
	if diff := cmp.Diff([]string{"maps, disk: the host refuses to start processes", "nofile: not collected"}, got); diff != "" {
		t.Error(diff)
	}
	script, err := os.ReadFile("../probes/main.sh")
	if err != nil || !strings.Contains(string(script), noProcesses) {
		t.Errorf("probes/main.sh says it in other words than %q (%v)", noProcesses, err)
	}
}

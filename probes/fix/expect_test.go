package fix_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

func TestAnExpectationHoldsOnlyWhereTheLowestValueIsKnownAndEnough(t *testing.T) {
	t.Parallel()
	value := func(v string) probes.HorizonValue { return probes.HorizonValue{Value: v, Source: "f:1"} }
	unknown := probes.HorizonValue{Unknown: "not seen"}
	row := func(setting, subject, start string, v probes.HorizonValue) probes.Standing {
		return probes.Standing{Setting: setting, Subject: subject, Start: start, Running: unknown, Live: unknown, Boot: v}
	}
	for _, tt := range []struct {
		name     string
		e        fix.Expect
		rows     []probes.Standing
		ok       bool
		observed string
	}{
		{"enough", fix.Expect{Setting: "vm.max_map_count", AtLeast: 5}, []probes.Standing{row("vm.max_map_count", "", "", value("5"))}, true, "5"},
		{"less", fix.Expect{Setting: "vm.max_map_count", AtLeast: 6}, []probes.Standing{row("vm.max_map_count", "", "", value("5"))}, false, "5"},
		{"not known", fix.Expect{Setting: "vm.max_map_count", AtLeast: 6}, []probes.Standing{row("vm.max_map_count", "", "", unknown)}, false, "not known"},
		{"nothing", fix.Expect{Setting: "vm.max_map_count", AtLeast: 0}, nil, false, "not known"},
		{"no number", fix.Expect{Setting: "vm.max_map_count", AtLeast: 0}, []probes.Standing{row("vm.max_map_count", "", "", value("x"))}, false, "x"},
		{"another subject", fix.Expect{Setting: "nofile", Subject: "user a", AtLeast: 1}, []probes.Standing{row("nofile", "user b", "user b", value("5"))}, false, "not known"},
		{"the start of a process that is another now", fix.Expect{Setting: "nofile", Subject: "user a", AtLeast: 5}, []probes.Standing{row("nofile", "pid 7", "user a", value("1:5"))}, true, "1:5"},
		{"the lowest of two", fix.Expect{Setting: "nofile", Subject: "user a", AtLeast: 5}, []probes.Standing{row("nofile", "pid 7", "user a", value("9")), row("nofile", "pid 8", "user a", value("4"))}, false, "4"},
		{"one of two not known", fix.Expect{Setting: "nofile", Subject: "user a", AtLeast: 5}, []probes.Standing{row("nofile", "pid 7", "user a", value("9")), row("nofile", "pid 8", "user a", unknown)}, false, "not known"},
		{"the soft limit too", fix.Expect{Setting: "nofile", Subject: "user a", AtLeast: 5, Soft: true}, []probes.Standing{row("nofile", "user a", "user a", value("1:5"))}, false, "1:5"},
		{"the soft limit of the address space", fix.Expect{Setting: "as", Subject: "user a", AtLeast: probes.Unlimited}, []probes.Standing{row("as", "user a", "user a", value("1:unlimited"))}, false, "1:unlimited"},
		{"no limit", fix.Expect{Setting: "as", Subject: "u.service", AtLeast: probes.Unlimited}, []probes.Standing{row("as", "u.service", "u.service", value("unlimited"))}, true, "unlimited"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.e.Horizon = probes.Boot
			ok, observed, where := tt.e.Holds([]probes.Check{{Probe: "x"}, {Probe: "y", Horizons: tt.rows}})
			if ok != tt.ok || observed != tt.observed || where == "" {
				t.Errorf("Holds = %v, %q, %q, want %v, %q", ok, observed, where, tt.ok, tt.observed)
			}
		})
	}
}

func TestOnlyWhatAPlanNeedsIsAsked(t *testing.T) {
	t.Parallel()
	well := newMadeHost("systemd", 262144, map[string]string{
		"/etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf", "/etc/sysctl.conf": "vm.max_map_count=262144\n",
		"/etc/security/limits.conf": "flink - nofile 65536\n",
	})
	none := fix.Query{Paths: []string{}, Sysctls: []string{}, Users: []string{}, PIDs: []int{}, Units: []string{}}
	if d := cmp.Diff(none, fix.Ask(well.facts(), nil, fix.Options{Running: true, RestartUnit: true, VmemToAs: true})); d != "" {
		t.Errorf("of a host that is well (-want +got):\n%s", d)
	}
	low := lowHost()
	want := fix.Query{
		Paths:   []string{"/etc/security/limits.conf", "/etc/security/limits.d/zz-tmdoctor.conf", "/etc/sysctl.conf", "/etc/sysctl.d/99-sysctl.conf", "/etc/sysctl.d/zz-tmdoctor.conf"},
		Sysctls: []string{"vm.max_map_count"}, Users: []string{"flink"}, PIDs: []int{}, Units: []string{},
	}
	if d := cmp.Diff(want, fix.Ask(low.facts(), nil, fix.Options{Running: true})); d != "" {
		t.Errorf("of a host that is low (-want +got):\n%s", d)
	}
	p := low.plan(fix.Options{})
	if d := cmp.Diff(want, p.Query); d != "" {
		t.Errorf("of its plan (-want +got):\n%s", d)
	}
}

// TestAPolicyAsksForMore: what is wanted is the policy's, and what is in use.
func TestAPolicyAsksForMore(t *testing.T) {
	t.Parallel()
	h := lowHost()
	f := h.facts()
	f.Maps.Counts = map[int]probes.Value[int64]{4711: probes.Known(int64(60000))}
	f.NoFile.Descriptors = map[int]probes.Value[int64]{4711: probes.Known(int64(90000))}
	policy := &probes.Policy{Numbers: map[string]int64{"maps/floor": 100000}}
	p := fix.Make("tm", f, h.snapshot(fix.Ask(f, policy, fix.Options{})), policy, fix.Options{})
	told := shownMade(p)
	for _, want := range []string{"vm.max_map_count=120000", "flink soft nofile 180000", "flink hard nofile 180000"} {
		if !strings.Contains(told, want) {
			t.Errorf("no %q in\n%s", want, told)
		}
	}
}

// TestLongFilesKeepEveryLine: ten thousand lines, the key in the middle.
func TestLongFilesKeepEveryLine(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("net.ipv4.ip_forward = 1 \n", 5000) + "vm.max_map_count=65530\n" + strings.Repeat("kernel.panic=1\n", 5000)
	h := lowHost()
	h.files["/etc/sysctl.conf"] = text
	p := h.plan(onlyMain)
	h.apply(t, p)
	if got, want := h.files["/etc/sysctl.conf"], strings.Replace(text, "65530", "262144", 1); got != want {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	h.live = 65530
	h.files["/etc/sysctl.conf"] = strings.Repeat("# much more than the audit reads\n", 20000)
	if p := h.plan(onlyMain); len(p.Files) != 0 || !strings.Contains(shownMade(p), "could not be read whole") {
		t.Error(shownMade(p))
	}
}

// TestAdviceIsWhatIsLeft: findings that the plan mends are gone, those that it
// leaves are there once, with what a person does.
func TestAdviceIsWhatIsLeft(t *testing.T) {
	t.Parallel()
	h := lowHost()
	h.files["/etc/security/limits.d/20-old.conf"] = "* hard vmem unlimited\n"
	f := h.facts()
	f.Flink.TaskManagers[0].Limits = probes.Known(map[string]probes.LimitPair{"nofile": {Soft: 1024, Hard: 4096}, "as": {Soft: probes.Unlimited, Hard: probes.Unlimited}})
	p := fix.Make("tm", f, h.snapshot(fix.Ask(f, nil, fix.Options{})), nil, fix.Options{})
	var codes []string
	for _, a := range p.Advice {
		if a.Message == "" || a.Remedy == "" || a.Subject == "" {
			t.Errorf("%+v", a)
		}
		codes = append(codes, a.Code)
	}
	for code, want := range map[string]bool{
		"maps/low": false, "maps/not-persistent": false, "nofile/session-low": false,
		"nofile/restart-needed": true, "nofile/low": false, "address-space/vmem-line": true,
	} {
		if slices.Contains(codes, code) != want {
			t.Errorf("advice on %s: %v, want %v (%q)", code, !want, want, codes)
		}
	}
	p = fix.Make("tm", f, nil, nil, fix.Options{})
	for _, a := range p.Advice {
		if a.Code == "maps/low" {
			t.Error("what is refused is advice as well")
		}
	}
}

// TestEveryToolHasItsWords: each tool that conf.ManagedBy knows by name says
// the change in its own way.
func TestEveryToolHasItsWords(t *testing.T) {
	t.Parallel()
	for mark, want := range map[string]string{
		"# Ansible managed": "ansible.posix.sysctl", "# puppet": "sysctl { 'vm.max_map_count'", "# Chef": "sysctl 'vm.max_map_count' do",
		"# managed by salt": "sysctl.present", "# cfengine": "insert_lines", "# cloud-init": "write_files", "# saptune": "[sysctl]",
		"# do not edit": "in the configuration of another program: vm.max_map_count = 262144",
	} {
		h := lowHost()
		h.files["/etc/sysctl.conf"] = mark + "\nvm.max_map_count=65530\n"
		h.files["/etc/security/limits.conf"] = mark + "\nflink - nofile 4096\n"
		p := h.plan(onlyMain)
		if len(p.Refused) != 2 || len(p.Files) != 0 {
			t.Fatal(shownMade(p))
		}
		if !strings.Contains(p.Refused[0].Instead, want) || !strings.Contains(p.Refused[1].Instead, "nofile") {
			t.Errorf("%q: %q and %q, want %q", mark, p.Refused[0].Instead, p.Refused[1].Instead, want)
		}
		o := onlyMain
		o.ForceManaged = true
		if p := h.plan(o); len(p.Files) != 2 || p.Files[0].Managed == "" || len(p.Notes) < 2 {
			t.Error(shownMade(p))
		}
	}
}

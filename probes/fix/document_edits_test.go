package fix

import (
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

// editPlan is a plan that changes one file.
func editPlan(f FileChange) *Plan {
	p := &Plan{Host: "tm001", Files: []FileChange{f}, Query: Query{Users: []string{"flink"}, Units: []string{"tm.service"}, Sysctls: []string{"vm.max_map_count"}}}
	for _, setting := range []string{"vm.max_map_count", "nofile", "as", "TasksMax"} {
		p.Expect = append(p.Expect, Expect{Setting: setting, Subject: "x", Horizon: probes.Boot, AtLeast: 1})
	}
	p.Reload = isUnitPlace(f.Path)
	return p
}

func TestReadDocumentAcceptsOnlyTheEditsOfFix(t *testing.T) {
	t.Parallel()
	const sysctl, limits, unit = "/etc/sysctl.conf", "/etc/security/limits.conf", "/etc/systemd/system/tm.service.d/x.conf"
	const changes = "it changes more than fix does"
	for _, c := range []struct{ name, path, before, after, want string }{
		{"raised", sysctl, "vm.max_map_count = 65530 # old\r\nx", "vm.max_map_count = 262144 # old\r\nx", ""},
		{"added", sysctl, "a = 1", "a = 1\nvm.max_map_count = 262144\n", ""},
		{"lowered", sysctl, "vm.max_map_count = 262144\n", "vm.max_map_count = 65530\n", "65530 of vm.max_map_count lowers 262144"},
		{"lowered behind a byte", sysctl, "vm.max_map_count = 262144x\n", "vm.max_map_count = 65530\n", "lowers 262144x"},
		{"lowered hexadecimal", sysctl, "vm.max_map_count = 0x40000\n", "vm.max_map_count = 65530\n", "lowers 0x40000"},
		{"another key", sysctl, "a = 1\n", "a = 1\nkernel.core_pattern = |/tmp/x\n", changes},
		{"another key besides", sysctl, "vm.max_map_count = 1\n", "vm.max_map_count = 262144\nkernel.core_pattern = |/tmp/x\n", changes},
		{"another key changed", sysctl, "a = 1\nvm.max_map_count = 1\n", "a = 2\nvm.max_map_count = 262144\n", changes},
		{"removed", sysctl, "a = 1\nvm.max_map_count = 1\n", "vm.max_map_count = 262144\n", changes},
		{"emptied", sysctl, "a = 1\n", "", changes},
		{"no number", sysctl, "", "vm.max_map_count = many\n", `"many" is not a value of vm.max_map_count`},
		{"beyond the kernel", sysctl, "", "vm.max_map_count = 2147483648\n", "more than the kernel takes"},

		{"two lines", limits, "# x\n", "# x\nflink soft nofile 65536\nflink hard nofile 65536\n", ""},
		{"two lines without an end", limits, "# x", "# x\nflink soft nofile 65536\nflink hard nofile 65536\n", ""},
		{"raised in place", limits, "flink\tsoft NOFILE  1024 # x\n", "flink\tsoft NOFILE  65536 # x\n", ""},
		{"freed", limits, "* - as 1024\n", "* - as unlimited\n", ""},
		{"lowered in place", limits, "flink soft nofile 65536\n", "flink soft nofile 1024\n", "1024 of nofile lowers 65536"},
		{"what the kernel refuses", limits, "flink soft nofile unlimited\n", "flink soft nofile 65536\n", ""},
		{"unlimited", limits, "flink soft nofile 1024\n", "flink soft nofile unlimited\n", "nofile is never unlimited"},
		{"unlimited in another word", limits, "# x\n", "# x\nflink soft nofile -1\n", changes},
		{"limiting", limits, "# x\n", "# x\nflink hard as 1024\n", changes},
		{"limiting in place", limits, "* hard as unlimited\n", "* hard as 1024\n", changes},
		{"another user", limits, "# x\n", "# x\nroot hard nofile 1048576\n", `"root" is not one of the users that are tried afterwards`},
		{"every user", limits, "# x\n", "# x\n* hard nofile 65536\n", `"*" is not one of the users`},
		{"another item", limits, "# x\n", "# x\nflink hard nproc 1\n", changes},
		{"another item in place", limits, "flink hard nofile 1024\n", "flink hard nproc 1024\n", changes},
		{"another user in place", limits, "flink hard nofile 1024\n", "other hard nofile 65536\n", changes},
		{"taken out", limits, "flink hard nofile 1024\nflink soft nofile 1024\n", "flink hard nofile 65536\n", changes},
		{"a comment more", limits, "# x\n", "# x\n# y\n", changes},
		{"a comment in place", limits, "flink hard nofile 1024 # x\n", "flink hard nofile 65536 # y\n", changes},
		{"vmem", limits, "* - vmem unlimited\n", "* - as unlimited\n", "without the option vmem_to_as"},

		{"two keys", unit, "[Unit]\n", "[Unit]\n[Service]\nTasksMax=infinity\nLimitNOFILE=65536\n", ""},
		{"the other order", unit, "[Unit]\n", "[Unit]\n[Service]\nLimitNOFILE=65536\nTasksMax=9000\n", ""},
		{"a pair", unit, "[Service]\nLimitNOFILE=1024:524288\n", "[Service]\nLimitNOFILE=65536:524288\n", ""},
		{"half a pair lowered", unit, "[Service]\nLimitNOFILE=1024:524288\n", "[Service]\nLimitNOFILE=65536\n", "65536 of nofile lowers 524288"},
		{"a limit of memory", unit, "[Service]\nLimitAS=8G\n", "[Service]\nLimitAS=infinity\n", ""},
		{"a limit of memory set", unit, "[Service]\n", "[Service]\nLimitAS=1\n", "1 would limit the address space"},
		{"a command", unit, "[Service]\n", "[Service]\nLimitNOFILE=65536\nExecStartPre=+/bin/sh -c id\n", changes},
		{"a command alone", unit, "[Service]\n", "[Service]\nExecStartPre=+/bin/sh -c id\n", changes},
		{"unlimited files", unit, "[Service]\n", "[Service]\nLimitNOFILE=infinity\n", "nofile is never unlimited"},
		{"another unit", strings.Replace(unit, "tm.", "sshd.", 1), "[Service]\n", "[Service]\nLimitNOFILE=65536\n", "sshd.service is not one of the units that are looked at afterwards"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadDocument("plan.json", written(t, document(editPlan(changed(c.path, c.before, c.after)))))
			if c.want == "" && err != nil {
				t.Errorf("it is refused: %v", err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("ReadDocument gives %v, want %s", err, c.want)
			}
		})
	}
}

func TestReadDocumentAcceptsNewFilesOfFixOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, after, want string }{
		{"/etc/sysctl.conf", "vm.max_map_count = 262144\n", ""},
		{"/etc/sysctl.d/zz.conf", sysctlPlace.header + "vm.max_map_count = 262144\n", ""},
		{"/etc/sysctl.d/zz.conf", "vm.max_map_count = 262144\n", "it changes more than fix does"},
		{"/etc/security/limits.d/zz.conf", limitsPlace.header + "flink soft nofile 65536\nflink hard nofile 65536\n", ""},
		{"/etc/security/limits.conf", limitsPlace.header + "flink soft nofile 65536\n", "a new /etc/security/limits.conf would hide"},
	} {
		_, err := ReadDocument("plan.json", written(t, document(editPlan(made(c.path, c.after)))))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("a new %s %q gives %v, want %q", c.path, c.after, err, c.want)
		}
	}
}

func TestReadDocumentRefusesWhatNoOptionAllows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*Document)
		want  string
	}{
		"a process":        {func(d *Document) { d.Options.Running = false }, "hosts[0]: it changes limits of a process without the option running"},
		"a restart":        {func(d *Document) { d.Options.RestartUnit = false }, "hosts[0]: it restarts flink-taskmanager.service without the option restart_unit"},
		"another unit":     {func(d *Document) { d.Hosts[0].Restart[0] = "sshd.service" }, "hosts[0].query.units: sshd.service is restarted and not looked at afterwards"},
		"another process":  {func(d *Document) { d.Hosts[0].Query.PIDs = nil }, "hosts[0].query: nofile is changed and not looked at afterwards"},
		"no reload":        {func(d *Document) { d.Hosts[0].Reload = false }, "hosts[0].reload: systemd would not read what is written"},
		"nothing promised": {func(d *Document) { d.Hosts[0].Expect = nil }, "hosts[0].expect: nothing is expected of nofile, which is changed: it could not be verified"},
		"a tool not named": {func(d *Document) {
			d.Hosts[0].Files[0] = changed("/etc/sysctl.conf", "# Puppet\n", "# Puppet\nvm.max_map_count = 262144\n")
		}, `hosts[0].files[0].managed: "/etc/sysctl.conf" does not say so: it is "Puppet"`},
		"a tool not allowed": {func(d *Document) {
			f := changed("/etc/sysctl.conf", "# Puppet\n", "# Puppet\nvm.max_map_count = 262144\n")
			f.Managed = "Puppet"
			d.Hosts[0].Files[0] = f
		}, "hosts[0]: it changes /etc/sysctl.conf, which Puppet writes, without the option force_managed"},
	} {
		d := document(unitPlan("tm001"))
		c.spoil(d)
		if _, err := ReadDocument("plan.json", written(t, d)); err == nil || err.Error() != "plan.json: "+c.want {
			t.Errorf("%s: ReadDocument gives\n%v, want\n%s", name, err, c.want)
		}
	}
	d := document(editPlan(changed("/etc/security/limits.conf", "* - vmem unlimited\n", "* - as unlimited\n")))
	d.Options.VmemToAs = true
	if _, err := ReadDocument("plan.json", written(t, d)); err != nil {
		t.Error(err)
	}
}

func TestReadDocumentRefusesAMissingKey(t *testing.T) {
	t.Parallel()
	text := string(written(t, document(mapsPlan("tm001"))))
	for line, at := range map[string]string{
		`      "reload": false,`: `hosts[0]: the key "reload"`, `    "running": true,`: `options: the key "running"`, `          "make_dir": false,`: `hosts[0].files[0]: the key "make_dir"`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Fatalf("%s has no line %s", text, line)
		}
		_, err := ReadDocument("plan.json", []byte(strings.Replace(text, line+"\n", "", 1)))
		if want := "plan.json: " + at + " is missing: " + planAgain; err == nil || err.Error() != want {
			t.Errorf("without %s ReadDocument gives\n%v, want\n%s", line, err, want)
		}
	}
}

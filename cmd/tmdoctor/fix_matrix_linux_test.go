package main

import (
	"strings"
	"testing"
)

// fixShape is a host whose files, tools or rules are as operators meet them.
type fixShape struct {
	host, what    string
	sudo, flavour string
	prepare       string
	refused       string // it is left alone, and this is said
}

// No line of these hosts limits the operator: what its session cannot have, root
// cannot give back where the test lacks CAP_SYS_RESOURCE.

// sysctlLines and limitsLines write a file of the host from lines, with escapes
// of printf.
func sysctlLines(text string) string { return "printf '" + text + "' >/etc/sysctl.conf\n" }
func limitsLines(text string) string { return "printf '" + text + "' >/etc/security/limits.conf\n" }

// siteLimits is a low limit in a file of its own. Without any the limits of
// process 1 hold, and those of a test may be high enough.
const siteLimits = "printf '@flink hard nofile 4096\n' >/etc/security/limits.d/10-site.conf\n"

var fixShapes = []fixShape{
	{host: "missing", what: "sysctl.conf and its link are missing", prepare: `rm -f /etc/sysctl.conf /etc/sysctl.d/99-sysctl.conf`},
	{host: "dangling", what: "sysctl.conf is missing, its link is there", prepare: `rm -f /etc/sysctl.conf`},
	{host: "empty", what: "both are empty", prepare: sysctlLines("") + limitsLines("") + siteLimits},
	{host: "crlf", what: "lines end as on Windows",
		prepare: sysctlLines(`# old\r\nvm.max_map_count = 65530\r\nvm.swappiness = 60\r\n`) + limitsLines(`# old\r\nflink soft nofile 4096 \r\nflink hard nofile 8192 \r\n`)},
	{host: "noend", what: "the last line has no end",
		prepare: sysctlLines(`vm.swappiness = 60\nvm.max_map_count=65530`) + limitsLines(`* soft core 0\nflink - nofile 4096`)},
	{host: "noend2", what: "another's last line has no end", prepare: sysctlLines(`vm.swappiness = 60`) + limitsLines(`* soft core 0`) + siteLimits},
	{host: "twice", what: "keys are there twice",
		prepare: sysctlLines(`vm.max_map_count=65530\n\nvm.max_map_count = 100000\nvm/max_map_count=65530\n`) +
			limitsLines(`flink soft nofile 1024\nflink soft nofile 2048\nflink hard nofile 4096\nflink - nofile 2000\n`)},
	{host: "five", what: "keys are in five files", prepare: sysctlLines(`vm.max_map_count=65530\n`) + limitsLines(`flink soft nofile 1024\nflink hard nofile 4096\n`) + `
		for n in 10-a 50-b zz-z zzz; do printf 'vm.max_map_count=7%s000\n' "${#n}" >/etc/sysctl.d/$n.conf; printf 'flink - nofile 20%s0\n@flink hard nofile 900\n' "${#n}" >/etc/security/limits.d/$n.conf; done`},
	{host: "links", what: "both are links to a place of the site's own", prepare: `mkdir /etc/site
		printf 'vm.max_map_count=65530\n' >/etc/site/sysctl.conf; printf 'flink - nofile 4096\n' >/etc/site/limits.conf
		ln -sf site/sysctl.conf /etc/sysctl.conf; ln -sf /etc/site/limits.conf /etc/security/limits.conf`},
	{host: "reversed", what: "sysctl.conf is a link to 99-sysctl.conf", prepare: `rm /etc/sysctl.d/99-sysctl.conf
		printf 'vm.max_map_count=65530\n' >/etc/sysctl.d/99-sysctl.conf; ln -sf sysctl.d/99-sysctl.conf /etc/sysctl.conf`},
	{host: "long", what: "10,000 lines", prepare: `i=0; while [ $i -lt 5000 ]; do echo "# line $i of what somebody once wrote"; i=$((i + 1)); done >/tmp/lines
		{ cat /tmp/lines; echo 'vm.max_map_count=65530'; cat /tmp/lines; } >/etc/sysctl.conf
		{ cat /tmp/lines; echo 'flink soft nofile 1024'; echo 'flink hard nofile 4096'; cat /tmp/lines; } >/etc/security/limits.conf`},
	{host: "comments", what: "comments stand behind values",
		prepare: sysctlLines(`vm.max_map_count = 65530 # as the wiki says\n`) + limitsLines(`flink soft nofile 1024 # as the wiki says\nflink\thard\tnofile\t4096# hm\n`)},
	{host: "bytes", what: "bytes of no known encoding", prepare: sysctlLines(`# \377\376\001 \033[31m\nvm.max_map_count=65530\n# \303\n`) +
		limitsLines(`# \377\376\001\nflink - nofile 4096\n#\303\n`)},
	{host: "owner", what: "they are another user's and have another mode", prepare: `printf 'vm.max_map_count=65530\n' >/etc/sysctl.conf
		chown op:flink /etc/sysctl.conf; chmod 664 /etc/sysctl.conf; chown flink:root /etc/security/limits.conf; chmod 604 /etc/security/limits.conf`},
	{host: "acl", what: "they have access lists", prepare: `printf 'vm.max_map_count=65530\n' >/etc/sysctl.conf
		setfacl -m u:op:rw,g:flink:r /etc/sysctl.conf; setfacl -m u:op:r /etc/security/limits.conf`},
	{host: "group", what: "the group's line is lower than the user's", prepare: limitsLines(`@flink - nofile 2048\nop - nofile 20000\n* - nofile 900\n`)},
	{host: "bash", what: "the shell is bash", flavour: "bash"},
	{host: "ash", what: "the shell and all tools are busybox", flavour: "ash busybox"},
	{host: "toybox", what: "all tools are toybox", flavour: "toybox"},
	{host: "rules", what: "sudo allows what tmdoctor prints", sudo: "rules", flavour: "nologin"},
	{host: "deny", what: "sudo is refused", sudo: "denied", refused: "sudo"},
	{host: "ro", what: "/etc is read-only", prepare: `mount -o remount,bind,ro /etc`, refused: "read-only"},
	{host: "fixed", what: "limits.conf is immutable", prepare: `chattr +i /etc/security/limits.conf`},
	{host: "stuck", what: "the directories are immutable", prepare: `chattr +i /etc/security/limits.conf /etc/security/limits.d /etc/sysctl.conf /etc/sysctl.d`, refused: "immutable"},
	{host: "full", what: "the disk is full", prepare: `dd if=/dev/zero of=/var/lib/fill bs=4k 2>/dev/null || :`, refused: "full"},
	{host: "memory", what: "/etc is in memory", prepare: `cp -a /etc /run/lab/etc; mount --bind /run/lab/etc /etc`, refused: "memory"},
	{host: "overlay", what: "/etc is an overlay", prepare: `mkdir /run/lab/up /run/lab/work; mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/lab/up,workdir=/run/lab/work /etc`, refused: "overlay"},
	{host: "chef", what: "another tool writes both: they stay as they are", prepare: `printf '# Managed by Puppet\nvm.max_map_count=65530\n' >/etc/sysctl.conf
		printf '# This file is managed by Ansible\nflink - nofile 4096\n' >/etc/security/limits.conf`},
}

// TestFixOfEveryShape fixes hosts whose files are of all kinds at once: after it
// the wanted values are in effect where a login and a boot look, and nothing else
// changed; or the host is left alone, and why is said.
func TestFixOfEveryShape(t *testing.T) {
	needLongFix(t)
	require(t, "setfacl", "toybox")
	var specs []fixHostSpec
	for _, s := range fixShapes {
		spec := fixHostSpec{name: s.host, sudo: s.sudo, flavour: s.flavour, prepare: s.prepare}
		if s.sudo == "rules" {
			spec.rules = fixRules(t)
		}
		specs = append(specs, spec)
	}
	l := newFixLab(t, specs...)
	l.state = l.path("state")
	before := map[string]map[string]string{}
	for _, name := range l.order {
		before[name] = l.tree(l.hosts[name], "/etc")
	}
	// All hosts share the processors of one: more at a time, and their sections
	// are given up.
	out, errs, status := l.fix("--yes", "--canary", "0", "--max-failures", "99", "--in-flight", "8")
	t.Logf("exit status %d\n%s%s", status, out, errs)
	var fixed []string
	for _, s := range fixShapes {
		t.Run(s.what, func(t *testing.T) {
			l, h := l.with(t, "state"), l.hosts[s.host]
			if s.refused != "" {
				if diff := differences(before[s.host], l.tree(h, "/etc")); diff != nil {
					t.Errorf("it was touched:\n%s", strings.Join(diff, "\n"))
				}
				if v := l.live(h); v != "65530" {
					t.Errorf("vm.max_map_count is %s", v)
				}
				if !strings.Contains(out+errs, s.refused) {
					t.Errorf("nobody says %q", s.refused)
				}
				return
			}
			fixed = append(fixed, s.host)
			if wrong := l.inEffect(h); wrong != nil {
				t.Errorf("not in effect: %q", wrong)
			}
			l.raisedOnly(t, h, before[s.host])
		})
	}
	t.Run("a second fix finds nothing", func(t *testing.T) {
		out, errs, status := l.fix(append([]string{"--yes", "--in-flight", "8"}, fixed...)...)
		if status != 0 || !strings.Contains(out+errs, "nothing to fix") {
			t.Errorf("exit status %d, want 0 and `nothing to fix`:\n%s%s", status, out, errs)
		}
	})
	t.Run("a rollback makes all as it was", func(t *testing.T) {
		out, errs, _ := l.lab.run(l.asks("rollback", l.lastRun(t), "--yes")...)
		for _, name := range fixed {
			var timeless []string
			for path := range before[name] {
				if _, ok := l.texts[name+path]; ok {
					timeless = append(timeless, path)
				}
			}
			if diff := differences(before[name], l.tree(l.hosts[name], "/etc"), timeless...); diff != nil {
				t.Errorf("%s differs:\n%s\n%s%s", name, strings.Join(diff, "\n"), out, errs)
			}
		}
	})
}

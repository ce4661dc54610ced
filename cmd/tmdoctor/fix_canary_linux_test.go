package main

import (
	"fmt"
	"strings"
	"testing"
)

// brokenBy are ways in which a host shuts people out once a fix is applied.
var brokenBy = []struct{ name, prepare string }{
	{"PAM refuses whom the new limits are for", `printf '#!/bin/sh\nfor f in /etc/security/limits.conf /etc/security/limits.d/*.conf; do ! grep -q ` + wantFiles + ` "$f" || exit 1; done\nexit 0\n' >/usr/local/sbin/shut
		chmod 755 /usr/local/sbin/shut
		printf 'session required pam_exec.so quiet /usr/local/sbin/shut\n' | tee -a /etc/pam.d/sshd >>/etc/pam.d/su`},
	{"a login script of the operator breaks", `printf 'grep -qs ` + wantFiles + ` /etc/security/limits.conf /etc/security/limits.d/*.conf && exit 1\n' >/home/op/.bashrc`},
	{"sshd's own command breaks", `printf '#!/bin/sh\n! grep -qs ` + wantMaps + ` /etc/sysctl.conf /etc/sysctl.d/*.conf || exit 1\nexec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n' >/usr/local/bin/force
		chmod 755 /usr/local/bin/force
		printf 'Match User op\n\tForceCommand /usr/local/bin/force\n' >>/etc/ssh/sshd_config`},
}

// TestFixStopsAtItsCanary: of eight hosts the first fails verification. It is as
// it was before, and the other seven were never touched.
func TestFixStopsAtItsCanary(t *testing.T) {
	needLongFix(t)
	var specs []fixHostSpec
	for _, b := range brokenBy {
		specs = append(specs, fixHostSpec{name: fmt.Sprintf("sick%d", len(specs)), prepare: b.prepare})
	}
	for i := range 7 {
		specs = append(specs, fixHostSpec{name: fmt.Sprintf("well%d", i)})
	}
	l := newFixLab(t, specs...)
	l.state = l.path("state")
	before := map[string]map[string]string{}
	for _, name := range l.order {
		before[name] = l.tree(l.hosts[name], "/etc")
	}
	for i, b := range brokenBy {
		t.Run(b.name, func(t *testing.T) {
			sick := fmt.Sprintf("sick%d", i)
			out, errs, status := l.fix("--yes", sick, "well*")
			if status == 0 {
				t.Errorf("exit status 0:\n%s%s", out, errs)
			}
			t.Logf("%s%s", out, errs)
			for name, was := range before {
				var timeless []string
				if name == sick {
					timeless = fixFiles
				}
				if diff := differences(was, l.tree(l.hosts[name], "/etc"), timeless...); diff != nil {
					t.Errorf("%s differs:\n%s", name, strings.Join(diff, "\n"))
				}
				if v := l.live(l.hosts[name]); v != "65530" {
					t.Errorf("%s: vm.max_map_count is %s", name, v)
				}
				_, touched := l.tree(l.hosts[name], "/var/lib")["/var/lib/tmdoctor/runs/"+l.lastRun(t)]
				if touched != (name == sick) {
					t.Errorf("%s: a run was begun there: %v", name, touched)
				}
			}
			if err := l.logsIn(l.hosts[sick]); err != nil {
				t.Errorf("%s after its rollback: %v", sick, err)
			}
			if !strings.Contains(out+errs, "rolled") || !strings.Contains(out+errs, "well") {
				t.Errorf("it does not say what was rolled back and what was not begun:\n%s%s", out, errs)
			}
		})
	}
	t.Run("without the sick host the others are fixed in one go", func(t *testing.T) {
		out, errs, status := l.fix("--yes", "well*")
		if status != 0 {
			t.Errorf("exit status %d:\n%s%s", status, out, errs)
		}
		for i := range 7 {
			h := l.hosts[fmt.Sprintf("well%d", i)]
			if wrong := l.inEffect(h); wrong != nil {
				t.Errorf("%s: %q", h.name, wrong)
			}
		}
	})
}

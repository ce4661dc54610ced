package conf_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// distinctHost is what a typical host has, with something of its own in every
// file, so that no two are the same.
func distinctHost(n int) (*conf.SysctlHost, conf.Login, []conf.File, conf.Unit) {
	own := fmt.Sprintf("# host %d\n", n)
	vendor := own + strings.Repeat("# The kernel documentation says more about this.\nnet.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter\nkernel.sysrq = 0x01b6\n\n", 5)
	files := []conf.File{{Path: "/etc/os-release", Content: "ID=debian\nVERSION_ID=\"12\"\n"}}
	add := func(path, text string) { files = append(files, conf.File{Path: path, Content: text}) }
	for _, name := range []string{"10-coredump-debian", "10-ipv6-privacy", "30-tracker", "50-coredump", "50-default", "50-pid-max", "99-protect-links"} {
		add("/usr/lib/sysctl.d/"+name+".conf", vendor)
	}
	for _, name := range []string{"10-network", "20-kernel", "60-flink"} {
		add("/etc/sysctl.d/"+name+".conf", vendor)
	}
	files = append(files, conf.File{Path: "/etc/sysctl.d/99-sysctl.conf", Kind: conf.FileLink, Target: "../sysctl.conf", Content: vendor})
	add("/etc/sysctl.conf", vendor+fmt.Sprintf("vm.max_map_count = %d\n", 262144+n%7))
	host := &conf.SysctlHost{Files: files, Marks: []string{"/proc/1/comm systemd", "/run/systemd/system"}, Systemd: "252", Procps: "4.0.2", Live: "65530"}

	var limits []conf.File
	addLimits := func(path, text string) { limits = append(limits, conf.File{Path: path, Content: text}) }
	addLimits("/etc/security/limits.conf", own+strings.Repeat("#ftp             -       chroot          /ftp\n", 50)+"flink - nofile 65536\n")
	for i, name := range []string{"10-base", "20-nproc", "50-flink", "90-site"} {
		addLimits("/etc/security/limits.d/"+name+".conf", own+fmt.Sprintf("* soft nproc %d\n@flink - memlock unlimited\nflink hard nofile %d\n", 4096+i, 100000+n))
	}
	pam := []conf.File{
		{Path: "/etc/pam.d/sshd", Content: own + "@include common-auth\naccount required pam_nologin.so\n@include common-account\nsession [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so close\nsession required pam_loginuid.so\n@include common-session\nsession optional pam_motd.so noupdate\nsession required pam_limits.so\n"},
		{Path: "/etc/pam.d/common-auth", Content: "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\n"},
		{Path: "/etc/pam.d/common-account", Content: "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n"},
		{Path: "/etc/pam.d/common-session", Content: "session [default=1] pam_permit.so\nsession requisite pam_deny.so\nsession required pam_permit.so\nsession required pam_unix.so\nsession optional pam_systemd.so\n"},
		{Path: "/etc/pam.d/other", Content: "@include common-session\n"},
	}
	start := map[string]conf.Rlimits{}
	for _, item := range []string{"nofile", "nproc", "as", "memlock", "core", "stack"} {
		start[item] = conf.Rlimits{Soft: 1024, Hard: 1048576}
	}
	login := conf.Login{
		User:  conf.LoginUser{Name: "flink", UID: 1500, GID: 1500, Groups: []conf.LoginGroup{{Name: "flink", GID: 1500}}},
		Files: limits, Variants: []conf.Variant{conf.DebianVariant("1.5.2")}, NROpen: 1 << 20, Start: start, PID1: start,
	}
	unit := conf.Unit{Name: "flink-taskmanager.service", Systemd: 252, NROpen: 1 << 20, PID1: start, TasksTotal: 4194304, Files: []conf.File{
		{Path: "/etc/systemd/system.conf", Content: own + strings.Repeat("#DefaultLimitCPU=\n", 40) + "[Manager]\n"},
		{Path: "/etc/systemd/system/flink-taskmanager.service", Content: own + "[Unit]\nDescription=x\n[Service]\nExecStart=/opt/flink/bin/taskmanager.sh \\\n start-foreground\nLimitNOFILE=65536\n[Install]\nWantedBy=multi-user.target\n"},
		{Path: "/etc/systemd/system/flink-taskmanager.service.d/limits.conf", Content: own + "[Service]\nLimitNOFILE=100000:200000\nTasksMax=infinity\n"},
	}}
	return host, login, pam, unit
}

// BenchmarkResolveHost resolves all of a host that differs from the one
// before.
func BenchmarkResolveHost(b *testing.B) {
	type host struct {
		sysctl *conf.SysctlHost
		login  conf.Login
		pam    []conf.File
		unit   conf.Unit
	}
	hosts := make([]host, 256)
	for i := range hosts {
		h := &hosts[i]
		h.sysctl, h.login, h.pam, h.unit = distinctHost(i)
	}
	n := 0
	for b.Loop() {
		h := &hosts[n%len(hosts)]
		n++
		r := conf.SysctlBoot(h.sysctl, mapCount)
		login := h.login
		login.Modules = conf.PAMStack(h.pam, "sshd").Modules
		l := conf.ResolveLogin(login)
		u := conf.ResolveUnit(h.unit)
		if !r.Known || !l.Items["nofile"].Hard.Known || !u.Items["LimitNOFILE"].Hard.Known {
			b.Fatalf("unknown: %v, %v, %v", r.Why, l.Items["nofile"], u.Items["LimitNOFILE"])
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "hosts/s")
}

package conf_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// stringsOf calls f with every string in a value, and where it stands.
func stringsOf(v reflect.Value, at string, f func(at, s string)) {
	switch v.Kind() {
	case reflect.String:
		f(at, v.String())
	case reflect.Struct:
		for i := range v.NumField() {
			stringsOf(v.Field(i), at+"."+v.Type().Field(i).Name, f)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			stringsOf(v.Index(i), fmt.Sprintf("%s[%d]", at, i), f)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			stringsOf(k, at+" key", f)
			stringsOf(v.MapIndex(k), at+"["+k.String()+"]", f)
		}
	}
}

// A result lives long, and the files it was made of are large: no string of it
// may be a part of one, nor be as long.
func TestResultsKeepNoFile(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 1<<16)
	bad := strings.Repeat("9", 1<<16)
	files := func(dir, text string) []conf.File {
		return []conf.File{{Path: dir + "/a.conf", Content: text}, {Path: dir + "/b.conf", Content: text}}
	}
	release := osRelease("debian", "12")
	sysctls := append(files("/etc/sysctl.d", "vm.max_map_count=5\nvm.max_map_count="+bad+"\nvm.max_map_count "+long+"\nkernel.core_pattern=core.%p\n"),
		release, conf.File{Path: "/etc/tuned/active_profile", Content: "p " + long},
		conf.File{Path: "/etc/tuned/p/tuned.conf", Content: "[sysctl]\nvm.max_map_count=7 " + long})
	host := func(writers ...string) *conf.SysctlHost {
		return &conf.SysctlHost{Files: sysctls, Marks: systemd, Systemd: "252", Procps: "4.0.2", Live: "65530", Writers: writers}
	}
	writer := "/etc/rc.local:1:sysctl -w vm.max_map_count=" + long
	limits := append(files("/etc/security/limits.d", "flink - nofile 5\nflink - nofile 6\nflink - nofile 7 # "+long+"\nflink - "+long+" 5\nflink "+long+" nofile 5\n"+
		"flink - nofile "+long+"\n1:"+long+" - nofile 5\n@"+long+" - as 5\nflink - maxlogins 5\nflink - chroot /x\n"),
		conf.File{Path: limitsConf, Content: "flink -\n# x"})
	login := flinkLogin(limits[:2]...)
	login.User.GroupsUnknown = "nobody knows"
	login.Variants = []conf.Variant{conf.UpstreamVariant("1.6.1"), conf.DebianVariant("1.7.0")}
	unit := append(files(tmUnit+".d", "[Service]\nLimitNOFILE=5\nLimitNOFILE=6\nLimitNOFILE="+bad+"\nTasksMax="+bad+"\nPAMName=login\n[x"+long+"\n"), conf.File{Path: tmUnit, Content: service})
	pam := []conf.File{{Path: pamSSHD, Content: "session required pam_limits.so conf=/x # " + long + "\n@include " + long + "\n"}}
	sshd := []conf.File{{Path: "/etc/ssh/sshd_config", Content: "Include " + long + "\n"}}
	line := "ulimit -n 5 # " + long
	_, _, unknown := conf.SSHDUsesPAM(sshd)
	for _, r := range []struct {
		name   string
		result any
		from   []conf.File
	}{
		{"SysctlBoot", conf.SysctlBoot(host(writer), mapCount), sysctls},
		{"SysctlSystem", conf.SysctlSystem(host(), mapCount), sysctls},
		{"SysctlSystem of a text", conf.SysctlSystem(host(), "kernel.core_pattern"), sysctls},
		{"ResolveLogin", conf.ResolveLogin(login), limits},
		{"ResolveLogin without limits", conf.ResolveLogin(flinkLogin(limits...)), limits},
		{"ResolveUnit", conf.ResolveUnit(conf.Unit{Name: "tm.service", Files: unit, Systemd: 252, NROpen: 1 << 20}), unit},
		{"PAMStack", conf.PAMStack(pam, "sshd"), pam},
		{"SSHDUsesPAM", unknown, sshd},
		{"UlimitLine", conf.UlimitLine(conf.Place{File: "f", Line: 1}, line), []conf.File{{Content: line}, {Content: writer}}},
		{"VariantsOf", conf.VariantsOf(release.Content, "", sysctls), sysctls},
	} {
		stringsOf(reflect.ValueOf(r.result), r.name, func(at, s string) {
			if len(s) > 2000 || !utf8.ValidString(s) {
				t.Errorf("%s has %d bytes, valid UTF-8: %v", at, len(s), utf8.ValidString(s))
			}
			for _, f := range append(r.from, conf.File{Content: writer}) {
				if s != "" && within(s, f.Content) {
					t.Errorf("%s = %.40q is a part of %s", at, s, f.Path)
				}
			}
		})
	}
}

// within reports whether a string lies in the memory of another.
func within(s, whole string) bool {
	at, from := uintptr(unsafe.Pointer(unsafe.StringData(s))), uintptr(unsafe.Pointer(unsafe.StringData(whole)))
	return at >= from && at < from+uintptr(len(whole))
}

func TestAKeptTextIsTheBeginning(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 505, 506, 507, 508, 509, 510, 511, 512, 513, 100000} {
		text := "ulimit -n 5 #" + strings.Repeat("x", n%4) + strings.Repeat("€", n)
		got := conf.UlimitLine(conf.Place{}, text)[0].Text
		begin, clipped := strings.CutSuffix(got, "...")
		if !strings.HasPrefix(text, begin) || !utf8.ValidString(got) || clipped != (len(text) > 512) || len(got) > 512 || clipped && len(got) < 509 {
			t.Errorf("of %d bytes %d are kept, valid UTF-8: %v, clipped: %v", len(text), len(got), utf8.ValidString(got), clipped)
		}
	}
}

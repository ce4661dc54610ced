package conf_test

import (
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// What random trees showed where pam_limits of Debian and ResolveLogin
// disagreed.
func TestLoginAgreesWhereItOnceDidNot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		refused    bool
	}{
		{"any number for the user, none for all", "flink - maxlogins -1\n* - maxsyslogins 0\n", false},
		{"unlimited for the user, none for a group", "flink - maxsyslogins unlimited\n@flink - maxlogins 0\n", false},
		{"the later of two equals", "* - maxlogins -1\n* - maxlogins 0\n", true},
		{"none for the user, any number for all", "flink - maxlogins 0\n* - maxlogins -1\n", true},
		{"% beside what is not maxlogins", "% - maxsyslogins 0\n%flink - maxsyslogins 0\n", false},
		{"% beside maxlogins", "%flink - maxlogins 0\n", true},
		{"minus nothing is nothing", "flink - maxlogins -0\n", true},
	} {
		out := conf.ResolveLogin(conf.Login{
			User:     conf.LoginUser{Name: "flink", UID: 1500, GID: 1500, Groups: []conf.LoginGroup{{Name: "flink", GID: 1500}}},
			Files:    []conf.File{{Path: "/etc/security/limits.conf", Content: c.text}},
			Modules:  []conf.LimitsModule{{}},
			Variants: []conf.Variant{conf.DebianVariant("1.5.2")},
		})
		if (out.Refused != "") != c.refused {
			t.Errorf("%s: refused %q, want %v", c.name, out.Refused, c.refused)
		}
	}
}

// A soft limit of the start that is lowered to a hard one which the kernel then
// refuses is neither: no line of a file is behind it.
func TestALoweredLimitThatIsRefusedKeepsTheStart(t *testing.T) {
	t.Parallel()
	start := conf.Rlimits{Soft: 1 << 21, Hard: 1 << 21} // of before nr_open was lowered
	for _, c := range []struct {
		variant conf.Variant
		refused bool
	}{{conf.DebianVariant("1.5.2"), false}, {conf.UpstreamVariant("1.7.1"), true}} {
		out := conf.ResolveLogin(conf.Login{
			User:     conf.LoginUser{Name: "flink", UID: 1500, GID: 1500},
			Files:    []conf.File{{Path: "/etc/security/limits.conf", Content: "flink hard nofile 1500000\n"}},
			Modules:  []conf.LimitsModule{{}},
			Variants: []conf.Variant{c.variant},
			NROpen:   1 << 20,
			Start:    map[string]conf.Rlimits{"nofile": start},
		})
		if (out.Refused != "") != c.refused {
			t.Errorf("%s: refused %q, want %v", c.variant.Name, out.Refused, c.refused)
		}
		item := out.Items["nofile"]
		if got := (conf.Rlimits{Soft: item.Soft.Value, Hard: item.Hard.Value}); got != start || !item.Soft.Known || !item.Hard.Known {
			t.Errorf("%s: %+v, want %+v", c.variant.Name, item, start)
		}
		if len(item.Shadowed) != 1 || item.Shadowed[0].Text != "flink hard nofile 1500000" {
			t.Errorf("%s: shadowed %+v, want the line once", c.variant.Name, item.Shadowed)
		}
	}
}

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

package conf

import (
	"reflect"
	"testing"
)

func TestStackFindsPamLimitsThroughIncludes(t *testing.T) {
	t.Parallel()
	files := []File{
		{Path: "/etc/pam.d/sshd", Content: "auth required pam_limits.so\n@include common-session\nsession [success=ok ignore=ignore] pam_selinux.so close\n-session required \\\n pam_limits.so conf=/x set_all # why\n"},
		{Path: "/etc/pam.d/common-session", Content: "session sufficient pam_unix.so\n"},
	}
	want := []LimitsModule{{At: Place{"/etc/pam.d/sshd", 4}, Conf: "/x", SetAll: true, MaySkip: Place{"/etc/pam.d/common-session", 1}}}
	if got := PAMStack(files, "sshd"); got.Unknown != "" || !reflect.DeepEqual(got.Modules, want) {
		t.Errorf("PAMStack(sshd) = %+v, want %+v", got, want)
	}
	if got := PAMStack(files[:1], "sshd"); got.Unknown == "" {
		t.Errorf("PAMStack without the included file = %+v, want unknown", got)
	}
}

func TestSSHDTakesTheFirstUsePAM(t *testing.T) {
	t.Parallel()
	files := []File{
		{Path: "/etc/ssh/sshd_config", Content: "Include sshd_config.d/*.conf\nUsePAM no\n"},
		{Path: "/etc/ssh/sshd_config.d/50-x.conf", Content: "usepam yes\n"},
	}
	if yes, at, unknown := SSHDUsesPAM(files); !yes || at.String() != "/etc/ssh/sshd_config.d/50-x.conf:1" || unknown != "" {
		t.Errorf("SSHDUsesPAM = %v, %v, %q, want yes of the included file", yes, at, unknown)
	}
	files[1].Content = "Include /etc/crypto-policies/back-ends/opensshserver.config\nUsePAM yes\n"
	if yes, _, unknown := SSHDUsesPAM(files); !yes || unknown != "" {
		t.Errorf("SSHDUsesPAM behind the policy of algorithms = %v, %q, want yes", yes, unknown)
	}
	if _, _, unknown := SSHDUsesPAM(nil); unknown == "" {
		t.Error("SSHDUsesPAM without a file is known")
	}
}

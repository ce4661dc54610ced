package conf_test

import (
	"fmt"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

func TestSSHDUsesPAMOrNot(t *testing.T) {
	t.Parallel()
	const main, dir = "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d"
	for _, tt := range []struct {
		name string
		tree []string
		want string
	}{
		{"no", []string{main, "#UsePAM yes\nUsePAM no\nUsePAM yes\n"}, "false " + main + ":2 "},
		{"not said", []string{main, "Port 22\n"}, "false  "},
		{"other ways to write it", []string{main, "usepam=\"YES\"\r\n"}, "true " + main + ":1 "},
		{"only above Match", []string{main, "Match User x\nUsePAM yes\n"}, "false  "},
		{"included files by name", []string{main, "Include sshd_config.d/*.conf\n", dir + "/2.conf", "UsePAM yes\n", dir + "/10.conf", "UsePAM no\n"}, "false " + dir + "/10.conf:1 "},
		{"a hidden file is not included", []string{main, "Include " + dir + "/*.conf\n", dir + "/.a.conf", "UsePAM yes\n"}, "false  "},
		{"an empty directory", []string{main, "Include " + dir + "/*.conf\nUsePAM yes\n"}, "true " + main + ":2 "},
		{"some of the directory", []string{main, "Include sshd_config.d/5*.conf\nUsePAM yes\n", dir + "/10.conf", "UsePAM no\n"}, "true " + main + ":2 "},
		{"a file of the directory that sets nothing", []string{main, "Include sshd_config.d/10.conf\nUsePAM yes\n"}, "true " + main + ":2 "},
		{"another file by its name", []string{main, "Include local/x.conf\n", "/etc/ssh/local/x.conf", "UsePAM yes\n"}, "true /etc/ssh/local/x.conf:1 "},
		{"another file that is not among them", []string{main, "Include x.conf\nUsePAM yes\n"}, "false " + main + ":1 " + main + ":1 includes x.conf, which was not collected"},
		{"another directory", []string{main, "#\nInclude /etc/ssh/local.d/*.conf\n"}, "false " + main + ":2 " + main + ":2 includes /etc/ssh/local.d/*.conf, which was not collected"},
		{"other names in the directory", []string{main, "Include sshd_config.d/*\n", dir + "/10.conf", "UsePAM no\n"}, "false " + main + ":1 " + main + ":1 includes sshd_config.d/*, which was not collected"},
		{"a pattern that finds more than these", []string{main, "Include *.d/*.conf\n", dir + "/10.conf", "UsePAM no\n"}, "false " + main + ":1 " + main + ":1 includes *.d/*.conf, which was not collected"},
		{"a home is none", []string{main, "Include ~/x.conf\n"}, "false " + main + ":1 " + main + ":1 includes ~/x.conf, which was not collected"},
		{"nor is a name that begins so", []string{main, "Include ~x\n"}, "false " + main + ":1 " + main + ":1 includes ~x, which was not collected"},
		{"a way round to the directory", []string{main, "Include ../ssh/sshd_config.d/*.conf\n"}, "false " + main + ":1 " + main + ":1 includes ../ssh/sshd_config.d/*.conf, which was not collected"},
		{"what stands before counts", []string{main, "UsePAM yes\nInclude x.conf\n"}, "true " + main + ":1 "},
		{"Match in an included file ends with it", []string{main, "Include x\nUsePAM yes\n", "/etc/ssh/x", "Match all\n"}, "true " + main + ":2 "},
		{"a file that includes itself", []string{main, "Include sshd_config\n"}, "false " + main + " " + main + " was not read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			yes, at, unknown := conf.SSHDUsesPAM(tree(tt.tree...))
			if got := fmt.Sprintf("%v %s %s", yes, at, unknown); got != tt.want {
				t.Errorf("SSHDUsesPAM = %q, want %q", got, tt.want)
			}
		})
	}
	files := []conf.File{{Path: main, Content: "Include x\n"}, {Path: "/etc/ssh/x", Kind: conf.FileUnreadable}}
	if _, _, unknown := conf.SSHDUsesPAM(files); unknown != "/etc/ssh/x was not read" {
		t.Errorf("SSHDUsesPAM with an unreadable file is unknown %q, want it named", unknown)
	}
	for _, tt := range []struct{ text, want string }{
		{"Include sshd_config.d/*.conf\nUsePAM yes\n", main + ":1 includes sshd_config.d/*.conf, and " + dir + " cannot be read"},
		{"Include " + dir + "/10.conf\n", main + ":1 includes " + dir + "/10.conf, and " + dir + " cannot be read"},
		{"UsePAM yes\nInclude sshd_config.d/*.conf\n", ""},
	} {
		files := []conf.File{{Path: main, Content: tt.text}, {Path: dir, Kind: conf.FileUnreadable}, {Path: dir + "/10.conf", Content: "UsePAM no\n"}}
		if _, _, unknown := conf.SSHDUsesPAM(files); unknown != tt.want {
			t.Errorf("SSHDUsesPAM(%q) with a closed directory is unknown %q, want %q", tt.text, unknown, tt.want)
		}
	}
}

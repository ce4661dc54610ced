package conf_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// stackWords is a stack on one line: the modules with what matters, or why it
// is not known.
func stackWords(s conf.Stack) string {
	if s.Unknown != "" {
		return "? " + s.Unknown
	}
	var all []string
	for _, m := range s.Modules {
		word := m.At.String()
		if m.Conf != "" {
			word += " conf=" + m.Conf
		}
		if m.SetAll {
			word += " set_all"
		}
		if m.Optional {
			word += " optional"
		}
		if m.MaySkip.File != "" {
			word += " skipped by " + m.MaySkip.String()
		}
		all = append(all, word)
	}
	return strings.Join(all, "; ")
}

const pamSSHD = "/etc/pam.d/sshd"

func TestPAMStackIsReadAsLibpamReadsIt(t *testing.T) {
	t.Parallel()
	const limits = "session required pam_limits.so"
	for _, tt := range []struct {
		name string
		tree []string
		want string
	}{
		{"set_all and conf=", []string{pamSSHD, limits + " debug set_all conf=/etc/x.conf\n"}, pamSSHD + ":1 conf=/etc/x.conf set_all"},
		{"an empty conf= is none", []string{pamSSHD, limits + " conf=\n"}, pamSSHD + ":1"},
		{"an argument in brackets", []string{pamSSHD, limits + " [conf=/etc/a b.conf]\n"}, pamSSHD + ":1 conf=/etc/a b.conf"},
		{"any spelling of the words", []string{pamSSHD, "Session REQUIRED /lib/security/pam_limits.so\n"}, pamSSHD + ":1"},
		{"other types do not count", []string{pamSSHD, "auth required pam_limits.so\naccount required pam_limits.so\n#" + limits + "\nsession required pam_unix.so\n"}, ""},
		{"twice", []string{pamSSHD, limits + "\n" + limits + "\n"}, pamSSHD + ":1; " + pamSSHD + ":2"},
		{"optional", []string{pamSSHD, "session optional pam_limits.so\nsession [default=ignore] pam_limits.so\nsession [perm_denied=ignore default=bad] pam_limits.so\nsession [default=ignore perm_denied=bad] pam_limits.so\nsession [success=ok] pam_limits.so\n"},
			pamSSHD + ":1 optional; " + pamSSHD + ":2 optional; " + pamSSHD + ":3 optional; " + pamSSHD + ":4; " + pamSSHD + ":5"},
		{"a jump over it", []string{pamSSHD, "session [success=1 default=ignore] pam_succeed_if.so\n" + limits + "\n" + limits + "\n"},
			pamSSHD + ":2 skipped by " + pamSSHD + ":1; " + pamSSHD + ":3"},
		{"sufficient before it", []string{pamSSHD, "session sufficient pam_a.so\nsession required pam_b.so\n" + limits + "\n"}, pamSSHD + ":3 skipped by " + pamSSHD + ":1"},
		{"what ends a substack does not end the stack", []string{pamSSHD, "session substack inner\n" + limits + "\n", "/etc/pam.d/inner", "session sufficient pam_a.so\n" + limits + "\n"},
			"/etc/pam.d/inner:2 skipped by /etc/pam.d/inner:1; " + pamSSHD + ":2"},
		{"what ends an included file ends the stack", []string{pamSSHD, "session include inner\n" + limits + "\n", "/etc/pam.d/inner", "session sufficient pam_a.so\n"},
			pamSSHD + ":2 skipped by /etc/pam.d/inner:1"},
		{"a substack is one line to a jump", []string{pamSSHD, "session [success=1 default=ignore] pam_a.so\nsession substack inner\n" + limits + "\n", "/etc/pam.d/inner", limits + "\n" + limits + "\n"},
			"/etc/pam.d/inner:1 skipped by " + pamSSHD + ":1; /etc/pam.d/inner:2 skipped by " + pamSSHD + ":1; " + pamSSHD + ":3"},
		{"a chain of includes", []string{pamSSHD, "@include a\n", "/etc/pam.d/a", "session include b\nauth include c\n", "/etc/pam.d/b", "@include d\n", "/etc/pam.d/d", limits + "\n"}, "/etc/pam.d/d:1"},
		{"the distribution's file", []string{"/usr/lib/pam.d/sshd", limits + "\n"}, "/usr/lib/pam.d/sshd:1"},
		{"the host's file hides it", []string{"/usr/lib/pam.d/sshd", limits + "\n", pamSSHD, "session required pam_unix.so\n"}, ""},
		{"no session line: those of other", []string{pamSSHD, "auth required pam_unix.so\n", "/etc/pam.d/other", limits + "\n"}, "/etc/pam.d/other:1"},
		{"a line that goes on, with blank lines and comments in it", []string{pamSSHD, "session \\\n\n # why\nrequired \\  \n pam_limits.so set_all\n"}, pamSSHD + ":1 set_all"},
		{"a comment ends a line, whatever stands in it", []string{pamSSHD, limits + " # \\\nset_all\n"}, pamSSHD + ":1"},
		{"an included file that is not there", []string{pamSSHD, "session include nothing\n" + limits + "\n"}, "? " + pamSSHD + ":1: nothing is not there or was not collected"},
		{"no file at all", nil, "? no file of service sshd in /etc/pam.d"},
		{"it includes itself", []string{pamSSHD, "@include sshd\n"}, "? " + pamSSHD + " is included too often"},
		{"a line that never ends", []string{pamSSHD, limits + " \\\n"}, "? " + pamSSHD + " ends in a line that goes on: libpam opens no session"},
		{"CRLF", []string{pamSSHD, limits + "\r\n"}, "? " + pamSSHD + ":1: a carriage return is a part of the module's name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := stackWords(conf.PAMStack(tree(tt.tree...), "sshd")); got != tt.want {
				t.Errorf("PAMStack = %s\nwant       %s", got, tt.want)
			}
		})
	}
}

func TestPAMStackOfWhatCannotBeReadIsUnknown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file conf.File
		want string
	}{
		{conf.File{Path: pamSSHD, Kind: conf.FileUnreadable}, "? " + pamSSHD + " is unreadable"},
		{conf.File{Path: pamSSHD, Kind: conf.FileDir}, "? " + pamSSHD + " is directory"},
		{conf.File{Path: pamSSHD, Kind: conf.FileOther}, "? " + pamSSHD + " is not regular"},
		{conf.File{Path: pamSSHD, Content: "session required pam_unix.so\n", Cut: true}, "? " + pamSSHD + " was not read to its end"},
	} {
		if got := stackWords(conf.PAMStack([]conf.File{tt.file}, "sshd")); got != tt.want {
			t.Errorf("%s: PAMStack = %s, want %s", tt.file.Kind, got, tt.want)
		}
	}
}

// A directory that cannot be read may have what was not found before it.
func TestPAMStackOfAClosedDirectoryIsUnknown(t *testing.T) {
	t.Parallel()
	const limits = "session required pam_limits.so\n"
	for _, tt := range []struct {
		name, closed string
		tree         []string
		want         string
	}{
		{"the first", "/etc/pam.d", []string{"/etc/pam.d/other", limits, "/usr/lib/pam.d/sshd", limits}, "? /etc/pam.d cannot be read, and service sshd may be there"},
		{"the file is known nevertheless", "/etc/pam.d", []string{pamSSHD, limits}, pamSSHD + ":1"},
		{"found before it", "/usr/lib/pam.d", []string{pamSSHD, limits}, pamSSHD + ":1"},
		{"not found before it", "/usr/share/pam.d", []string{"/etc/pam.d/other", limits}, "? /usr/share/pam.d cannot be read, and service sshd may be there"},
		{"an included file", "/usr/lib/pam.d", []string{pamSSHD, "@include common\n" + limits}, "? " + pamSSHD + ":1: /usr/lib/pam.d cannot be read, and common may be there"},
		{"an included file that is found", "/usr/etc/pam.d", []string{pamSSHD, "session include common\n", "/usr/lib/pam.d/common", limits}, "/usr/lib/pam.d/common:1"},
		{"other, of which the lines are needed", "/usr/lib/pam.d", []string{pamSSHD, "auth required pam_unix.so\n"}, "? /usr/lib/pam.d cannot be read, and service other may be there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := append(tree(tt.tree...), conf.File{Path: tt.closed, Kind: conf.FileUnreadable})
			if got := stackWords(conf.PAMStack(files, "sshd")); got != tt.want {
				t.Errorf("PAMStack = %s\nwant       %s", got, tt.want)
			}
		})
	}
}

func TestPAMDirsAreReadInTheirOrder(t *testing.T) {
	t.Parallel()
	const limits = "session required pam_limits.so\n"
	for i := range conf.PAMDirs {
		var pairs []string
		for _, dir := range conf.PAMDirs[i:] {
			pairs = append(pairs, dir+"/sshd", limits)
		}
		if got, want := conf.PAMStack(tree(pairs...), "sshd").At, conf.PAMDirs[i]+"/sshd"; got != want {
			t.Errorf("PAMStack of files in %q is read from %s, want %s", conf.PAMDirs[i:], got, want)
		}
	}
}

func FuzzPAMStack(f *testing.F) {
	f.Add("@include a\nsession required pam_limits.so set_all\n", "session substack sshd\n@include b\n@include b\n", "session [success=3 default=done] x.so \\\n")
	f.Add("@include a\n@include a\n", "@include b\n@include b\n", "@include sshd\n@include sshd\n")
	f.Fuzz(func(t *testing.T, sshd, a, b string) {
		files := []conf.File{{Path: pamSSHD, Content: sshd}, {Path: "/etc/pam.d/a", Content: a}, {Path: "/usr/lib/pam.d/b", Content: b}}
		s := conf.PAMStack(files, "sshd", "crond")
		if len(s.Modules) > 4096 {
			t.Errorf("%d modules", len(s.Modules))
		}
		for _, m := range s.Modules {
			if m.At.File == "" || m.At.Line == 0 {
				t.Errorf("a module at %v", m.At)
			}
		}
		if again := conf.PAMStack(files, "sshd", "crond"); !reflect.DeepEqual(s, again) {
			t.Errorf("twice differs: %+v and %+v", s, again)
		}
		conf.SSHDUsesPAM([]conf.File{{Path: "/etc/ssh/sshd_config", Content: sshd}, {Path: "/etc/ssh/a", Content: a}})
	})
}

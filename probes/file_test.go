package probes

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFilesHaveModesAndOwners: ls -ldn may come from the host's root or from a
// directory that stands for it, and may name files that nobody printed.
func TestFilesHaveModesAndOwners(t *testing.T) {
	t.Parallel()
	out := "tmdoctor-begin n 1\n" +
		"@f - - - - /etc/sysctl.conf\n|a=1\n$0\n@l - - - - /etc/sysctl.d/99-sysctl.conf -> ../sysctl.conf\n|a=1\n$0\n@a - - - - /etc/gone\n" +
		"@f - - - - /etc/sysctl.d/zero.conf\n|x\n$0\n" + // of "x\0y\n", as a shell reads it
		"@o - - - - /etc/sysctl.d/x.conf -> /dev/null\n" +
		"[maps\n=maps.ls -rw-r----- 1 0 42 4 Nov  1 10:00 ./etc/sysctl.conf\n" +
		"=maps.ls lrwxrwxrwx 1 0 0 14 Nov  1  2025 ./etc/sysctl.d/99-sysctl.conf -> ../sysctl.conf\n" +
		"=maps.ls -rw-r--r-- 1 0 0 4 Nov  1 10:00 ./etc/sysctl.d/zero.conf\n" +
		"=maps.ls -rw-r--r-- 1 0 0 5 Nov  1 10:00 ./etc/other\n=maps.ls nonsense\n]maps 1\n" +
		"[host\n=host.date 2026-10-30 12:00:00 +0100\n]host 1\ntmdoctor-end n\n"
	f, err := ParseFacts([]byte(out), "n")
	if err != nil {
		t.Fatal(err)
	}
	want := []File{
		{Path: "/etc/sysctl.conf", Kind: FileRegular, Mode: "-rw-r-----", UID: 0, GID: 42, Size: 4, Modified: 1761987600, Content: "a=1\n"},                    // no year: the newest that is not in the future
		{Path: "/etc/sysctl.d/99-sysctl.conf", Kind: FileLink, Target: "../sysctl.conf", Mode: "lrwxrwxrwx", Size: 14, Modified: 1761951600, Content: "a=1\n"}, // no time: the day, in the host's zone
		{Path: "/etc/gone", Kind: FileAbsent, UID: -1, GID: -1, Size: -1},
		{Path: "/etc/sysctl.d/zero.conf", Kind: FileRegular, Mode: "-rw-r--r--", Size: 4, Modified: 1761987600, Content: "x\n", Cut: true},
		{Path: "/etc/sysctl.d/x.conf", Kind: FileOther, Target: "/dev/null", UID: -1, GID: -1, Size: -1},
	}
	if diff := cmp.Diff(want, f.Files); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

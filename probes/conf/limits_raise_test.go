package conf_test

import (
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

func TestALineIsFreedInItsPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, content string
		line          int
		want, err     string
	}{
		{"a line", "a\nflink soft as 5\nb\n", 2, "a\nflink soft as unlimited\nb\n", ""},
		{"its spelling and remark", "\t@tm  -\tAS   5  # why\n", 1, "\t@tm  -\tAS   unlimited  # why\n", ""},
		{"no end", "* hard as 5", 1, "* hard as unlimited", ""},
		{"CRLF", "* hard as 5\r\nx\r\n", 1, "* hard as unlimited\r\nx\r\n", ""},
		{"another item", "* hard nofile 5\n", 1, "", "not about as"},
		{"a line that is not there", "* hard as 5\n", 3, "", "no line 3"},
		{"a fifth word", "* hard as 5 6\n", 1, "", "four plain words"},
		{"three words", "* hard as\n", 1, "", "four plain words"},
		{"a form feed", "* hard as\f5\n", 1, "", "four plain words"},
		{"zero bytes", "* hard as 5\x00\n", 1, "", "four plain words"},
		{"a line that old builds cut", "* hard as 5 #" + strings.Repeat("x", 1100) + "\n", 1, "", "four plain words"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := conf.FreeLimit(tt.content, "as", tt.line)
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("FreeLimit(%q) = %q, %v, want %q, %q", tt.content, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestAnItemIsRenamedOnlyWhereThatTakesNothingAway(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, want, err string }{
		{"unlimited", "flink  soft\tvmem  unlimited # x\n", "flink  soft\tas  unlimited # x\n", ""},
		{"infinity in capitals", "@vmem - VMEM INFINITY\n", "@vmem - as INFINITY\n", ""},
		{"-1, of a user of that name", "vmem hard vmem -1\n", "vmem hard as -1\n", ""},
		{"a number", "* hard vmem 80000000\n", "", "would begin to limit"},
		{"0", "* hard vmem 0\n", "", "would begin to limit"},
		{"a type that is none", "* both vmem unlimited\n", "", "no type"},
		{"another item", "* hard as unlimited\n", "", "not about vmem"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := conf.RenameLimit(tt.content, "vmem", "as", 1)
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("RenameLimit(%q) = %q, %v, want %q, %q", tt.content, got, err, tt.want, tt.err)
			}
		})
	}
}

// TestTheTextsToldAreThoseThatAnEditChanges: what an edit would replace is
// what it is compared with.
func TestTheTextsToldAreThoseThatAnEditChanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ content, soft, hard string }{
		{"flink soft nofile 5\nflink hard nofile 6 # x\n", "5", "6"},
		{"flink soft nofile 5\nflink - nofile 7\nflink hard nofile 6\n", "", "6"},
		{"* soft nofile 5\nflink soft as 5\n", "", ""},
		{"", "", ""},
	} {
		if soft, hard := conf.LimitsText(tt.content, "flink", "nofile"); soft != tt.soft || hard != tt.hard {
			t.Errorf("LimitsText(%q) = %q, %q", tt.content, soft, hard)
		}
	}
	for _, tt := range []struct {
		content, value string
		ok             bool
	}{
		{"vm.max_map_count = 5 \r\n", "5", true},
		{"vm.max_map_count=5\nvm/max_map_count=6", "6", true},
		{"vm.max_map_count=5\n-vm.max_map_count\n", "", false},
		{"# vm.max_map_count=5\n", "", false},
		{"", "", false},
	} {
		if value, ok := conf.SysctlText(tt.content, mapCount); ok != tt.ok || ok && value != tt.value {
			t.Errorf("SysctlText(%q) = %q, %v", tt.content, value, ok)
		}
	}
}

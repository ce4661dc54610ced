package conf

import (
	"strings"
	"testing"
)

func TestSetLimitsChangesTheValueInPlaceAndAddsWhatIsMissing(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"empty file", "", "flink soft nofile 5\nflink hard nofile 9\n"},
		{"no last newline", "* - nofile 1", "* - nofile 1\nflink soft nofile 5\nflink hard nofile 9\n"},
		{"in place", "flink\tSOFT nofile  1 # why\nflink hard nofile 2\r\n", "flink\tSOFT nofile  5 # why\nflink hard nofile 9\r\n"},
		{"a dash line behind", "flink soft nofile 1\nflink - nofile 2\n", "flink soft nofile 1\nflink - nofile 2\nflink soft nofile 5\nflink hard nofile 9\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := SetLimits(tt.in, "flink", "nofile", "5", "9"); got != tt.want {
				t.Errorf("SetLimits(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func FuzzSetLimitsTwiceIsOnceAndResolves(f *testing.F) {
	f.Add("* - nofile 1")
	f.Add("flink soft nofile 1 # x\nflink - nofile 7\r\n")
	f.Add("flink soft nofile 1 # x\nflink - nofile 7\re\n")
	f.Add("flink soft\rnofile 1 # x\n")
	f.Add("flink\u00a0soft nofile 1\n")
	f.Add("flink soft nofile 1 2\nflink hard nofile 3\n")
	f.Fuzz(func(t *testing.T, content string) {
		once := SetLimits(content, "flink", "nofile", "5", "9")
		if twice := SetLimits(once, "flink", "nofile", "5", "9"); twice != once {
			t.Fatalf("twice = %q, once = %q", twice, once)
		}
		if strings.Contains(content, "\x00") {
			return
		}
		for _, v := range []Variant{DebianVariant("1.5.2"), UpstreamVariant("1.5.2"), UpstreamVariant("1.7.1")} {
			out := ResolveLogin(Login{
				User: LoginUser{Name: "flink", UID: 1500, GID: 1500}, NROpen: 1 << 20, Modules: []LimitsModule{{}}, Variants: []Variant{v},
				Files: []File{{Path: "/etc/security/limits.conf", Content: once}},
			})
			r := out.Items["nofile"]
			ended := len(r.Chain) > 0 && strings.HasPrefix(r.Chain[len(r.Chain)-1].What, "no limits for the user")
			if !ended && (r.Soft.Value != 5 || r.Hard.Value != 9) {
				t.Fatalf("%s: after SetLimits(%q) the session gets %v, %v", v.Name, content, r.Soft, r.Hard)
			}
		}
	})
}

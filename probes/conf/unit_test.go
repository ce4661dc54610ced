package conf

import "testing"

func TestUnitGetsTheLastLineThatSystemdAccepts(t *testing.T) {
	t.Parallel()
	const unit = "/usr/lib/systemd/system/flink-tm.service"
	tests := []struct {
		name       string
		files      []File
		soft, hard Rlimit
		at         string
	}{
		{"default", []File{{Path: unit, Content: "[Service]\n"}}, 1024, 524288, ""},
		{"manager default", []File{{Path: unit, Content: "[Service]\n"}, {Path: "/etc/systemd/system.conf", Content: "[Manager]\nDefaultLimitNOFILE=7:8\n"}}, 7, 8, "/etc/systemd/system.conf:2"},
		{"empty does not reset, suffix is refused", []File{{Path: unit, Content: "[Service]\nLimitNOFILE=9\nLimitNOFILE=\nLimitNOFILE=64K\nLimitNOFILE=5:3\n"}}, 9, 9, unit + ":2"},
		{"prefix drop-in hides the unit's own of that name below it", []File{
			{Path: unit, Content: "[Service]\n"},
			{Path: "/etc/systemd/system/flink-.service.d/a.conf", Content: "[Service]\nLimitNOFILE=3\n"},
			{Path: unit + ".d/a.conf", Content: "[Service]\nLimitNOFILE=4\n"},
		}, 3, 3, "/etc/systemd/system/flink-.service.d/a.conf:2"},
		{"the name decides, not the closeness", []File{
			{Path: unit, Content: "[Service]\n"},
			{Path: "/etc/systemd/system/flink-tm.service.d/50.conf", Content: "[Service]\nLimitNOFILE=3\n"},
			{Path: "/usr/lib/systemd/system/service.d/90.conf", Content: "[Service]\nLimitNOFILE=4\n"},
		}, 4, 4, "/usr/lib/systemd/system/service.d/90.conf:2"},
		{"a mask hides a drop-in", []File{
			{Path: unit, Content: "[Service]\n"},
			{Path: "/etc/systemd/system/flink-tm.service.d/50.conf", Kind: FileOther, Target: "/dev/null"},
			{Path: unit + ".d/50.conf", Content: "[Service]\nLimitNOFILE=4\n"},
		}, 1024, 524288, ""},
		{"above nr_open", []File{{Path: unit, Content: "[Service]\nLimitNOFILE=infinity\n"}}, 1 << 20, 1 << 20, unit + ":2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := ResolveUnit(Unit{Name: "flink-tm.service", Files: tt.files, Systemd: 252, NROpen: 1 << 20}).Items["LimitNOFILE"]
			if r.Soft.Value != tt.soft || r.Hard.Value != tt.hard || !r.Hard.Known || r.Hard.At.String() != tt.at {
				t.Errorf("LimitNOFILE = %v, %v at %q, want %v, %v at %q", r.Soft, r.Hard, r.Hard.At, tt.soft, tt.hard, tt.at)
			}
		})
	}
}

func TestUnitNumbersAreReadAsSystemdReadsThem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		size bool
		want Rlimit
		ok   bool
	}{
		{"0x100", false, 256, true}, {"+5", false, 5, true}, {"64K", false, 0, false}, {"unlimited", false, 0, false},
		{"1.5G", true, 1610612736, true}, {"1G 500M", true, 1598029824, true}, {"2g", true, 0, false}, {"2GB", true, 0, false}, {"", true, 0, false},
	}
	for _, tt := range tests {
		got, ok := Unit{}.limit(tt.in, tt.size)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("limit(%q, %v) = %v, %v, want %v, %v", tt.in, tt.size, got, ok, tt.want, tt.ok)
		}
	}
}

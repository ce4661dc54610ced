package probes

import "testing"

func TestSettingsAreFoundByTheirNames(t *testing.T) {
	t.Parallel()
	for _, name := range SettingNames() {
		p := BySetting(name)
		if p == nil || p.Setting.Name != name {
			t.Fatalf("BySetting(%q) = %v, want its probe", name, p)
		}
		if found := Explain(name, nil); len(found) != 2 || found[0].Name != p.Name || found[0].Setting != p.Setting || found[1].Kind != "cause" {
			t.Errorf("Explain(%q) = %v, want probe %s and its cause", name, topicNames(found), p.Name)
		}
		if s := p.Setting; s.Of(Running) != s.Running || s.Of(Live) != s.Live || s.Of(Boot) != s.Boot {
			t.Errorf("%s: Of tells another horizon", name)
		}
	}
	if p := BySetting("maps"); p != nil {
		t.Errorf("BySetting(maps) = %s, want nil: that is a probe", p.Name)
	}
	for _, row := range []struct{ word, want string }{
		{"nofiles", "nofile"}, {"vm.max_map_counts", "vm.max_map_count"}, {"vm.max_mapcount", "vm.max_map_count"},
		{"NOFILE", "nofile"}, {"swappiness", ""}, {"", ""},
	} {
		if got := NearestSetting(row.word); got != row.want {
			t.Errorf("NearestSetting(%q) = %q, want %q", row.word, got, row.want)
		}
	}
}

// TestWhatASettingIs: IsSetting is what Why resolves, and a key that nobody has
// is told by MeantSetting.
func TestWhatASettingIs(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, meant string
		want        bool
	}{
		{"nofile", "", true}, {"core", "", true}, {"LimitNOFILE", "", true}, {"LimitMEMLOCK", "", true},
		{"vm.max_map_count", "", true}, {"vm/max_map_count", "", true}, {"fs.nr_open", "", true},
		{"net.ipv4.conf.eth0/1.rp_filter", "", true}, {"vm.swappiness", "", true},
		{"vm.max_map_coun", "vm.max_map_count", true}, {"vm/max_mapcount", "vm.max_map_count", true},
		{"vm.max_map_counts2", "vm.max_map_count", true}, {"vm.max_map_c", "", true},
		{"nofiles", "", false}, {"NOFILE", "", false}, {"LimitFOO", "", false}, {"vm", "", false}, {"vm.", "", false},
		{"max_map_count", "", false}, {"a b.c", "", false}, {"", "", false},
	} {
		if got := IsSetting(row.name); got != row.want {
			t.Errorf("IsSetting(%q) = %v, want %v", row.name, got, row.want)
		}
		if _, err := Why(&Facts{}, nil, row.name); (err == nil) != row.want {
			t.Errorf("Why(%q) is %v, and IsSetting says %v", row.name, err, row.want)
		}
		if got := MeantSetting(row.name); got != row.meant {
			t.Errorf("MeantSetting(%q) = %q, want %q", row.name, got, row.meant)
		}
	}
}

func TestWhatIsNotSeenOfTheNextBoot(t *testing.T) {
	t.Parallel()
	all := bootNotSeen([]Standing{{Setting: "nproc", Boot: HorizonValue{Unknown: "why"}}})
	for _, row := range []struct {
		n    NotSeen
		want string
	}{{all[0], "nproc"}, {NotSeen{Fact: "counts.4711"}, ""}, {NotSeen{}, ""}} {
		if got := row.n.BootSetting(); got != row.want {
			t.Errorf("BootSetting of %q = %q, want %q", row.n.Fact, got, row.want)
		}
	}
}

func TestHorizonsAreReadByName(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		want Horizon
		ok   bool
	}{
		{"all", "", true}, {"running", Running, true}, {"live", Live, true}, {"boot", Boot, true},
		{"", "", false}, {"reboot", "", false}, {"Boot", "", false},
	} {
		got, err := ParseHorizon(row.name)
		if got != row.want || (err == nil) != row.ok {
			t.Errorf("ParseHorizon(%q) = %q, %v; want %q, ok %v", row.name, got, err, row.want, row.ok)
		}
	}
}

// TestChainIsKnownOnlyIfEveryHorizonIs: nothing at all is not known either.
func TestChainIsKnownOnlyIfEveryHorizonIs(t *testing.T) {
	t.Parallel()
	value, none := HorizonValue{Value: "1", Source: "x"}, HorizonValue{Unknown: "why"}
	standing := func(running, live, boot HorizonValue) Standing {
		return Standing{Setting: "nofile", Running: running, Live: live, Boot: boot}
	}
	part := func(v HorizonValue) []ChainPart { return []ChainPart{{Result: v}} }
	for _, row := range []struct {
		name string
		c    Chain
		want bool
	}{
		{"all three", Chain{Standings: []Standing{standing(value, value, value)}}, true},
		{"running is not", Chain{Standings: []Standing{standing(none, value, value)}}, false},
		{"live is not", Chain{Standings: []Standing{standing(value, none, value)}}, false},
		{"boot is not", Chain{Standings: []Standing{standing(value, value, none)}}, false},
		{"the second user's is not", Chain{Standings: []Standing{standing(value, value, value), standing(value, value, none)}}, false},
		{"standings are known and a part is not", Chain{Standings: []Standing{standing(value, value, value)}, Parts: part(none)}, true},
		{"a part alone", Chain{Parts: part(value)}, true},
		{"a part alone that is not", Chain{Parts: part(none)}, false},
		{"nothing", Chain{}, false},
	} {
		if got := row.c.Known(); got != row.want {
			t.Errorf("%s: Known() = %v, want %v", row.name, got, row.want)
		}
	}
}

package probes

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhyMemoryMaxTellsNowAndTheNextBoot(t *testing.T) {
	t.Parallel()
	const unit, file = "flink.service", "/etc/systemd/system/flink.service"
	for _, c := range []struct {
		name, line string
		memory     Value[int64]
		shown      Value[Limit]
		live, boot HorizonValue
	}{
		{"a share of the memory", "MemoryMax=25%", Known(int64(4 << 30)), Known(Limit(2 << 30)),
			HorizonValue{Value: "2147483648", Source: "systemctl show " + unit}, HorizonValue{Value: "1073741824", Source: file + ":2"}},
		{"a share of what is not known", "MemoryMax=25%", Unknown[int64]("no /proc/meminfo"), Known(Limit(2 << 30)),
			HorizonValue{Value: "2147483648", Source: "systemctl show " + unit}, HorizonValue{Source: file + ":2", Unknown: "25% of the host's memory, which was not read"}},
		{"a systemd that does not tell", "MemoryMax=1G", Known(int64(4 << 30)), Unknown[Limit]("systemctl show does not tell MemoryMax"),
			HorizonValue{Source: "systemctl show " + unit, Unknown: "systemctl show does not tell MemoryMax"}, HorizonValue{Value: "1073741824", Source: file + ":2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tm := aTaskManager(4711)
			tm.Launch = Launch{Kind: LaunchSystemd, Unit: unit}
			f := withFile(aHost(tm), file, "[Service]\n"+c.line+"\n")
			f.Memory.Total = c.memory
			f.NoFile.Units[unit] = Known(UnitLimits{MemoryMax: c.shown})
			chain, err := Why(f, nil, "MemoryMax")
			if err != nil || len(chain.Standings) != 1 {
				t.Fatalf("%v, %d standings", err, len(chain.Standings))
			}
			s := chain.Standings[0]
			if d := cmp.Diff([]HorizonValue{c.live, c.boot}, []HorizonValue{s.Live, s.Boot}); d != "" {
				t.Errorf("live and boot (-want +got):\n%s", d)
			}
		})
	}
}

package probes

import (
	_ "embed"
	"fmt"
)

// Maps is the probe of vm.max_map_count.
var Maps = Probe{
	Name: "maps",
	Doc: `memory maps of each TaskManager against vm.max_map_count

The kernel refuses a process more memory maps than vm.max_map_count (mmap, mprotect, munmap and thread creation then fail with
ENOMEM or EAGAIN), and a JVM that is refused aborts: an hs_err file and lines in the .out file, not a RocksDBException. Flink's RocksDB does
not map its data files unless a RocksDBOptionsFactory sets allow_mmap_reads; threads (two maps each), native libraries, mapped buffers and ZGC use the maps.`,
	Words:  []string{"vm.max_map_count", "sysctl vm.max_map_count", "65530", "262144", "sysctl -w", "/etc/sysctl.conf", "sysctl -p"},
	Budget: 5,
	Script: mapsScript,
	Codes: []Code{
		{
			Slug: "low", Default: Warn, Fixable: true,
			Title:   "vm.max_map_count is below the floor of the policy",
			Means:   "The limit is lower than the policy asks. That alone explains no failure: see the maps in use.",
			Measure: "/proc/sys/vm/max_map_count",
			Source:  "Linux Documentation/admin-guide/sysctl/vm.rst, max_map_count: default 65530",
			Fix:     "sysctl -w vm.max_map_count=262144, and the same line in a file that wins at boot (tmdoctor why HOST vm.max_map_count)",
		},
		{
			Slug: "near", Default: Fail, Fixable: true,
			Title:   "a TaskManager uses most of the memory maps it may have",
			Means:   "The JVM will abort when the rest is used up.",
			Measure: "lines of /proc/PID/maps against /proc/sys/vm/max_map_count",
			Source:  "Linux mm/mmap.c: a process may have max_map_count + 1 maps",
			Fix:     "sysctl -w vm.max_map_count=262144; it takes effect at once, without a restart",
		},
	},
	Thresholds: []Threshold{
		{Name: "maps/floor", Default: 262144, Unit: "maps", Doc: "vm.max_map_count is to be at least this", Source: "the runbook's value, from Elasticsearch and Lucene practice"},
		{Name: "maps/near", Default: 60, Unit: "%", Doc: "share of vm.max_map_count in use from which it fails"},
	},
	Parse: parseMaps,
	Judge: judgeMaps,
}

//go:embed maps.sh
var mapsScript string

// MapsFacts are the kernel's limit on memory maps and who uses how many.
type MapsFacts struct {
	MaxMapCount Value[int64] `json:"max_map_count" need:"needed"`
	// Counts are the maps of each TaskManager by pid. The kernel shows them
	// only to the process's own user and root.
	Counts map[int]Value[int64] `json:"counts"`
}

func parseMaps(r Records, f *Facts) {
	f.Maps.MaxMapCount = r.Int("maps.max_map_count")
	f.Maps.Counts = map[int]Value[int64]{}
	for _, tm := range f.Flink.TaskManagers {
		f.Maps.Counts[tm.PID] = r.Int(fmt.Sprintf("maps.%d.count", tm.PID))
	}
}

func judgeMaps(in Input) Judgement {
	j := Judgement{Want: fmt.Sprint(in.Threshold("maps/floor"))}
	return j
}

package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

// TestEveryKindOfTraitIsCompared gives two sick hosts one thing that the others
// have not.
func TestEveryKindOfTraitIsCompared(t *testing.T) {
	t.Parallel()
	mounted := func(role, point string, options ...string) []probes.DirFacts {
		return []probes.DirFacts{{Path: "/x", Roles: []string{role}, Mount: probes.Known(probes.Mount{Point: point, Type: "ext4", Options: options})}}
	}
	unit := func(h *Host, content string, dropIns ...string) {
		h.Facts.Files[0].Content = content
		h.Facts.NoFile.Units = map[string]probes.Value[probes.UnitLimits]{
			"flink-taskmanager.service": probes.Known(probes.UnitLimits{Fragment: unitOfFlink, DropIns: dropIns}),
		}
	}
	cgroup := func(h *Host, mib int64) {
		h.Facts.Memory.Cgroups = map[int]probes.Value[probes.CgroupMemory]{
			1: probes.Known(probes.CgroupMemory{Levels: []probes.CgroupLevel{{Max: probes.Limit(mib << 20)}}}),
		}
	}
	for _, c := range []struct {
		name, cause string
		of          func(h *Host, sick bool)
		want        []string
	}{
		{"operating system", "disk_full", func(h *Host, sick bool) {
			if sick {
				h.Facts.Host.OS = probes.Known("debian 13")
			}
		}, []string{"operating system debian 13"}},
		{"Java", "disk_full", func(h *Host, sick bool) {
			h.Facts.Host.Java = map[int]probes.Value[string]{1: probes.Known("17.0.9")}
			if sick {
				h.Facts.Host.Java[1] = probes.Known("11.0.2")
			}
		}, []string{"Java 11.0.2"}},
		{"Flink", "disk_full", func(h *Host, sick bool) {
			if sick {
				h.TaskManagers[0].Version = "1.18.1"
			}
		}, []string{"Flink 1.18.1"}},
		{"launch", "disk_full", func(h *Host, sick bool) {
			h.TaskManagers[0].Launch.Unit = "flink-taskmanager@" + h.Name + ".service"
			if sick {
				h.TaskManagers[0].Launch = Launch{Kind: "login", Unit: "session-4.scope"}
			}
		}, []string{"started by login"}},
		{"user", "disk_full", func(h *Host, sick bool) {
			if sick {
				h.TaskManagers[0].User = "root"
			}
		}, []string{"user of the TaskManager root"}},
		{"text of the unit", "disk_full", func(h *Host, sick bool) {
			unit(h, "[Service]\n")
			if sick {
				unit(h, "[Service]\nLimitNOFILE=4096\n")
			}
		}, []string{"unit file " + unitOfFlink + " text 1e3dcdd5"}},
		{"a drop-in that was not read", "disk_full", func(h *Host, sick bool) {
			unit(h, "[Service]\n")
			if sick {
				unit(h, "[Service]\n", unitOfFlink+".d/x.conf")
			}
		}, nil},
		{"JobManager", "jobmanager_unreachable", func(h *Host, sick bool) {
			h.Facts.JobManager.Targets = []probes.JobManagerTarget{{Host: "jm1", Port: 6123}}
			if sick {
				h.Facts.JobManager.Targets = []probes.JobManagerTarget{{Host: "jm1", Port: 6123}, {PIDs: []int{1}, Host: "jm0", Port: 6123}}
			}
		}, []string{"JobManager jm0:6123"}},
		{"mount option", "noexec", func(h *Host, sick bool) {
			h.Facts.Disk.Dirs = mounted(probes.RoleTmp, "/", "rw", "relatime")
			if sick {
				h.Facts.Disk.Dirs = mounted(probes.RoleTmp, "/", "rw", "relatime", "noexec")
			}
		}, []string{"mount options of the temporary directory rw,relatime,noexec"}},
		{"a file system that the kernel made read-only", "read_only", func(h *Host, sick bool) {
			h.Facts.Disk.Dirs = mounted(probes.RoleLocalDir, "/", "rw", "relatime")
			if sick {
				m, _ := h.Facts.Disk.Dirs[0].Mount.Get()
				m.SuperOptions = []string{"ro", "errors=remount-ro"}
				h.Facts.Disk.Dirs[0].Mount = probes.Known(m)
			}
		}, []string{"mount options of the state directory rw,relatime, file system ro"}},
		{"mount", "disk_full", func(h *Host, sick bool) {
			h.Facts.Disk.Dirs = mounted(probes.RoleLocalDir, "/data")
			if sick {
				h.Facts.Disk.Dirs = mounted(probes.RoleLocalDir, "/")
			}
		}, []string{"mount of the state directory / (ext4)"}},
		{"the mount before the group", "disk_full", func(h *Host, sick bool) {
			h.Facts.Disk.Dirs = mounted(probes.RoleLocalDir, "/data")
			if sick {
				h.Facts.Disk.Dirs, h.Groups = mounted(probes.RoleLocalDir, "/"), []string{"rack9"}
			}
		}, []string{"mount of the state directory / (ext4)", "group rack9"}},
		{"the group before the mount", "open_files", func(h *Host, sick bool) {
			h.Facts.Disk.Dirs = mounted(probes.RoleLocalDir, "/data")
			if sick {
				h.Facts.Disk.Dirs, h.Groups = mounted(probes.RoleLocalDir, "/"), []string{"rack9"}
			}
		}, []string{"group rack9", "mount of the state directory / (ext4)"}},
		{"a log directory is none of them", "disk_full", func(h *Host, sick bool) {
			h.Facts.Disk.Dirs = mounted(probes.RoleLog, "/data")
			if sick {
				h.Facts.Disk.Dirs = mounted(probes.RoleLog, "/")
			}
		}, nil},
		{"memory", "out_of_memory", func(h *Host, sick bool) {
			h.Facts.Memory.Total = probes.Known(int64(64<<30 - h.Index<<20)) // no two are quite alike
			h.Facts.Memory.Overcommit = probes.Known(int64(0))
			cgroup(h, 8192)
			if sick {
				h.Facts.Memory.Total = probes.Known(int64(32<<30 - h.Index<<20))
				h.Facts.Memory.Overcommit = probes.Known(int64(2))
				cgroup(h, 4096)
			}
		}, []string{"memory limit of the cgroup 4096 MiB", "memory of the host 32 GiB", "vm.overcommit_memory 2"}},
		{"memory does not concern a disk", "disk_full", func(h *Host, sick bool) {
			h.Facts.Memory.Total = probes.Known(int64(64 << 30))
			if sick {
				h.Facts.Memory.Total = probes.Known(int64(32 << 30))
			}
		}, nil},
		{"settings of one that died", "out_of_memory", func(h *Host, sick bool) {
			h.setting("taskmanager.memory.process.size", "4g")
			if sick {
				h.setting("taskmanager.memory.process.size", "16g").Facts.Flink.TaskManagers = nil
			}
		}, []string{"taskmanager.memory.process.size 16g"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hosts := fleetOf(7, func(i int, h *Host) {
				if i < 2 {
					h.has(c.cause, probes.Proven)
				}
				c.of(h, i < 2)
			})
			var got []string
			for _, trait := range summaryOf(hosts).Causes[0].Traits {
				got = append(got, trait.Trait+" "+trait.Value)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestOneHostIsComparedWithThoseThatTell, which may be fewer than the fleet
// has.
func TestOneHostIsComparedWithThoseThatTell(t *testing.T) {
	t.Parallel()
	hosts := fleetOf(28, func(i int, h *Host) {
		switch {
		case i == 4:
			h.has("inodes", probes.Proven).kernel("6.1.0-28")
		case i > 24:
			h.kernel("")
		}
	})
	got := string(render(t, "table", Options{}, testRun(len(hosts)), hosts, true))
	if want := "only this one of 25 compared: kernel 6.1.0-28 (others: 6.1.0-25)\n"; !strings.Contains(got, want) {
		t.Errorf("it does not say %q:\n%s", want, got)
	}
}

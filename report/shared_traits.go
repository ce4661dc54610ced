package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// telling is how a host tells its traits. key names the trait. A value of ""
// says that the host has none, and that this is known.
type telling = func(key, value string)

// kin is a kind of trait in which hosts with a cause are compared with the
// others.
type kin struct {
	of func(h *Host, tell telling)
	// ofProbe tells the traits that concern the causes of one probe only: the
	// limit on open files says nothing of a full disk.
	ofProbe func(h *Host, tell func(probe, key, value string))
	// first are the probes whose causes it may say most of: then it comes before
	// all others that tell hosts apart as well.
	first []string
	// whole is true if who tells any trait of this kind tells all: what it does
	// not tell, it has not.
	whole bool
}

// The kinds of traits, and of equal ones the order in which they are told: what
// decides a limit first, then what hosts have most in common by being alike.
const (
	kinLimit = iota
	kinSource
	kinChanged
	kinMemory
	kinGroup
	kinLaunch
	kinSystem
	kinVersion
	kinJobManager
	kinMount
	kinUser
	kinUnitFile
	kinSetting
	kinds
)

// kins are what is compared. It is tempting to compare all facts: with as many
// facts as hosts, some agree by chance.
var kins = [kinds]kin{
	kinLimit:      {ofProbe: tellLimits},
	kinSource:     {ofProbe: tellSources},
	kinChanged:    {ofProbe: tellChanged},
	kinMemory:     {ofProbe: tellMemory},
	kinGroup:      {of: tellGroups},
	kinLaunch:     {of: tellLaunch},
	kinSystem:     {of: tellSystem, first: []string{"host"}},
	kinVersion:    {of: tellVersions},
	kinJobManager: {of: tellJobManager, first: []string{"jobmanager"}},
	kinMount:      {of: tellMounts, first: []string{"disk", "state"}},
	kinUser:       {of: tellUsers},
	kinUnitFile:   {of: tellUnitFile},
	kinSetting:    {of: tellConfigured, whole: true},
}

// kindNames name the kinds as far as the traits do not.
var kindNames = [kinds]string{
	kinLimit: "limits", kinSource: "lines that set limits", kinChanged: "last changes", kinLaunch: "ways to start", kinUnitFile: "unit files",
	kinUser: "users", kinJobManager: "JobManagers", kinMount: "mounts", kinGroup: "groups", kinSystem: "systems", kinMemory: "memory",
	kinVersion: "versions of Flink", kinSetting: "settings of Flink",
}

// tellGroups tells the groups of the inventory; a host may be in none.
func tellGroups(h *Host, tell telling) {
	tell("group", "")
	for _, g := range h.Groups {
		tell("group", g)
	}
}

// tellLaunch tells how TaskManagers are started. The scope of a login is of one
// session, and no trait.
func tellLaunch(h *Host, tell telling) {
	for i := range h.TaskManagers {
		l := h.TaskManagers[i].Launch
		switch l.Kind {
		case "", probes.LaunchUnknown:
		case probes.LaunchSystemd, probes.LaunchUserUnit:
			tell("started by", strings.TrimSpace(l.Kind+" "+subjectKind(l.Unit)))
		default:
			tell("started by", l.Kind)
		}
	}
}

func tellUsers(h *Host, tell telling) {
	for i := range h.TaskManagers {
		if u := h.TaskManagers[i].User; u != "" {
			tell("user of the TaskManager", u)
		}
	}
}

// tellJobManager tells the addresses that TaskManagers really use.
func tellJobManager(h *Host, tell telling) {
	if h.Facts == nil {
		return
	}
	targets := h.Facts.JobManager.Targets
	for i := range targets {
		if t := &targets[i]; len(t.PIDs) > 0 || len(targets) == 1 {
			tell("JobManager", fmt.Sprintf("%s:%d", t.Host, t.Port))
		}
	}
}

// dirNames are the directories whose mounts are compared, by their role.
var dirNames = map[string]string{
	probes.RoleLocalDir: "state directory", probes.RoleInventory: "state directory",
	probes.RoleWork: "working directory", probes.RoleTmp: "temporary directory",
}

func tellMounts(h *Host, tell telling) {
	if h.Facts == nil {
		return
	}
	for i := range h.Facts.Disk.Dirs {
		d := &h.Facts.Disk.Dirs[i]
		m, ok := d.Mount.Get()
		if !ok {
			continue
		}
		for _, role := range d.Roles {
			name := dirNames[role]
			if name == "" {
				continue
			}
			tell("mount of the "+name, m.Point+" ("+m.Type+")")
			// Those of the mount alone: the file system's have sizes and the like.
			options := strings.Join(m.Options, ",")
			if slices.Contains(m.SuperOptions, "ro") {
				options += ", file system ro"
			}
			tell("mount options of the "+name, options)
			if m.Network() {
				tell("file server of the "+name, m.Source)
			}
		}
	}
}

// tellMemory tells what bounds the memory of a TaskManager. Hosts that are alike
// differ by some MiB, and show the same GiB.
func tellMemory(h *Host, tell func(probe, key, value string)) {
	if h.Facts == nil {
		return
	}
	const probe = "memory"
	m := &h.Facts.Memory
	if n, ok := m.Total.Get(); ok && n > 0 {
		tell(probe, "memory of the host", fmt.Sprintf("%d GiB", (n+1<<29)>>30))
	}
	if n, ok := m.Overcommit.Get(); ok {
		tell(probe, "vm.overcommit_memory", fmt.Sprint(n))
	}
	for _, v := range m.Cgroups {
		g, ok := v.Get()
		if !ok {
			continue
		}
		limit := "none"
		if b := g.Binding(); b != nil {
			limit = fmt.Sprintf("%d MiB", int64(b.Max)>>20)
		}
		tell(probe, "memory limit of the cgroup", limit)
	}
}

func tellVersions(h *Host, tell telling) {
	for i := range h.TaskManagers {
		if v := h.TaskManagers[i].Version; v != "" {
			tell("Flink", v)
		}
	}
}

// tellConfigured tells the settings of TaskManagers, also of one that died if
// there is no doubt which file was its own.
func tellConfigured(h *Host, tell telling) {
	if h.Facts != nil && len(h.Facts.Flink.TaskManagers) == 0 && len(h.Facts.Flink.Configs) == 1 {
		tellConfig(&h.Facts.Flink.Configs[0], tell)
		return
	}
	tellSettings(h, tell)
}

// traitText is a key or a value, escaped. What is cut ends in a digest of the
// whole: two that differ only at their ends must not look the same.
func traitText(s string) string {
	const longest = 120
	if len(s) <= longest {
		return Escape(s)
	}
	sum := sha256.Sum256([]byte(s))
	return Escape(clip(s, longest-20)) + ".. (" + hex.EncodeToString(sum[:4]) + ")"
}

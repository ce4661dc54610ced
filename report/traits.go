package report

import (
	"path"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// Codes of findings of the fleet. They are declared by the probe whose facts
// are compared, so that explain and a policy know them.
const (
	VersionDiffers       = "flink/version-differs"
	ConfigurationDiffers = "flink/configuration-differs"
	HostDiffers          = "host/differs"
)

// trait is something that the hosts of a cluster should have in common.
type trait struct {
	code    string
	message string // what is wrong when they have not
	source  string
	remedy  string
	// of tells the values of a host, none where they are unknown. key tells
	// several apart.
	of func(h *Host, tell func(key, value string))
}

var traits = []trait{
	{
		code: VersionDiffers, message: "TaskManagers run different versions of Flink",
		source: "version of the running TaskManagers",
		remedy: "restart the TaskManagers that are left over from another version",
		of: func(h *Host, tell func(key, value string)) {
			for i := range h.TaskManagers {
				if v := h.TaskManagers[i].Version; v != "" {
					tell("", v)
				}
			}
		},
	},
	{
		code: ConfigurationDiffers, message: "TaskManagers have different configurations",
		source: "the configuration files of the running TaskManagers",
		remedy: "give every host of the cluster the same configuration file, then restart its TaskManager",
		of:     tellSettings,
	},
	{
		code: HostDiffers, message: "hosts differ",
		source: "uname, os-release and the running JVMs",
		remedy: "bring the hosts to one version, or have a group for each kind of host",
		of:     tellSystem,
	},
}

// tellSettings tells the settings of the files that the host's running
// TaskManagers were started with.
func tellSettings(h *Host, tell func(key, value string)) {
	if h.Facts == nil {
		return
	}
	dirs := map[string]bool{}
	for i := range h.Facts.Flink.TaskManagers {
		if dir := h.Facts.Flink.TaskManagers[i].ConfigDir; dir != "" {
			dirs[path.Clean(dir)] = true
		}
	}
	for i := range h.Facts.Flink.Configs {
		if c := &h.Facts.Flink.Configs[i]; dirs[path.Dir(c.Path)] {
			tellConfig(c, tell)
		}
	}
}

func tellConfig(c *probes.FlinkConfig, tell func(key, value string)) {
	for key, s := range c.Settings {
		if !hostsOwn(key) {
			tell(key, s.Value)
		}
	}
}

// tellSystem tells what a host runs on: what is the same everywhere cannot be
// why one host fails.
func tellSystem(h *Host, tell func(key, value string)) {
	if h.Facts == nil {
		return
	}
	f := &h.Facts.Host
	for key, v := range map[string]probes.Value[string]{
		"architecture": f.Machine, "C library": f.Libc, "kernel": f.Kernel, "operating system": f.OS,
	} {
		if text, ok := v.Get(); ok && text != "" {
			tell(key, text)
		}
	}
	for _, v := range f.Java {
		if text, ok := v.Get(); ok && text != "" {
			tell("Java", text)
		}
	}
}

// hostsOwn says whether a setting differs from host to host by its nature:
// the TaskManager's own address, ports and name (Flink, TaskManagerOptions).
func hostsOwn(key string) bool {
	for _, own := range []string{
		"taskmanager.host", "taskmanager.bind-host", "taskmanager.resource-id",
		"taskmanager.rpc.", "taskmanager.data.", "taskmanager.collect-sink.port", "metrics.internal.query-service.port",
	} {
		if key == own || strings.HasSuffix(own, ".") && strings.HasPrefix(key, own) {
			return true
		}
	}
	return false
}

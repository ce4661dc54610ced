package probes

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"
)

//go:embed host.sh
var hostScript string

// HostFacts are what a host is.
type HostFacts struct {
	// OS is ID and VERSION_ID of os-release ("debian 12"), OSName its own words.
	OS     Value[string] `json:"os"`
	OSName Value[string] `json:"os_name"`
	Kernel Value[string] `json:"kernel" need:"needed"`
	// Machine is the architecture as uname -m names it.
	Machine Value[string] `json:"machine"`
	// Libc is "glibc 2.36" or "musl".
	Libc Value[string] `json:"libc"`
	// Init is the name of process 1.
	Init Value[string] `json:"init"`
	// Container are the marks of a container that the host itself is in.
	Container Value[[]string] `json:"container"`
	// Cgroup is the version of the cgroup hierarchy.
	Cgroup Value[int64] `json:"cgroup"`
	// Now is the host's clock when it was asked, seconds since the epoch.
	Now Value[int64] `json:"now"`
	// ZoneOffset is local time minus UTC in seconds: times in logs are local
	// and carry no zone.
	ZoneOffset Value[int64] `json:"zone_offset"`
	// Uptime is the time since the boot in seconds, at Now.
	Uptime Value[int64] `json:"uptime"`
	// THP and THPDefrag are the choices in force of transparent huge pages.
	THP        Value[string] `json:"thp"`
	THPDefrag  Value[string] `json:"thp_defrag"`
	Swappiness Value[int64]  `json:"swappiness"`
	// FixRuns are runs of tmdoctor fix that changed the host, or did not end
	// there, as RUN and their state: kept; staged, applying, applied. The name of a
	// run begins with its time; see [RunLayout].
	FixRuns Value[[]string] `json:"fix_runs"`
	// Java is the version of the JVM of each TaskManager, by pid.
	Java map[int]Value[string] `json:"java"`
}

// Time is a moment of the host's clock in its own zone; ok is false where the
// zone is not known, and then it is in UTC.
func (h *HostFacts) Time(epoch int64) (t time.Time, ok bool) {
	t = time.Unix(epoch, 0).UTC()
	offset, ok := h.ZoneOffset.Get()
	if !ok {
		return t, false
	}
	return t.In(time.FixedZone("", int(offset))), true
}

func parseHost(r Records, f *Facts) {
	h := &f.Host
	h.Kernel, h.Machine, h.Libc = r.String("host.kernel"), r.String("host.machine"), r.String("host.libc")
	h.Init, h.Container, h.Cgroup = r.String("host.init"), r.List("host.container"), r.Int("host.cgroup")
	h.THP, h.THPDefrag = r.String("host.thp_enabled"), r.String("host.thp_defrag")
	h.Swappiness = r.Int("host.swappiness")
	h.FixRuns = r.List("host.fix_run")
	h.Now, h.ZoneOffset = parseDate(r.String("host.date"))
	h.Uptime = parseUptime(r.String("host.uptime"))
	h.OS, h.OSName = parseOS(f)
	h.Java = map[int]Value[string]{}
	for _, tm := range f.Flink.TaskManagers {
		h.Java[tm.PID] = r.String(fmt.Sprintf("host.%d.java", tm.PID))
	}
}

// parseDate reads `date "+%Y-%m-%d %H:%M:%S %z"`.
func parseDate(v Value[string]) (now, offset Value[int64]) {
	text, ok := v.Get()
	if !ok {
		return Unknown[int64](v.Why()), Unknown[int64](v.Why())
	}
	t, err := time.Parse("2006-01-02 15:04:05 -0700", strings.TrimSpace(text))
	if err != nil {
		why := "not a time: " + strconv.Quote(clip(text, 40))
		return Unknown[int64](why), Unknown[int64](why)
	}
	_, seconds := t.Zone()
	return Known(t.Unix()), Known(int64(seconds))
}

// parseUptime reads seconds with a fraction.
func parseUptime(v Value[string]) Value[int64] {
	text, ok := v.Get()
	if !ok {
		return Unknown[int64](v.Why())
	}
	whole, _, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n < 0 {
		return Unknown[int64]("not a time: " + strconv.Quote(clip(text, 40)))
	}
	return Known(n)
}

// parseOS reads os-release(5).
func parseOS(f *Facts) (id, name Value[string]) {
	file, ok := f.File("/etc/os-release").Get()
	if !ok || file.Content == "" {
		return Unknown[string]("/etc/os-release was not read"), Unknown[string]("/etc/os-release was not read")
	}
	field := map[string]string{}
	for line := range strings.Lines(file.Content) {
		k, v, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok {
			field[k] = strings.Trim(v, `"'`)
		}
	}
	id, name = Unknown[string]("/etc/os-release does not tell"), Unknown[string]("/etc/os-release does not tell")
	if field["ID"] != "" {
		id = Known(strings.TrimSpace(field["ID"] + " " + field["VERSION_ID"]))
	}
	if field["PRETTY_NAME"] != "" {
		name = Known(field["PRETTY_NAME"])
	}
	return id, name
}

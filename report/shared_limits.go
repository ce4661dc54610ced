package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// tellLimits tells the limits in force: those of the running TaskManager, or
// what a start gets now where none runs.
func tellLimits(h *Host, tell func(probe, key, value string)) {
	eachLimit(h, func(probe string, s *probes.Standing, value string) {
		tell(probe, limitTrait(s.Setting), limitText(s.Setting, value))
	})
}

// limitTrait names a limit: that on the address space is called "as", which is
// no name among other words.
func limitTrait(setting string) string {
	if strings.Contains(setting, ".") { // vm.max_map_count
		return setting
	}
	return "limit " + setting
}

func eachLimit(h *Host, do func(probe string, s *probes.Standing, value string)) {
	for i := range h.Checks {
		c := &h.Checks[i]
		for j := range c.Horizons {
			s := &c.Horizons[j]
			for _, v := range []*probes.HorizonValue{&s.Running, &s.Live} {
				if v.Unknown == "" && v.Value != "" {
					do(c.Probe, s, v.Value)
					break
				}
			}
		}
	}
}

// tellSources tells the lines that decide limits.
func tellSources(h *Host, tell func(probe, key, value string)) {
	eachSource(h, func(probe string, s *probes.Standing, file, line string) {
		tell(probe, s.Setting+setAt, file+":"+line)
	})
}

// tellChanged tells when the files with those lines were changed last.
func tellChanged(h *Host, tell func(probe, key, value string)) {
	eachSource(h, func(probe string, s *probes.Standing, file, _ string) {
		if day := changed(h, file); day != "" {
			tell(probe, lastChange+file, day)
		}
	})
}

// eachSource finds the line that decides each limit in force. A line that gives
// another value after the next boot is not the one.
func eachSource(h *Host, do func(probe string, s *probes.Standing, file, line string)) {
	eachLimit(h, func(probe string, s *probes.Standing, value string) {
		if s.Boot.Unknown != "" || s.Boot.Value != value {
			return
		}
		source, _, _ := strings.Cut(s.Boot.Source, " ")
		i := strings.LastIndexByte(source, ':')
		if i < 0 || !strings.HasPrefix(source, "/") || strings.HasPrefix(source, "/proc/") || strings.Trim(source[i+1:], "0123456789") != "" {
			return
		}
		do(probe, s, source[:i], source[i+1:])
	})
}

// changed is the day on which a file was changed last, by the host's clock; ""
// where that is not known.
func changed(h *Host, file string) string {
	if h.Facts == nil {
		return ""
	}
	f, ok := h.Facts.File(file).Get()
	if !ok || f.Modified <= 0 {
		return ""
	}
	t, _ := h.Facts.Host.Time(f.Modified)
	return t.Format("2006-01-02")
}

// unitProbes measure what a unit of systemd may limit.
var unitProbes = []string{"nofile", "address-space", "threads"}

// What the names of traits begin or end with that tell where a limit is set.
const (
	setAt      = " set at"
	lastChange = "last change of "
	unitFile   = "unit file "
)

// tellUnitFile tells the text of the units that start TaskManagers, with its
// drop-ins: as much of it as is about limits, which is all that was read.
func tellUnitFile(h *Host, tell telling) {
	eachUnitFile(h, func(file string, files []probes.File) {
		sum := sha256.New()
		for i := range files {
			fmt.Fprintf(sum, "%s %d %s", files[i].Path, len(files[i].Content), files[i].Content)
		}
		tell(unitFile+file, "text "+hex.EncodeToString(sum.Sum(nil)[:4]))
	})
}

func eachUnitFile(h *Host, do func(file string, files []probes.File)) {
	for i := range h.TaskManagers {
		l := h.TaskManagers[i].Launch
		if h.Facts == nil || l.Kind != probes.LaunchSystemd {
			continue
		}
		unit, ok := h.Facts.NoFile.Units[l.Unit].Get()
		if !ok || unit.Fragment == "" {
			continue
		}
		var files []probes.File
		for _, name := range append([]string{unit.Fragment}, unit.DropIns...) {
			if f, ok := h.Facts.File(name).Get(); ok && f.Content != "" && !f.Cut {
				files = append(files, f)
			}
		}
		if len(files) == 1+len(unit.DropIns) {
			do(unit.Fragment, files)
		}
	}
}

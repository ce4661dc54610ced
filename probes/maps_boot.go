package probes

import (
	"cmp"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// maxMapCount is the setting of the probe maps.
const maxMapCount = "vm.max_map_count"

// maxBootLines bounds how many lines of one kind are findings of their own.
const maxBootLines = 8

// mapsStanding is vm.max_map_count side by side; live is -1 where it is not
// known. What runs has what the kernel has now.
func mapsStanding(f *Facts, live int64, boot conf.Resolution) Standing {
	const source = "/proc/sys/vm/max_map_count"
	s := Standing{Setting: maxMapCount, Used: mostMaps(f), Boot: bootValue(boot)}
	if live < 0 {
		s.Live = HorizonValue{Source: source, Unknown: f.Maps.MaxMapCount.Why()}
	} else {
		s.Live = HorizonValue{Value: strconv.FormatInt(live, 10), Source: source}
	}
	s.Running = s.Live
	if len(f.Flink.TaskManagers) == 0 {
		s.Running = HorizonValue{Source: source, Unknown: noneRuns}
	}
	return s
}

// noneRuns is why a host without a TaskManager has no running value.
const noneRuns = "no TaskManager runs"

// bootValue is a sysctl after the next boot.
func bootValue(r conf.Resolution) HorizonValue {
	if !r.Known {
		return HorizonValue{Unknown: cmp.Or(r.Why, notCollected)}
	}
	return HorizonValue{Value: r.Value, Source: r.Source}
}

// mostMaps are the maps of the TaskManager that has most, -1 where none shows
// them.
func mostMaps(f *Facts) int64 {
	most := int64(-1)
	for _, tm := range f.Flink.TaskManagers {
		if n, ok := f.Maps.Counts[tm.PID].Get(); ok {
			most = max(most, n)
		}
	}
	return most
}

// mapsBoot judges the value of the next boot, and the lines that were meant to
// set it. live is -1 where it is not known.
func mapsBoot(in Input, live, floor int64, boot conf.Resolution) []Finding {
	findings := append(mapsIgnored(in, boot), mapsWriters(in, boot)...)
	if !boot.Known {
		return findings
	}
	value, err := strconv.ParseInt(boot.Value, 10, 64)
	if err != nil {
		return findings
	}
	find := func(slug, message string) Finding {
		f := in.Find(slug, Boot, message)
		f.Subject, f.Source, f.Observed = maxMapCount, boot.Source, boot.Value
		f.Want = strconv.FormatInt(max(floor, live), 10)
		f.Evidence = bootEvidence(in.Facts, boot)
		f.Remedy = keepMaps(in, boot, max(floor, live))
		return f
	}
	most := mostMaps(in.Facts)
	if slug, share, ok := usage(in, most, value); ok && most >= 0 {
		f := find(slug, fmt.Sprintf("a TaskManager uses %d %% or more of the vm.max_map_count %d that the next boot gives", share, value))
		f.Observed = fmt.Sprintf("%d of %d maps (%d %%)", most, value, percent(most, value))
		f.Subject = mostMapsSubject(in.Facts, most)
		findings = append(findings, f)
	}
	switch {
	case live >= 0 && value < live && live >= floor:
		findings = append(findings, find("not-persistent", fmt.Sprintf("vm.max_map_count is %d now and %d after a reboot", live, value)))
	case value < floor:
		findings = append(findings, find("low", fmt.Sprintf("vm.max_map_count %d after a reboot, want %d", value, floor)))
	default:
		if live < 0 || value >= live {
			return findings
		}
	}
	return append(findings, mapsShadowed(in, boot, value)...)
}

func mostMapsSubject(f *Facts, most int64) string {
	for _, tm := range f.Flink.TaskManagers {
		if n, ok := f.Maps.Counts[tm.PID].Get(); ok && n == most {
			return fmt.Sprintf("pid %d", tm.PID)
		}
	}
	return maxMapCount
}

// mapsShadowed are the lines that would give more than the one that wins.
func mapsShadowed(in Input, boot conf.Resolution, value int64) (findings []Finding) {
	for _, l := range boot.Shadowed() {
		n, err := strconv.ParseInt(l.Value, 10, 64)
		if err != nil || n <= value || len(findings) == maxBootLines || l.Fate == conf.FateRejected {
			continue
		}
		f := in.Find("shadowed", Boot, fmt.Sprintf("vm.max_map_count %d at %s does not hold: %s", n, l.Place, l.Why))
		f.Subject, f.Source, f.Observed, f.Want = l.Place.String(), boot.Source, boot.Value, l.Value
		f.Evidence = append([]Evidence{{Source: l.Place.String(), Text: strings.TrimSpace(l.Text)}}, bootEvidence(in.Facts, boot)...)
		f.Remedy = keepMaps(in, boot, n)
		findings = append(findings, f)
	}
	return findings
}

// mapsIgnored are lines that name the setting and set nothing.
func mapsIgnored(in Input, boot conf.Resolution) (findings []Finding) {
	for _, l := range boot.Shadowed() {
		if l.Fate != conf.FateIgnored && l.Fate != conf.FateRejected || len(findings) == maxBootLines {
			continue
		}
		f := in.Find("ignored-line", Boot, fmt.Sprintf("the line at %s sets nothing: %s", l.Place, l.Why))
		f.Subject, f.Source, f.Observed, f.Want = l.Place.String(), l.Place.String(), strings.TrimSpace(l.Text), "vm.max_map_count=NUMBER"
		f.Evidence = append(f.Evidence, Evidence{Source: l.Place.String(), Text: strings.TrimSpace(l.Text)})
		f.Remedy = fmt.Sprintf("correct or remove the line at %s", l.Place)
		findings = append(findings, f)
	}
	return findings
}

// mapsWriters are lines of scripts that may set it later in the boot.
func mapsWriters(in Input, boot conf.Resolution) (findings []Finding) {
	told := map[string]bool{}
	for _, l := range boot.Writers {
		// /etc/rc.local may be a link to the one in rc.d.
		key := fmt.Sprintf("%s:%d:%s", path.Base(l.At.File), l.At.Line, l.Text)
		if len(findings) == maxBootLines || told[key] {
			continue
		}
		told[key] = true
		f := in.Find("other-writer", Boot, fmt.Sprintf("%s may set vm.max_map_count later in the boot", l.At))
		f.Subject, f.Source, f.Observed, f.Want = l.At.String(), l.At.String(), l.Text, "no such line"
		f.Evidence = append(f.Evidence, Evidence{Source: l.At.String(), Text: l.Text})
		f.Remedy = fmt.Sprintf("look whether the line at %s runs at boot, and keep the setting in one place", l.At)
		findings = append(findings, f)
	}
	return findings
}

// bootEvidence is the line that wins, who else writes that file, and what else
// is to be told.
func bootEvidence(f *Facts, boot conf.Resolution) []Evidence {
	evidence := []Evidence{}
	if w, ok := boot.Winner(); ok {
		evidence = append(evidence, Evidence{Source: w.Place.String(), Text: strings.TrimSpace(w.Text)})
		evidence = append(evidence, managedEvidence(f, w.Place.File)...)
	}
	if boot.Loader == conf.LoaderNone {
		evidence = append(evidence, Evidence{Source: "boot", Text: boot.LoaderWhy})
	}
	return evidence
}

// managedBy is the program that writes a file, as the file says itself.
func managedBy(f *Facts, name string) (program string, at conf.Place) {
	file, _ := f.File(name).Get()
	return conf.ManagedBy(conf.File{Path: file.Path, Content: file.Content})
}

func managedEvidence(f *Facts, file string) []Evidence {
	name, at := managedBy(f, file)
	if name == "" {
		return nil
	}
	return []Evidence{{Source: at.String(), Text: "the file says that " + name + " writes it"}}
}

// raiseMaps is the remedy: the live value, then what holds it over a boot on
// this host.
func raiseMaps(in Input, want int64) string {
	now := fmt.Sprintf("sysctl -w vm.max_map_count=%d (at once, no restart needed)", want)
	boot := in.next.bootSysctl(maxMapCount)
	if value, err := strconv.ParseInt(boot.Value, 10, 64); boot.Known && err == nil && value >= want {
		return now + fmt.Sprintf("; the next boot gives %d already (%s)", value, boot.Source)
	}
	return now + "; " + keepMaps(in, boot, want)
}

// keepMaps is what makes a value hold over a boot on this host.
func keepMaps(in Input, boot conf.Resolution, want int64) string {
	file, managed := "/etc/sysctl.d/zz-tmdoctor.conf", ""
	if conf.IsAlpine(in.next.confFiles(sysctlFiles)) {
		file = "/etc/sysctl.conf"
	}
	if boot.Loader == conf.LoaderNone {
		return fmt.Sprintf("for the next boot the line vm.max_map_count=%d in %s; %s", want, file, boot.LoaderWhy)
	}
	w, ok := boot.Winner()
	if !ok || !strings.HasPrefix(w.Place.File, "/etc/") {
		return fmt.Sprintf("for the next boot the line vm.max_map_count=%d in %s", want, file)
	}
	if name, _ := managedBy(in.Facts, w.Place.File); name != "" {
		managed = " (" + name + " writes this file: change it there)"
	}
	return fmt.Sprintf("for the next boot vm.max_map_count=%d at %s%s", want, w.Place, managed)
}

package probes

import (
	"fmt"
	"regexp"
	"strings"
)

// diskErrors is what the kernel log says of a device that fails.
type diskErrors struct {
	device      string // as the kernel names it: sdb, dm-0
	count       int    // records; the same text counts once
	first, last int64
	evidence    []Evidence // the oldest and the newest
	dirs        []string   // directories of TaskManagers that lie on it
}

// diskErrors are the errors of the disk or file system that is mounted.
func (f *Facts) diskErrors(m Mount) (e diskErrors, ok bool) {
	for _, k := range f.Memory.Kernel.Events {
		if k.Kind != KernelIOError && k.Kind != KernelFSError || !m.isDevice(k.Device) {
			continue
		}
		e.device, e.count = k.Device, e.count+1
		e.first, e.last = earlier(e.first, k.Time), max(e.last, k.Time)
		e.evidence = append(e.evidence[:min(len(e.evidence), 1)], Evidence{Source: k.Source, Time: when(k.Time), Text: k.Text})
	}
	for _, dir := range f.Disk.Dirs {
		if on, known := dir.Mount.Get(); known && on.Source == m.Source && on.isDevice(e.device) {
			e.dirs = append(e.dirs, dir.Path)
		}
	}
	return e, e.count > 0
}

// failing says which disk fails, since when, and what lies on it.
func (d *diagnosis) failing(m Mount, e diskErrors) string {
	text := fmt.Sprintf("the kernel reports errors of the disk %s (%s on %s), %s", e.device, m.Source, m.Point, d.times(e.count, e.first, e.last))
	if e.count > 1 && e.last > 0 {
		text += ", last at " + d.clock(e.last)
	}
	if len(e.dirs) > 0 {
		text += "; on it: " + strings.Join(e.dirs, ", ")
	}
	return text
}

var partition = regexp.MustCompile(`^(/dev/(?:sd|vd|hd|xvd)[a-z]+)\d*$|^(/dev/(?:nvme\d+n\d+|mmcblk\d+))(?:p\d+)?$`)

// smartHint is how to ask the disk below a mount whether it is sound.
func smartHint(m Mount) string {
	p := partition.FindStringSubmatch(m.Source)
	switch {
	case p != nil:
		return "smartctl -a " + p[1] + p[2]
	case strings.HasPrefix(m.Source, "/dev/mapper/"), strings.HasPrefix(m.Source, "/dev/dm-"), strings.HasPrefix(m.Source, "/dev/md"), strings.Count(m.Source, "/") == 3 && strings.HasPrefix(m.Source, "/dev/"):
		return "lsblk -s " + shellWord(m.Source) + " names the disks below it, smartctl -a DISK each"
	}
	return "smartctl, the storage behind it"
}

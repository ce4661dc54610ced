package probes

import (
	"cmp"
	"fmt"
)

// directoryRemedy is what to do about a directory that cannot be written.
func (d *diagnosis) directoryRemedy(name, p string, dir *DirFacts, by starter) string {
	word := shellWord(p)
	switch name {
	case causeReadOnly:
		m := Mount{}
		if dir != nil {
			m = dir.Mount.Or(m)
			if _, failed := d.remounted(m); failed {
				return fmt.Sprintf("the disk or its file system failed: %s; %s, and see whether the disk is sound (%s); then mount %s and %s",
					by.stop(), checkOf(m), smartHint(m), shellWord(m.Point), by.again())
			}
		}
		return by.remount("rw", "ro", dir, m)
	case causeInodes:
		return "free inodes there (df -i " + word + "; the directories with most files: du --inodes -x " + word + "), or use a file system with more" + d.leftOn(dir) + "; " + by.orStart()
	case causeDiskFull:
		return "free space there (df -h " + word + "), or use a bigger file system; never delete a checkpoint or savepoint for it" + d.leftOn(dir) + "; " + by.orStart()
	}
	user := shellWord(cmp.Or(by.user, d.f.Session.FlinkUser.Or(""), "FLINKUSER"))
	if dir != nil && dir.Kind.Or("") == "other" {
		return fmt.Sprintf("it is not a directory: mv %s %[1]s.old && install -d -o %s -m 0755 %[1]s; %s", word, user, by.orStart())
	}
	if dir != nil && dir.Kind.Or("") == "absent" {
		return fmt.Sprintf("install -d -o %s -m 0755 %s; %s", user, word, by.orStart())
	}
	return fmt.Sprintf("chown %s %s && chmod u+rwx %[2]s, and x for it on every directory above; %s", user, word, by.orStart())
}

// checkOf is how a file system is checked: fsck of XFS and btrfs does nothing
// and says that all is well.
func checkOf(m Mount) string {
	point, device := shellWord(m.Point), shellWord(m.Source)
	if m.Point == "/" {
		return "start a rescue system and check " + device + " there"
	}
	switch m.Type {
	case "xfs":
		return "umount " + point + " && xfs_repair " + device + " (if it asks for the log, mount and umount it once first)"
	case "btrfs":
		return "umount " + point + " && btrfs check --readonly " + device
	}
	return "umount " + point + " && fsck " + device
}

// leftOn names what TaskManagers that are gone left behind on the file system
// of a directory.
func (d *diagnosis) leftOn(dir *DirFacts) string {
	if dir == nil {
		return ""
	}
	m, ok := dir.Mount.Get()
	if !ok {
		return ""
	}
	return orNothing("; ", d.in.leftBehind(m.Point))
}

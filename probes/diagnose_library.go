package probes

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// library: the native library of RocksDB could not be loaded. The loader's
// text tells what it met; only the host tells noexec from the rest of those
// that cannot be mapped, and a full disk from the rest of those cut short.
func (d *diagnosis) library(e LogEntry, id string) {
	lib := pathIn(e.Innermost().Message)
	if lib != "" && !strings.Contains(path.Base(lib), "rocksdbjni") && !strings.Contains(path.Base(lib), "forstjni") && (id != textMapSegment || d.dirOf(lib) == nil) {
		return // a library of somebody else, which is no reason of RocksDB's
	}
	switch id {
	case textMapSegment:
		d.notMapped(e, path.Dir(lib))
		return
	case textLibCut:
		d.cutShort(e, path.Dir(lib))
		return
	case textLibMissing:
		if libraryGone(e.Innermost().Message, lib) {
			d.libraryRemoved(e, path.Dir(lib))
			return
		}
	}
	c := d.candidateOf(causeLibrary, e)
	c.Message = "native library: librocksdbjni cannot be loaded; " + d.said(e)
	c.Remedy = "install what the text names as missing, or run a Java and a C library for which librocksdbjni is built (glibc, or Flink's musl build); then " + d.starter(e.Run).again()
	if needs := neededLibrary(e.Innermost().Message); id == textLibMissing && needs != "" {
		c.Message = "native library: librocksdbjni needs " + needs + ", which is not on this host; " + d.said(e)
		c.Remedy = "install the package that holds " + shellWord(needs) + " (for libstdc++.so.6: libstdc++6 on Debian, libstdc++ on Red Hat); then " + d.starter(e.Run).again()
	}
	if id == textLibOther {
		c.Remedy = d.starter(e.Run).again() + ": the library was loaded by a class loader that is gone; keep flink-statebackend-rocksdb out of the job's jar"
	}
	d.add(c)
}

// neededLibrary is the name of the library that a message of the loader calls
// missing: "/tmp/librocksdbjni.so: libstdc++.so.6: cannot open ...".
func neededLibrary(message string) string {
	for part := range strings.SplitSeq(message, ": ") {
		if strings.HasPrefix(part, "lib") && strings.Contains(part, ".so") {
			return clip(part, 60)
		}
	}
	return ""
}

// libraryGone reports whether the file that cannot be opened is the unpacked
// library itself, and not one that it needs.
func libraryGone(message, lib string) bool {
	return lib != "" && neededLibrary(message) == "" && strings.Contains(message, lib+": cannot open shared object file: No such file")
}

func (d *diagnosis) libraryRemoved(e LogEntry, dir string) {
	c := d.candidateOf(causeMissingDirectory, e)
	c.Subject = place(dir, d.dirOf(dir))
	c.Message = "missing directory: somebody removed the unpacked native library from " + dir + "; " + d.said(e)
	c.Remedy = d.starter(e.Run).again() + ", which unpacks it again; find what removed the files (systemd-tmpfiles, tmpreaper, a cron job) and exclude the directory, or move io.tmp.dirs off /tmp"
	d.add(c)
}

// notMapped: noexec, or a limit that no map is left under, or a rule of the
// kernel's security module. Old C libraries add what the kernel said.
func (d *diagnosis) notMapped(e LogEntry, dir string) {
	m, mounted := d.mount(dir)
	if mounted && !m.NoExec() || strings.Contains(e.Innermost().Message, "Cannot allocate memory") {
		d.mappedElsewhere(e, dir)
		return
	}
	c := d.candidateOf(causeNoExec, e)
	c.Subject = dir
	c.Message = fmt.Sprintf("noexec: a native library cannot be mapped from %s; %s", dir, d.said(e))
	if mounted {
		c.Confidence, c.Subject = Proven, m.Point
		c.Message = fmt.Sprintf("noexec: a native library cannot be mapped from %s, which lies on the noexec mount %s; %s", dir, m.Point, d.said(e))
		c.Evidence = append(c.Evidence, Evidence{Source: "mountinfo", Text: m.Point + " " + strings.Join(m.Options, ",")})
	}
	c.Remedy = d.starter(e.Run).remount("exec", "noexec", d.dirOf(dir), m)
	d.add(c)
}

// mappedElsewhere: the mount allows it, so that something else refused.
func (d *diagnosis) mappedElsewhere(e LogEntry, dir string) {
	s := signs{run: e.Run, file: e.File, entries: map[string]LogEntry{textMapNoMem: e}}
	c, said := d.base(s)
	for _, rule := range []func(signs, *candidate) (string, bool){d.mapsReached, d.addressSpace, d.commitReached} {
		if what, ok := rule(s, &c); ok {
			c.Message = what + orNothing("; ", said)
			d.add(c)
			return
		}
	}
	c.Cause.Cause, c.Confidence = causeLibrary, Likely
	c.Message = fmt.Sprintf("native library: librocksdbjni cannot be mapped from %s, and the mount is not the reason now; %s", dir, said)
	c.Remedy = "look at what else refuses it: a rule of SELinux, AppArmor or fapolicyd (ausearch -m avc -ts recent, as root), a noexec mount that was remounted since (then " + d.starter(e.Run).again() + ")"
	d.add(c)
}

// cutShort: the library was unpacked only in part. A disk that is full does
// that, and may have space again when the failed start has cleaned up.
func (d *diagnosis) cutShort(e LogEntry, dir string) {
	facts := d.dirOf(dir)
	full := slices.ContainsFunc(d.entries, func(o LogEntry) bool { return o.Run == e.Run && o.text() == textNoSpace && o.trusted() && !o.byUser() })
	if facts != nil {
		if s, ok := facts.Space.Get(); ok && (s.Used() >= 95 || s.Avail < 16<<20) {
			full = true
		}
	}
	c := d.candidateOf(causeLibrary, e)
	c.Message = "native library: librocksdbjni was unpacked only in part into " + dir + "; " + d.said(e)
	c.Remedy = "look at the disk that " + dir + " lies on (df -h " + shellWord(dir) + "), then " + d.starter(e.Run).again() + ", which unpacks it again"
	if full {
		c.Cause.Cause, c.Subject = causeDiskFull, place(dir, facts)
		c.Message = "disk full: librocksdbjni was unpacked only in part into " + dir + "; " + d.said(e)
		c.Remedy = "free space there (df -h " + shellWord(place(dir, facts)) + "); never delete a checkpoint or savepoint for it" + d.leftOn(facts) + "; then " + d.starter(e.Run).again()
	}
	d.add(c)
}

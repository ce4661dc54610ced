package probes

import (
	"path"
	"slices"
	"strings"
)

// cleaned judges rules that remove old files: RocksDB's own files are seldom
// touched once they are written.
func (d *diskJudge) cleaned(dir DirFacts) {
	c, ok := d.Facts.cleaner(dir)
	if !ok || !dir.scratch() {
		return
	}
	f := d.Find("cleaned-by-tmpfiles", Live, "old files of a TaskManager are removed from its directory")
	f.Subject, f.Source, f.Want = dir.Path, c.Source, "no rule that removes by age"
	f.Observed = "files older than " + c.Age
	if c.Age == "" {
		f.Observed = c.Source
	}
	f.Remedy = "set io.tmp.dirs and state.backend.rocksdb.localdir to a directory of their own outside " + shellWord(dir.Path) + ", or " + dir.exclude()
	d.findings = append(d.findings, f)
}

// cleaner is the first rule or program that removes old files from a
// directory.
func (f *Facts) cleaner(dir DirFacts) (Cleaner, bool) {
	kept := slices.ContainsFunc(f.Disk.Cleaners, func(k Cleaner) bool {
		match, err := path.Match(k.Path, dir.Real)
		return k.Keep && (within(dir.Real, k.Path) || err == nil && match)
	})
	for _, c := range f.Disk.Cleaners {
		if c.Keep || c.Path == "" && !within(dir.Real, "/tmp") || c.Path != "" && (!within(dir.Real, c.Path) || kept) {
			continue
		}
		return c, true
	}
	return Cleaner{}, false
}

// exclude is how Flink's files there are kept from cleaners.
func (d DirFacts) exclude() string {
	return "exclude Flink's files in /etc/tmpfiles.d: x " + shellWord(strings.TrimSuffix(d.Path, "/")) + "/tm_* (and flink-*, rocksdb-lib-*, job_*)"
}

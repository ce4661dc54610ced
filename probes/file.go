package probes

import (
	"bytes"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// FileKind says what stands at a path. Only what the host itself calls absent
// is FileAbsent.
type FileKind string

// The kinds of a file, with the letter each has on the wire.
const (
	FileRegular    FileKind = "file"        // f
	FileLink       FileKind = "link"        // l, to a regular file whose content follows
	FileDangling   FileKind = "dangling"    // x, a link to nothing
	FileDir        FileKind = "directory"   // d
	FileAbsent     FileKind = "absent"      // a
	FileUnreadable FileKind = "unreadable"  // u
	FileOther      FileKind = "not regular" // o, a device, FIFO or socket, or a link to one
)

var fileKinds = map[string]FileKind{
	"f": FileRegular, "l": FileLink, "x": FileDangling, "d": FileDir,
	"a": FileAbsent, "u": FileUnreadable, "o": FileOther,
}

// File is a file of the host as the script read it, shared by all probes.
type File struct {
	Path   string   `json:"path"`
	Kind   FileKind `json:"kind"`
	Target string   `json:"target,omitempty"` // of a link
	Mode   string   `json:"mode,omitempty"`   // as ls -l prints it: drwxr-xr-x
	UID    int64    `json:"uid"`
	GID    int64    `json:"gid"`
	Size   int64    `json:"size"` // bytes; -1 where it was not asked for
	// Modified is when its content was changed last, seconds since the epoch; 0
	// where that is not known. What ls prints is to the minute, or to the day
	// where it is more than half a year ago.
	Modified int64 `json:"modified,omitempty"`
	// Content is what was read, "" for what has none.
	Content string `json:"content,omitempty"`
	// Cut is true if the file has more than Content.
	Cut bool `json:"cut,omitempty"`
	// Withheld is true if lines that do not matter stayed on the host: they are
	// empty in Content, so that the others keep their numbers.
	Withheld bool `json:"withheld,omitempty"`
}

// parseFile reads the text of an @ record: KIND MODE UID GID SIZE PATH, and
// for links PATH -> TARGET. Unknown numbers are "-".
func parseFile(text string) (f File, hasContent bool, err error) {
	p := strings.SplitN(text, " ", 6)
	if len(p) != 6 || fileKinds[p[0]] == "" || p[5] == "" {
		return f, false, fmt.Errorf("%q is not a file record", clip(text, 60))
	}
	f = File{Kind: fileKinds[p[0]], Path: p[5], UID: -1, GID: -1, Size: -1}
	if p[1] != "-" {
		f.Mode = p[1]
	}
	for i, to := range []*int64{&f.UID, &f.GID, &f.Size} {
		if p[2+i] == "-" {
			continue
		}
		if *to, err = strconv.ParseInt(p[2+i], 10, 64); err != nil {
			return f, false, fmt.Errorf("file record %q: %q is not a number", clip(text, 60), p[2+i])
		}
	}
	if f.Kind == FileLink || f.Kind == FileDangling || f.Kind == FileOther { // such as a mask: a link to /dev/null
		f.Path, f.Target, _ = strings.Cut(f.Path, " -> ")
	}
	return f, f.Kind == FileRegular || f.Kind == FileLink, nil
}

// openFile is a file whose content is still coming.
type openFile struct {
	File
	lines []byte
	sent  int64 // bytes of it that the host sent
}

// record takes a line of the file's content as the host sent it, and reports
// whether it was the last one.
func (f *openFile) record(kind byte, text []byte) (done bool) {
	switch kind {
	case '|':
		f.sent += int64(len(text)) + 1
		f.lines = append(appendClean(f.lines, text), '\n')
	case '\\':
		f.sent--
		f.lines = bytes.TrimSuffix(f.lines, []byte("\n"))
	case '$':
		f.Cut = string(text) == "1"
		return true
	}
	return false
}

// addModes gives files what ls -ldn said of them, by the clock of the host:
// mode, owner, size and last change. sent are the bytes that came of each.
func addModes(files []File, lines []string, clock hostClock, sent map[string]int64) {
	at := make(map[string]*File, len(files))
	for i := range files {
		at[files[i].Path] = &files[i]
	}
	for _, line := range lines {
		m, ok := parseLs(line)
		f := at[m.Path]
		if !ok || f == nil {
			continue
		}
		f.Mode, f.UID, f.GID = m.Mode, m.UID, m.GID
		f.Modified = clock.ls(line).Or(0)
		word, _ := cutLs(line)
		if size, err := strconv.ParseInt(word[4], 10, 64); err == nil {
			f.Size = size
		}
	}
	for i := range files {
		files[i].notice(at, sent)
	}
}

// notice marks a file as cut of which fewer bytes came than it has: a shell
// loses zero bytes, which end a line for some programs. What /proc calls the
// size of a file is 0.
func (f *File) notice(at map[string]*File, sent map[string]int64) {
	of := f
	if f.Kind == FileLink {
		target := f.Target
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(f.Path), target)
		}
		of = at[target]
	}
	if of != nil && of.Kind == FileRegular && of.Size > 0 && !of.Withheld && sent[of.Path] != of.Size {
		f.Cut = true
	}
}

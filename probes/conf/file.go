package conf

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// FileKind says what stands at a path of a host.
type FileKind string

// The kinds of a file. Only what the host itself calls absent is FileAbsent.
const (
	FileRegular    FileKind = "file"
	FileLink       FileKind = "link"     // to a regular file whose content is Content
	FileDangling   FileKind = "dangling" // a link to nothing
	FileDir        FileKind = "directory"
	FileAbsent     FileKind = "absent"
	FileUnreadable FileKind = "unreadable"
	FileOther      FileKind = "not regular" // a device, FIFO or socket, or a link to one
)

// File is a file of a host as it was read, by its absolute path there.
type File struct {
	Path    string
	Kind    FileKind // "" means FileRegular
	Target  string   // of a link
	Content string
	Cut     bool // the file has more than Content
	null    bool // a link that leads to /dev/null through other links
}

// Place is a line of a file of a host. Line counts from 1; 0 means the file as
// a whole, and an empty File something that is no file.
type Place struct {
	File string
	Line int
}

// String is FILE:LINE, or FILE where no line is meant.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// ParsePlace divides FILE:LINE:TEXT. The first colon behind which digits and
// another colon stand ends the name of the file; ok is false where there is
// none, no file before it, or no number that a line can have.
func ParsePlace(s string) (at Place, text string, ok bool) {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], ':')
		if i < 0 {
			return Place{}, "", false
		}
		colon := from + i
		from = colon + 1
		rest := s[from:]
		end := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if end == 0 || end == len(rest) || rest[end] != ':' {
			continue
		}
		n, err := strconv.Atoi(rest[:end])
		if err != nil || colon == 0 {
			return Place{}, "", false
		}
		return Place{File: s[:colon], Line: n}, rest[end+1:], true
	}
}

// kind is the kind with its default.
func (f File) kind() FileKind { return cmp.Or(f.Kind, FileRegular) }

// isNull reports whether the path is a link to /dev/null, which systemd takes
// for a mask and everybody else for an empty file.
func (f File) isNull() bool { return f.null || f.Target == "/dev/null" }

// fileAt finds the file of that path; one that nobody told about is absent.
func fileAt(files []File, path string) (File, bool) {
	for i := range files {
		if files[i].Path == path {
			f := files[i]
			f.null = (&links{files: files}).leadsToNull(i)
			return f, f.kind() != FileAbsent
		}
	}
	return File{Path: path, Kind: FileAbsent}, false
}

// links finds what the links among files lead to.
type links struct {
	files []File
	next  []int // the file that a link leads to, -1 if none is known; made when it is needed, which is seldom
}

// leadsToNull follows a link to what is no file from link to link, as far as
// they are known. Linux follows 40.
func (l *links) leadsToNull(i int) bool {
	for range 40 {
		if f := &l.files[i]; f.isNull() || f.Target == "" || f.kind() != FileOther {
			return f.isNull()
		}
		if l.next == nil {
			l.find()
		}
		if i = l.next[i]; i < 0 {
			return false
		}
	}
	return false
}

func (l *links) find() {
	at := make(map[string]int, len(l.files))
	for i := range l.files {
		if _, ok := at[l.files[i].Path]; !ok { // the first counts, as in fileAt
			at[l.files[i].Path] = i
		}
	}
	l.next = make([]int, len(l.files))
	for i, f := range l.files {
		l.next[i] = -1
		if f.Target == "" || f.kind() != FileOther {
			continue
		}
		if to, ok := at[linked(f)]; ok {
			l.next[i] = to
		}
	}
}

// filesIn are the files directly in dir whose names end in suffix, sorted by
// name, byte by byte.
func filesIn(files []File, dir, suffix string) []File {
	var in []File
	l := links{files: files}
	for i := range files {
		f := &files[i]
		name, ok := strings.CutPrefix(f.Path, dir)
		if ok && name != "" && name[0] == '/' && strings.LastIndexByte(name, '/') == 0 && strings.HasSuffix(name, suffix) && f.kind() != FileAbsent {
			if in == nil {
				in = make([]File, 0, 8)
			}
			in = append(in, *f)
			in[len(in)-1].null = l.leadsToNull(i)
		}
	}
	if len(in) > 1 {
		slices.SortFunc(in, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	}
	return in
}

// baseName is the last part of a path.
func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

package conf

import (
	"slices"
	"strings"
)

// SSHDUsesPAM says whether sshd opens PAM sessions: UsePAM of sshd_config,
// where the first value counts and Include stands for its files in order.
// unknown says why it cannot be known; "no" is sshd's own default.
//
// Of what may be included, files has /etc/ssh/sshd_config.d/*.conf: one of
// these that is not there sets nothing, and the directory is FileUnreadable
// where they are not all known. What else is included must be there.
func SSHDUsesPAM(files []File) (yes bool, at Place, unknown string) {
	r := sshdReader{files: files, left: maxSSHDIncludes}
	yes, at, unknown, _ = r.usePAM("/etc/ssh/sshd_config", 0)
	return yes, at, unknown
}

// maxSSHDIncludes bounds the files that are included, all in all; sshd itself
// bounds the depth alone.
const maxSSHDIncludes = 1000

type sshdReader struct {
	files []File
	left  int
}

// plainWords makes words of the other ways to write an option and its value.
var plainWords = strings.NewReplacer("=", " ", `"`, "")

func (r *sshdReader) usePAM(name string, level int) (yes bool, at Place, unknown string, found bool) {
	f, ok := fileAt(r.files, name)
	if k := f.kind(); !ok || k != FileRegular && k != FileLink || f.Cut || level > 16 {
		return false, Place{File: name}, name + " was not read", true
	}
	number := 0
	for line := range strings.Lines(f.Content) {
		number++
		p := strings.Fields(plainWords.Replace(line))
		if len(p) < 2 || strings.HasPrefix(p[0], "#") {
			continue
		}
		switch strings.ToLower(p[0]) {
		case "match":
			return false, Place{}, "", false // UsePAM is not allowed below it
		case "usepam":
			return lower(p[1]) == "yes" || lower(p[1]) == "true", Place{name, number}, "", true
		case "include":
			for _, pattern := range p[1:] {
				if yes, at, unknown, found = r.include(pattern, Place{name, number}, level); found {
					return yes, at, unknown, true
				}
			}
		}
	}
	return false, Place{}, "", false
}

// sshdDir is the directory whose *.conf are known.
const sshdDir = "/etc/ssh/sshd_config.d"

// cryptoPolicy is what distributions with crypto-policies(7) include first:
// written by update-crypto-policies, algorithms and nothing else.
const cryptoPolicy = "/etc/crypto-policies/back-ends/opensshserver.config"

// include reads the files that a pattern stands for, as sInclude of sshd's
// servconf.c does: below /etc/ssh unless it says where, by glob(3).
func (r *sshdReader) include(pattern string, from Place, level int) (yes bool, at Place, unknown string, found bool) {
	word := clip(pattern)
	if pattern[0] != '/' && pattern[0] != '~' {
		pattern = "/etc/ssh/" + pattern
	}
	if r.left--; r.left < 0 {
		return false, Place{}, "sshd_config includes too many files", true
	}
	name, inDir := strings.CutPrefix(pattern, sshdDir+"/")
	if f, _ := fileAt(r.files, sshdDir); inDir && f.kind() == FileUnreadable {
		return false, from, from.String() + " includes " + word + ", and " + sshdDir + " cannot be read", true
	}
	if pattern == cryptoPolicy {
		return false, Place{}, "", false
	}
	names := globbed(r.files, pattern)
	known := inDir && strings.HasSuffix(name, ".conf") && name[0] != '.' && !strings.Contains(name, "/")
	if !known && (len(names) == 0 || strings.ContainsAny(pattern, globs)) {
		return false, from, from.String() + " includes " + word + ", which was not collected", true
	}
	for _, name := range names {
		if r.left--; r.left < 0 {
			return false, Place{}, "sshd_config includes too many files", true
		}
		if yes, at, unknown, found = r.usePAM(name, level+1); found {
			return yes, at, unknown, true
		}
	}
	return false, Place{}, "", false
}

// globbed are the paths that a pattern stands for, sorted as glob(3) does.
func globbed(files []File, pattern string) (names []string) {
	for _, f := range files {
		if f.kind() == FileAbsent {
			continue
		}
		if _, ok := globPath(strings.TrimPrefix(pattern, "/"), strings.TrimPrefix(f.Path, "/")); ok {
			names = append(names, f.Path)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

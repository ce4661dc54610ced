package conf

import (
	"path"
	"strings"
)

// SSHDUsesPAM says whether sshd opens PAM sessions: UsePAM of sshd_config,
// where the first value counts and Include stands for its files in order.
// unknown says why it cannot be known; "no" is sshd's own default.
func SSHDUsesPAM(files []File) (yes bool, at Place, unknown string) {
	yes, at, unknown, _ = usePAM(files, "/etc/ssh/sshd_config", 0)
	return yes, at, unknown
}

func usePAM(files []File, name string, level int) (yes bool, at Place, unknown string, found bool) {
	f, ok := fileAt(files, name)
	if k := f.kind(); !ok || k != FileRegular && k != FileLink || f.Cut || level > 16 {
		return false, Place{File: name}, name + " was not read", true
	}
	for i, line := range strings.Split(f.Content, "\n") {
		p := strings.Fields(strings.NewReplacer("=", " ", `"`, "").Replace(line))
		if len(p) < 2 || strings.HasPrefix(p[0], "#") {
			continue
		}
		switch strings.ToLower(p[0]) {
		case "match":
			return false, Place{}, "", false // UsePAM is not allowed below it
		case "usepam":
			return lower(p[1]) == "yes" || lower(p[1]) == "true", Place{name, i + 1}, "", true
		case "include":
			for _, pattern := range p[1:] {
				if !strings.HasPrefix(pattern, "/") {
					pattern = "/etc/ssh/" + pattern
				}
				for _, g := range filesIn(files, path.Dir(pattern), "") {
					if ok, _ := path.Match(pattern, g.Path); !ok {
						continue
					}
					if yes, at, unknown, found = usePAM(files, g.Path, level+1); found {
						return yes, at, unknown, true
					}
				}
			}
		}
	}
	return false, Place{}, "", false
}

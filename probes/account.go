package probes

import (
	"regexp"
	"strconv"
	"strings"
)

// LoginFacts are who opens sessions on a host, and for whom. They are facts of
// their own kind, as files are: shared by all that asks what a new session or a
// unit gets, and an unknown one matters only where such a question needs it.
type LoginFacts struct {
	// Accounts are the users of TaskManagers as the host's user databases know
	// them.
	Accounts map[string]Value[Account] `json:"accounts"`
	// SSHDPID is the process that opens sessions of ssh; its limits are the file
	// /proc/PID/limits, those of process 1 the file /proc/1/limits.
	SSHDPID Value[int64] `json:"sshd_pid"`
	// Packages are the versions of what decides limits, by name: pam, procps,
	// systemd.
	Packages Value[map[string]string] `json:"packages"`
}

// Account is a user of the host and all groups it is in.
type Account struct {
	UID    int64   `json:"uid"`
	GID    int64   `json:"gid"`
	Groups []Group `json:"groups"`
}

// Group is a group of the host.
type Group struct {
	GID  int64  `json:"gid"`
	Name string `json:"name"`
}

func parseLogin(r Records, f *Facts) {
	l := &f.Login
	l.SSHDPID = r.Int("nofile.sshd_pid")
	l.Packages = parsePackages(r.List("nofile.package"))
	l.Accounts = map[string]Value[Account]{}
	for user := range f.NoFile.Sessions {
		l.Accounts[user] = parseAccount(r, user)
	}
}

// parseAccount reads what id(1) says of a user, "uid=1500(flink)
// gid=1500(flink) groups=1500(flink),1501(tm)"; of a directory that stands for
// a host the first two, and the lines of /etc/group that may be about the user.
func parseAccount(r Records, user string) Value[Account] {
	why := "the host does not know a user " + user
	for _, line := range r.All("nofile.account") {
		name, text, _ := strings.Cut(line, " ")
		if name != user {
			continue
		}
		a, ok := parseID(text)
		if !ok {
			return Unknown[Account]("not understood: " + strconv.Quote(clip(text, 40)))
		}
		if a.Groups == nil {
			a.Groups = groupsOf(r.All("nofile.group"), user, a.GID)
		}
		return Known(a)
	}
	if list := r.List("nofile.account"); !list.IsKnown() {
		why = list.Why()
	}
	return Unknown[Account](why)
}

// parseID reads one line of id(1). Names of groups may have blanks (those of a
// Windows domain), but no brackets.
func parseID(text string) (a Account, ok bool) {
	a.UID, a.GID = -1, -1
	for _, m := range idWords.FindAllStringSubmatch(text, -1) {
		switch key, list := m[1], m[2]; key {
		case "uid", "gid":
			n, err := strconv.ParseInt(leadingDigits(list), 10, 64)
			if err != nil {
				return a, false
			}
			if key == "uid" {
				a.UID = n
			} else {
				a.GID = n
			}
		case "groups":
			for _, g := range idGroups.FindAllStringSubmatch(list, -1) {
				n, err := strconv.ParseInt(g[1], 10, 64)
				if err != nil {
					return a, false
				}
				a.Groups = append(a.Groups, Group{GID: n, Name: g[2]})
			}
		}
	}
	return a, a.UID >= 0 && a.GID >= 0
}

var (
	idWords  = regexp.MustCompile(`(uid|gid|groups)=((?:[0-9]+(?:\([^)]*\))?,?)+)`)
	idGroups = regexp.MustCompile(`([0-9]+)(?:\(([^)]*)\))?`)
)

func leadingDigits(s string) string {
	return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))]
}

// groupsOf are the groups of a user by lines of /etc/group:
// NAME:PASSWORD:GID:USER,USER.
func groupsOf(lines []string, user string, gid int64) []Group {
	groups := []Group{}
	primary := false
	for _, line := range lines {
		p := strings.Split(line, ":")
		if len(p) != 4 {
			continue
		}
		n, err := strconv.ParseInt(p[2], 10, 64)
		if err != nil {
			continue
		}
		member := n == gid
		for name := range strings.SplitSeq(p[3], ",") {
			member = member || name == user
		}
		if member {
			groups = append(groups, Group{GID: n, Name: p[0]})
			primary = primary || n == gid
		}
	}
	if !primary {
		groups = append(groups, Group{GID: gid})
	}
	return groups
}

// packageNames are the packages that decide limits, by their names in Debian
// and RPM distributions.
var packageNames = map[string]string{
	"libpam-modules": "pam", "pam": "pam", "procps": "procps", "procps-ng": "procps", "systemd": "systemd",
}

// parsePackages reads lines of dpkg-query -W (NAME, a tab, VERSION; the name may
// end in :ARCHITECTURE) or rpm -q (NAME-VERSION-RELEASE.ARCH).
func parsePackages(lines Value[[]string]) Value[map[string]string] {
	list, ok := lines.Get()
	if !ok {
		return Unknown[map[string]string](lines.Why())
	}
	packages := map[string]string{}
	for _, line := range list {
		name, version, deb := strings.Cut(line, "\t")
		if deb {
			name, _, _ = strings.Cut(name, ":")
		} else if m := rpmName.FindStringSubmatch(line); m != nil {
			name, version = m[1], m[2]
		}
		if short := packageNames[name]; short != "" && version != "" {
			packages[short] = version
		}
	}
	if len(packages) == 0 {
		return Unknown[map[string]string]("neither dpkg-query nor rpm tells")
	}
	return Known(packages)
}

var rpmName = regexp.MustCompile(`^([a-z-]+)-([0-9][^-]*)-[^-]+$`)

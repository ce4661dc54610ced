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
	// Wanted are the units of NoFileFacts.Units that a boot starts, as links in
	// multi-user.target.wants tell.
	Wanted []string `json:"wanted"`
	// Slices are the slices above TaskManagers, by name.
	Slices map[string]Value[UnitLimits] `json:"slices"`
	// Packages are the versions of what decides limits, by name: pam, procps,
	// systemd.
	Packages Value[map[string]string] `json:"packages"`
}

// Account is a user of the host and all groups it is in.
type Account struct {
	// Name is that of the user's first entry, "" where id does not tell.
	Name   string  `json:"name"`
	UID    int64   `json:"uid"`
	GID    int64   `json:"gid"`
	Groups []Group `json:"groups"`
	// Home is "" where /etc/passwd does not tell.
	Home string `json:"home"`
}

// Group is a group of the host.
type Group struct {
	GID  int64  `json:"gid"`
	Name string `json:"name"`
}

func parseLogin(r Records, f *Facts) {
	l := &f.Login
	l.SSHDPID = r.Int("nofile.sshd_pid")
	l.Wanted = nonNil(r.All("nofile.unit_wanted"))
	l.Packages = parsePackages(r.List("nofile.package"))
	l.Accounts = map[string]Value[Account]{}
	for user := range f.NoFile.Sessions {
		l.Accounts[user] = parseAccount(r, user)
	}
}

// parseAccount reads what id(1) says of a user, "uid=1500(flink)
// gid=1500(flink)", and its groups, "1501(tm)", a record each; of a directory
// that stands for a host the lines of /etc/group that may be about the user.
func parseAccount(r Records, user string) Value[Account] {
	why := "the host was not asked who " + user + " is"
	for _, line := range r.All("nofile.account") {
		name, text, _ := strings.Cut(line, " ")
		if name != user {
			continue
		}
		a, ok := parseID(text)
		for _, line := range r.All("nofile.group") {
			if name, text, _ := strings.Cut(line, " "); ok && name == user {
				var g Group
				g, ok = parseGroup(text)
				a.Groups = append(a.Groups, g)
			}
		}
		if !ok {
			return Unknown[Account]("what id says was not understood: " + strconv.Quote(clip(text, 40)))
		}
		if a.Groups == nil {
			a.Groups = groupsOf(r.All("nofile.group_line"), user, a.GID)
		}
		for _, line := range r.All("nofile.home") {
			if name, home, _ := strings.Cut(line, " "); name == user {
				a.Home = home
			}
		}
		return Known(a)
	}
	if list := r.List("nofile.account"); !list.IsKnown() {
		why = list.Why()
	}
	return Unknown[Account](why)
}

// parseID reads the ids of a user.
func parseID(text string) (a Account, ok bool) {
	a.UID, a.GID = -1, -1
	for _, word := range strings.Fields(text) {
		key, value, _ := strings.Cut(word, "=")
		n, err := strconv.ParseInt(leadingDigits(value), 10, 64)
		switch {
		case err != nil:
		case key == "uid":
			a.UID = n
			if g, ok := parseGroup(value); ok {
				a.Name = g.Name
			}
		case key == "gid":
			a.GID = n
		}
	}
	return a, a.UID >= 0 && a.GID >= 0
}

// parseGroup reads "1501(tm)", or "1501" of a group without a name. Names of
// a Windows domain may have blanks, none has brackets.
func parseGroup(text string) (Group, bool) {
	digits := leadingDigits(text)
	n, err := strconv.ParseInt(digits, 10, 64)
	name := strings.TrimSuffix(strings.TrimPrefix(text[len(digits):], "("), ")")
	return Group{GID: n, Name: name}, err == nil
}

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

package conf

import (
	"cmp"
	"strconv"
	"strings"
)

// version is a version of Linux-PAM.
type version [3]int

// Variant is a build of pam_limits as far as it decides limits. Linux-PAM
// changed the rules over time, and Debian and its descendants patch them.
type Variant struct {
	Name    string // "Debian 1.5.2"
	Version version
	// Debian is true for builds with Debian's patches: * and @group are not for
	// root, a limit that the kernel refuses is left out instead of refusing
	// the session, chroot is an item.
	Debian bool
	// NofileInfinity is true if "unlimited" of nofile means fs.nr_open.
	NofileInfinity bool
	// VendorDirs are where the files of the distribution are, below those of
	// /etc/security.
	VendorDirs []string
	Why        string // what on the host says that it is this one
}

// DebianVariant and UpstreamVariant are the two families at a version
// "1.5.2"; what follows the numbers is not looked at.
func DebianVariant(v string) Variant {
	out := UpstreamVariant(v)
	out.Name, out.Debian = "Debian"+strings.TrimPrefix(out.Name, "upstream"), true
	return out
}

// UpstreamVariant is Linux-PAM without patches.
func UpstreamVariant(v string) Variant {
	out := Variant{Version: parseVersion(v)}
	out.Name = "upstream " + out.Version.String()
	out.NofileInfinity = out.atLeast(1, 5, 2)
	return out
}

func (v version) String() string {
	return strconv.Itoa(v[0]) + "." + strconv.Itoa(v[1]) + "." + strconv.Itoa(v[2])
}

func parseVersion(s string) (v version) {
	_, s, _ = cutEpoch(s)
	for i := range v {
		digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
		v[i], _ = strconv.Atoi(s[:digits])
		if s = s[digits:]; !strings.HasPrefix(s, ".") {
			break
		}
		s = s[1:]
	}
	return v
}

// cutEpoch takes "1:" off a version of a package.
func cutEpoch(s string) (epoch, rest string, ok bool) {
	if epoch, rest, ok = strings.Cut(s, ":"); ok {
		return epoch, rest, true
	}
	return "", s, false
}

func (v Variant) atLeast(want ...int) bool {
	for i, n := range want {
		if c := cmp.Compare(v.Version[i], n); c != 0 {
			return c > 0
		}
	}
	return true
}

// longLines is true from 1.6.0 on: lines of any length, cut at blanks.
func (v Variant) longLines() bool { return v.atLeast(1, 6, 0) }

// absentOK is true from 1.5.3 on: no limits.conf is no error.
func (v Variant) absentOK() bool { return v.atLeast(1, 5, 3) }

// resets is true for Debian's builds before 1.7.0: what no line sets is set
// to the limits of process 1 (Debian bug 995236).
func (v Variant) resets() bool { return v.Debian && !v.atLeast(1, 7, 0) }

// pamOf are the versions of Linux-PAM that distributions ship, by ID and
// VERSION_ID of os-release(5); what is not here is not known.
var pamOf = map[string]string{
	"debian 10": "1.3.1", "debian 11": "1.4.0", "debian 12": "1.5.2", "debian 13": "1.7.0",
	"ubuntu 20.04": "1.3.1", "ubuntu 22.04": "1.4.0", "ubuntu 24.04": "1.5.3",
	"rhel 7": "1.1.8", "rhel 8": "1.3.1", "rhel 9": "1.5.1", "rhel 10": "1.6.1",
	"amzn 2": "1.1.8", "amzn 2023": "1.5.1", "sles 15": "1.3.0",
}

// rebuilds are distributions that rebuild the packages of another.
var rebuilds = map[string]string{
	"centos": "rhel", "rocky": "rhel", "almalinux": "rhel", "ol": "rhel", "opensuse-leap": "sles", "sled": "sles",
	"raspbian": "debian",
}

// VariantsOf chooses the builds that a host may have, from the text of
// /etc/os-release, the version of its PAM package ("" if not known; the one of
// libpam-modules or pam), and the files that are there. Several are returned
// where the facts do not decide; none where nothing is known.
func VariantsOf(osRelease, pamVersion string, files []File) []Variant {
	id, release, like := osFields(osRelease)
	name := cmp.Or(rebuilds[id], id)
	why := "PAM package " + pamVersion
	if pamVersion == "" {
		major, _, _ := strings.Cut(release, ".")
		pamVersion = cmp.Or(pamOf[name+" "+release], pamOf[name+" "+major])
		why = strings.TrimSpace(id+" "+release) + " ships " + pamVersion
	}
	if pamVersion == "" || name == "" {
		return nil
	}
	debian := name == "debian" || name == "ubuntu" || like["debian"] || like["ubuntu"]
	v := UpstreamVariant(pamVersion)
	if debian {
		v = DebianVariant(pamVersion)
	}
	v.Why = why
	if !debian && v.atLeast(1, 5, 3) {
		v.VendorDirs = vendorDirs(files)
	}
	if debian || v.NofileInfinity || id == "arch" || id == "alpine" || id == "gentoo" {
		return []Variant{v}
	}
	// Enterprise distributions take single changes of later versions into old
	// ones, and this one is among those that were.
	patched := v
	patched.Name += " with nofile unlimited as fs.nr_open"
	patched.NofileInfinity = true
	return []Variant{v, patched}
}

// vendorDirs are the directories that builds use for the distribution's own
// files, where such files are: a build without them ships none.
func vendorDirs(files []File) []string {
	var dirs []string
	for _, dir := range []string{"/usr/etc/security", "/usr/share/security"} {
		_, main := fileAt(files, dir+"/limits.conf")
		if main || len(filesIn(files, dir+"/limits.d", ".conf")) > 0 {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func osFields(text string) (id, release string, like map[string]bool) {
	like = map[string]bool{}
	for _, line := range strings.Split(text, "\n") {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			id = value
		case "VERSION_ID":
			release = value
		case "ID_LIKE":
			for _, word := range strings.Fields(value) {
				like[word] = true
			}
		}
	}
	return id, release, like
}

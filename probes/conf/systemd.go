package conf

// SystemdVersion is the major version of a host's systemd: that of its package
// ("252.38-1~deb12u1"), or where it is "" that which the distribution of this
// os-release(5) ships; 0 if neither tells.
func SystemdVersion(packageVersion, osRelease string) int {
	id, v := release([]File{{Path: "/etc/os-release", Content: osRelease}})
	return systemdVersion(packageVersion, id, v)
}

// systemdOf are the versions of systemd by the release of a distribution (see
// release) from which it ships them, the newest first.
var systemdOf = map[string][][2]int{
	"debian": {{1300, 257}, {1200, 252}, {1100, 247}, {1000, 241}},
	"ubuntu": {{2404, 255}, {2204, 249}, {2004, 245}, {1804, 237}, {1604, 229}},
	"fedora": {{3200, 245}},
	"rhel":   {{1000, 257}, {900, 252}, {800, 239}, {700, 219}},
	"amzn":   {{202300, 252}, {200, 219}},
	"sles":   {{1503, 246}}, "opensuse-leap": {{1503, 246}},
	"arch": {{0, 257}}, "opensuse-tumbleweed": {{0, 257}},
}

func systemdVersion(packageVersion, id string, release int) int {
	if v := numbers(packageVersion); len(v) > 0 {
		return v[0]
	}
	if base := rebuilds[id]; base == "rhel" {
		id = base
	}
	return newest(release, systemdOf[id])
}

package probes

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// dottedKey is a key of sysctl as people write it, with dots or slashes.
var dottedKey = regexp.MustCompile(`^[a-z][a-z0-9_]*([./][A-Za-z0-9_*:-]+)+$`)

// IsSetting reports whether a name is one whose values [Why] can resolve: an
// item of limits.conf, LimitNOFILE and the like of a unit, TasksMax, MemoryMax,
// or any key of sysctl. Which keys the kernel has is not known here: see MeantSetting.
func IsSetting(name string) bool {
	item, ofUnit := strings.CutPrefix(name, "Limit")
	if ofUnit {
		item = strings.ToLower(item)
	}
	return name == "TasksMax" || name == "MemoryMax" || conf.IsLimitItem(item) || dottedKey.MatchString(name)
}

// SettingNames are the names of the settings that probes judge, in the order
// of All.
func SettingNames() (names []string) {
	for _, p := range All {
		if p.Setting != nil {
			names = append(names, p.Setting.Name)
		}
	}
	return names
}

// BySetting returns the probe whose Setting has that name, nil if there is
// none.
func BySetting(name string) *Probe {
	for _, p := range All {
		if p.Setting != nil && p.Setting.Name == name {
			return p
		}
	}
	return nil
}

// Of is where the value of a horizon is read.
func (s *Setting) Of(h Horizon) string {
	switch h {
	case Running:
		return s.Running
	case Boot:
		return s.Boot
	}
	return s.Live
}

// BootSetting is the setting whose value of the next boot was not seen, "" where
// n is about something else.
func (n NotSeen) BootSetting() string {
	name, ok := strings.CutSuffix(n.Fact, afterReboot)
	if !ok {
		return ""
	}
	return name
}

// MeantSetting is the name of a probe's setting that a key of sysctl was meant
// to be: no more than two letters differ, and the kernel has no such key beside
// it. "" for every other word, and for the name itself.
func MeantSetting(key string) string {
	key = strings.ReplaceAll(key, "/", ".")
	for _, name := range SettingNames() {
		if strings.Contains(name, ".") && len(key) <= len(name)+2 && key != name && distance(key, name) <= 2 {
			return name
		}
	}
	return ""
}

// NearestSetting is the name of a probe's setting that differs from word in
// the fewest letters, whatever their case; "" where none is close.
func NearestSetting(word string) string { return nearest(strings.ToLower(word), SettingNames()) }

// ParseHorizon reads the name of a horizon; "all" is every one of them, "".
func ParseHorizon(name string) (Horizon, error) {
	if name == "all" {
		return "", nil
	}
	for _, h := range Horizons {
		if string(h) == name {
			return h, nil
		}
	}
	return "", fmt.Errorf("%q is not a horizon", name)
}

package probes

import "fmt"

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

// NearestSetting is the name of a probe's setting that differs from word in
// the fewest letters, "" where none is close.
func NearestSetting(word string) string { return nearest(word, SettingNames()) }

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

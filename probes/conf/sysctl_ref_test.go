package conf_test

import (
	"path"
	"sort"
	"strconv"
	"strings"
)

// The reference model of sysctl loaders: systemd-sysctl and procps step by
// step, slow, on a tree of files and links and a /proc/sys of three keys,
// without a look at the resolver.

// refProcSys is what is there to write to.
var refProcSys = []string{"vm/max_map_count", "vm/max_map_other", "vm/swappiness", "kernel/pid_max"}

// refKernel is /proc/sys/vm/max_map_count.
type refKernel struct{ value string }

func (k *refKernel) write(at, value string) {
	var here []string
	for _, part := range strings.Split(refSimplify(at), "/") {
		if part != ".." {
			here = append(here, part)
		} else if n := len(here) - 1; n == 0 && (here[0] == "vm" || here[0] == "kernel") {
			here = nil
		} else {
			return
		}
	}
	if strings.Join(here, "/") != "vm/max_map_count" || strings.HasSuffix(at, "/") {
		return
	}
	word := strings.TrimLeft(value, " \t\n\v\f\r")
	if i := strings.IndexAny(word, " \t\n"); i >= 0 {
		word = word[:i]
	}
	if strings.HasPrefix(word, "+") || strings.ContainsAny(word, "_boBO") {
		return
	}
	if n, err := strconv.ParseInt(word, 0, 32); err == nil && n >= 0 {
		k.value = strconv.FormatInt(n, 10)
	}
}

// refSysctlFiles is the list of files of the five directories: of one name the
// first.
func refSysctlFiles(fs refFS, hiddenToo bool) (paths []string) {
	at := map[string]string{}
	for _, dir := range []string{"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"} {
		for p := range fs {
			name := path.Base(p)
			if _, known := at[name]; path.Dir(p) == dir && isConf(name, hiddenToo) && !known {
				at[name] = p
			}
		}
	}
	var names []string
	for name := range at {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		paths = append(paths, at[name])
	}
	return paths
}

// refNormalize is sysctl_normalize before path_simplify, and slashdot of
// procps.
func refNormalize(key string) string {
	first := strings.IndexAny(key, "/.")
	if first < 0 || key[first] == '/' {
		return key
	}
	out := []byte(key)
	for i, c := range out {
		if c == '.' {
			out[i] = '/'
		} else if c == '/' {
			out[i] = '.'
		}
	}
	return string(out)
}

// refSimplify is path_simplify without the leading slash.
func refSimplify(key string) string {
	var parts []string
	for _, p := range strings.Split(key, "/") {
		if p != "" && p != "." {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, "/")
}

type refOption struct {
	key, value  string
	hasValue    bool
	globExclude bool
}

// refSystemd is systemd-sysctl of 207 and later.
func refSystemd(s sysctlTree) string {
	fs := refFS(s.files)
	var options []refOption // an ordered hash map
	find := func(key string) int {
		for i, o := range options {
			if o.key == key {
				return i
			}
		}
		return -1
	}
	for _, at := range refSysctlFiles(fs, false) {
		text, ok := fs.open(at)
		if !ok {
			continue
		}
		lines := refReadLines(text)
		if s.systemd < 243 { // fgets and a C string
			lines = strings.Split(text, "\n")
			for i, l := range lines {
				lines[i], _, _ = strings.Cut(l, "\x00")
			}
		}
		for _, l := range lines {
			p := strings.Trim(l, refWhite)
			if p == "" || strings.Contains("#;", p[:1]) {
				continue
			}
			o := refOption{}
			e := strings.Index(p, "=")
			switch {
			case e >= 0 && p[0] == '-' && s.systemd >= 243:
				o = refOption{key: p[1:e], value: p[e+1:], hasValue: true}
			case e >= 0:
				o = refOption{key: p[:e], value: p[e+1:], hasValue: true}
			case p[0] == '-' && s.systemd >= 245:
				o = refOption{key: p[1:]}
			default:
				continue
			}
			o.value = strings.Trim(o.value, refWhite)
			o.key = refSimplify(refNormalize(strings.Trim(o.key, refWhite)))
			if i := find(o.key); i >= 0 {
				if options[i].value == o.value && options[i].hasValue == o.hasValue {
					continue
				}
				options = append(options[:i], options[i+1:]...)
			}
			options = append(options, o)
		}
	}
	k := refKernel{"65530"}
	for _, o := range options {
		switch {
		case !o.hasValue:
		case s.systemd >= 245 && strings.ContainsAny(o.key, "*?["):
			for _, pattern := range refBraces(o.key) {
				for _, key := range refGlob(pattern) {
					if find(key) < 0 {
						k.write(key, o.value)
					}
				}
			}
		case s.systemd >= 249 && strings.Contains("/"+o.key+"/", "/../"): // not normalized
		default:
			k.write(o.key, o.value)
		}
	}
	return k.value
}

// refProcps is sysctl --system.
func refProcps(s sysctlTree) string {
	fs, k := refFS(s.files), refKernel{"65530"}
	paths := refSysctlFiles(fs, true)
	if _, ok := fs.open("/etc/sysctl.conf"); ok {
		paths = append(paths, "/etc/sysctl.conf")
	}
	var list []refOption
	for _, at := range paths {
		text, _ := fs.open(at)
		for _, l := range strings.SplitAfter(text, "\n") {
			if len(l) < 2 {
				continue
			}
			l, _, _ = strings.Cut(l, "\x00")
			if strings.HasPrefix(s.procps, "3.") {
				refPreload3(s.procps, l, &k)
			} else if o, ok := refSettingLine(l); ok {
				list = append(list, o)
			}
		}
	}
	for _, o := range list {
		switch {
		case o.globExclude:
		case strings.ContainsAny(o.key, "*?["):
			for _, key := range refGlob(o.key) {
				found := false
				for _, other := range list {
					found = found || other.key == key || s.procps == "4.0.5" && other.globExclude && refMatch(other.key, key, false)
				}
				if !found {
					k.write(key, o.value)
				}
			}
		default:
			k.write(o.key, o.value)
		}
	}
	return k.value
}

const refSpace = " \t\n\v\f\r"

// refSettingLine is parse_setting_line and setting_new of procps 4.
func refSettingLine(l string) (o refOption, ok bool) {
	key := strings.TrimLeft(l, refSpace)
	if len(key) < 2 || key[0] == '#' || key[0] == ';' {
		return o, false
	}
	e := strings.Index(key, "=")
	switch {
	case e < 0 && key[0] == '-':
		o.globExclude = true
		key = strings.TrimRight(key[1:], refSpace)
	case e < 0:
		return o, false
	default:
		o.value = strings.Trim(key[e+1:], refSpace)
		key = strings.TrimRight(strings.TrimPrefix(key[:e], "-"), refSpace)
	}
	o.key = refNormalize(strings.TrimPrefix(key, "-"))
	return o, true
}

// refPreload3 is Preload and WriteSetting of procps 3.3 for one line; before
// 3.3.16 a dash is a part of the key.
func refPreload3(version, l string, k *refKernel) {
	t := strings.TrimLeft(strings.TrimRight(l, " \t\n\r"), " \t")
	if len(t) < 2 || t[0] == '#' || t[0] == ';' {
		return
	}
	name, value, _ := strings.Cut(strings.TrimLeft(t, "="), "=")
	value = strings.TrimLeft(value, "\n\r")
	if i := strings.IndexAny(value, "\n\r"); i >= 0 {
		value = value[:i]
	}
	name = strings.TrimRight(name, " \t\n\r")
	if name == "" || value == "" {
		return
	}
	if version != "3.3.15" {
		name = strings.TrimPrefix(name, "-")
	}
	k.write(refNormalize(name), strings.TrimLeft(value, " \t"))
}

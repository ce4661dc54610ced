package conf

import "strings"

// limitItem is an item of limits.conf(5).
type limitItem struct {
	name string
	unit uint64  // what one of the file's units is in setrlimit's; 0 marks nice
	min  version // the first version that knows it
	row  string  // its name in /proc/PID/limits
}

// limitItems are the items that are resource limits, in the order in which
// pam_limits sets them (the numbers of RLIMIT_*).
var limitItems = []limitItem{
	{name: "cpu", unit: 60, row: "Max cpu time"},
	{name: "fsize", unit: 1024, row: "Max file size"},
	{name: "data", unit: 1024, row: "Max data size"},
	{name: "stack", unit: 1024, row: "Max stack size"},
	{name: "core", unit: 1024, row: "Max core file size"},
	{name: "rss", unit: 1024, row: "Max resident set"},
	{name: "nproc", unit: 1, row: "Max processes"},
	{name: "nofile", unit: 1, row: "Max open files"},
	{name: "memlock", unit: 1024, row: "Max locked memory"},
	{name: "as", unit: 1024, row: "Max address space"},
	{name: "locks", unit: 1, row: "Max file locks"},
	{name: "sigpending", unit: 1, row: "Max pending signals"},
	{name: "msgqueue", unit: 1, row: "Max msgqueue size"},
	{name: "nice", unit: 0, row: "Max nice priority"},
	{name: "rtprio", unit: 1, row: "Max realtime priority"},
	{name: "rttime", unit: 1, min: version{1, 7, 1}, row: "Max realtime timeout"},
}

// ParseProcLimits reads the text of /proc/PID/limits, by item.
func ParseProcLimits(text string) map[string]Rlimits {
	limits := map[string]Rlimits{}
	for line := range strings.Lines(text) {
		for _, item := range limitItems {
			rest, ok := strings.CutPrefix(line, item.row)
			if !ok || rest == "" || rest[0] != ' ' {
				continue
			}
			soft, rest := firstWord(rest)
			hard, _ := firstWord(rest)
			s, ok1 := procLimit(soft)
			h, ok2 := procLimit(hard)
			if ok1 && ok2 {
				limits[item.name] = Rlimits{s, h}
			}
			break
		}
	}
	return limits
}

// firstWord is a word between blanks, and what stands behind it.
func firstWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, " \t\n")
	if i := strings.IndexAny(s, " \t\n"); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

func procLimit(s string) (Rlimit, bool) {
	if s == "unlimited" {
		return RlimitInfinity, true
	}
	n, digits, _ := cNumber(s)
	return Rlimit(n), digits == len(s) && s != "" && s[0] != '-'
}

func findItem(name string) (limitItem, bool) {
	for _, item := range limitItems {
		if item.name == name {
			return item, true
		}
	}
	return limitItem{}, false
}

// mistaken are words that are no items and are found in the files of real
// hosts, with the item that was meant.
var mistaken = map[string]string{
	"vmem": "as", "vm": "as", "virtual": "as", "v": "as", "addressspace": "as", "address_space": "as",
	"nofiles": "nofile", "nfile": "nofile", "openfiles": "nofile", "open_files": "nofile", "open-files": "nofile",
	"files": "nofile", "n": "nofile", "fileno": "nofile", "noproc": "nproc", "nprocs": "nproc", "maxproc": "nproc",
	"noprocs": "nproc", "processes": "nproc", "threads": "nproc", "u": "nproc", "mlock": "memlock",
	"lockedmem": "memlock", "memlocked": "memlock", "stacksize": "stack", "coredump": "core",
	"coredumpsize": "core", "m": "rss", "mem": "rss", "filesize": "fsize",
}

// meantItem is the item that a word which is none was probably meant to be, ""
// if nobody can tell.
func meantItem(word string) string {
	if m := mistaken[word]; m != "" {
		return m
	}
	for _, item := range limitItems {
		if len(word) > 2 && len(item.name) > 2 && oneEdit(word, item.name) {
			return item.name
		}
	}
	return ""
}

// oneEdit reports whether a becomes b by one letter more, less, other, or two
// neighbours swapped.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch len(b) - len(a) {
	case 0:
		swapped := i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
		return i == len(a) || a[i+1:] == b[i+1:] || swapped
	case 1:
		return a[i:] == b[i+1:]
	}
	return false
}

// LimitItems are the names of the items that are resource limits, in a fixed
// order.
func LimitItems() []string {
	names := make([]string, len(limitItems))
	for i, item := range limitItems {
		names[i] = item.name
	}
	return names
}

// IsLimitItem reports whether limits.conf has an item of that name that is a
// resource limit.
func IsLimitItem(name string) bool {
	_, ok := findItem(name)
	return ok
}

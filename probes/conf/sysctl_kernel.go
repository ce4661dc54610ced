package conf

import (
	"fmt"
	"strconv"
	"strings"
)

// sysctlRange is what the kernel takes for a number.
type sysctlRange struct {
	min, max int64
	initial  string // the kernel's default where it is the same on every host
}

// sysctlRanges are the keys whose numbers are judged: vm.max_map_count from
// mm/mmap.c and mm.h (USHRT_MAX - 5), the rest from fs/file.c,
// fs/file_table.c, kernel/fork.c, kernel/pid.c and mm/util.c of Linux. What is
// computed at boot, or raised by systemd, has no default here.
func sysctlRanges(key string) (sysctlRange, bool) {
	const maxInt = 1<<31 - 1
	switch key {
	case "vm/max_map_count":
		return sysctlRange{0, maxInt, "65530"}, true
	case "fs/nr_open":
		return sysctlRange{64, 2147483584, ""}, true
	case "fs/file-max":
		return sysctlRange{0, 1<<63 - 1, ""}, true
	case "kernel/threads-max":
		return sysctlRange{1, maxInt, ""}, true
	case "kernel/pid_max":
		return sysctlRange{301, 4194304, ""}, true
	case "vm/overcommit_memory":
		return sysctlRange{0, 2, "0"}, true
	case "vm/swappiness":
		return sysctlRange{0, 200, "60"}, true
	}
	return sysctlRange{}, false
}

// kernelTakes is the value the kernel has after value was written to the key,
// or why it refuses. A key that is not known takes everything.
func kernelTakes(key, value string) (taken, refused string) {
	r, ok := sysctlRanges(key)
	if !ok {
		return value, ""
	}
	n, refused := kernelNumber(value)
	switch {
	case refused != "":
		return "", refused
	case n < r.min || n > r.max:
		return "", fmt.Sprintf("the kernel takes %d to %d", r.min, r.max)
	}
	return strconv.FormatInt(n, 10), ""
}

// kernelNumber reads a number as proc_get_long of kernel/sysctl.c does:
// decimal, 0 octal, 0x hexadecimal, at most 20 characters, and what follows
// white space does not matter.
func kernelNumber(value string) (int64, string) {
	t := strings.TrimLeft(value, sysctlSpace)
	if t == "" {
		return 0, "the kernel refuses an empty value"
	}
	if i := strings.IndexAny(t, " \t\n"); i >= 0 {
		t = t[:i]
	}
	digits := strings.TrimPrefix(t, "-")
	base := 10
	switch {
	case len(digits) > 2 && (digits[:2] == "0x" || digits[:2] == "0X"):
		digits, base = digits[2:], 16
	case len(digits) > 1 && digits[0] == '0':
		base = 8
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil || len(t) > 20 || digits[0] == '+' || n > 1<<63-1 {
		return 0, fmt.Sprintf("the kernel does not take %q for a number", clip(t))
	}
	if t[0] == '-' {
		return -int64(n), ""
	}
	return int64(n), ""
}

// base is the value before any file is applied.
type base struct {
	value, source, unknown string
}

// bootBase is the kernel's default, or what its command line sets (since
// Linux 5.8).
func bootBase(h *SysctlHost, key string) base {
	path := slashed(key)
	r, _ := sysctlRanges(path)
	b := base{value: r.initial, source: "kernel default"}
	if r.initial == "" {
		b.unknown = "no file sets it, and the kernel's default is not the same everywhere"
	}
	if h.CommandLineWhy != "" {
		return base{unknown: "the kernel's command line is not known: " + h.CommandLineWhy}
	}
	if before(h.Kernel, 5, 8) {
		return b
	}
	for _, w := range h.CommandLine {
		name, value, ok := strings.Cut(w, "=")
		name, is := strings.CutPrefix(name, "sysctl")
		if !ok || !is || name == "" || name[0] != '.' && name[0] != '/' {
			continue
		}
		if strings.ReplaceAll(name[1:], ".", "/") != path {
			continue
		}
		if taken, refused := kernelTakes(path, strings.Trim(value, `"`)); refused == "" {
			b = base{value: taken, source: "kernel command line"}
		}
	}
	return b
}

// liveBase is the value now, which stays if nothing sets it.
func liveBase(h *SysctlHost) base {
	if h.Live == "" {
		return base{unknown: "no file sets it, and the value now is not known"}
	}
	return base{value: h.Live, source: "the kernel as it is now"}
}

// before reports whether a version is known and below major.minor.
func before(version string, major, minor int) bool {
	v := numbers(version)
	return len(v) > 1 && (v[0] < major || v[0] == major && v[1] < minor)
}

// numbers are the leading numbers of a version.
func numbers(version string) (all []int) {
	for _, p := range strings.FieldsFunc(version, func(r rune) bool { return r == '.' || r == '-' || r == '~' || r == '+' || r == ' ' }) {
		n, err := strconv.Atoi(p)
		if err != nil {
			break
		}
		all = append(all, n)
	}
	return all
}

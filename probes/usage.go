package probes

import (
	"slices"
	"strconv"
	"strings"
)

// usage tells how much of a limit is used, for a probe that declares the
// codes near and exhausted with thresholds of the same names: the code that
// applies and the share from which it does. ok is false below both.
func usage(in Input, used, limit int64) (slug string, share int64, ok bool) {
	for _, slug := range []string{"exhausted", "near"} {
		share := in.Threshold(in.Probe.Name + "/" + slug)
		if percent(used, limit) >= share {
			return slug, share, true
		}
	}
	return "", 0, false
}

// percent is the share of a limit that is used, rounded down; a limit of
// nothing is used up. Shares above a thousand percent are cut, so that no
// number from a host overflows.
func percent(used, limit int64) int64 {
	if limit <= 0 {
		return 100
	}
	p := float64(used) / float64(limit) * 100
	return int64(min(p, 1000))
}

// flag reports whether the boolean JVM flag -XX:+NAME or -XX:-NAME is given,
// and what the last of several says.
func (tm TaskManager) flag(name string) (on, given bool) {
	for _, o := range slices.Backward(tm.JVMOptions) {
		switch o {
		case "-XX:+" + name:
			return true, true
		case "-XX:-" + name:
			return false, true
		}
	}
	return false, false
}

// maxHeap is the greatest heap in bytes, from the last -Xmx or
// -XX:MaxHeapSize=; ok is false where argv does not tell.
func (tm TaskManager) maxHeap() (n int64, ok bool) {
	for _, o := range tm.JVMOptions {
		for _, prefix := range []string{"-Xmx", "-XX:MaxHeapSize="} {
			if rest, found := strings.CutPrefix(o, prefix); found {
				if v, valid := jvmSize(rest); valid {
					n, ok = v, true
				}
			}
		}
	}
	return n, ok
}

// jvmSize reads a size as the JVM does: a number, and k, m, g or t.
func jvmSize(s string) (int64, bool) {
	shift := 0
	if s != "" {
		if i := strings.IndexByte("kmgt", s[len(s)-1]|0x20); i >= 0 {
			shift, s = 10*(i+1), s[:len(s)-1]
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > (1<<62)>>shift {
		return 0, false
	}
	return n << shift, true
}

// twice is double a number, at most the greatest.
func twice(n int64) int64 { return min(n, int64(Unlimited)/2) * 2 }

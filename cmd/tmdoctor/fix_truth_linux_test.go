package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// bootSysctls runs the host's own systemd-sysctl on the host's own files, as
// its next boot will, and gives vm.max_map_count after it. Plain files stand in
// for /proc/sys, in a mount namespace that ends with it, so that nothing of this
// machine is changed.
func (l *fixLab) bootSysctls(h *labHost) string {
	l.t.Helper()
	out, err := l.inside(h, "unshare", "--mount", "/bin/sh", "-c", `
		mount -t tmpfs tmpfs /proc/sys || exit 1
		mount -t tmpfs tmpfs /run || exit 1
		mkdir -p /proc/sys/vm /proc/sys/fs
		echo 65530 >/proc/sys/vm/max_map_count
		echo 60 >/proc/sys/vm/swappiness
		/lib/systemd/systemd-sysctl >/dev/null 2>&1
		IFS= read -r v </proc/sys/vm/max_map_count
		echo "$v"`).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// inEffect checks that a host has the wanted values: now, in new sessions
// through its PAM by ssh and by su, and after its next boot as its own
// systemd-sysctl has it. It gives what does not hold.
func (l *fixLab) inEffect(h *labHost) (wrong []string) {
	l.t.Helper()
	return l.effects(h, wantFiles+":"+wantFiles)
}

// effects is inEffect with the open files of a session, SOFT:HARD.
func (l *fixLab) effects(h *labHost, want string) (wrong []string) {
	l.t.Helper()
	if got := l.live(h); lower(got, wantMaps) {
		wrong = append(wrong, "vm.max_map_count is "+got)
	}
	if got := l.bootSysctls(h); lower(got, wantMaps) {
		wrong = append(wrong, "vm.max_map_count after a boot is "+got)
	}
	if got := l.nofileBySu(h, "flink"); !atLeast(got, want) {
		wrong = append(wrong, "open files of flink by su are "+got)
	}
	if !strings.Contains(l.flavours[h.name], "nologin") {
		if got := l.nofile(h, "flink"); !atLeast(got, want) {
			wrong = append(wrong, "open files of flink by ssh are "+got)
		}
	}
	if out, err := l.sshOut(h, "op", "echo in"); err != nil || out != "in\n" {
		wrong = append(wrong, fmt.Sprintf("op does not come in by ssh: %v: %q", err, out))
	}
	return wrong
}

// atLeast compares two limits SOFT:HARD.
func atLeast(got, want string) bool {
	g, w := strings.Split(got, ":"), strings.Split(want, ":")
	if len(g) != len(w) {
		return false
	}
	for i := range g {
		if g[i] != "unlimited" && (len(g[i]) < len(w[i]) || len(g[i]) == len(w[i]) && g[i] < w[i]) {
			return false
		}
	}
	return true
}

// setLine is what a line of sysctl.conf or limits.conf sets, and to what: ""
// where it is none of the settings that fix changes.
func setLine(line string) (setting, value string) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
		return "", ""
	}
	if key, value, ok := strings.Cut(line, "="); ok {
		key = strings.ReplaceAll(strings.TrimLeft(strings.TrimSpace(key), "-"), "/", ".")
		if key != "vm.max_map_count" {
			return "", ""
		}
		return key, strings.TrimSpace(value)
	}
	f := strings.Fields(line)
	if len(f) < 4 || strings.ToLower(f[2]) != "nofile" {
		return "", ""
	}
	return strings.ToLower(f[0] + " " + f[1] + " " + f[2]), f[3]
}

// onlyRaised says what in a file's new text is more than a setting's value
// raised in its place, or lines added for such settings. Line by line, what is
// not the value of a setting must be as it was.
func onlyRaised(before, after string) (wrong []string) {
	a, b := slices.Collect(strings.Lines(after)), slices.Collect(strings.Lines(before))
	i := 0
	for _, line := range a {
		switch {
		case i < len(b) && line == b[i]:
			i++
		case i < len(b) && line == b[i]+"\n" && i == len(b)-1:
			i++ // the last line had no end, and more follows it
		case i < len(b) && raisedInPlace(b[i], line):
			i++
		case isOurs(line):
		default:
			was := "the end"
			if i < len(b) {
				was = fmt.Sprintf("%.200q", b[i])
			}
			return append(wrong, fmt.Sprintf("%.200q is neither what was there (%s) nor a setting raised", line, was))
		}
	}
	if i < len(b) {
		wrong = append(wrong, fmt.Sprintf("%.200q is gone", b[i]))
	}
	return wrong
}

// raisedInPlace reports whether a line is another with a higher value and not
// one other byte changed.
func raisedInPlace(before, after string) bool {
	setting, was := setLine(before)
	now, is := setLine(after)
	if setting == "" || now != setting {
		return false
	}
	head, tail, ok := cutLast(before, was)
	return ok && bytes.Equal([]byte(after), []byte(head+is+tail)) && !lower(is, was)
}

// cutLast cuts a line around the last time that a value is in it.
func cutLast(line, value string) (head, tail string, ok bool) {
	i := strings.LastIndex(line, value)
	if i < 0 {
		return "", "", false
	}
	return line[:i], line[i+len(value):], true
}

// lower reports whether one number is lower than another; what is no number is
// lower than all.
func lower(a, b string) bool {
	digits := func(s string) string {
		n := len(s)
		for i, r := range s {
			if r < '0' || r > '9' {
				n = i
				break
			}
		}
		return strings.TrimLeft(s[:n], "0")
	}
	x, y := digits(a), digits(b)
	return len(x) < len(y) || len(x) == len(y) && x < y
}

// isOurs reports whether a line was added: a setting, a comment or nothing.
func isOurs(line string) bool {
	line = strings.TrimSpace(line)
	setting, value := setLine(line)
	return line == "" || strings.HasPrefix(line, "#") || setting != "" && !lower(value, wantFiles)
}

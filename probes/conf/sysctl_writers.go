package conf

import "strings"

// laterWriters are lines of scripts that may write the key when the files were
// applied, and other marks of programs that may.
func laterWriters(h *SysctlHost, key string) (lines []Note, notes []string) {
	for _, w := range h.Writers {
		at, text, ok := ParsePlace(w)
		text = strings.TrimSpace(text)
		if !ok || strings.HasPrefix(text, "#") {
			continue
		}
		if rereads(text) != "" || strings.Contains(text, baseName(slashed(key))) {
			lines = append(lines, Note{At: at, Text: text, Why: "may write it later in the boot"})
			notes = append(notes, "may write it later in the boot: "+at.String()+":"+text)
		}
	}
	if h.has("/etc/cloud/cloud.cfg") {
		notes = append(notes, "cloud-init runs on this host and may write sysctls at boot: /etc/cloud/cloud.cfg")
	}
	return lines, notes
}

// rereads is how a line applies the files again: "--system", "-p", or "".
func rereads(text string) string {
	switch {
	case !strings.Contains(text, "sysctl"):
		return ""
	case strings.Contains(text, "--system"):
		return "--system"
	case strings.Contains(text, "--load"), strings.Contains(text, "sysctl -p"), strings.Contains(text, "sysctl -q -p"), strings.Contains(text, "sysctl -e -p"):
		return "-p"
	}
	return ""
}

// doubtful says so where a later writer may leave another value than the
// loader did. A line that writes the very value, plainly, changes nothing;
// whether any other line is reached, and what it writes, only running it would
// tell.
func (r *Resolution) doubtful(h *SysctlHost) {
	for _, l := range r.Writers {
		after := ""
		switch file, plain := loadedFile(l.Text); {
		case rereads(l.Text) == "--system":
			after = SysctlSystem(h, r.Key).Value
		case plain && file == "":
			after = SysctlLoad(h, r.Key).Value
		default:
			after = plainlyWritten(l.Text, r.Key)
		}
		if after != r.Value {
			r.Known, r.Value = false, ""
			r.Why = l.At.String() + " may write it later in the boot: " + l.Text
			return
		}
	}
}

// loadedFile is the file that a plain sysctl -p reads, "" for /etc/sysctl.conf;
// plain is false for any other line.
func loadedFile(text string) (file string, plain bool) {
	if rereads(text) != "-p" {
		return "", false
	}
	_, rest, ok := strings.Cut(text, " -p")
	if !ok {
		_, rest, ok = strings.Cut(text, "--load")
	}
	word, _, _ := strings.Cut(strings.TrimLeft(rest, " =\t"), " ")
	if word == "" || strings.ContainsAny(word[:1], ">|;&") || word == "/etc/sysctl.conf" {
		return "", ok
	}
	return word, ok
}

// plainlyWritten is the value that a line such as "sysctl -w KEY=VALUE" or
// "echo VALUE > /proc/sys/PATH" writes, "" where it is not as plain as that.
func plainlyWritten(text, key string) string {
	words := strings.Fields(strings.NewReplacer(">", " > ", `"`, "", "'", "").Replace(text))
	switch {
	case len(words) > 1 && baseName(words[0]) == "sysctl":
		for _, w := range words[1:] {
			name, value, ok := strings.Cut(w, "=")
			if ok && slashed(name) == slashed(key) {
				if taken, refused := kernelTakes(slashed(key), value); refused == "" {
					return taken
				}
			}
		}
	case len(words) == 4 && words[0] == "echo" && words[2] == ">" && words[3] == "/proc/sys/"+slashed(key):
		if taken, refused := kernelTakes(slashed(key), words[1]); refused == "" {
			return taken
		}
	}
	return ""
}

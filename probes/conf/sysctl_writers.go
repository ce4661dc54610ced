package conf

import (
	"strings"
	"sync"
)

// writer is a line of a script that may write the key when the files were
// applied.
type writer struct {
	at   Place
	text string
}

func laterWriters(h *SysctlHost, key string) (all []writer) {
	for _, w := range h.Writers {
		at, text, ok := ParsePlace(w)
		text = strings.TrimSpace(text)
		if !ok || strings.HasPrefix(text, "#") {
			continue
		}
		if rereads(text) != "" || strings.Contains(text, baseName(slashed(key))) {
			at.File = strings.Clone(at.File)
			all = append(all, writer{at, text})
		}
	}
	return all
}

// tell names the writers, and other marks of programs that may write.
func (r *Resolution) tell(h *SysctlHost, writers []writer) {
	for _, w := range writers {
		const why = "may write it later in the boot"
		r.Writers = append(r.Writers, Note{At: w.at, Text: kept(w.text), Why: why})
		r.Notes = append(r.Notes, why+": "+w.at.String()+":"+clip(w.text))
	}
	if h.has("/etc/cloud/cloud.cfg") {
		r.Notes = append(r.Notes, "cloud-init runs on this host and may write sysctls at boot: /etc/cloud/cloud.cfg")
	}
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
// loader did, or something where the loader left the kernel's default. A line
// that writes the very value, plainly, changes nothing, nor does one that
// applies the files again to the same effect; whether any other line is
// reached, and what it writes, only running it would tell.
func (r *Resolution) doubtful(h *SysctlHost, writers []writer) {
	if !r.Known && !r.Unset {
		return
	}
	// What is applied again begins with what the loader left, whatever the
	// value is today.
	left := *h
	left.Live = r.Value
	system := sync.OnceValue(func() bool { return r.stays(SysctlSystem(&left, r.Key)) })
	load := sync.OnceValue(func() bool { return r.stays(SysctlLoad(&left, r.Key)) })
	for _, w := range writers {
		same := false
		switch file, plain := loadedFile(w.text); {
		case rereads(w.text) == "--system":
			same = system()
		case plain && file == "":
			same = load()
		default:
			same = r.Known && plainlyWritten(w.text, r.Key) == r.Value
		}
		if !same {
			r.doubt(w.at.String() + " may write it later in the boot: " + clip(w.text))
			return
		}
	}
	if h.WritersWhy != "" {
		r.doubt("what the scripts of the boot write is not known: " + h.WritersWhy)
	}
}

// stays reports whether another resolution comes to the same.
func (r *Resolution) stays(other Resolution) bool {
	return r.Known && other.Known && r.Value == other.Value || r.Unset && other.Unset
}

// doubt takes the value back.
func (r *Resolution) doubt(why string) {
	r.Known, r.Unset, r.Value, r.Why = false, false, "", why
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

package conf

import "fmt"

// SysctlHost is what decides which value a sysctl gets on a host.
type SysctlHost struct {
	// Files are the sysctl files of all directories, /etc/sysctl.conf,
	// /etc/os-release, /etc/alpine-release, a replaced or masked
	// systemd-sysctl.service and tuned's files. A directory that could not be
	// listed, or not whole, is FileUnreadable. What is not here is absent.
	Files []File
	// Marks are paths that exist and tell the loader ("/run/systemd/system",
	// "/etc/runlevels/boot/sysctl", "/etc/init.d/procps", "/.dockerenv", ...) and
	// the name of process 1 as "/proc/1/comm NAME". MarksWhy is set where they
	// could not be read.
	Marks    []string
	MarksWhy string
	// CommandLine are the words of the kernel's command line that begin with
	// "sysctl."; CommandLineWhy is set where they could not be read.
	CommandLine    []string
	CommandLineWhy string
	Kernel         string // release, "6.1.0-13-amd64"; "" where unknown
	Systemd        string // version, "252"; "" takes that of the distribution
	Procps         string // version, "4.0.2"; "" takes that of the distribution
	// Live is the value now, "" where unknown. Only SysctlSystem and SysctlLoad
	// use it: a boot begins anew.
	Live string
	// Writers are lines of scripts of the boot as FILE:LINE:TEXT. WritersWhy is
	// set where a script could not be read: what it writes may then be the last
	// word.
	Writers    []string
	WritersWhy string
}

// Loader is a program that applies sysctl files.
type Loader string

// The loaders that are known, and none.
const (
	LoaderNone       Loader = "none"
	LoaderSystemd    Loader = "systemd-sysctl"
	LoaderSystemdEL7 Loader = "systemd-sysctl of RHEL 7" // reads /etc/sysctl.conf last
	LoaderProcps     Loader = "sysctl --system"
	LoaderBusybox    Loader = "OpenRC of Alpine with busybox" // no merging by name
	LoaderFile       Loader = "sysctl -p"                     // /etc/sysctl.conf alone
)

// SysctlFate says what becomes of a line.
type SysctlFate string

// The fates of a line.
const (
	FateWins      SysctlFate = "wins"
	FateLater     SysctlFate = "overridden"   // a later line sets it again
	FateSameName  SysctlFate = "same name"    // a file of that name in a directory before hides this one
	FateMasked    SysctlFate = "masked"       // that file is empty or /dev/null
	FateGlob      SysctlFate = "glob loses"   // an explicit line beats a pattern
	FateExcluded  SysctlFate = "excluded"     // a line "-key" takes it out
	FateRejected  SysctlFate = "rejected"     // the kernel refuses the value
	FateNotRead   SysctlFate = "not read"     // the loader does not read this file
	FateIgnored   SysctlFate = "ignored line" // names the key, but the loader does not understand it so
	FateExclusion SysctlFate = "exclusion"    // a line "-key" itself
)

// SysctlLine is a line that concerns the key. Place is where its text stands,
// also where the file was reached by a link. Of a long Text or Value it is the
// beginning.
type SysctlLine struct {
	Place Place
	Text  string
	Value string // as written, "" for an exclusion or an ignored line
	Fate  SysctlFate
	Why   string // in words, with the place that is the reason
}

// SysctlFile is a file in the order in which the loader reads: a later one
// beats an earlier one.
type SysctlFile struct {
	Path   string
	Target string // of a link
	Read   bool
	Note   string // why it is not read, or by whom it is read again
	Lines  []SysctlLine
}

// Resolution is the value a key gets, or why that cannot be known, with the
// whole chain that leads there.
type Resolution struct {
	Key   string
	Known bool
	Value string // as the kernel shows it; "" where not Known
	Why   string // why it cannot be known
	// Unset says that nothing sets the key, no script of the boot either, and
	// what it is without that is not the same on every host.
	Unset bool
	// Source is FILE:LINE of the winner, "kernel command line", "kernel
	// default" or "the kernel as it is now".
	Source    string
	Loader    Loader
	LoaderWhy string
	Files     []SysctlFile
	// Writers are lines of scripts that may write the key when the files were
	// applied.
	Writers []Note
	// Notes are other facts to tell: who else may write the value, what a
	// reboot empties.
	Notes []string
}

// Shadowed are the lines that lost, in the order in which they were read.
func (r Resolution) Shadowed() (lines []SysctlLine) {
	for _, f := range r.Files {
		for _, l := range f.Lines {
			if l.Fate != FateWins {
				lines = append(lines, l)
			}
		}
	}
	return lines
}

// Winner is the line that wins, if one does.
func (r Resolution) Winner() (SysctlLine, bool) {
	for _, f := range r.Files {
		for _, l := range f.Lines {
			if l.Fate == FateWins {
				return l, true
			}
		}
	}
	return SysctlLine{}, false
}

// SysctlBoot resolves the value the key has after the next boot.
func SysctlBoot(h *SysctlHost, key string) Resolution {
	p := bootPlan(h)
	if mark := ContainerMark(h.Marks); p.unknown == "" && mark != "" {
		p.unknown = fmt.Sprintf("this is a container (%s): its host sets the value", mark)
	}
	p.tuned = tunedPlan(h)
	r := p.resolve(h, key, bootBase(h, key))
	writers := laterWriters(h, key)
	r.tell(h, writers)
	r.doubtful(h, writers)
	return r
}

// SysctlSystem resolves the value the key would have after `sysctl --system`,
// which is not what a boot gives.
func SysctlSystem(h *SysctlHost, key string) Resolution {
	p := plan{loader: LoaderProcps, why: "asked for", steps: systemSteps(h, true, true), dialects: procpsDialects(h)}
	if IsAlpine(h.Files) {
		p = plan{loader: LoaderBusybox, why: "asked for", unknown: "busybox sysctl has no --system"}
	}
	return p.resolve(h, key, liveBase(h))
}

// SysctlLoad resolves the value the key would have after `sysctl -p`, which
// reads /etc/sysctl.conf alone.
func SysctlLoad(h *SysctlHost, key string) Resolution {
	p := plan{loader: LoaderFile, why: "asked for", steps: oneStep(h, "/etc/sysctl.conf"), dialects: procpsDialects(h)}
	if IsAlpine(h.Files) {
		p.dialects = []dialect{busybox}
	}
	return p.resolve(h, key, liveBase(h))
}

package probes

import "github.com/tmdoctor/tmdoctor/probes/conf"

// Minify is what assemble does to the program.
var Minify = minify

// ScriptParts are the parts of the program as they are written, by name.
func ScriptParts() map[string]string {
	parts := map[string]string{"prelude.sh": preludeScript, "session.sh": sessionScript, "logins.sh": loginsScript, "units.sh": unitsScript, "main.sh": expand(mainScript, All)}
	for _, p := range All {
		parts[p.Name+".sh"] = p.Script
	}
	return parts
}

// ShortNames is what assemble does to names.
func ShortNames(text string) string { return shortNamesOf(text).in(text) }

// WholeScript is the program with comments, and with nothing in quotes.
func WholeScript() string {
	text := preludeScript + ownerDriver(All) + sessionScript + loginsScript + unitsScript
	for _, p := range All {
		text += p.Script
	}
	return text + "words='' owners=''\n" + expand(mainScript, All)
}

// ForgetEach calls visit with every fact unknown in turn.
var ForgetEach = forgetEach

// Boots resolves all that is judged at the next boot of a host, and tells how
// many limits were known. A nil memory remembers nothing.
func Boots(f *Facts, memory *Memo) (known int) {
	r := newResolver(f, (*memo)(memory))
	if r.bootSysctl(maxMapCount).Known {
		known++
	}
	for i := range r.startsOf() {
		for _, item := range []string{"nofile", "as", "nproc"} {
			if r.boot(&r.starts[i], item).known {
				known++
			}
		}
	}
	return known
}

// Memo is what an Evaluator remembers.
type Memo memo

// NewMemo is an empty one.
func NewMemo() *Memo { return (*Memo)(newMemo()) }

// SysctlHost, LoginFiles and LoginUser are what the facts of a host are to the
// resolvers of package conf.
func SysctlHost(f *Facts, key string) *conf.SysctlHost { return newResolver(f, nil).sysctlHost(key) }

func LoginFiles(f *Facts) []conf.File { return newResolver(f, nil).confFiles(loginFiles) }

func LoginUser(f *Facts, user string) conf.LoginUser { return newResolver(f, nil).loginUser(user) }

// BootValues are the values of the next boot of all limits of a host.
func BootValues(f *Facts) (values []HorizonValue) {
	for _, c := range Evaluate(f, nil).Checks {
		for _, s := range c.Horizons {
			values = append(values, s.Boot)
		}
	}
	return values
}

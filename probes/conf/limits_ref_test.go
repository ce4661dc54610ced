package conf_test

import (
	"math"
	"sort"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// The reference model of pam_limits: Linux-PAM 1.3 to 1.7 and Debian's
// patches step by step, slow, without a look at the resolver. The names are
// those of the functions in pam_limits.c.

// refItems are the items in the order of RLIMIT_*.
var refItems = []struct {
	name string
	unit uint64
}{
	{"cpu", 60}, {"fsize", 1024}, {"data", 1024}, {"stack", 1024}, {"core", 1024}, {"rss", 1024}, {"nproc", 1}, {"nofile", 1}, {"memlock", 1024}, {"as", 1024},
	{"locks", 1}, {"sigpending", 1}, {"msgqueue", 1}, {"nice", 0}, {"rtprio", 1}, {"rttime", 1},
}

// The ranks of LIMITS_DEF_*.
const (
	refDefUser = iota
	refDefGroup
	refDefAllGroup
	refDefAll
	refDefDefault
	refDefKernel
	refDefNone
)

// refLimit is an element of limits[].
type refLimit struct {
	soft, hard       uint64
	srcSoft, srcHard int
}

type refPAM struct {
	l        limitsTree
	uid, gid uint64
	groups   map[string]uint64
	limits   map[string]*refLimit
	login    int64
	loginDef int
	nrOpen   uint64
}

// refOpenSession is pam_sm_open_session: the return code and the limits that
// the session has then.
func refOpenSession(l limitsTree) (code int, limits map[string]conf.Rlimits) {
	p := &refPAM{l: l, limits: map[string]*refLimit{}, login: -2, loginDef: refDefNone, nrOpen: limitsNROpen, groups: map[string]uint64{"root": 0}}
	if l.user == "flink" {
		p.uid, p.gid, p.groups = 1500, 1500, map[string]uint64{"flink": 1500, "tm": 1501}
	}
	limits = map[string]conf.Rlimits{}
	for _, item := range refItems {
		start, pid1 := limitsStart[item.name], limitsPID1[item.name]
		limits[item.name] = start
		p.limits[item.name] = &refLimit{uint64(start.Soft), uint64(start.Hard), refDefNone, refDefNone}
		if l.setAll || l.debian && l.version < "1.7.0" {
			soft := uint64(pid1.Soft)
			if l.debian && item.name == "nofile" {
				soft = min(soft, 1024)
			}
			p.limits[item.name] = &refLimit{soft, uint64(pid1.Hard), refDefKernel, refDefKernel}
		}
	}
	fs := refFS(l.files)
	main, vendor := "/etc/security/limits.conf", "/usr/share/security"
	if _, ok := fs.open(main); !ok && l.vendor() {
		if _, ok := fs.open(vendor + "/limits.conf"); ok {
			main = vendor + "/limits.conf"
		}
	}
	if l.conf != "" {
		main = l.conf
	}
	files := []string{main}
	if l.conf == "" {
		byName := map[string]string{}
		for _, dir := range []string{"/etc/security/limits.d", vendor + "/limits.d"} {
			for _, name := range fs.list(dir) {
				if _, known := byName[name]; strings.HasSuffix(name, ".conf") && !known && (dir[1] == 'e' || l.vendor()) {
					byName[name] = dir + "/" + name
				}
			}
		}
		var names []string
		for name := range byName {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			files = append(files, byName[name])
		}
	}
	for _, at := range files {
		switch p.parseConfigFile(fs, at) {
		case "ignore":
			return 0, limits
		case "error":
			return 3, limits
		}
	}
	return p.setupLimits(limits), limits
}

func (p *refPAM) parseConfigFile(fs refFS, at string) string {
	text, ok := fs.open(at)
	if !ok {
		if p.l.version >= "1.5.3" && p.l.conf == "" {
			return ""
		}
		return "error"
	}
	for text != "" {
		n := strings.IndexByte(text, '\n') + 1
		if n == 0 {
			n = len(text)
		}
		if p.l.version < "1.6.0" && n > 1023 { // fgets of LINE_LENGTH
			n = 1023
		}
		line := text[:n]
		text = text[n:]
		if i := strings.IndexByte(line, 0); i >= 0 {
			line = line[:i]
		}
		line = strings.TrimLeft(line, refSpace)
		if i := strings.IndexByte(line, '#'); i >= 0 {
			line = line[:i]
		}
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
		}
		if line == "" {
			continue
		}
		if p.line(p.split(line)) {
			return "ignore"
		}
	}
	return ""
}

// split is sscanf("%s%s%s%s"), or from 1.6.0 on strtok_r.
func (p *refPAM) split(line string) (f []string) {
	if p.l.version < "1.6.0" {
		f = strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(refSpace, r) })
		return f[:min(4, len(f))]
	}
	rest := line
	for range 3 {
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			return f
		}
		word, after, _ := strings.Cut(strings.ReplaceAll(rest, "\t", " "), " ")
		f = append(f, word)
		rest = rest[len(rest)-len(after):]
	}
	if p.l.version >= "1.6.1" {
		rest = strings.Trim(rest, " \t")
	}
	if rest != "" {
		f = append(f, rest)
	}
	return f
}

// line takes one line and reports whether it ends everything.
func (p *refPAM) line(f []string) bool {
	domain := f[0]
	kind, lo, hi := refParseRange(domain)
	if kind == "error" {
		return false
	}
	root := p.l.debian && p.uid == 0
	switch {
	case len(f) == 4:
		typ, item, value := strings.ToLower(f[1]), strings.ToLower(f[2]), strings.ToLower(f[3])
		switch {
		case domain == p.l.user:
			p.processLimit(refDefUser, typ, item, value)
		case domain[0] == '@' && !root:
			if p.inGroup(domain[1:], kind, lo, hi) {
				p.processLimit(refDefGroup, typ, item, value)
			}
		case domain[0] == '%' && !root:
			switch {
			case domain == "%":
				p.processLimit(refDefAll, typ, item, value)
			case (kind == "none" || kind == "one") && p.inGroup(domain[1:], kind, lo, hi):
				p.processLimit(refDefAllGroup, typ, item, value)
			}
		case kind == "none":
			if domain == "*" && !root {
				p.processLimit(refDefDefault, typ, item, value)
			}
		case refInRange(p.uid, kind, lo, hi):
			p.processLimit(refDefUser, typ, item, value)
		}
	case len(f) == 2 && f[1][0] == '-':
		switch {
		case domain == p.l.user:
			return true
		case domain[0] == '@':
			return p.inGroup(domain[1:], kind, lo, hi)
		case kind != "none":
			return refInRange(p.uid, kind, lo, hi)
		}
	}
	return false
}

func (p *refPAM) inGroup(name, kind string, lo, hi uint64) bool {
	switch kind {
	case "none":
		_, in := p.groups[name]
		return in
	case "one":
		for _, gid := range p.groups {
			if gid == hi {
				return true
			}
		}
		return false
	}
	return refInRange(p.gid, kind, lo, hi)
}

func refInRange(id uint64, kind string, lo, hi uint64) bool {
	switch kind {
	case "one":
		return id == hi
	case "both":
		return id <= hi && id >= lo
	}
	return id >= lo
}

// refParseRange is parse_uid_range.
func refParseRange(domain string) (kind string, lo, hi uint64) {
	i := strings.IndexByte(domain, ':')
	if i < 0 {
		return "none", 0, 0
	}
	after := domain[i+1:]
	body := domain
	if body[0] == '@' || body[0] == '%' {
		body = body[1:]
	}
	kind = "both"
	if body[0] == ':' {
		kind = "one"
	} else {
		n, rest, ok := refStrtoul(body)
		if !ok || !strings.HasPrefix(rest, ":") {
			return "error", 0, 0
		}
		lo = n & math.MaxUint32
	}
	if after == "" {
		if kind == "one" {
			return "error", 0, 0
		}
		return "min", lo, 0
	}
	n, rest, ok := refStrtoul(after)
	if !ok || rest != "" {
		return "error", 0, 0
	}
	return kind, lo, n & math.MaxUint32
}

// setupLimits is setup_limits with what the kernel says.
func (p *refPAM) setupLimits(limits map[string]conf.Rlimits) (code int) {
	for _, item := range refItems {
		l := p.limits[item.name]
		if l.srcSoft == refDefNone && l.srcHard == refDefNone {
			continue
		}
		l.soft = min(l.soft, l.hard)
		switch {
		case item.name == "nofile" && l.hard > p.nrOpen, !p.l.privileged && l.hard > uint64(limits[item.name].Hard):
			if !p.l.debian {
				code = 6
			}
		default:
			limits[item.name] = conf.Rlimits{Soft: conf.Rlimit(l.soft), Hard: conf.Rlimit(l.hard)}
		}
	}
	if p.uid != 0 && p.login == 0 {
		code = 6
	}
	return code
}

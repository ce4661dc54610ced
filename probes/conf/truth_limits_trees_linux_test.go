package conf_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// limitsTrees makes random trees of limits files.
type limitsTrees struct {
	rng    *rand.Rand
	nrOpen uint64
	plain  bool // an empty limits.conf and nothing else
	files  []conf.File
}

// limitsItems are items with a least value below which no shell would run, so
// that the session would end for another reason than that it is refused, and
// a most that a line of a person has.
var limitsItems = []struct {
	item        string
	least, most uint64
}{
	{"nofile", 256, 40000}, {"nofile", 256, 40000}, {"nofile", 1024, 65536}, {"nofile", 4096, 2000000},
	{"nproc", 200, 100000}, {"nproc", 200, 200000}, {"core", 0, 1 << 21}, {"memlock", 64, 1 << 22},
	{"as", 1 << 20, 1 << 30}, {"data", 1 << 20, 1 << 30}, {"stack", 1024, 1 << 16}, {"rss", 1024, 1 << 20},
	{"fsize", 1 << 17, 1 << 30}, {"cpu", 1, 10000}, {"locks", 0, 1000}, {"sigpending", 100, 100000},
	{"msgqueue", 0, 900000}, {"rtprio", 0, 99}, {"rttime", 1000, 1000000},
}

func (g *limitsTrees) tree() {
	if g.plain {
		g.files = []conf.File{{Path: limitsPath}}
		return
	}
	main := conf.File{Path: limitsPath, Content: g.text()}
	switch g.rng.IntN(20) {
	case 0: // absent: refused up to 1.5.2
	case 1:
		main = conf.File{Path: limitsPath, Target: pick(g.rng, "/dev/null", "/nowhere", "limits.d/a.conf")}
		fallthrough
	default:
		g.files = append(g.files, main)
	}
	for _, name := range []string{"10-a.conf", "a.conf", "B.conf", "zz.conf", ".hidden.conf", "a.conf~", "100.conf"} {
		if !chance(g.rng, 25) {
			continue
		}
		f := conf.File{Path: limitsD + "/" + name, Content: g.text()}
		switch n := g.rng.IntN(40); {
		case n == 0:
			f = conf.File{Path: f.Path, Target: pick(g.rng, "/nowhere", "/dev/null", "../limits.conf", "a.conf")}
		case n == 1:
			f = conf.File{Path: f.Path, Kind: conf.FileDir}
		}
		g.files = append(g.files, f)
	}
}

func (g *limitsTrees) text() string {
	var b strings.Builder
	end := "\n"
	if chance(g.rng, 6) {
		end = "\r\n"
	}
	if chance(g.rng, 3) {
		b.WriteString("\ufeff")
	}
	for range g.rng.IntN(8) {
		b.WriteString(g.line() + end)
	}
	if text := b.String(); chance(g.rng, 10) {
		return strings.TrimSuffix(text, end)
	}
	return b.String()
}

// line is a good one four times in five.
func (g *limitsTrees) line() string {
	sep := pick(g.rng, " ", " ", "\t", "   ", " \t")
	domain := g.domain()
	item, value := g.itemAndValue()
	good := strings.Join([]string{domain, pick(g.rng, "soft", "hard", "-", "soft", "hard", "-", "-", "Soft", "HARD"), item, value}, sep)
	switch g.rng.IntN(32) {
	case 0:
		return "#" + good
	case 1:
		return good + pick(g.rng, " # why", "# why", " 5", "\t extra words", " ", "\t")
	case 2:
		return pick(g.rng, " ", "\t", "\f") + good
	case 3:
		return pick(g.rng, "", " ", domain, domain+" "+item+" "+value, domain+" both "+item+" "+value, domain+" - vmem "+value, domain+" hard "+item)
	case 4:
		return domain + pick(g.rng, " -", " - ", "\t-\t", " -x")
	case 5:
		return domain + " - " + pick(g.rng, "maxlogins", "maxsyslogins") + " " + pick(g.rng, "0", "10", "-1", "unlimited", "99", "-0", "0x5", "5k", "none")
	case 6:
		return domain + " " + pick(g.rng, "priority 5", "soft priority -2", "- nonewprivs 1", "- NICE 3", "- nice -5", "hard nice 40", "soft rttime 5000")
	case 7:
		return good + strings.Repeat(" ", 980+g.rng.IntN(60)) + pick(g.rng, "", "#") + g.domain() + " - " + item + " " + value
	}
	return good
}

func (g *limitsTrees) domain() string {
	return pick(g.rng, "flink", "flink", "flink", "root", "root", "anna", "*", "*", "*", "@flink", "@tm", "@tm", "@root", "@nogroup", "nobody",
		":1500", ":0", "1500:", "0:", "1000:2000", "1500:1500", "0:0", "1:1", "@:1501", "@:0", "@1501:1501", "@1500:", "@0:0", "@:7", "x:y", ":",
		"1500:x", "%tm", "%", "%:1501", "%1500:1600", "Flink", "@", "flink:", "99999999999999999999:")
}

func (g *limitsTrees) itemAndValue() (item, value string) {
	p := limitsItems[g.rng.IntN(len(limitsItems))]
	item = p.item
	if chance(g.rng, 5) {
		item = strings.ToUpper(item)
	}
	n := p.least + g.rng.Uint64N(p.most-p.least+1)
	switch g.rng.IntN(20) {
	case 0, 1:
		return item, pick(g.rng, "unlimited", "infinity", "-1", "-", "Unlimited")
	case 2:
		return item, pick(g.rng, "abc", "unlimitedx", "k5", "none")
	case 3:
		return item, strconv.FormatUint(n, 10) + pick(g.rng, "k", "K", ".5", "_000", "\v", "x")
	case 4:
		return item, pick(g.rng, "+", "0", "00") + strconv.FormatUint(n, 10)
	case 5:
		if p.least == 0 && chance(g.rng, 20) {
			return item, "-18446744073709551000" // wraps to 616
		}
		return item, pick(g.rng, "18446744073709551615", "18446744073709551614", "99999999999999999999", "9223372036854775807", "18014398509481984", "-5")
	case 6, 7:
		if p.item == "nofile" {
			return item, fmt.Sprint(g.nrOpen + pick[uint64](g.rng, 0, 1, 2, 1000000))
		}
	}
	return item, strconv.FormatUint(n, 10)
}

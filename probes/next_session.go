package probes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// session is what a new session of the user gets by the files, where all
// services that may open it give the same.
func (r *resolver) session(s *start, item string, h Horizon) nextLimit {
	var first nextLimit
	asked := ""
	for _, service := range s.services {
		if !r.hasService(service) && len(s.services) > 1 {
			continue
		}
		n := r.throughService(s, service, item, h)
		switch {
		case !n.known:
			return n
		case asked == "":
			first, asked = n, service
		case !sameLimit(item, n.pair, first.pair):
			return unknownNext(fmt.Sprintf("a session through %s gets %s, one through %s %s, and which it was is not known",
				asked, first.pair.show(), service, n.pair.show()))
		}
	}
	if len(s.services) == 0 {
		return unknownNext("through which PAM service its session came was not collected")
	}
	for _, dir := range conf.PAMDirs {
		if asked == "" && r.file(dir).Kind == FileUnreadable {
			return unknownNext(dir + " cannot be read, and which PAM services are there is not known")
		}
	}
	if asked == "" {
		return unknownNext("none of the PAM services " + strings.Join(s.services, ", ") + " is there")
	}
	if line, ok := r.shellDoubt(item, first.pair); ok {
		return nextLimit{why: line, source: first.source, item: first.item}
	}
	return first
}

// hasService reports whether the host has a PAM file of that service, or the
// program that would use it.
func (r *resolver) hasService(service string) bool {
	for _, dir := range conf.PAMDirs {
		if k := r.file(dir + "/" + service).Kind; k != "" && k != FileAbsent {
			return true
		}
	}
	return service == "sshd" && r.f.Login.SSHDPID.IsKnown()
}

// throughService is what a session through one service gets.
func (r *resolver) throughService(s *start, service, item string, h Horizon) nextLimit {
	return sessionLimit(r.login(s.user, service, s.under, h), item)
}

// sessionLimit is one item of a session.
func sessionLimit(l sessionLimits, item string) nextLimit {
	switch {
	case l.why != "":
		return unknownNext(l.why)
	case l.Refused != "":
		return nextLimit{why: "no session is opened: " + l.Refused, refused: l.Refused, refusedAt: l.RefusedAt.String()}
	}
	n := limitOf(l.Items[item])
	if n.known && l.noPAM != "" {
		n.source = l.noPAM
	}
	n.item.Ignored = slices.Clone(n.item.Ignored)
	for _, note := range l.Ignored {
		// A line with a field too few names the item in the wrong place.
		named := slices.ContainsFunc(strings.Fields(note.Text), func(w string) bool { return strings.EqualFold(w, item) })
		if named && !slices.ContainsFunc(n.item.Ignored, func(o conf.Note) bool { return o.At == note.At }) {
			n.item.Ignored = append(n.item.Ignored, note)
		}
	}
	return n
}

// shellDoubt is a line with ulimit in a start file of the shell that may take
// away from what a session gets. Nobody runs it to find out.
func (r *resolver) shellDoubt(item string, pair LimitPair) (why string, ok bool) {
	lines := r.f.NoFile.Shell
	list, known := lines.Get()
	if !known {
		return "whether a start file of the shell calls ulimit: " + lines.Why(), true
	}
	for _, line := range list {
		at, text, ok := conf.ParsePlace(line)
		if !ok {
			continue
		}
		for _, u := range conf.UlimitLine(at, text) {
			if u.Item == item && takes(u, item, pair) {
				return u.At.String() + " may change it: " + strings.TrimSpace(text), true
			}
		}
	}
	return "", false
}

package fix

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// user plans a limit of new sessions of a user.
func (m *maker) user(p probes.Proposal, i int) {
	if !m.short(&p) {
		return
	}
	if p.Boot.Known && !p.BootShort && p.Contradicted == "" {
		// The files give it. What was seen of a session is older than they are,
		// or of a session that they do not decide: the finding stays as advice.
		m.note(fmt.Sprintf("%s: nothing to write for %s: the files give %s already (%s)", p.Subject, p.Setting, show(p.Boot.Pair), p.Boot.Source))
		return
	}
	if why := m.noSession(&p); why != "" {
		m.refuse(&p, why, limitByHand(&p, p.AtLeast))
		return
	}
	if p.Setting == "as" {
		m.freeUser(&p, i)
		return
	}
	m.raiseUser(&p, i)
}

// noSession is why the limits of a user's sessions are not changed, "" if they
// may be.
func (m *maker) noSession(p *probes.Proposal) string {
	switch why := plainName(p.User); {
	case m.stop != "":
		return m.stop
	case why != "":
		return why
	case p.Contradicted != "":
		return p.Contradicted
	}
	return m.untried(p.User)
}

// untried is why a session of the user could not be opened before: then nobody
// could tell afterwards whether the change keeps the user out.
func (m *maker) untried(user string) string {
	why := "a session of " + user + " was not tried"
	for _, s := range m.s.Sessions {
		if s.User == user {
			why = ""
			if s.Failed != "" {
				why = fmt.Sprintf("no session of %s could be opened (%s): %s", user, s.By, s.Failed)
			}
		}
	}
	if why == "" {
		return ""
	}
	if m.o.AcceptUnverified {
		m.note("that " + user + " can log in afterwards stays unverified: " + why)
		return ""
	}
	return why + "; whether the user can still log in afterwards could not be verified"
}

// plainName is why a name cannot stand in a limits file, "" if it can.
func plainName(user string) string {
	switch {
	case user == "" || user == "?":
		return "the user of the TaskManager is not known"
	case strings.Trim(user, "0123456789") == "":
		return "the name of uid " + user + " is not known, and limits.conf goes by names"
	case strings.ContainsAny(user[:1], "@%*-") || strings.ContainsAny(user, " #:/\x7f") || strings.ContainsFunc(user, unicode.IsControl):
		return fmt.Sprintf("the name %q cannot stand in a limits file", user)
	}
	return ""
}

// raiseUser plans two lines for the user.
func (m *maker) raiseUser(p *probes.Proposal, i int) {
	want, why := m.wanted(p)
	if why != "" {
		m.refuse(p, why, aboveNrOpen(p))
		return
	}
	holds := func(_ []string, f *probes.Facts) string { return m.gives(f, p, i, want) }
	edit := userLines(p, want)
	all := m.candidates(limitsPlace, edit, func(_ []string, f *probes.Facts) string { return m.whyLimits(f, p, i) })
	if st := m.s.file(limitsPlace.main); st != nil && st.Kind == probes.FileAbsent {
		// A new one would hide what the distribution has elsewhere.
		all = slices.DeleteFunc(all, func(c candidate) bool { return slices.Contains(c.paths, limitsPlace.main) })
	}
	if len(all) == 0 {
		m.refuse(p, fmt.Sprintf("--persist-in %s: there is no %s, and a new one would hide what the distribution has elsewhere", m.o.PersistIn, limitsPlace.main), limitByHand(p, want.Hard))
		return
	}
	chosen, passed := m.choose(p.Setting, all, holds)
	if chosen == nil {
		m.refuse(p, refusedPlaces(m.o.PersistIn, passed), insteadLimits(toolsOf(passed), p, want))
		return
	}
	m.tellPassed(passed)
	m.tellManaged(p.Setting, func(managed []string) string { return insteadLimits(managed, p, want) })
	m.opened(p, i)
	m.touch(p)
}

// userLines writes the two lines of a user.
func userLines(p *probes.Proposal, want probes.LimitPair) func(content string) string {
	return func(content string) string {
		soft, hard := conf.LimitsText(content, p.User, p.Setting)
		return conf.SetLimits(content, p.User, p.Setting, notLower(soft, want.Soft, p.Most).String(), notLower(hard, want.Hard, p.Most).String())
	}
}

// wanted is the pair that is written: what is asked for, and nothing lower
// than what is known to hold now or after a boot, or than what a line asks for.
func (m *maker) wanted(p *probes.Proposal) (want probes.LimitPair, why string) {
	if p.Most == 0 {
		return want, p.MostWhy
	}
	want = probes.LimitPair{Soft: p.AtLeast, Hard: p.AtLeast}
	for _, w := range []probes.Worth{p.Live, p.Boot} {
		if w.Known {
			want.Soft, want.Hard = max(want.Soft, w.Pair.Soft), max(want.Hard, w.Pair.Hard)
		}
	}
	if pair, ok := m.session(p.User, p.Setting); ok && p.Kind == probes.ProposeUser {
		want.Soft, want.Hard = max(want.Soft, pair.Soft), max(want.Hard, pair.Hard)
	}
	want.Hard = max(want.Hard, want.Soft, p.Asked)
	if want.Hard > p.Most {
		return want, fmt.Sprintf("%s is more than fs.nr_open allows, %s: the kernel would refuse it, and with it the login on some distributions", want.Hard, p.Most)
	}
	return want, ""
}

// session is what a session of the user was seen to have.
func (m *maker) session(user, item string) (pair probes.LimitPair, ok bool) {
	for _, s := range m.s.Sessions {
		if s.User == user && s.Failed == "" {
			return parsePair(s.Limits[item])
		}
	}
	return pair, false
}

// parsePair reads SOFT:HARD.
func parsePair(text string) (pair probes.LimitPair, ok bool) {
	soft, hard, ok := strings.Cut(text, ":")
	s, err1 := probes.ParseLimit(soft)
	h, err2 := probes.ParseLimit(hard)
	return probes.LimitPair{Soft: s, Hard: h}, ok && err1 == nil && err2 == nil
}

// gives is what the planned host gives instead of the wanted pair, "" if it
// gives that or more.
func (m *maker) gives(f *probes.Facts, p *probes.Proposal, i int, want probes.LimitPair) string {
	q, ok := again(unmeasured(f, p.User), m.policy, p, i)
	switch {
	case !ok:
		return "the planned host cannot be judged"
	case !q.Boot.Known:
		return "what a start after the next boot gets is not known: " + q.Boot.Why
	case q.Boot.Pair.Soft < want.Soft || q.Boot.Pair.Hard < want.Hard:
		return fmt.Sprintf("a start after the next boot would get %s, by %s", show(q.Boot.Pair), q.Boot.Source)
	}
	return ""
}

// whyLimits says why lines stand in a file.
func (m *maker) whyLimits(f *probes.Facts, p *probes.Proposal, i int) string {
	q, _ := again(unmeasured(f, p.User), m.policy, p, i)
	return fmt.Sprintf("%s: no line names %s more closely, and none after these does", q.Boot.Source, p.User)
}

// unmeasured is the host without what was seen of the user's sessions: they
// were opened before the files changed.
func unmeasured(f *probes.Facts, user string) *probes.Facts {
	return withSession(f, user, probes.Unknown[probes.LimitPair]("no session was opened since the files changed"), "nofile", "as")
}

// withSession is a host on which a session of the user was seen to get so much
// of some items.
func withSession(f *probes.Facts, user string, v probes.Value[probes.LimitPair], items ...string) *probes.Facts {
	g := *f
	for _, item := range items {
		of := &g.NoFile.Sessions
		if item == "as" {
			of = &g.AddressSpace.Sessions
		}
		sessions := map[string]probes.Value[probes.LimitPair]{}
		for name, pair := range *of {
			sessions[name] = pair
			account := f.Login.Accounts[name].Or(probes.Account{}).Name
			if name == user || account != "" && account == user {
				sessions[name] = v
			}
		}
		*of = sessions
	}
	return &g
}

// opened gives the draft the session that the planned files open.
func (m *maker) opened(p *probes.Proposal, i int) {
	q, ok := again(unmeasured(m.d.facts, p.User), m.policy, p, i)
	v := probes.Unknown[probes.LimitPair](q.Live.Why)
	if ok && q.Live.Known {
		v = probes.Known(q.Live.Pair)
	}
	m.d.facts = withSession(m.d.facts, p.User, v, p.Setting)
}

// aboveNrOpen is what to do where more is asked for than the kernel takes.
func aboveNrOpen(p *probes.Proposal) string {
	return fmt.Sprintf("ask for less in the policy, or raise fs.nr_open first, now and in a sysctl file; it has to be at least %s on both", max(p.AtLeast, p.Live.Pair.Hard))
}

// limitByHand is what a person does for a limit of a user.
func limitByHand(p *probes.Proposal, want probes.Limit) string {
	value := want.String()
	return fmt.Sprintf("see first that %s can log in; then the lines %q and %q in %s, while a root session stays open",
		p.User, limitLine(p.User, "soft", p.Setting, value), limitLine(p.User, "hard", p.Setting, value), limitsPlace.main)
}

// insteadLimits is what to do where no file is changed for a limit of a user.
func insteadLimits(managed []string, p *probes.Proposal, want probes.LimitPair) string {
	if len(managed) == 0 {
		return limitByHand(p, want.Hard)
	}
	soft, hard := want.Soft.String(), want.Hard.String()
	return inWords(managed, func(w words) (string, bool) {
		if w.limit == nil {
			return "", false
		}
		return w.limit(p.User, p.Setting, soft, hard), true
	}, limitLine(p.User, "soft", p.Setting, soft)+" and "+limitLine(p.User, "hard", p.Setting, hard))
}

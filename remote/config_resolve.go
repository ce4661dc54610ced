package remote

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// Resolver answers how a host is reached. It reads ssh_config once; it is
// safe for concurrent use.
type Resolver struct {
	opts    Options
	blocks  []block
	literal map[string][]int // Host blocks with plain names only, by name
	general []int            // the others
	final   bool             // some Match wants a second pass
	notNow  *block           // the first Match !final, nil for none

	localAddrs func() ([]netip.Addr, error) // asked once
}

// NewResolver reads the ssh_config files of opts. A file that ssh(1) would
// refuse as a whole is an error with FILE:LINE.
func NewResolver(opts Options) (*Resolver, error) {
	opts = opts.withDefaults()
	blocks, err := scanConfig(opts.configFiles(), opts)
	if err != nil {
		return nil, err
	}
	r := &Resolver{opts: opts, blocks: blocks, literal: map[string][]int{}, localAddrs: sync.OnceValues(localAddrs)}
	for i := range blocks {
		b := &blocks[i]
		r.final = r.final || b.wantsFinal(false)
		if r.notNow == nil && b.wantsFinal(true) {
			r.notNow = b
		}
		if len(b.lines) == 0 && !b.outer {
			continue
		}
		if b.patterns == nil || slices.ContainsFunc(b.patterns, func(p string) bool { return strings.ContainsAny(p, "*?!") }) {
			r.general = append(r.general, i)
			continue
		}
		for _, p := range b.patterns {
			r.literal[p] = append(r.literal[p], i)
		}
	}
	return r, nil
}

// Resolve gives the settings of a host, or an *Error of phase config that
// names the FILE:LINE that cannot be honoured.
func (r *Resolver) Resolve(h inventory.Host) (Settings, error) {
	return r.resolve(h, nil)
}

// maxJumps bounds how deep jump hosts may stand behind jump hosts.
const maxJumps = 8

func (r *Resolver) resolve(h inventory.Host, behind []string) (Settings, error) {
	l := newLookup(r, h)
	if err := l.read(); err != nil {
		return Settings{}, err
	}
	s, err := l.settings()
	if err != nil {
		return Settings{}, err
	}
	if slices.Contains(behind, s.identity()) {
		return Settings{}, errLoop
	}
	if err := r.proxy(l, &s, behind); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// candidates are the blocks that may hold for a name, in file order. Those
// within a block that is none of them do not hold.
func (r *Resolver) candidates(name string) []int {
	c := slices.Concat(r.literal[name], r.general)
	slices.Sort(c)
	return slices.Compact(c)
}

// lookup collects what the blocks say about one host, in the order of ssh(1):
// a Match is judged by what the lines before it have set.
type lookup struct {
	r     *Resolver
	host  inventory.Host
	final bool // the second pass
	// name is what Host lines are compared with: what the host is called, in
	// the second pass its address.
	name string

	first        map[string]directive // the first value of each keyword wins
	identities   []directive          // but all of these count
	certificates []directive
	unheard      []directive   // what ssh would refuse to read
	unclear      bool          // the ProxyCommand stands below a ProxyJump none
	warnings     []string      // about blocks that may hold
	held         map[int]state // blocks that hold or may, of this pass
}

// state is how far a block holds, and if that is not sure, by which Match.
type state struct {
	certainty
	doubt *block
}

// newLookup begins with what the inventory says, as if it stood on ssh's
// command line.
func newLookup(r *Resolver, h inventory.Host) *lookup {
	l := &lookup{r: r, host: h, first: map[string]directive{}}
	given := func(key, value string) {
		l.first[key] = directive{place: place{file: "inventory"}, key: key, args: []string{value}}
	}
	if h.Address != "" {
		given("hostname", noTokens(h.Address))
	}
	if h.User != "" {
		given("user", h.User)
	}
	if h.Port != 0 {
		given("port", strconv.Itoa(h.Port))
	}
	if h.Jump != "" {
		given("proxyjump", h.Jump)
		given("proxycommand", "none")
	}
	return l
}

// read goes through the files, and a second time if a Match final is in them.
func (l *lookup) read() error {
	if err := l.pass(l.host.Name); err != nil {
		return err
	}
	switch {
	case l.r.final:
		return l.again()
	case l.r.notNow == nil:
		return nil
	}
	second := newLookup(l.r, l.host)
	if err := second.pass(l.host.Name); err != nil {
		return err
	}
	if err := second.again(); err != nil {
		return err
	}
	if l.differs(second) {
		return unsupported(l.r.notNow.place, l.r.notNow.title+": versions of ssh before 10.1 read the files again for it, and find more",
			"leave !final out: a block without it is read the first time too")
	}
	return nil
}

// differs is true if a second pass over the files would have found more.
func (l *lookup) differs(second *lookup) bool {
	first, again := maps.Clone(l.first), maps.Clone(second.first)
	delete(first, "hostname")
	delete(again, "hostname")
	return !reflect.DeepEqual(first, again) || !reflect.DeepEqual(l.unique(), second.unique())
}

// unique are the keys and certificates named, each once.
func (l *lookup) unique() (names []string) {
	for _, d := range slices.Concat(l.identities, l.certificates) {
		if n := d.key + " " + d.value(); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// again is the second pass. HostName has then been decided.
func (l *lookup) again() error {
	address, err := l.address()
	if err != nil {
		return err
	}
	d := l.first["hostname"]
	d.key, d.args = "hostname", []string{noTokens(address)}
	l.first["hostname"] = d
	l.final = true
	return l.pass(address)
}

func (l *lookup) pass(name string) error {
	l.name, l.held = name, map[int]state{}
	for _, i := range l.r.candidates(name) {
		b := &l.r.blocks[i]
		st, err := l.judgeBlock(b)
		if err != nil {
			return err
		}
		if st.certainty == holdsNot {
			continue
		}
		l.held[i] = st
		for _, d := range b.lines {
			if st.certainty == holds {
				l.set(d)
			} else if err := l.suspect(d, st.doubt); err != nil {
				return err
			}
		}
	}
	return nil
}

// judgeBlock says if a block holds by what was set so far.
func (l *lookup) judgeBlock(b *block) (state, error) {
	st := state{certainty: holds}
	if b.within >= 0 {
		st = l.held[b.within]
	}
	if st.certainty == holdsNot || b.patterns != nil && !matchList(b.patterns, l.name) {
		return state{}, nil
	}
	v, err := l.matches(b.match)
	if err != nil || v == holdsNot {
		return state{}, err
	}
	if v == mayHold && st.doubt == nil {
		st = state{mayHold, b}
	}
	return st, nil
}

// aliases are other names of keywords.
var aliases = map[string]string{
	"challengeresponseauthentication": "kbdinteractiveauthentication", "skeyauthentication": "kbdinteractiveauthentication",
	"tisauthentication": "kbdinteractiveauthentication", "dsaauthentication": "pubkeyauthentication",
}

// set takes a line of a block that holds.
func (l *lookup) set(d directive) {
	key := d.key
	if a, ok := aliases[key]; ok {
		key = a
	}
	switch {
	case key == "identityfile":
		l.identities = append(l.identities, d)
		return
	case key == "certificatefile":
		l.certificates = append(l.certificates, d)
		return
	case directives[key] == isUnheard:
		if !l.ignored(key) {
			l.unheard = append(l.unheard, d)
		}
		return
	case l.decided(key):
		return
	}
	l.first[key] = d
	_, jump := l.first["proxyjump"]
	l.unclear = l.unclear || key == "proxycommand" && jump
	// A jump host keeps a later ProxyCommand from counting.
	if key == "proxyjump" && !isNone(d) {
		l.first["proxycommand"] = directive{place: d.place, key: "proxycommand", args: []string{"none"}}
	}
}

// ignored is true for what an IgnoreUnknown line above covers.
func (l *lookup) ignored(key string) bool {
	return matchFold(strings.Split(strings.Join(l.first["ignoreunknown"].args, ","), ","), key)
}

// decided is true for a keyword of which one value counts, and that is known.
func (l *lookup) decided(key string) bool {
	_, ok := l.first[key]
	if key == "proxyjump" && !ok {
		_, ok = l.first["proxycommand"]
	}
	return ok
}

// value is the first word of a directive, "" if there is none.
func (d directive) value() string {
	if len(d.args) == 0 {
		return ""
	}
	return d.args[0]
}

func isNone(d directive) bool { return strings.EqualFold(d.value(), "none") }

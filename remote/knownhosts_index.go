package remote

import (
	"context"
	"slices"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// nameIndex finds lines of known_hosts by the name of a host.
type nameIndex struct {
	byName   map[string][]*keyLine // of plain names
	patterns []*keyLine            // wildcards and negations
	hashed   hashedLines
}

func (x *nameIndex) add(e *keyLine) {
	switch {
	case e.names == nil:
		x.hashed.add(e)
	case e.literal():
		if x.byName == nil {
			x.byName = map[string][]*keyLine{}
		}
		for _, n := range e.names {
			x.byName[n] = append(x.byName[n], e)
		}
	default:
		x.patterns = append(x.patterns, e)
	}
}

// search gives the lines about a name, which is in lower case and has the port
// in brackets unless it is 22.
func (x *nameIndex) search(name string) (lines []*keyLine) {
	lines = append(lines, x.byName[name]...)
	for _, e := range x.patterns {
		if e.matches(name) {
			lines = append(lines, e)
		}
	}
	return append(lines, x.hashed.search(name)...)
}

// knownName is what a host is looked up by: its name, and the one without a
// port, if that is to be tried too.
type knownName struct{ name, plain string }

func (s *Settings) knownName() knownName {
	n := knownName{name: s.lookupName()}
	if s.HostKeyAlias == "" && s.Port != 22 {
		n.plain = bracketed(s.Address, 22)
	}
	return n
}

// prepare looks many hosts up, as check does later. It is work only if names
// are hashed.
func (k *hostKeys) prepare(ctx context.Context, hosts []knownName) {
	var names []string
	for _, h := range hosts {
		names = append(names, h.name)
	}
	k.plain.hashed.prepare(ctx, names)
	names = nil
	for _, h := range hosts {
		if ctx.Err() == nil && h.plain != "" && len(k.lookup(h.name)) == 0 {
			names = append(names, h.plain)
		}
	}
	k.plain.hashed.prepare(ctx, names)
}

// Prepare begins to look the hosts of a run up in known_hosts files with hashed
// names, in the background: what a host would take milliseconds of while it
// connects is then known. It is no promise that they are connected to.
func (n *Native) Prepare(hosts []inventory.Host) {
	n.wg.Go(func() {
		type fileSet struct {
			files []string
			names []knownName
		}
		var sets []*fileSet
		for _, h := range hosts {
			if h.Local {
				continue
			}
			s, err := n.Resolve(h)
			if n.life.Err() != nil {
				return
			}
			if err != nil {
				continue // Run will say so
			}
			for _, s := range slices.Concat(s.Jumps, []Settings{s}) {
				i := slices.IndexFunc(sets, func(f *fileSet) bool { return slices.Equal(f.files, s.KnownHosts) })
				if i < 0 {
					i, sets = len(sets), append(sets, &fileSet{files: s.KnownHosts})
				}
				sets[i].names = append(sets[i].names, s.knownName())
			}
		}
		for _, set := range sets {
			if keys, err := n.hostKeysFor(set.files); err == nil {
				keys.prepare(n.life, set.names)
			}
		}
	})
}

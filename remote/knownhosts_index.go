package remote

// nameIndex finds lines of known_hosts by the name of a host.
type nameIndex struct {
	byName   map[string][]*keyLine // of plain names
	patterns []*keyLine            // wildcards and negations
	hashed   []*keyLine
}

func (x *nameIndex) add(e *keyLine) {
	switch {
	case e.names == nil:
		x.hashed = append(x.hashed, e)
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
	for _, list := range [][]*keyLine{x.patterns, x.hashed} {
		for _, e := range list {
			if e.matches(name) {
				lines = append(lines, e)
			}
		}
	}
	return lines
}

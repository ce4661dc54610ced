package probes

// Chain is how the values of one setting came about on one host: what
// tmdoctor why prints.
type Chain struct {
	Setting   string     `json:"setting"`
	Standings []Standing `json:"standings"`
	// Parts are the ways to a value, such as the next boot, what sysctl
	// --system would give, or a login of one user through sshd.
	Parts []ChainPart `json:"parts"`
}

// ChainPart is one way to a value: the steps in the order in which the host
// takes them, a later one beating an earlier one unless it says otherwise.
type ChainPart struct {
	Horizon Horizon `json:"horizon"`
	// Title says whose value it is and by what: "after the next boot, by
	// systemd-sysctl".
	Title string `json:"title"`
	// Why says how it is known that this is the way.
	Why    string       `json:"why"`
	Result HorizonValue `json:"result"`
	Steps  []ChainStep  `json:"steps"`
	// Notes are other facts to tell: who else may write the value.
	Notes []string `json:"notes"`
}

// ChainStep is a file in the order of reading, or something that no file
// causes (then Path is empty).
type ChainStep struct {
	Path   string `json:"path"`
	Target string `json:"target,omitempty"` // of a link
	// Note is why the file is not read, or what the step does.
	Note  string      `json:"note"`
	Lines []ChainLine `json:"lines"`
}

// ChainLine is a line that concerns the setting, and what became of it.
type ChainLine struct {
	Line int    `json:"line"`
	Text string `json:"text"`
	Fate string `json:"fate"` // "wins", "overridden", "same name", ..., or words
	Why  string `json:"why"`
	Won  bool   `json:"won"`
}

// Known reports whether the value of every horizon is known: of each standing,
// or of each part where the setting has no standing. What does not run has no
// value that could be known.
func (c *Chain) Known() bool {
	for i := range c.Standings {
		for _, h := range Horizons {
			if why := c.Standings[i].At(h).Unknown; why != "" && why != noneRuns {
				return false
			}
		}
	}
	for i := range c.Parts {
		if len(c.Standings) == 0 && c.Parts[i].Result.Unknown != "" {
			return false
		}
	}
	return len(c.Standings)+len(c.Parts) > 0
}

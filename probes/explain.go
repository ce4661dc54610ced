package probes

import (
	"fmt"
	"slices"
	"strings"
)

// Topic is what tmdoctor explain prints about a probe, a code or a cause. All
// of it comes from the values that judge, so that it cannot differ from them.
type Topic struct {
	Kind  string // "probe", "code" or "cause"
	Name  string // "maps", "maps/low", "open_files"
	Title string
	// Text is why it matters: paragraphs with an empty line between.
	Text     string
	Measured string
	// Setting is the limit that a probe judges on three horizons, nil for
	// other topics.
	Setting *Setting
	// Thresholds are the numbers in force.
	Thresholds []PolicyValue
	// Status is the status in force of a code, "" for other topics.
	Status  Status
	Sources []string
	// Fix is what to do by hand; Fixable says that tmdoctor fix can do it.
	Fix     string
	Fixable bool
	// Proves is what makes a cause proven, Neighbours what it is mistaken for,
	// Restart whether the TaskManager has to be started again; Starts is the fix
	// by what starts it. They are empty for what is no cause.
	Proves, Neighbours, Restart string
	Starts                      []StartFix
	// See are names of other topics.
	See []string
	// words are what the topic is found by beside its texts.
	words []string
}

// Explain finds what there is to say about a query: the name of a probe, of
// its setting, of a code or a cause, any words of the runbook ("ulimit -m", "vmem", "OOM",
// "checksum mismatch", "df -i"), or lines of a log. A name gives what has that name
// alone, a setting also the causes that its probe measures; words give
// every topic that has them, the best first and of equals causes; nothing at
// all gives every probe. Numbers and statuses are those of the policy, nil for
// the default one.
func Explain(query string, p *Policy) []Topic {
	topics := Topics(p)
	raw := query
	query = strings.ToLower(strings.Join(strings.Fields(query), " "))
	query = strings.TrimPrefix(query, causePrefix)
	if query == "" {
		return keep(topics, func(t Topic) bool { return t.Kind == "probe" })
	}
	// Names of probes and codes have hyphens, those of causes underscores.
	hyphens := strings.NewReplacer("_", "-")
	if set := keep(topics, func(t Topic) bool { return t.Setting != nil && t.Setting.Name == query }); len(set) > 0 {
		return append(set, keep(topics, func(t Topic) bool { return t.Kind == "cause" && causeDoc(t.Name).Probe == set[0].Name })...)
	}
	if named := keep(topics, func(t Topic) bool { return hyphens.Replace(t.Name) == hyphens.Replace(query) }); len(named) > 0 {
		return named
	}
	found := byWords(topics, query)
	if len(found) == 0 {
		found = inQuery(topics, query)
	}
	// What the table of texts knows comes first, but for the runbook's words.
	if len(found) == 0 || !hasWord(found[0], query) {
		known := namedTopics(topics, ofText(raw))
		found = append(known, keep(found, func(t Topic) bool {
			return !slices.ContainsFunc(known, func(k Topic) bool { return k.Name == t.Name && k.Kind == t.Kind })
		})...)
	}
	if len(found) > 0 {
		return found
	}
	// No topic has the words side by side: those that have each of them.
	return keep(topics, func(t Topic) bool {
		text := t.text()
		for _, word := range strings.Fields(query) {
			if !strings.Contains(text, word) {
				return false
			}
		}
		return true
	})
}

// byWords returns the topics that have the query in one piece: first those one
// of whose words it is, then those with it in a word or title, then in a text.
func byWords(topics []Topic, query string) (found []Topic) {
	topics = causesFirst(topics)
	if i := slices.IndexFunc(topics, func(t Topic) bool { return slices.Contains(firstFor[query], t.Name) }); i >= 0 {
		topics = append(namedTopics(topics, firstFor[query]), topics...)
	}
	has := []func(Topic) bool{
		func(t Topic) bool { return hasWord(t, query) },
		func(t Topic) bool {
			return containsWord(strings.ToLower(t.Title), query) || anyWord(t.words, func(w string) bool { return containsWord(w, query) })
		},
		func(t Topic) bool { return containsWord(t.text(), query) },
		func(t Topic) bool { return len(query) > 3 && strings.Contains(t.text(), query) },
	}
	seen := map[string]bool{}
	for _, match := range has {
		for _, t := range topics {
			key := t.Kind + " " + t.Name
			if !seen[key] && match(t) {
				seen[key] = true
				found = append(found, t)
			}
		}
	}
	return found
}

// firstFor is the order of topics for words that several have as their own.
var firstFor = map[string][]string{
	"outofmemoryerror":                 {causeHeap, causeMetaspace, causeDirect, causeThreads},
	"io error while opening rocksdb":   {causeCorrupted, causeOpenFiles},
	"unsatisfiedlinkerror":             {causeLibrary, causeNoExec},
	"resource temporarily unavailable": {causeThreads},
}

// causesFirst are the topics with causes before probes, and codes last.
func causesFirst(topics []Topic) []Topic {
	rank := map[string]int{"cause": 0, "probe": 1, "code": 2}
	sorted := slices.Clone(topics)
	slices.SortStableFunc(sorted, func(a, b Topic) int { return rank[a.Kind] - rank[b.Kind] })
	return sorted
}

// inQuery returns the topics that have a word of at least two parts which
// stands in the query, as in a pasted line: those with the longest first.
func inQuery(topics []Topic, query string) []Topic {
	longest := func(t Topic) (n int) {
		for _, w := range t.words {
			if len(w) > n && strings.ContainsAny(w, " _-.=") && len(w) > 5 && containsWord(query, strings.ToLower(w)) {
				n = len(w)
			}
		}
		return n
	}
	found := keep(causesFirst(topics), func(t Topic) bool { return longest(t) > 0 })
	slices.SortStableFunc(found, func(a, b Topic) int { return longest(b) - longest(a) })
	return found
}

// hasWord reports whether the query is one of a topic's words.
func hasWord(t Topic, query string) bool {
	return anyWord(t.words, func(w string) bool { return w == query })
}

func anyWord(words []string, match func(string) bool) bool {
	for _, w := range words {
		if match(strings.ToLower(w)) {
			return true
		}
	}
	return false
}

// containsWord reports whether query stands in text with no letter or digit
// on either side: "as" is not in "has".
func containsWord(text, query string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], query)
		if i < 0 {
			return false
		}
		i += at
		end := i + len(query)
		if (i == 0 || !alphanumeric(text[i-1])) && (end == len(text) || !alphanumeric(text[end])) {
			return true
		}
		at = i + 1
	}
}

func alphanumeric(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b >= 0x80
}

func keep(topics []Topic, want func(Topic) bool) (kept []Topic) {
	for _, t := range topics {
		if want(t) {
			kept = append(kept, t)
		}
	}
	return kept
}

// text is everything a topic says, in lower case.
func (t Topic) text() string {
	parts := []string{t.Name, t.Title, t.Text, t.Measured, t.Fix, t.Proves, t.Restart}
	parts = append(parts, t.Sources...)
	return strings.ToLower(strings.Join(append(parts, t.words...), "\n"))
}

// Topics are all topics: each probe followed by its codes, then the causes.
func Topics(p *Policy) (topics []Topic) {
	values := Effective(p)
	for _, probe := range All {
		topics = append(topics, probeTopic(probe, values))
		for _, c := range probe.Codes {
			topics = append(topics, codeTopic(probe, c, p))
		}
	}
	for _, d := range CauseDocs {
		topics = append(topics, causeTopic(d))
	}
	return topics
}

func probeTopic(probe *Probe, values []PolicyValue) Topic {
	title, text, _ := strings.Cut(probe.Doc, "\n\n")
	t := Topic{Kind: "probe", Name: probe.Name, Title: title, Text: text, Setting: probe.Setting, words: probe.Words}
	for _, own := range probe.Thresholds {
		for _, v := range values {
			if v.Kind != "code" && (v.Name == own.Name || policyFloors[v.Name] == own.Name) {
				t.Thresholds = append(t.Thresholds, v)
			}
		}
		if own.Source != "" {
			t.Sources = append(t.Sources, own.Name+": "+own.Source)
		}
	}
	for _, c := range probe.Codes {
		t.See = append(t.See, probe.Name+"/"+c.Slug)
	}
	for _, d := range CauseDocs {
		if d.Probe == probe.Name {
			t.See = append(t.See, d.Name)
		}
	}
	return t
}

func codeTopic(probe *Probe, c Code, p *Policy) Topic {
	name := probe.Name + "/" + c.Slug
	status := p.Status(name, c.Default)
	if c.Unknown {
		status = Worst(StatusUnknown, status)
	}
	return Topic{
		Kind: "code", Name: name, Title: c.Title, Text: c.Means, Measured: c.Measure, Status: status,
		Sources: []string{c.Source}, Fix: c.Fix, Fixable: c.Fixable, See: []string{probe.Name},
	}
}

func causeTopic(d CauseDoc) Topic {
	t := Topic{
		Kind: "cause", Name: d.Name, Title: d.Title, Text: d.Means, Measured: d.Shown, Fix: d.Fix, words: d.Words,
		Proves: d.Proves, Neighbours: d.Neighbours, Restart: d.Restart, Starts: startFixes(d),
	}
	if d.Row > 0 {
		t.Text = fmt.Sprintf("%s\n\nThis is cause %d of the runbook.", d.Means, d.Row)
	}
	if d.Probe != "" {
		t.See = []string{d.Probe}
	}
	for _, other := range CauseDocs {
		if other.Name != d.Name && containsWord(d.Neighbours, other.Name) {
			t.See = append(t.See, other.Name)
		}
	}
	return t
}

// causeCode is the finding that a likely or proven cause makes.
type causeCode struct {
	name, title string
	byDefault   Status
}

// causeCodes are the codes of causes: cause/NAME with hyphens.
func causeCodes() (codes []causeCode) {
	for _, d := range CauseDocs {
		c := causeCode{name: causePrefix + strings.ReplaceAll(d.Name, "_", "-"), title: d.Title, byDefault: Fail}
		if d.Name == "user_code" {
			c.byDefault = Warn
		}
		codes = append(codes, c)
	}
	return codes
}

package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/probes"
)

// colourWords are the values of --color.
var colourWords = []string{"auto", "always", "never"}

// completeHosts completes patterns with the names of groups and hosts, behind a
// ! too, and with none that is given already.
func (f *hostFlags) completeHosts(u *ui) cobra.CompletionFunc {
	return func(_ *cobra.Command, given []string, word string) ([]string, cobra.ShellCompDirective) {
		loader := f.loader(u)
		loader.Stdin = nil // a completion must not wait for a terminal
		inv, err := loader.Open(f.inventory)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		not, begin := "", word
		if after, ok := strings.CutPrefix(word, "!"); ok {
			not, begin = "!", after
		}
		var names []string
		for _, g := range inv.GroupNames() {
			names = append(names, g+"\tgroup of "+counted(len(inv.Group(g)), "host"))
		}
		names = append(names, inv.HostNames()...)
		return beginning(not, begin, names, given), cobra.ShellCompDirectiveNoFileComp
	}
}

// beginning are the names, each with what is said of it behind a tab, that
// begin as the word does and are not given, each behind prefix. Behind one,
// nothing is said of them: of what bash has to quote (! and the comma), cobra's
// script offers names only.
func beginning(prefix, word string, names, given []string) (match []string) {
	for _, n := range names {
		name, _, _ := strings.Cut(n, "\t")
		if prefix != "" {
			n = name
		}
		if strings.HasPrefix(name, word) && !slices.Contains(given, name) && !slices.Contains(given, prefix+name) {
			match = append(match, prefix+n)
		}
	}
	return match
}

// completeProbes completes a list joined by commas.
func completeProbes(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	i := strings.LastIndexByte(word, ',') + 1
	var names []string
	for _, p := range probes.All {
		names = append(names, p.Name+"\t"+oneLine(p.Doc))
	}
	return beginning(word[:i], word[i:], names, strings.Split(word[:i], ",")), cobra.ShellCompDirectiveNoFileComp
}

// completeTopics completes what explain knows by name: probes, findings,
// causes, settings, and the codes by which a policy and a report name causes.
func completeTopics(_ *cobra.Command, given []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(given) > 0 { // words to look for
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, t := range probes.Topics(nil) {
		names = append(names, t.Name+"\t"+t.Title)
	}
	if strings.HasPrefix(word, "c") {
		for _, d := range probes.CauseDocs {
			names = append(names, "cause/"+strings.ReplaceAll(d.Name, "_", "-")+"\t"+d.Title)
		}
	}
	for _, s := range probes.SettingNames() {
		if probes.ByName(s) == nil {
			names = append(names, s+"\t"+oneLine(probes.BySetting(s).Doc))
		}
	}
	return beginning("", word, names, nil), cobra.ShellCompDirectiveNoFileComp
}

// oneLine is the first line of a text.
func oneLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

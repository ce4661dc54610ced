package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// foldElsewhere takes failures of one job and cause together whose
// TaskManagers are gone: each restart leaves one behind. Their order stays,
// the newest of each first.
func foldElsewhere(all []Elsewhere) (folds [][]*Elsewhere) {
	type key struct {
		job, what string
		how       probes.Confidence
	}
	at := map[key]int{}
	for i := range all {
		e := &all[i]
		if !e.Gone || e.Host != "" { // it can still be looked at
			folds = append(folds, []*Elsewhere{e})
			continue
		}
		k := key{e.Job, cmp.Or(e.Cause, e.Text), e.Confidence}
		if n, ok := at[k]; ok {
			folds[n] = append(folds[n], e)
			continue
		}
		at[k] = len(folds)
		folds = append(folds, []*Elsewhere{e})
	}
	return folds
}

// elsewhereItem is a line of failures that belong to no host: the text is that
// of the newest.
func elsewhereItem(same []*Elsewhere, s signs) item {
	e := same[0]
	it := item{label: cmp.Or(string(e.Confidence), "seen"), status: probes.Warn, hosts: Escape(cmp.Or(e.Host, e.Endpoint, e.TaskManager, "the job"))}
	var where, gone []string
	count := 0
	for _, x := range same {
		count += x.Count
		where = append(where, cmp.Or(x.Endpoint, x.TaskManager))
		if x.Gone {
			gone = append(gone, x.TaskManager)
		}
	}
	text := cmp.Or(e.Message, e.Text)
	if e.Message != "" && e.Cause == "" {
		text = e.Text + "; " + e.Message
	}
	if gone = distinct(gone); len(gone) > 1 {
		it.hosts = fmt.Sprintf("%d TaskManagers", len(gone))
		if e.Cause != "" {
			text = where[0] + ": " + text // its numbers are of one
		}
	}
	if e.Cause != "" {
		text += " [" + e.Cause + "]"
	} else if e.Last != nil {
		text += fmt.Sprintf(" (%s, last %s)", plural(count, "time", "times"), e.Last.UTC().Format("2006-01-02 15:04 UTC"))
	}
	it.text = Escape(text)
	var notes []string
	switch {
	case e.Host != "":
		notes = append(notes, "host "+e.Host+" could not be judged itself")
	case where[0] != "":
		notes = append(notes, "no host that was asked is "+firstFew(distinct(where), "or"))
	}
	switch len(gone) {
	case 0:
	case 1:
		notes = append(notes, "TaskManager "+gone[0]+" is not registered any more")
	default:
		notes = append(notes, "TaskManagers "+firstFew(gone, "and")+" are not registered any more")
	}
	notes = append(notes, "job "+shortID(e.Job))
	it.notes = []string{s.arrow + " " + Escape(strings.Join(notes, "; "))}
	return it
}

// distinct is a list without what it has before.
func distinct(list []string) (once []string) {
	for _, s := range list {
		if !slices.Contains(once, s) {
			once = append(once, s)
		}
	}
	return once
}

// firstFew is a list as a person would say it, and of a long one its
// beginning.
func firstFew(list []string, word string) string {
	const few = 3
	n := len(list)
	switch {
	case n > few:
		return strings.Join(list[:few], ", ") + fmt.Sprintf(" %s %d more", word, n-few)
	case n < 2:
		return strings.Join(list, "")
	}
	return strings.Join(list[:n-1], ", ") + " " + word + " " + list[n-1]
}

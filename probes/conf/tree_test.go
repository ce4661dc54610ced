package conf_test

import (
	"path"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// treeFile is a file of a tree: a text or a link.
type treeFile struct {
	Text *string `json:"text"`
	Link string  `json:"link"`
}

// treeFiles are the files of a tree as a host's facts have them: a link with
// what it leads to.
func treeFiles(tree map[string]treeFile) (files []conf.File) {
	for name, f := range tree {
		file := conf.File{Path: name, Kind: conf.FileRegular, Target: f.Link}
		switch {
		case f.Text != nil:
			file.Content = *f.Text
		case f.Link == "/dev/null":
			file.Kind = conf.FileOther
		default:
			file.Kind = conf.FileDangling
			at, to := name, f
			for range 40 { // as the kernel does
				if to.Text != nil || to.Link == "" {
					break
				}
				if at = path.Join(path.Dir(at), to.Link); path.IsAbs(to.Link) {
					at = path.Clean(to.Link)
				}
				to = tree[at]
			}
			if to.Text != nil {
				file.Kind, file.Content = conf.FileLink, *to.Text
			}
		}
		files = append(files, file)
	}
	return files
}

// treeText is a tree to be shown.
func treeText(tree map[string]treeFile) map[string]string {
	text := map[string]string{}
	for name, f := range tree {
		if f.Text != nil {
			text[name] = *f.Text
		} else {
			text[name+" -> "+f.Link] = ""
		}
	}
	return text
}

// tree reads "path: text" pairs, where -> means a link.
func tree(pairs ...string) []conf.File {
	all := map[string]treeFile{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if to, ok := strings.CutPrefix(pairs[i+1], "-> "); ok {
			all[pairs[i]] = treeFile{Link: to}
		} else {
			all[pairs[i]] = treeFile{Text: &pairs[i+1]}
		}
	}
	return treeFiles(all)
}

package probes

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// withoutCase are the codes that no case shows: take a line away when its case
// is written, and add none.
var withoutCase = map[string]bool{
	"disk/hanging":                   true, // needs a process in uninterruptible sleep
	"disk/temporary-file-system":     true,
	"flink/configuration-unreadable": true,
	"flink/configured-for-localhost": true,
	"flink/none-running":             true,
	"flink/too-many":                 true,
	"host/swappiness-high":           true,
	"host/thp-always":                true,
	"jobmanager/not-registered":      true,
	"logs/unknown-signature":         true,
}

// ofConnection are the codes of what whoever asked a host tells of it; the
// tests of package audit show them.
var ofConnection = map[string]bool{"host/clock-skew": true, "host/legacy-ssh": true}

// ofCluster are the codes of what Flink's REST API says of a cluster.
var ofCluster = map[string]bool{"flink/job-failed": true, "flink/job-failing": true, "flink/rest-unread": true,
	"flink/not-registered": true, "flink/not-in-inventory": true, "flink/registered-as-localhost": true}

// TestEveryCodeIsShownByACase: a kind of finding that no host of a test case
// has is a kind of finding that nobody has seen working. Findings that compare
// hosts (SLUG-differs), or are of the cluster, have no host of their own;
// package report shows them.
func TestEveryCodeIsShownByACase(t *testing.T) {
	t.Parallel()
	for _, p := range All {
		files, err := filepath.Glob(filepath.Join("testdata", p.Name, "*.txtar"))
		if err != nil {
			t.Fatal(err)
		}
		shown := ""
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, want, _ := strings.Cut(string(data), "-- want --\n")
			shown += want
		}
		for _, c := range p.Codes {
			name := p.Name + "/" + c.Slug
			if strings.HasSuffix(c.Slug, "differs") || withoutCase[name] || ofCluster[name] || ofConnection[name] {
				continue
			}
			if !regexp.MustCompile(`(?m)^(warn|fail) ` + p.Name + "/" + regexp.QuoteMeta(c.Slug) + ` `).MatchString(shown) {
				t.Errorf("no case in testdata/%s shows %s/%s", p.Name, p.Name, c.Slug)
			}
		}
	}
}

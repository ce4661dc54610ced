package probes

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTheRunbooksWordsAreFound(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"ulimit -m":               "probe address-space",
		"ulimit -v":               "probe address-space",
		"vmem":                    "probe address-space",
		"ULIMIT  -n":              "probe nofile",
		"limits.conf":             "probe nofile",
		"sysctl vm.max_map_count": "probe maps",
		"vm.max_map_count":        "probe maps",
		"65530":                   "probe maps",
		"ulimit -u":               "probe threads",
		"OOM":                     "probe memory",
		"df -i":                   "probe disk",
		"checksum mismatch":       "cause corrupted_state",
		"address_space":           "probe address-space",
		"maps/low":                "code maps/low",
		"nofile/above_nr_open":    "code nofile/above-nr-open",
	} {
		topics := Explain(query, nil)
		names := []string{}
		for _, topic := range topics {
			names = append(names, topic.Kind+" "+topic.Name)
		}
		if !slices.Contains(names, want) {
			t.Errorf("Explain(%q) = %v, want %s among them", query, names, want)
			continue
		}
		if kind, _, _ := strings.Cut(want, " "); kind == "probe" {
			if first := slices.IndexFunc(topics, func(x Topic) bool { return x.Kind == "probe" }); topics[first].Kind+" "+topics[first].Name != want {
				t.Errorf("Explain(%q): the first probe is %s, want %s", query, topics[first].Name, want)
			}
		}
	}
}

func TestExplainOfANameIsThatTopicAlone(t *testing.T) {
	t.Parallel()
	for query, want := range map[string][]string{
		"maps":        {"probe maps"},
		" Maps/Near ": {"code maps/near"},
		"nofile/low":  {"code nofile/low"},
		"frobnicate":  nil,
	} {
		var got []string
		for _, topic := range Explain(query, nil) {
			got = append(got, topic.Kind+" "+topic.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("Explain(%q) = %v, want %v", query, got, want)
		}
	}
}

func TestExplainOfNothingIsEveryProbe(t *testing.T) {
	t.Parallel()
	var got, want []string
	for _, topic := range Explain(" ", nil) {
		got = append(got, topic.Kind+" "+topic.Name)
	}
	for _, p := range All {
		want = append(want, "probe "+p.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Explain of nothing = %v, want %v", got, want)
	}
}

func TestWordsThatStandApartAreFound(t *testing.T) {
	t.Parallel()
	topics := Explain("vsyscall kernel threads", nil)
	if len(topics) != 1 || topics[0].Name != "maps" {
		t.Errorf("topics = %v, want maps alone", topics)
	}
}

func TestExplainShowsTheNumbersInForce(t *testing.T) {
	t.Parallel()
	p := &Policy{Name: "fleet.yaml", Numbers: map[string]int64{"maps/near": 40}, Codes: map[string]Status{"maps/low": Fail}}
	topics := Explain("maps", p)
	got := []string{}
	for _, v := range topics[0].Thresholds {
		got = append(got, fmt.Sprintf("%s %s (%s)", v.Name, v.Value, v.From))
	}
	want := []string{"vm.max_map_count 262144 maps (default)", "maps/near 40 % (fleet.yaml)", "maps/exhausted 90 % (default)"}
	if !slices.Equal(got, want) {
		t.Errorf("thresholds = %q, want %q", got, want)
	}
	if s := Explain("maps/low", p)[0].Status; s != Fail {
		t.Errorf("status of maps/low = %s, want fail", s)
	}
}

func TestAWordIsNotFoundInsideAnother(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, query string
		want        bool
	}{
		{"the item as is", "as", true}, {"it has", "as", false}, {"ask", "as", false}, {"has as", "as", true}, {"(as)", "as", true}, {"", "as", false},
	} {
		if got := containsWord(c.text, c.query); got != c.want {
			t.Errorf("containsWord(%q, %q) = %v, want %v", c.text, c.query, got, c.want)
		}
	}
}

func TestNearestIsASlipAway(t *testing.T) {
	t.Parallel()
	known := []string{"maps/low", "maps/near", "nofile/low"}
	for word, want := range map[string]string{
		"maps/lwo": "maps/low", "map/near": "maps/near", "nofile/lows": "nofile/low", "threads": "", "": "", "x": "",
		strings.Repeat("x", 10000): "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%.20q) = %q, want %q", word, got, want)
		}
	}
}

// TestExplainTellsOfTheRESTAPI by the words of its flag, and that what could
// not be read is unknown by any policy.
func TestExplainTellsOfTheRESTAPI(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"flink-url", "rest", "REST API"} {
		if topics := Explain(query, nil); len(topics) == 0 || topics[0].Name != "flink" || !strings.Contains(topics[0].Text, "REST API of the JobManager") {
			t.Errorf("Explain(%q) says nothing of it first: %.1v", query, topics)
		}
	}
	for policy, want := range map[Status]Status{"": StatusUnknown, Warn: StatusUnknown, Fail: Fail} {
		p := &Policy{Codes: map[string]Status{}}
		if policy != "" {
			p.Codes["flink/rest-unread"] = policy
		}
		if got := Explain("flink/rest-unread", p)[0].Status; got != want {
			t.Errorf("with %q in a policy: %s, want %s", policy, got, want)
		}
	}
}

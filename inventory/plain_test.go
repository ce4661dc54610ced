package inventory

import (
	"strings"
	"testing"
)

// plainLists are lists that are right; they seed FuzzPlain.
var plainLists = []struct {
	name, text string
	want       []Host
}{
	{"one a line", "tm1\ntm2\n", []Host{{Name: "tm1", Source: "h:1"}, {Name: "tm2", Source: "h:2"}}},
	{"several on a line, by spaces, tabs and commas", "tm1 tm2\ttm3,tm4", []Host{
		{Name: "tm1", Source: "h:1"}, {Name: "tm2", Source: "h:1"}, {Name: "tm3", Source: "h:1"}, {Name: "tm4", Source: "h:1"}}},
	{"comments and empty lines", "# all\n\n tm1 # first\n#tm2\ntm3#x", []Host{{Name: "tm1", Source: "h:3"}, {Name: "tm3", Source: "h:5"}}},
	{"user and port", "flink@tm1:2222", []Host{{Name: "tm1", User: "flink", Port: 2222, Source: "h:1"}}},
	{"user and port hold for a range", "flink@tm[1-2]:22", []Host{
		{Name: "tm1", User: "flink", Port: 22, Source: "h:1"}, {Name: "tm2", User: "flink", Port: 22, Source: "h:1"}}},
	{"a user of a domain", `a@corp@tm1 CORP\b@tm2`, []Host{{Name: "tm1", User: "a@corp", Source: "h:1"}, {Name: "tm2", User: `CORP\b`, Source: "h:1"}}},
	{"IPv6 in brackets", "[2001:db8::1] root@[::2]:2222", []Host{
		{Name: "2001:db8::1", Source: "h:1"}, {Name: "::2", User: "root", Port: 2222, Source: "h:1"}}},
	{"IPv6 that ends in a colon is no YAML", "fe80::\n", []Host{{Name: "fe80::", Source: "h:1"}}},
	{"IPv6 bare", "::1 root@::2", []Host{{Name: "::1", Source: "h:1"}, {Name: "::2", User: "root", Source: "h:1"}}},
	{"Windows line ends and a byte order mark", "\ufefftm1\r\ntm2\r\n", []Host{{Name: "tm1", Source: "h:1"}, {Name: "tm2", Source: "h:2"}}},
	{"the same word twice is one host, at its first place", "a@tm1\ntm2\na@tm[1]", []Host{
		{Name: "tm1", User: "a", Source: "h:1"}, {Name: "tm2", Source: "h:2"}}},
	{"a bare localhost is this machine", "localhost", []Host{{Name: "localhost", Local: true, Source: "h:1"}}},
	{"localhost with a user is not", "flink@localhost", []Host{{Name: "localhost", User: "flink", Source: "h:1"}}},
	{"localhost with a port is not", "localhost:22", []Host{{Name: "localhost", Port: 22, Source: "h:1"}}},
	{"127.0.0.1 is reached by ssh", "127.0.0.1", []Host{{Name: "127.0.0.1", Source: "h:1"}}},
}

func TestPlainListsAreReadWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range plainLists {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantHosts(t, mustLoad(t, "h", tt.text).Hosts, tt.want)
		})
	}
}

func TestPlainListErrorsNamePlaceAndRemedy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"port is a word", "tm1\n  tm2:ssh", `h:2:7: port "ssh" is not a number from 1 to 65535 | a host is written [user@]host[:port]`},
		{"port zero", "tm1:0", `h:1:5: port "0" is not a number from 1 to 65535`},
		{"port too large", "tm1:65536", `h:1:5: port "65536" is not a number from 1 to 65535`},
		{"port empty, before another word", "tm1: tm2", "h:1:1: this YAML does not begin with schema: tmdoctor/inventory/v1"},
		{"port empty", "a1\ntm1:", `h:2:5: port "" is not a number from 1 to 65535`},
		{"an option in place of a name", "tm1 -oProxyCommand=x", `h:1:5: host name "-oProxyCommand=x" begins with '-' | ` + nameHint},
		{"leading dash", "tm1 -v", `h:1:5: host name "-v" begins with '-' | ` + nameHint},
		{"leading dash after the user", "a@-v", `h:1:3: host name "-v" begins with '-'`},
		{"user with a dash", "-l@tm1", `h:1:1: user "-l" begins with '-' | ` + userHint},
		{"user empty", "@tm1", "h:1:1: user is empty"},
		{"user with a bad character", "ab;c@tm1", `h:1:3: user "ab;c" has the character ';' | ` + userHint},
		{"host empty", "a@", "h:1:3: host name is empty"},
		{"control character", "tm1\ntm\x1b[1m", `h:2:4: "tm\x1b[1m" has a bracket that is not closed`},
		{"bell", "tm\a1", `h:1:3: host name "tm\a1" has a control character | ` + nameHint},
		{"NUL", "tm\x00", `h:1:3: host name "tm\x00" has a control character`},
		{"not UTF-8", "tm\xff1", `h:1:3: host name "tm\xff1" is not valid UTF-8`},
		{"international", "a1 zürich", `h:1:5: host name "zürich" has the character 'ü' | write an international name in its ASCII form (xn--...)`},
		{"columns count characters", "é", `h:1:1: host name "é" has the character 'é'`},
		{"shell", "$(id)", `h:1:1: host name "$(id)" has the character '$'`},
		{"several colons", "fe80::1:22:x", `h:1:1: "fe80::1:22:x" has several colons and is no IP address | an IPv6 address with a port is written [address]:port`},
		{"bad range", "tm1 tm[01-x]", `h:1:8: range "01-x": "x" is not a number of at most 18 digits | ` + rangeHint},
		{"a bracket with a word", "tm1 [web]", `h:1:6: range "web": "web" is not a number of at most 18 digits`},
		{"other user", "tm1\na@tm1", `h:2:1: host "tm1" is "a@tm1" here and "tm1" at h:1`},
		{"other port, in a range", "tm2:22\ntm[1-3]:23", `h:2:1: host "tm2" is "tm2:23" here and "tm2:22" at h:1`},
		{"too many in all", "a[1-60000]\nb[1-60000]", "h:2:1: more than 100000 hosts"},
		{"empty", "# nothing\n", "h: has no hosts"},
		{"UTF-16", "\xff\xfet\x00m\x00", "h:1:1: the text is UTF-16 | save it as UTF-8"},
		{"name too long", strings.Repeat("a", 254), "h:1:1: host name of 254 characters; at most 253 are possible"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, "h", tt.text)
			wantError(t, err, tt.want)
		})
	}
}

package inventory

import "testing"

const head = "schema: tmdoctor/inventory/v1\n"

// yamlFiles are inventories that are right; they seed FuzzYAML and are
// compared with the schema.
var yamlFiles = []struct {
	name, text string
	want       []Host
}{
	{"a list of names", "hosts:\n- tm[1-2]\n- \"[::1]\"\n", []Host{
		{Name: "tm1", Source: "y:3"}, {Name: "tm2", Source: "y:3"}, {Name: "::1", Source: "y:4"}}},
	{"names without settings", "hosts:\n  tm1:\n  tm2: {}\n", []Host{{Name: "tm1", Source: "y:3"}, {Name: "tm2", Source: "y:4"}}},
	{"every key", `hosts:
  tm1:
    address: 10.0.0.1
    user: ops
    port: 2222
    flink_user: flink
    identity_file: ~/.ssh/my key
    jump: a@b:22,[::1]:23,c
    transport: openssh
    sudo: true
    labels: {rack: r1, slots: 4, spare: false}
    state_dirs: [/data/a, /data/b c]
    flink_home: /opt/flink
`, []Host{{
		Name: "tm1", Address: "10.0.0.1", User: "ops", Port: 2222, FlinkUser: "flink", IdentityFile: "~/.ssh/my key",
		Jump: "a@b:22,[::1]:23,c", Transport: "openssh", Sudo: true, Labels: map[string]string{"rack": "r1", "slots": "4", "spare": "false"},
		StateDirs: []string{"/data/a", "/data/b c"}, FlinkHome: "/opt/flink", Source: "y:3"}}},
	{"host before inner group before outer group before defaults", `defaults: {user: d, port: 1, flink_user: d, flink_home: /d}
groups:
  outer:
    user: o
    port: 2
    flink_user: o
    groups:
      inner:
        user: i
        port: 3
        hosts:
          tm1: {user: h}
          tm2:
    hosts: [tm3]
hosts: [tm4]
`, []Host{
		{Name: "tm1", User: "h", Port: 3, FlinkUser: "o", FlinkHome: "/d", Groups: []string{"inner", "outer"}, Source: "y:13"},
		{Name: "tm2", User: "i", Port: 3, FlinkUser: "o", FlinkHome: "/d", Groups: []string{"inner", "outer"}, Source: "y:14"},
		{Name: "tm3", User: "o", Port: 2, FlinkUser: "o", FlinkHome: "/d", Groups: []string{"outer"}, Source: "y:15"},
		{Name: "tm4", User: "d", Port: 1, FlinkUser: "d", FlinkHome: "/d", Source: "y:16"}}},
	{"false is said too", "defaults: {sudo: true}\nhosts:\n  tm1: {sudo: false}\n  tm2:\n", []Host{
		{Name: "tm1", Source: "y:4"}, {Name: "tm2", Sudo: true, Source: "y:5"}}},
	{"labels add up by name, lists are replaced", `defaults: {labels: {a: d, b: d}, state_dirs: [/d]}
groups: {g: {labels: {b: g, c: g}, state_dirs: [/g1, /g2], hosts: [tm1]}}
hosts: {tm1: {labels: {c: h}}, tm2: {state_dirs: []}}
`, []Host{
		{Name: "tm1", Labels: map[string]string{"a": "d", "b": "g", "c": "h"}, StateDirs: []string{"/g1", "/g2"}, Groups: []string{"g"}, Source: "y:3"},
		{Name: "tm2", Labels: map[string]string{"a": "d", "b": "d"}, Source: "y:4"}}},
	{"a host named in several places has what all of them say", `hosts:
  tm[1-2]: {user: a}
  tm2: {user: a, port: 22}
groups: {g: {hosts: {tm2: {flink_user: f}}}}
`, []Host{
		{Name: "tm1", User: "a", Source: "y:3"}, {Name: "tm2", User: "a", Port: 22, FlinkUser: "f", Groups: []string{"g"}, Source: "y:3"}}},
	{"groups side by side may agree", "groups: {a: {user: x, hosts: [tm1]}, b: {user: x, hosts: [tm1]}}\n", []Host{
		{Name: "tm1", User: "x", Groups: []string{"a", "b"}, Source: "y:2"}}},
	{"a host settles what its groups contradict", "groups: {a: {user: x, hosts: [tm1]}, b: {user: y, hosts: {tm1: {user: z}}}}\n", []Host{
		{Name: "tm1", User: "z", Groups: []string{"a", "b"}, Source: "y:2"}}},
	{"an inner group settles it with its parent", "groups: {a: {user: x, hosts: [tm1], groups: {b: {user: y, hosts: [tm1]}}}}\n", []Host{
		{Name: "tm1", User: "y", Groups: []string{"a", "b"}, Source: "y:2"}}},
	{"a bare localhost is this machine", "hosts: {localhost: {sudo: true}}\n", []Host{{Name: "localhost", Sudo: true, Local: true, Source: "y:2"}}},
	{"a default user makes localhost a host for ssh", "defaults: {user: a}\nhosts: [localhost]\n", []Host{{Name: "localhost", User: "a", Source: "y:3"}}},
	{"aliases", "hosts: {tm1: &a {user: x}, tm2: *a}\n", []Host{{Name: "tm1", User: "x", Source: "y:2"}, {Name: "tm2", User: "x", Source: "y:2"}}},
	{"empty parts", "defaults:\ngroups:\n  g:\n  k: {hosts: , groups: , labels: }\nhosts: [tm1]\n", []Host{{Name: "tm1", Source: "y:6"}}},
	{"a host and a group may share a name", "hosts: [tm1]\ngroups: {tm1: {hosts: [tm2]}}\n", []Host{
		{Name: "tm1", Source: "y:2"}, {Name: "tm2", Groups: []string{"tm1"}, Source: "y:3"}}},
}

func TestYAMLIsReadWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range yamlFiles {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantHosts(t, mustLoad(t, "y", head+tt.text).Hosts, tt.want)
		})
	}
}

// yamlErrors are inventories with one mistake each. Where schema is true the
// JSON schema refuses the same document; the rest needs the parser.
var yamlErrors = []struct {
	name, text, want string
	schema           bool
}{
	{"unknown key at the top", "host: [tm1]", `y:2:1: key "host" is not known in the inventory | did you mean "hosts"?`, true},
	{"unknown key of a host", "hosts:\n  tm1:\n    usr: a", `y:4:5: key "usr" is not known in host "tm1" | did you mean "user"?`, true},
	{"unknown key of a group", "groups:\n  g:\n    host: [tm1]", `y:4:5: key "host" is not known in group "g" | did you mean "hosts"?`, true},
	{"unknown key of the defaults", "defaults: {flinkuser: a}", `y:2:12: key "flinkuser" is not known in defaults | did you mean "flink_user"?`, true},
	{"a key far from all", "defaults: {password: a}", `y:2:12: key "password" is not known in defaults | the keys are address, user, port, flink_user, identity_file, jump, transport, legacy_algorithms, sudo, labels, state_dirs, flink_home`, true},
	{"hosts in the defaults", "defaults: {hosts: [tm1]}", `y:2:12: key "hosts" is not known in defaults`, true},
	{"key twice", "hosts:\n  tm1: {user: a, user: b}", `y:3:18: key "user" is there twice, first in line 3 | keep one of the two`, false},
	{"host twice", "hosts:\n  tm1:\n  tm1:", `y:4:3: key "tm1" is there twice, first in line 3`, false},
	{"merge key", "hosts:\n  tm1: &a {user: a}\n  tm2: {<<: *a}", `y:4:9: host "tm2": merge keys are not known | put what hosts share into a group or into defaults`, false},
	{"port is text", "hosts: {tm1: {port: \"22\"}}", `y:2:21: port: want a number from 1 to 65535, found "22" | write it without quotes and leading zeros`, true},
	{"port is a word", "hosts: {tm1: {port: ssh}}", `y:2:21: port: want a number from 1 to 65535, found "ssh"`, true},
	{"port with a zero in front", "hosts: {tm1: {port: 022}}", `y:2:21: port: want a number from 1 to 65535, found "022"`, false},
	{"port zero", "hosts: {tm1: {port: 0}}", `y:2:21: port: want a number from 1 to 65535, found "0"`, true},
	{"port too large", "hosts: {tm1: {port: 65536}}", `y:2:21: port: want a number from 1 to 65535, found "65536"`, true},
	{"port nothing", "hosts: {tm1: {port: }}", `y:2:21: port: want a number from 1 to 65535, found nothing`, true},
	{"sudo yes", "defaults: {sudo: yes}", `y:2:18: sudo: want true or false, found "yes" | write true or false`, true},
	{"sudo with a tag", "defaults: {sudo: !!bool yes}", `y:2:18: sudo: want true or false, found "yes"`, false},
	{"user is a number", "defaults: {user: 1000}", `y:2:18: user: want text, found "1000" | put it into quotes if it is meant so`, true},
	{"user with a dash", "defaults: {user: -l}", `y:2:18: user: user "-l" begins with '-' | ` + userHint, true},
	{"user with a space", "defaults: {user: a b}", `y:2:18: user: user "a b" has the character ' '`, true},
	{"user empty", "defaults: {flink_user: \"\"}", `y:2:24: flink_user: user is empty`, true},
	{"address with a port", "hosts: {tm1: {address: \"a:22\"}}", `y:2:24: address: address "a:22" has the character ':' | write the port with the key port, and an IPv6 address without brackets`, true},
	{"address with a dash", "hosts: {tm1: {address: -a}}", `y:2:24: address: address "-a" begins with '-'`, true},
	{"jump with a space", "defaults: {jump: \"a, b\"}", `y:2:18: jump: host name " b" has the character ' ' | a jump host is written [user@]host[:port], several parted by commas without spaces`, true},
	{"jump with a dash", "defaults: {jump: -a}", `y:2:18: jump: host name "-a" begins with '-'`, true},
	{"a transport that is none", "defaults: {transport: local}", `y:2:23: transport: "local" is not a transport | the transports are native and openssh`, true},
	{"jump with a range", "defaults: {jump: \"b[1-2]\"}", `y:2:18: jump: "b[1-2]" has a range`, true},
	{"identity empty", "defaults: {identity_file: \"\"}", `y:2:27: identity_file: "" is not a path | name a private key, as in ~/.ssh/id_ed25519`, true},
	{"identity with a control character", `defaults: {identity_file: "a\n"}`, `y:2:27: identity_file: path: "a\n" has a control character`, true},
	{"directory not absolute", "defaults: {flink_home: opt}", `y:2:24: flink_home: "opt" is not an absolute path | write the whole path on the host, from / on`, true},
	{"state_dirs one text", "defaults: {state_dirs: /data}", `y:2:24: state_dirs: want a list, found "/data" | write one directory a line, each after a dash`, true},
	{"state_dirs not absolute", "defaults:\n  state_dirs:\n  - /a\n  - b", `y:5:5: state_dirs: "b" is not an absolute path`, true},
	{"label is a list", "defaults: {labels: {a: [b]}}", `y:2:24: label a: want text, found a list`, true},
	{"label with a bad name", "defaults: {labels: {a b: c}}", `y:2:22: label name "a b" has the character ' '`, true},
	{"label with a control character", `defaults: {labels: {a: "\e[1m"}}`, `y:2:24: label a: "\x1b[1m" has a control character | remove it`, true},
	{"labels are a list", "defaults: {labels: [a]}", `y:2:20: labels: want a mapping, found a list`, true},
	{"settings are text", "hosts:\n  tm1: flink", `y:3:8: host "tm1": want a mapping, found "flink" | write KEY: VALUE lines below it`, true},
	{"hosts is text", "hosts: tm1", `y:2:8: hosts: want a mapping, found "tm1"`, true},
	{"host with a user", "hosts: [flink@tm1]", `y:2:14: host name "flink@tm1" has the character '@' | a name stands alone in YAML: the keys user and port have the rest`, true},
	{"host with a dash", "hosts: [-oX]", `y:2:9: host name "-oX" begins with '-'`, true},
	{"host is a number", "hosts: [17]", `y:2:9: hosts: want a name, found "17"`, true},
	{"host is a mapping in a list", "hosts:\n- tm1: {user: a}", `y:3:3: hosts: want a name, found a mapping`, true},
	{"an open bracket in quotes", `hosts: ["tm[1-"]`, `y:2:11: "tm[1-" has a bracket that is not closed`, true},
	{"range backwards", `hosts: {"tm[9-1]": }`, `y:2:12: range "9-1" ends before it begins`, false},
	{"group with a range", "groups:\n  \"g[1-2]\":", `y:3:4: group name "g[1-2]" has the character '['`, true},
	{"group twice", "groups:\n  a:\n    groups: {b: }\n  b:", `y:5:3: group "b" is there twice, also at y:4 | a group stands in one place, with all its hosts`, false},
	{"group inside itself", "groups: {a: &x {groups: {b: *x}}}", `y:2:26: group "b" is there twice, also at y:2`, false},
	{"host says two things", "hosts:\n  tm[1-3]: {user: a}\n  tm2: {user: b}", `y:4:15: host "tm2" has user "b" here and "a" at y:3 | keep one of the two`, false},
	{"groups contradict", "groups:\n  a: {user: x, hosts: [tm1]}\n  b: {user: y, hosts: [tm1]}", `y:3:24: host "tm1" has user "x" from group "a" (y:3) and "y" from group "b" (y:4) | set it for the host, or put one group inside the other`, false},
	{"parents contradict", "groups:\n  a: {labels: {k: x}, groups: {c: {hosts: [tm1]}}}\n  b: {labels: {k: y}, hosts: [tm1]}", `y:3:44: host "tm1" has label k "x" from group "a" (y:3) and "y" from group "b" (y:4)`, false},
	{"no hosts", "groups: {a: }", "y: has no hosts", false},
	{"second document", "hosts: [tm1]\n---\nhosts: [tm2]", "y:3:1: a second YAML document begins here | an inventory is one document", false},
}

func TestYAMLErrorsNamePlaceAndRemedy(t *testing.T) {
	t.Parallel()
	for _, tt := range yamlErrors {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, "y", head+tt.text)
			wantError(t, err, tt.want)
		})
	}
}

func TestYAMLThatIsNotOursIsRefused(t *testing.T) {
	t.Parallel()
	const begin = "this YAML does not begin with schema: tmdoctor/inventory/v1 | an inventory in YAML begins with: schema: tmdoctor/inventory/v1"
	for _, tt := range []struct{ name, text, want string }{
		{"newer", "schema: tmdoctor/inventory/v2\nhosts: [tm1]", `y:1:9: schema "tmdoctor/inventory/v2" is not known | an inventory in YAML begins with: schema: tmdoctor/inventory/v1`},
		{"a plugin of Ansible", "plugin: aws_ec2\nregions: [eu]", "y:1:1: this file is for a plugin of Ansible, which tmdoctor does not run | let Ansible ask it: ansible-inventory -i y --list | tmdoctor hosts -i -"},
		{"ours without its first line", "groups:\n  web:\n    hosts: [tm1]", "y:1:1: " + begin},
		{"schema later", "hosts: [tm1]\nschema: tmdoctor/inventory/v1", "y:1:1: " + begin},
		{"JSON", `{"hosts": ["tm1"]}`, "y:1:1: " + begin},
		{"a list", "---\n- tm1", "y:2:1: " + begin},
		{"broken", head + "hosts: [tm1\n", "y:2: not YAML: did not find expected ',' or ']'"},
		{"an indent too deep", head + "hosts:\n  tm1:\n   user: a\n  port: 1\n x: 1\n", "y:6: not YAML: did not find expected key"},
		{"broken in the first line", `{"schema": `, "y:1: not YAML: did not find expected node content"},
		{"tabs", head + "hosts:\n\ttm1:\n", "y:3: not YAML: found character that cannot start any token | YAML is indented with spaces, and a text that begins with [ { * & ! | > % @ needs quotes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, "y", tt.text)
			wantError(t, err, tt.want)
		})
	}
}

func TestYAMLMayBeJSONOrHaveCommentsFirst(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"schema": "tmdoctor/inventory/v1", "hosts": ["tm1"]}`,
		"# ours\n\n---\n" + head + "hosts: [tm1]\n",
		"%YAML 1.1\n---\n" + head + "hosts: [tm1]\n",
	} {
		inv := mustLoad(t, "y", text)
		if len(inv.Hosts) != 1 || inv.Hosts[0].Name != "tm1" {
			t.Errorf("hosts of %q = %v, want tm1", text, inv.Hosts)
		}
	}
}

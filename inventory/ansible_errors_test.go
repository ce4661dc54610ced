package inventory

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// ansibleErrors are inventories that are refused: what Ansible refuses, and
// what only Ansible could evaluate. They seed the fuzz targets.
var ansibleErrors = []struct{ name, text, want string }{
	{"a template", "[g]\ntm1 ansible_host={{other}}\n", `h:2:5: ansible_host is a template: "{{other}}" | templates are not evaluated: write the value itself, or give the host to tmdoctor in an inventory of its own`},
	{"a template in YAML", "all:\n  hosts:\n    tm1:\n      ansible_user: '{{ x }}'\n", `h:4:21: ansible_user is a template: "{{ x }}"`},
	{"a vaulted value", "all:\n  hosts: {tm1: }\n  vars:\n    ansible_user: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      61\n", `h:4:19: ansible_user is encrypted by ansible-vault | tmdoctor decrypts nothing: write the value in the clear`},
	{"a vaulted value in a list", `{"g": {"hosts": ["tm1"]}, "_meta": {"hostvars": {"tm1": {"ansible_user": {"__ansible_vault": "x"}}}}}`, `h:1:74: ansible_user is encrypted by ansible-vault`},
	{"a port that is none", "[g]\ntm1 ansible_port=99999", `h:2:5: ansible_port: port "99999" is not a number from 1 to 65535`},
	{"an octal port in YAML", "all: {hosts: {tm1: {ansible_port: 022}}}", `h:1:35: ansible_port: Ansible does not take "022" for text`},
	{"a truth value for a user", "all: {hosts: {tm1: {ansible_user: on}}}", `h:1:35: ansible_user: Ansible does not take "true" for text | put it into quotes if it is text`},
	{"a number with underscores", "[g]\ntm1 ansible_user=1_000", `h:2:5: ansible_user: Ansible does not take "1_000" for text`},
	{"a list for a user", "[g]\ntm1 ansible_user=[1]", `h:2:5: ansible_user: want text, found a list or a mapping`},
	{"a section of another kind", "[g:hosts]\ntm1\n[g:var]\n", `h:3:1: section [g:var] is of a kind that is not known | the kinds are hosts, vars and children`},
	{"a section with a space", "[g]\ntm1\n[my group]\n", `h:3:1: section "[my group]" is none`},
	{"a word behind a host", "[g]\ntm1 x\n", `h:2:5: "x" is no variable`},
	{"a quote that is open", "[g]\ntm1 ansible_user='x\n", `h:2:5: a quote ' is not closed | close it on the same line`},
	{"a group that nobody declares", "[g:children]\nrakc1\n[rack1]\ntm1", `h:2:1: group "rakc1" is used here and is nowhere declared | add a section [rakc1], or correct the name`},
	{"variables of a group that nobody declares", "tm1\n[g:vars]\nx=1", `h:2:2: group "g" is used here and is nowhere declared`},
	{"a line of variables without one", "[g]\ntm1\n[g:vars]\nx", `h:4:1: "x" is no variable | below [GROUP:vars] stands NAME=VALUE`},
	{"a circle", "[a:children]\nb\n[b:children]\na\n[a]\ntm1", `h:1:2: group "a" is inside itself, by way of "b"`},
	{"a group inside itself", "[a:children]\na\n", `h:2:1: group "a" is inside itself`},
	{"all inside another", "[a:children]\nall\n[a]\ntm1", `h:2:1: group "all" cannot be inside another`},
	{"a user before the host", "[g]\nops@tm1 x=1\n", `h:2:1: host name "ops@tm1" has the character '@' | ` + ansibleNameHint},
	{"a range that ends too early", "[g]\ntm[3:1]\n", `h:2:4: range "3:1": it ends before it begins | ` + ansibleRangeHint},
	{"a range of different widths", "[g]\ntm[01:100]\n", `h:2:4: range "01:100": its ends have different widths`},
	{"a range of ours", "[g]\ntm[1-3]\n", `h:2:4: range "1-3": it has not two ends`},
	{"a range that is far too large", "[g]\ntm[1:999999999]\n", `h:2:4: range "1:999999999": it is more than 100000 hosts`},
	{"a range of ranges that is", "[g]\ntm[1:9999]x[1:9999]\n", `h:2:1: "tm[1:9999]x[1:9999]" is more than 100000 hosts`},
	{"a second port", "[g]\ntm1:22\n[f]\ntm1:23\n", `h:4:1: host "tm1" has port 23 here and not at h:2, where it is first named`},
	{"a priority that is no number", "[g]\ntm1\n[g:vars]\nansible_group_priority=high", `h:4:1: ansible_group_priority of group "g": "high" is no number`},
	{"become that is neither", "[g]\ntm1 ansible_become=maybe", `h:2:5: ansible_become: "maybe" is neither true nor false`},
	{"a jump host that is none", "[g]\ntm1 ansible_ssh_common_args='-J a;b'", `h:2:5: ansible_ssh_common_args: host name "a;b" has the character ';'`},
	{"arguments with an open quote", "[g:vars]\nansible_ssh_common_args=-o \"x\n[g]\ntm1", `h:2:1: ansible_ssh_common_args: a quote " is not closed`},
	{"YAML with a list of hosts", "all:\n  hosts:\n    - tm1\n", `h:3:5: hosts of group all: want a mapping, found a list | Ansible wants a mapping: each name followed by a colon, without a dash`},
	{"YAML with a number for a host", "all: {hosts: {12: }}", `h:1:15: host 12 is a number, and no name`},
	{"YAML that repeats a key", "all:\n  hosts:\n    tm1:\n    tm1:\n", `h:4:5: key "tm1" is there twice, first in line 3`},
	{"a list with a number", `{"g": {"hosts": [1]}}`, `h:1:18: hosts of group g: want a name, found "1"`},
	{"no hosts", "[g]\n[f:children]\ng\n", "h: has no hosts"},
}

func TestAnsibleErrorsNamePlaceAndRemedy(t *testing.T) {
	t.Parallel()
	for _, tt := range ansibleErrors {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, "h", tt.text)
			wantError(t, err, tt.want)
		})
	}
}

// TestAliasesThatMultiplyAreRefused: each mapping merges the one before it
// twice.
func TestAliasesThatMultiplyAreRefused(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("all:\n  hosts: {tm1: }\n  vars:\n    x0: &x0 {a: 1}\n")
	for i := 1; i < 45; i++ {
		fmt.Fprintf(&b, "    x%d: &x%d {<<: [*x%d, *x%d]}\n", i, i, i-1, i-1)
	}
	b.WriteString("g:\n  vars: {<<: *x44}\n")
	_, err := load(t, "h", b.String())
	if err == nil || !strings.Contains(err.Error(), "merge keys") && !strings.Contains(err.Error(), "more than") {
		t.Errorf("Load = %v", err)
	}
}

func TestAValueThatHoldsForNoHostIsNoError(t *testing.T) {
	t.Parallel()
	inv := mustLoad(t, "h", "[g]\ntm1 ansible_user=ops\n[g:vars]\nansible_user={{x}}\n[empty]\n[empty:vars]\nansible_port=x\n")
	wantHosts(t, inv.Hosts, []Host{{Name: "tm1", User: "ops", Groups: []string{"g"}, Source: "h:2"}})
}

// TestWhatIsNotUsedIsNamedOnce: every kind once, with the first place.
func TestWhatIsNotUsedIsNamedOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"a connection", "[g]\ntm1 ansible_connection=winrm\ntm2 ansible_connection=winrm\ntm3 ansible_connection=ssh\n",
			[]string{`h:2: ansible_connection "winrm" is not known: its hosts are asked over ssh`}},
		{"becoming otherwise", "[g]\ntm1 ansible_become=yes ansible_become_method=doas\ntm2 ansible_become=yes ansible_become_user=flink\ntm3 ansible_become=no ansible_become_method=su",
			[]string{`h:2: ansible_become_method "doas" is not known, only sudo: its hosts are asked without`, `h:3: ansible_become_user "flink" is not used: sudo is for root and for the TaskManager's user`}},
		{"passwords, without them", "[g]\ntm1 ansible_password=hunter2 ansible_become_pass=hunter2\n[g:vars]\nansible_ssh_pass=hunter2",
			[]string{"h:2: ansible_password is not used: tmdoctor takes no password or key from an inventory", "h:2: ansible_become_pass is not used: tmdoctor takes no password or key from an inventory", "h:4: ansible_ssh_pass is not used: tmdoctor takes no password or key from an inventory"}},
		{"arguments of ssh", "[g]\ntm1\n[g:vars]\nansible_ssh_common_args=-o ProxyCommand='nc -x p %h %p' -o StrictHostKeyChecking=no -C -i k",
			[]string{"h:4: ansible_ssh_common_args: -o ProxyCommand is not used: one in ssh_config is, and ProxyJump here", "h:4: ansible_ssh_common_args: -o StrictHostKeyChecking is not used: host keys are always verified (--accept-new records unknown ones)", "h:4: ansible_ssh_common_args: -i is not used: ansible_ssh_private_key_file is"}},
		{"variables of Ansible", "[g]\ntm1 ansible_timeout=3\ntm2 ansible_timeout=3", []string{"h:2: ansible_timeout is not used"}},
		{"the operator's own", "[g]\ntm1 rack=1\ntm2 rack=2 row=3 ansible_python_interpreter=p", []string{`h:2: variables that do not say how a host is reached are not used: "ansible_python_interpreter", "rack", "row" (own)`}},
		{"another key of a group", "all:\n  hosts: {tm1: }\n  host: {tm2: }\n", []string{`h:3: key "host" of a group is not used, as Ansible does not: only hosts, children and vars are`}},
		{"variables of a host of no group", `{"g": ["tm1"], "_meta": {"hostvars": {"tm2": {"ansible_user": "x"}}}}`, []string{`h:1: host "tm2" has variables and is in no group: it is not in the inventory`}},
		{"a list without variables", `{"g": ["tm1"]}`, []string{`h:1: the list has no _meta with variables of hosts; tmdoctor does not ask for them host by host`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantNotes(t, mustLoad(t, "h", tt.text).Notes, tt.want)
		})
	}
}

func wantNotes(t *testing.T, notes []Note, want []string) {
	t.Helper()
	var got []string
	for _, n := range notes {
		if n.Own {
			got = append(got, n.String()+" (own)")
		} else {
			got = append(got, n.String())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("notes\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestFoldersBesideAreReadOrNamed(t *testing.T) {
	t.Parallel()
	dir := write(t, "hosts", "[g]\ntm1\n", "group_vars/g/vars.yml", "ansible_user: ops", "group_vars/g/vault.yml", "$ANSIBLE_VAULT;1.1;AES256\n61\n",
		"group_vars/g/old.bak", "ansible_user: x", "group_vars/g.yml", "ansible_port: 1", "group_vars/rakc.yml", "x: 1",
		"host_vars/tm1.yml", "# nothing\n---\n", "host_vars/.swp", "[", "bad/hosts", "[g]\ntm1", "bad/host_vars/tm1", "ansible_user: a\n- b",
		"list/hosts", "[g]\ntm1", "list/group_vars/all", "- a\n", "plain/hosts", "tm1\ntm2\n", "plain/group_vars/all", "ansible_user: a")
	inv, err := Loader{Dir: dir}.Load([]string{"hosts"})
	if err != nil {
		t.Fatal(err)
	}
	wantHosts(t, inv.Hosts, []Host{{Name: "tm1", User: "ops", Groups: []string{"g"}, Source: "hosts:2"}})
	wantNotes(t, inv.Notes, []string{
		"group_vars/g.yml:1: the file is not read, as Ansible does not: group_vars/g is there",
		`group_vars/g/old.bak:1: it is not read, as Ansible does not: its name ends in ".bak"`,
		"group_vars/g/vault.yml:1: the file is encrypted by ansible-vault: what it sets is not known and not used",
		"group_vars/rakc.yml:1: it is not read: the inventory has no group of that name (own)"})

	_, err = Loader{Dir: dir}.Load([]string{"bad/hosts"})
	wantError(t, err, "bad/host_vars/tm1:2: not YAML: did not find expected key")
	_, err = Loader{Dir: dir}.Load([]string{"list/hosts"})
	wantError(t, err, "list/group_vars/all:1:1: variables: want a mapping, found a list | write KEY: VALUE lines below it")

	// A list of names alone is one of ours, unless it is said to be Ansible's.
	inv, err = Loader{Dir: dir}.Load([]string{"plain/hosts"})
	if err != nil {
		t.Fatal(err)
	}
	wantHosts(t, inv.Hosts, []Host{{Name: "tm1", Source: "plain/hosts:1"}, {Name: "tm2", Source: "plain/hosts:2"}})
	wantNotes(t, inv.Notes, []string{"plain/hosts:1: group_vars beside it is not read: this is a plain list; ansible:plain/hosts reads it as an inventory of Ansible"})
	inv, err = Loader{Dir: dir}.Load([]string{"ansible:plain/hosts"})
	if err != nil {
		t.Fatal(err)
	}
	wantHosts(t, inv.Hosts, []Host{{Name: "tm1", User: "a", Groups: []string{"ungrouped"}, Source: "plain/hosts:1"}, {Name: "tm2", User: "a", Groups: []string{"ungrouped"}, Source: "plain/hosts:2"}})
}

func TestArgumentsOfSSHNameAJumpHost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ args, want string }{
		{`-o ProxyJump=ops@b1:22,b2`, "ops@b1:22,b2"}, {`-oProxyJump=b1`, "b1"}, {`-o "ProxyJump b1"`, "b1"}, {`-J b1`, "b1"}, {`-Jb1`, "b1"},
		{`-C -q -o ControlMaster=auto -o proxyjump=b1 -J b2`, "b1"}, {`-o ProxyJump=none -J b1`, ""},
		{`-o ProxyCommand="ssh -W %h:%p -q ops@b1"`, "ops@b1"}, {`-o ProxyCommand="ssh -q -p 2222 -l ops -W %h:%p b1"`, "ops@b1:2222"},
		{`-o ProxyCommand="ssh -W %h:%p -o User=x b1"`, ""}, {`-o ProxyCommand="ssh b1 nc %h %p"`, ""},
	} {
		inv := mustLoad(t, "h", "[g]\ntm1\n[g:vars]\nansible_ssh_common_args="+tt.args+"\n")
		if got := inv.Hosts[0].Jump; got != tt.want {
			t.Errorf("jump of %s = %q, want %q", tt.args, got, tt.want)
		}
	}
	inv := mustLoad(t, "h", "[g]\ntm1 ansible_ssh_args='-J a' ansible_ssh_extra_args='-J c'\ntm2 ansible_connection=local ansible_host=x\n")
	if inv.Hosts[0].Jump != "a" || !inv.Hosts[1].Local || inv.Hosts[0].Local {
		t.Errorf("hosts = %+v", inv.Hosts)
	}
}

// fuzzAnsible checks that a text is refused with its place, or that what was
// read of it can be written and read again as the same.
func fuzzAnsible(t *testing.T, text string) {
	l := Loader{Stdin: strings.NewReader(text)}
	inv, err := l.Load([]string{"ansible:-"})
	if err != nil {
		if !strings.HasPrefix(err.Error(), "stdin:") {
			t.Fatalf("error without its place: %v", err)
		}
		return
	}
	out, err := inv.Render(YAML)
	if err != nil {
		return // this machine
	}
	again, err := Loader{Stdin: strings.NewReader(out)}.Load([]string{"-"})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i := range again.Hosts {
		again.Hosts[i].Source = inv.Hosts[i].Source
	}
	wantHosts(t, again.Hosts, inv.Hosts)
	for _, n := range inv.Notes {
		if !strings.HasPrefix(n.Place, "stdin:") || strings.ContainsAny(n.Text, "\n\x1b") {
			t.Errorf("note %q", n)
		}
	}
}

func FuzzAnsible(f *testing.F) {
	for _, tt := range ansibleFiles {
		f.Add(tt.files[1])
	}
	for _, tt := range ansibleErrors {
		f.Add(tt.text)
	}
	f.Add(`{"_meta": {"hostvars": {"tm1": {"ansible_port": 22}}}, "all": {"children": ["ungrouped", "g"]}, "g": {"hosts": ["tm1"], "vars": {"a": null}}}`)
	f.Add("[g]\nh ansible_\x1b=1 ansible_ssh_args='-o \x1b \x1b -\x1b'\n")
	f.Add("a: &a\n  children: {b: *a}\n")
	f.Add("a: &a {vars: &b {<<: [*b, {x: 1}]}, hosts: {h: *b}}\n")
	f.Fuzz(fuzzAnsible)
}

package inventory

import (
	"testing"
)

// ansibleFiles are inventories as people have them: the first file is the
// inventory, the others are beside it. They are compared with what Ansible
// makes of them, and seed the fuzz targets. No name has a comma: Ansible takes
// a path with one for a list of hosts.
var ansibleFiles = []struct {
	name  string
	files []string
	want  []Host
}{
	{"INI with groups and variables", []string{"hosts", `# ours
lone ansible_host=10.0.0.9
[rack1]
tm[01:03].example.com ansible_user=ops   # all of them
[rack2]
tm04:2222 ansible_become=true ansible_ssh_private_key_file="~/.ssh/my key"
; an old comment
[flink:children]
rack1
rack2
[flink:vars]
ansible_port = 2022
ansible_user='flink' # a comment only behind quotes
`}, nil},
	{"a host twice and ranges", []string{"hosts", "[g]\na[1:7:3]b[x:z] ansible_user=a\nd[a:g:2]\na1bx ansible_port=7\n[f]\na1bx ansible_user=b\nc[8:11]\n"}, []Host{
		{Name: "a1bx", User: "b", Port: 7, Groups: []string{"f", "g"}, Source: "hosts:2"}, {Name: "a1by", User: "a", Groups: []string{"g"}, Source: "hosts:2"},
		{Name: "a1bz", User: "a", Groups: []string{"g"}, Source: "hosts:2"},
		{Name: "a4bx", User: "a", Groups: []string{"g"}, Source: "hosts:2"}, {Name: "a4by", User: "a", Groups: []string{"g"}, Source: "hosts:2"}, {Name: "a4bz", User: "a", Groups: []string{"g"}, Source: "hosts:2"},
		{Name: "a7bx", User: "a", Groups: []string{"g"}, Source: "hosts:2"}, {Name: "a7by", User: "a", Groups: []string{"g"}, Source: "hosts:2"}, {Name: "a7bz", User: "a", Groups: []string{"g"}, Source: "hosts:2"},
		{Name: "da", Groups: []string{"g"}, Source: "hosts:3"}, {Name: "dc", Groups: []string{"g"}, Source: "hosts:3"}, {Name: "de", Groups: []string{"g"}, Source: "hosts:3"}, {Name: "dg", Groups: []string{"g"}, Source: "hosts:3"},
		{Name: "c8", Groups: []string{"f"}, Source: "hosts:7"}, {Name: "c9", Groups: []string{"f"}, Source: "hosts:7"}, {Name: "c10", Groups: []string{"f"}, Source: "hosts:7"}, {Name: "c11", Groups: []string{"f"}, Source: "hosts:7"}}},
	{"IPv6 and ports", []string{"hosts", "[g]\n::1\n[fe80::2]:2222\n10.0.0.[1:2]:22\n[tm9]:23\n"}, nil},
	{"quotes", []string{"hosts", `[g]
tm1 ansible_user='o.p' ansible_host="x"
tm2 ansible_user="'ops'" # c
tm3#glued
[g:vars]
ansible_port="22"
`}, nil},
	{"YAML with groups and variables", []string{"hosts.yml", `---
all:
  vars: {ansible_user: base}
  hosts:
    lone:
  children:
    rack1:
      hosts:
        tm[01:03].example.com: {ansible_port: 2022, ansible_become: yes}
      vars:
        ansible_user: ops
    flink:
      children:
        rack1:
      vars: &v
        ansible_user: outer
        ansible_host: 10.1.1.1
    rack2:
      hosts: tm04
      vars:
        <<: *v
        ansible_user: merged
`}, nil},
	{"the folders beside it", []string{"hosts", "[web]\ntm1 ansible_user=inv\ntm2\ntm3\n[inner]\ntm3\n[web:children]\ninner\n[web:vars]\nansible_user=web\nansible_port=1\n",
		"group_vars/all.yml", "ansible_user: all\nansible_port: 2\n", "group_vars/web/a.yml", "ansible_host: 10.0.0.1\nansible_port: 3\n",
		"group_vars/web/sub/b.json", `{"ansible_host": "10.0.0.2"}`, "group_vars/inner", "ansible_port: 4\n",
		"host_vars/tm1.yaml", "ansible_user: file\n", "host_vars/tm2", "ansible_host: null\n"}, []Host{
		{Name: "tm1", User: "file", Port: 3, Address: "10.0.0.2", Groups: []string{"web"}, Source: "hosts:2"},
		{Name: "tm2", User: "all", Port: 3, Groups: []string{"web"}, Source: "hosts:3"},
		{Name: "tm3", User: "all", Port: 4, Address: "10.0.0.2", Groups: []string{"inner", "web"}, Source: "hosts:4"}}},
	{"of two groups the later name unless one has a priority", []string{"hosts", "[a]\ntm1\ntm2\n[b]\ntm1\n[c]\ntm2\n[a:vars]\nansible_user=a\nansible_group_priority=10\n[b:vars]\nansible_user=b\nansible_port=2\n[c:vars]\nansible_port=3\n"}, []Host{
		{Name: "tm1", User: "a", Port: 2, Groups: []string{"a", "b"}, Source: "hosts:2"}, {Name: "tm2", User: "a", Port: 3, Groups: []string{"a", "c"}, Source: "hosts:3"}}},
	{"Windows line ends", []string{"hosts", "[g]\r\ntm1 ansible_user=a\r\n"}, []Host{{Name: "tm1", User: "a", Groups: []string{"g"}, Source: "hosts:2"}}},
}

func TestAnsibleInventories(t *testing.T) {
	t.Parallel()
	for _, tt := range ansibleFiles {
		if tt.want == nil {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inv, err := Loader{Dir: write(t, tt.files...)}.Load(tt.files[:1])
			if err != nil {
				t.Fatal(err)
			}
			wantHosts(t, inv.Hosts, tt.want)
		})
	}
}

package inventory

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// requireAnsible ends a test that needs ansible-inventory where that is not
// installed: skipped on a developer's machine, failed where CI is set.
func requireAnsible(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ansible-inventory"); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("ansible-inventory is not installed")
	}
	t.Skip("ansible-inventory is not installed")
}

// ansibleList is what ansible-inventory --list prints of an inventory.
func ansibleList(t *testing.T, dir, file string) []byte {
	t.Helper()
	cmd := exec.Command("ansible-inventory", "-i", filepath.Join(dir, file), "--list")
	home := write(t, "ansible.cfg", "")
	cmd.Dir = home
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LC_ALL=C.UTF-8", "ANSIBLE_CONFIG=" + filepath.Join(home, "ansible.cfg"),
		"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=true", "ANSIBLE_DEPRECATION_WARNINGS=false"}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ansible-inventory: %v\n%s", err, stderr.String())
	}
	return out
}

// truth is what Ansible says of one host, with the variables compared here.
type truth struct {
	Address, User, Port, Identity string
	Sudo                          bool
	Groups                        []string
}

// truths reads the list of ansible-inventory.
func truths(t *testing.T, list []byte) map[string]truth {
	t.Helper()
	var groups map[string]struct{ Hosts, Children []string }
	var meta struct {
		Meta struct {
			HostVars map[string]map[string]any `json:"hostvars"`
		} `json:"_meta"`
	}
	if err := json.Unmarshal(list, &meta); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(list, &groups); err != nil {
		t.Fatal(err)
	}
	delete(groups, "_meta")
	out := map[string]truth{}
	var visit func(group string, around []string)
	visit = func(group string, around []string) {
		if group != groupAll {
			around = append(slices.Clip(around), group)
		}
		for _, h := range groups[group].Hosts {
			one := out[h]
			one.Groups = append(one.Groups, around...)
			out[h] = one
		}
		for _, child := range groups[group].Children {
			visit(child, around)
		}
	}
	visit(groupAll, nil)
	for h, one := range out {
		vars := meta.Meta.HostVars[h]
		slices.Sort(one.Groups)
		one.Groups = slices.Compact(one.Groups)
		one.Address, one.User = pythonText(vars["ansible_host"]), pythonText(vars["ansible_user"])
		one.Port, one.Identity = pythonText(vars["ansible_port"]), pythonText(vars["ansible_ssh_private_key_file"])
		one.Sudo = slices.Contains([]string{"true", "yes", "on", "1"}, strings.ToLower(pythonText(vars["ansible_become"])))
		out[h] = one
	}
	return out
}

// pythonText is a value as a template of Ansible would write it.
func pythonText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case float64:
		return strings.TrimSpace(fmt.Sprint(json.Number(fmt.Sprintf("%.17g", v))))
	}
	return fmt.Sprint(v)
}

// readTruths is the same of what tmdoctor reads.
func readTruths(inv *Inventory) map[string]truth {
	out := map[string]truth{}
	for _, h := range inv.Hosts {
		one := truth{Address: h.Address, User: h.User, Identity: h.IdentityFile, Sudo: h.Sudo, Groups: h.Groups}
		if h.Port != 0 {
			one.Port = fmt.Sprint(h.Port)
		}
		out[h.Name] = one
	}
	return out
}

// agrees compares files with what ansible-inventory resolves, and with the
// list that it prints, read again.
func agrees(t *testing.T, dir, file string) {
	t.Helper()
	inv, err := Loader{Dir: dir}.Load([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	list := ansibleList(t, dir, file)
	want := truths(t, list)
	if diff := cmp.Diff(want, readTruths(inv)); diff != "" {
		t.Errorf("hosts (-Ansible +tmdoctor):\n%s", diff)
	}
	again, err := Loader{Stdin: strings.NewReader(string(list))}.Load([]string{"-"})
	if err != nil {
		t.Fatalf("the list of ansible-inventory: %v", err)
	}
	if diff := cmp.Diff(want, readTruths(again)); diff != "" {
		t.Errorf("hosts of the list (-Ansible +tmdoctor):\n%s", diff)
	}
}

func TestAnsibleTableAgreesWithAnsible(t *testing.T) {
	t.Parallel()
	requireAnsible(t)
	for _, tt := range ansibleFiles {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			agrees(t, write(t, tt.files...), tt.files[0])
		})
	}
}

// TestGeneratedInventoriesAgreeWithAnsible generates trees of groups with
// variables at all levels, in INI and YAML, with folders beside them.
func TestGeneratedInventoriesAgreeWithAnsible(t *testing.T) {
	t.Parallel()
	requireAnsible(t)
	for seed := range uint64(6) {
		for _, kind := range []string{"ini", "yaml"} {
			t.Run(fmt.Sprintf("%s/%d", kind, seed), func(t *testing.T) {
				t.Parallel()
				g := newGenerated(seed)
				dir := write(t, append([]string{"inv", g.text(kind)}, g.folders()...)...)
				agrees(t, dir, "inv")
			})
		}
	}
}

// TestValuesAreAnsiblesOrRefused gives one user after the other a random
// value: what is not refused has to be what Ansible takes it for.
func TestValuesAreAnsiblesOrRefused(t *testing.T) {
	t.Parallel()
	requireAnsible(t)
	const n = 600
	for _, tt := range []struct{ name, alphabet, file, line, head string }{
		{"a host in INI", `ab01_.xeE"'#\ +-jtTrueN`, "[g]\n%s", "h%d ansible_user=%s\n", ""},
		{"a group in INI", `ab01_.xeE"'# +-,jTrueN`, "%s", "[g%[1]d]\nh%[1]d\n[g%[1]d:vars]\nansible_user=%[2]s\n", ""},
		{"YAML", "ab01_.xoeE:+-yYnNtrueosf~", "%s", "    h%d: {ansible_user: %s}\n", "all:\n  hosts:\n"},
		{"YAML in quotes", "01_.xoe yes~no", "%s", "    h%d: {ansible_user: \"%s\"}\n", "all:\n  hosts:\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			fixed := []string{"yes", "on", "0022", "022", "1_000", "1.50", "0x1f", "1e3", "None", "null", "~", "True", "12:30", "0o17", "00", "+5", ".5"}
			var all strings.Builder
			texts := map[string]string{}
			for i := range n {
				value := ""
				for range 1 + r.IntN(6) {
					value += string(tt.alphabet[r.IntN(len(tt.alphabet))])
				}
				if i < len(fixed) {
					value = fixed[i]
				}
				line := fmt.Sprintf(tt.line, i, value)
				if _, err := load(t, "one", tt.head+fmt.Sprintf(tt.file, line)); err == nil {
					all.WriteString(line)
					texts[fmt.Sprintf("h%d", i)] = line
				}
			}
			text := tt.head + fmt.Sprintf(tt.file, all.String())
			dir := write(t, "inv", text)
			want := truths(t, ansibleList(t, dir, "inv"))
			got := readTruths(mustLoad(t, "inv", text))
			if len(got) < n/10 {
				t.Errorf("%d of %d values are not refused", len(got), n)
			}
			for h, line := range texts {
				if got[h].User != want[h].User {
					t.Errorf("%q: user %q, Ansible has %q", line, got[h].User, want[h].User)
				}
			}
		})
	}
}

package inventory

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// generated is an inventory of random groups: parents have lower numbers than
// their children, so that there is no circle.
type generated struct {
	r *rand.Rand
	// By the number of a group: its children, hosts and variables; the last
	// variables are those of all.
	children, hosts [][]int
	vars            []map[string]string
	hostVars        map[int]map[string]string
}

const generatedGroups, generatedHosts = 14, 40

func newGenerated(seed uint64) *generated {
	g := &generated{r: rand.New(rand.NewPCG(seed, 7)), hostVars: map[int]map[string]string{}}
	for n := range generatedGroups {
		var children, hosts []int
		for c := n + 1; c < generatedGroups; c++ {
			if g.r.IntN(6) == 0 {
				children = append(children, c)
			}
		}
		for h := range generatedHosts {
			if g.r.IntN(9) == 0 {
				hosts = append(hosts, h)
			}
		}
		g.children, g.hosts = append(g.children, children), append(g.hosts, hosts)
		g.vars = append(g.vars, g.some(true))
	}
	g.vars = append(g.vars, g.some(false))
	for h := range generatedHosts {
		if g.r.IntN(5) == 0 {
			g.hostVars[h] = g.some(false)
		}
	}
	return g
}

// some are a few variables.
func (g *generated) some(priority bool) map[string]string {
	vars := map[string]string{}
	for name, value := range map[string]string{
		"ansible_user": fmt.Sprintf("u%d", g.r.IntN(1000)), "ansible_port": fmt.Sprint(1 + g.r.IntN(9999)),
		"ansible_host": fmt.Sprintf("10.0.0.%d", g.r.IntN(255)), "ansible_become": []string{"true", "false"}[g.r.IntN(2)],
		"ansible_ssh_private_key_file": fmt.Sprintf("~/.ssh/k%d", g.r.IntN(99)), "mine": "x",
	} {
		if g.r.IntN(3) == 0 {
			vars[name] = value
		}
	}
	if priority && g.r.IntN(4) == 0 {
		vars["ansible_group_priority"] = fmt.Sprint(g.r.IntN(20))
	}
	return vars
}

func groupName(n int) string {
	if n == generatedGroups {
		return groupAll
	}
	return fmt.Sprintf("g%02d", n*5%generatedGroups) // not in the order of depth
}

func (g *generated) text(kind string) string {
	var b strings.Builder
	lines := func(vars map[string]string, format string) {
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			fmt.Fprintf(&b, format, name, vars[name])
		}
	}
	if kind == "ini" {
		for n := range generatedGroups {
			fmt.Fprintf(&b, "[%s]\n", groupName(n))
			for _, h := range g.hosts[n] {
				fmt.Fprintf(&b, "h%d", h)
				lines(g.hostVars[h], " %s=%s")
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "[%s:children]\n", groupName(n))
			for _, c := range g.children[n] {
				b.WriteString(groupName(c) + "\n")
			}
		}
		for n := range g.vars {
			fmt.Fprintf(&b, "[%s:vars]\n", groupName(n))
			lines(g.vars[n], "%s = %s\n")
		}
		return b.String()
	}
	for n := range g.vars {
		fmt.Fprintf(&b, "%s:\n  vars: {", groupName(n))
		lines(g.vars[n], "%s: %q, ")
		b.WriteString("}\n")
		if n == generatedGroups {
			break
		}
		b.WriteString("  hosts:\n")
		for _, h := range g.hosts[n] {
			fmt.Fprintf(&b, "    h%d: {", h)
			lines(g.hostVars[h], "%s: %q, ")
			b.WriteString("}\n")
		}
		b.WriteString("  children:\n")
		for _, c := range g.children[n] {
			fmt.Fprintf(&b, "    %s:\n", groupName(c))
		}
	}
	return b.String()
}

// folders are group_vars and host_vars for some, in all the ways there are.
func (g *generated) folders() []string {
	var files []string
	add := func(folder, name string) {
		var b strings.Builder
		b.WriteString("---\n")
		for k, v := range g.some(false) {
			fmt.Fprintf(&b, "%s: %q\n", k, v)
		}
		ending := []string{"", ".yml", ".yaml", ".json", "/a.yml", "/b/c.yaml"}[g.r.IntN(6)]
		files = append(files, folder+"/"+name+ending, b.String())
	}
	for n := range generatedGroups + 1 {
		if g.r.IntN(3) == 0 {
			add("group_vars", groupName(n))
		}
	}
	for h := range generatedHosts {
		if g.r.IntN(6) == 0 {
			add("host_vars", fmt.Sprintf("h%d", h))
		}
	}
	return files
}

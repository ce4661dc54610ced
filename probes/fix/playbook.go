package fix

import (
	_ "embed"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The programs of a playbook. The modules that would do instead do less:
// ansible.builtin.copy takes text that is UTF-8, loses an ACL and looks at the
// file once, long before it replaces it; ansible.posix.sysctl is not in
// ansible-core and lowers.
var (
	//go:embed ansible/write.sh
	ansibleWrite string
	//go:embed ansible/restore.sh
	ansibleRestore string
	//go:embed ansible/sysctl.sh
	ansibleSysctl string
	//go:embed ansible/process.sh
	ansibleProcess string
)

// Playbook is the plans as a playbook of Ansible, with the same result.
//
// It has only modules of ansible.builtin. Each play is for hosts whose plans
// are alike. It looks at every file and value first and fails where the host is
// not as it was planned for, then changes, looks again, and undoes its changes
// where anything fails. A second run changes nothing.
//
// The YAML is written here by hand and not by the library that package conf
// reads with: so every text stands in double quotes, with an escape for all
// that is not ASCII, and no version of YAML reads one as a number, a date or
// "no". Text from hosts is tagged !unsafe, or Ansible would take {{ }} in it
// for a template; the bytes of files are base64.
func Playbook(run string, plans []*Plan) ([]byte, error) {
	y := &playbook{run: run}
	comment(&y.Builder, playbookHead(run))
	y.line("---")
	var groups [][]*Plan
	place := map[string]int{}
	for _, p := range plans {
		if err := checkForAnsible(p); err != nil {
			return nil, err
		}
		if p.IsEmpty() {
			continue
		}
		// Other than in a diff, which process it is matters.
		key := changeKey(p) + fmt.Sprintf("\n%#v %q", p.Live, p.Query.Users)
		i, known := place[key]
		if !known {
			i = len(groups)
			place[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	for _, g := range groups {
		y.play(g)
	}
	if len(groups) == 0 {
		y.line("[]")
	}
	return []byte(y.String()), nil
}

func playbookHead(run string) string {
	return "What tmdoctor fix planned in run " + escape(run) + `, for ansible-playbook:

	ansible-playbook -i INVENTORY --check FILE    looks, and changes nothing
	ansible-playbook -i INVENTORY FILE

Names of hosts are those of tmdoctor's inventory. In each play one host goes
first, alone; the play stops at the first failure. Old files are kept on each
host, under /var/lib/tmdoctor/ansible. What tmdoctor does and Ansible cannot:
hold the connection that made a change open until a new one has shown that
people can still log in. So keep a session on the first host.
`
}

// plainHost is a name that Ansible takes for itself and for no pattern.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// checkForAnsible is an error where a playbook would mean something else than
// the plan.
func checkForAnsible(p *Plan) error {
	_, notIP := netip.ParseAddr(p.Host)
	if notIP != nil && !plainHost.MatchString(p.Host) || p.Host == "all" || p.Host == "ungrouped" {
		return fmt.Errorf("%q: Ansible takes this name of a host for a pattern: give the host another name in the inventory", p.Host)
	}
	for _, f := range p.Files {
		if !utf8.ValidString(f.Path) {
			return fmt.Errorf("%q: %q is not UTF-8, and YAML cannot name it: use -o sh", p.Host, f.Path)
		}
	}
	return plainConditions(p)
}

// plainConditions is an error where what a host said could be more than a number
// or a hash in a condition: Ansible evaluates those as expressions, on the
// machine of the operator.
func plainConditions(p *Plan) error {
	for _, f := range p.Files {
		before := f.Absent && f.BeforeSHA256 == "" || f.BeforeSHA256 == sum(f.Before)
		if !before || f.AfterSHA256 != sum(f.After) || !modeText.MatchString(f.Mode) || !ownerText.MatchString(f.Owner) {
			return fmt.Errorf("%q: %q has the mode %q and the owner %q, or a hash that is not that of its bytes: what a host says so is not written into a playbook", p.Host, f.Path, f.Mode, f.Owner)
		}
	}
	c := new(checker)
	for i := range p.Live {
		if p.Live[i].Kind == LiveSysctl {
			c.sysctl(fmt.Sprintf("%q: %s", p.Host, p.Live[i].Setting), &p.Live[i])
		}
	}
	return c.err
}

// playbook is YAML that is being written.
type playbook struct {
	strings.Builder
	run string
}

func (y *playbook) line(format string, args ...any) { fmt.Fprintf(y, format+"\n", args...) }

// yamlText is text in double quotes, in ASCII (YAML 1.2, 5.7). A byte that is not
// UTF-8 has no place in YAML.
func yamlText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r >= ' ' && r < 0x7F:
			b.WriteRune(r)
		case r <= 0xFF:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// unsafe is text that Ansible does not take for a template. It is tempting to
// tag every text: a text so tagged loses its quotes, and "0644" becomes 420.
// One with a bracket in it is never read as a number.
func unsafe(s string) string {
	if !strings.Contains(s, "{") {
		return yamlText(s)
	}
	return "!unsafe " + yamlText(s)
}

// title is text for the name of a task, which is a template too.
func title(format string, args ...any) string {
	return yamlText(strings.NewReplacer("{", `\x7b`, "}", `\x7d`).Replace(escape(fmt.Sprintf(format, args...))))
}

// play writes one play for hosts whose plans are alike.
func (y *playbook) play(g []*Plan) {
	p := g[0]
	y.line("")
	comment(&y.Builder, planText(g...))
	y.line("- name: %s", title("tmdoctor fix %s: %d hosts such as %s", y.run, len(g), p.Host))
	y.line("  hosts:")
	for _, p := range g {
		y.line("    - %s", yamlText(p.Host))
	}
	y.line("  become: true")
	y.line("  gather_facts: false")
	y.line("  any_errors_fatal: true")
	if len(p.Restart) > 0 {
		y.line("  serial: 1")
	} else {
		y.line(`  serial: [1, "100%%"]`)
	}
	y.line("  vars:")
	y.script("write", ansibleWrite)
	y.script("restore", ansibleRestore)
	y.script("sysctl", ansibleSysctl)
	y.script("process", ansibleProcess)
	y.line("  tasks:")
	for i := range p.Files {
		y.lookAt(i, &p.Files[i])
	}
	for i := range p.Live {
		y.lookLive(i, &p.Live[i])
	}
	y.line("    - name: %s", title("change, and undo if anything fails"))
	y.line("      block:")
	y.changes(p)
	y.line("      rescue:")
	y.undo(p)
}

// script writes a program as a variable of the play.
func (y *playbook) script(name, text string) {
	y.line("    tmdoctor_%s: !unsafe |", name)
	for line := range strings.Lines(text) {
		y.line("      %s", strings.TrimSuffix(line, "\n"))
	}
}

// lookAt writes how a file is compared with the plan before anything is
// changed.
func (y *playbook) lookAt(i int, f *FileChange) {
	y.task(4, title("look at %s", f.Path), "stat")
	y.line("        path: %s", unsafe(f.Path))
	y.line("        follow: false")
	y.line("        checksum_algorithm: sha256")
	y.line("        get_mime: false")
	y.line("        get_attributes: false")
	y.line("      register: tmdoctor_before_%d", i)
	// pw_name would be another thing to trust: the plan has numbers.
	uid, gid, _ := strings.Cut(f.Owner, ":")
	stat := fmt.Sprintf("tmdoctor_before_%d.stat", i)
	asPlanned := fmt.Sprintf(`%[1]s.exists and %[1]s.isreg and (%[1]s.checksum == '%[2]s' or %[1]s.checksum == '%[3]s') and %[1]s.mode == '%[4]s' and %[1]s.uid == %[5]s and %[1]s.gid == %[6]s`,
		stat, f.BeforeSHA256, f.AfterSHA256, f.Mode, uid, gid)
	if f.Absent {
		asPlanned = fmt.Sprintf(`not %[1]s.exists or (%[1]s.isreg and %[1]s.checksum == '%[2]s')`, stat, f.AfterSHA256)
	}
	y.assert(title("%s is as it was planned for, or done", f.Path),
		title("%s has changed since run %s planned: nothing is changed; plan again", f.Path, y.run), asPlanned)
}

// assert writes a condition that must hold.
func (y *playbook) assert(name, message, that string) {
	y.task(4, name, "assert")
	y.line("        that: %s", yamlText(that))
	y.line("        quiet: true")
	y.line("        fail_msg: %s", message)
}

// task writes the head of a task.
func (y *playbook) task(indent int, name, module string) {
	y.line("%*s- name: %s", indent, "", name)
	y.line("%*s  ansible.builtin.%s:", indent, "", module)
}

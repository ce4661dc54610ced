package fix

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// words is a change in the words of a tool that manages files: of a setting
// of the kernel, of a user's limit, and of a unit's.
type words struct {
	sysctl func(key, value string) string
	limit  func(user, item, soft, hard string) string
	unit   func(unit, key, value string) string
}

// tools are the programs that conf.ManagedBy knows by name. Sources: the
// documentation of ansible.posix, community.general, puppet augeasproviders,
// saz-limits and puppet-systemd, Chef Infra's resources, Salt's state modules,
// CFEngine's standard library, cloud-init's modules, saptune(8).
var tools = map[string]words{
	"Ansible": {
		sysctl: func(k, v string) string {
			return fmt.Sprintf("ansible.posix.sysctl: {name: %s, value: %q, state: present}", k, v)
		},
		limit: func(u, i, s, h string) string {
			one := func(typ, v string) string {
				return fmt.Sprintf("community.general.pam_limits: {domain: %q, limit_type: %s, limit_item: %s, value: %q}", u, typ, i, v)
			}
			return one("soft", s) + " and " + one("hard", h)
		},
		unit: func(u, k, v string) string {
			return fmt.Sprintf("ansible.builtin.copy: {dest: %q, content: \"[Service]\\n%s=%s\\n\"}, then ansible.builtin.systemd: {daemon_reload: true}", ownDropIn(u), k, v)
		},
	},
	"Puppet": {
		sysctl: func(k, v string) string { return fmt.Sprintf("sysctl { '%s': value => '%s' }", k, v) },
		limit: func(u, i, s, h string) string {
			return fmt.Sprintf("limits::limits { '%s/%s': soft => '%s', hard => '%s' }", u, i, s, h)
		},
		unit: func(u, k, v string) string {
			return fmt.Sprintf("systemd::manage_dropin { '"+ownFile+"': unit => '%s', service_entry => { '%s' => '%s' } }", u, k, v)
		},
	},
	"Chef": {
		sysctl: func(k, v string) string { return fmt.Sprintf("sysctl '%s' do value '%s' end", k, v) },
		limit: func(u, i, s, h string) string {
			return fmt.Sprintf("lines %q and %q in the template of the file", limitLine(u, "soft", i, s), limitLine(u, "hard", i, h))
		},
		unit: func(u, k, v string) string {
			return fmt.Sprintf("file '%s' do content \"[Service]\\n%s=%s\\n\" end, then systemctl daemon-reload", ownDropIn(u), k, v)
		},
	},
	"Salt": {
		sysctl: func(k, v string) string { return fmt.Sprintf("%s: {sysctl.present: [{value: %s}]}", k, v) },
		limit: func(u, i, s, h string) string {
			return fmt.Sprintf("file.append: [{name: /etc/security/limits.conf}, {text: [%q, %q]}]", limitLine(u, "soft", i, s), limitLine(u, "hard", i, h))
		},
		unit: func(u, k, v string) string {
			return fmt.Sprintf("file.managed: [{name: %q}, {makedirs: true}, {contents: \"[Service]\\n%s=%s\"}], then service.systemctl_reload", ownDropIn(u), k, v)
		},
	},
	"CFEngine": {
		sysctl: func(k, v string) string {
			return fmt.Sprintf("files: \""+ownIn(sysctlPlace)+"\" create => \"true\", edit_line => insert_lines(%q)", k+" = "+v)
		},
		limit: func(u, i, s, h string) string {
			return fmt.Sprintf("files: \"/etc/security/limits.conf\" edit_line => insert_lines(%q) and insert_lines(%q)", limitLine(u, "soft", i, s), limitLine(u, "hard", i, h))
		},
	},
	"cloud-init": {
		sysctl: func(k, v string) string {
			return fmt.Sprintf("write_files: [{path: "+ownIn(sysctlPlace)+", content: \"%s = %s\\n\"}]", k, v)
		},
		limit: func(u, i, s, h string) string {
			return fmt.Sprintf("write_files: [{path: "+ownIn(limitsPlace)+", content: \"%s\\n%s\\n\"}]", limitLine(u, "soft", i, s), limitLine(u, "hard", i, h))
		},
	},
	"saptune": {
		sysctl: func(k, v string) string {
			return fmt.Sprintf("[sysctl] %s = %s in a note of /etc/saptune/extra, then saptune note apply", k, v)
		},
		limit: func(u, i, s, h string) string {
			return fmt.Sprintf("[limits] LIMITS = %s, %s in a note of /etc/saptune/extra, then saptune note apply", limitLine(u, "soft", i, s), limitLine(u, "hard", i, h))
		},
	},
}

func ownDropIn(unit string) string { return ownIn(unitPlace(unit)) }

// ownFile is the usual name of a file of our own, and ownIn its path in a place.
const ownFile = "zz-tmdoctor.conf"

func ownIn(w place) string { return w.dir + "/" + ownFile }

func limitLine(user, typ, item, value string) string {
	return strings.Join([]string{user, typ, item, value}, " ")
}

// orForce ends what inWords says of a file that is left alone.
const orForce = "; or --force-managed, which the tool may undo"

// tellManaged notes in the words of the tools that write the files which are
// changed all the same how to say there what is changed, or it is taken back.
func (m *maker) tellManaged(setting string, instead func(managed []string) string) {
	var managed []string
	for _, e := range m.d.files {
		if e.managed != "" && slices.Contains(e.settings, setting) && !slices.Contains(managed, e.managed) {
			managed = append(managed, e.managed)
		}
	}
	if len(managed) > 0 {
		m.note("so that it is not taken back: " + strings.TrimSuffix(instead(managed), orForce))
	}
}

// inWords is a change in the words of each tool; of one that has none, or is
// not known by name, what its configuration must say.
func inWords(managed []string, say func(words) (string, bool), plain string) string {
	var all []string
	for _, name := range managed {
		text, ok := say(tools[name])
		if !ok {
			text = plain
		}
		all = append(all, "in the configuration of "+name+": "+text)
	}
	return strings.Join(all, "; ") + orForce
}

// insteadSysctl is what to do where no file is changed for a setting of the
// kernel.
func insteadSysctl(managed []string, p *probes.Proposal, want probes.Limit) string {
	if len(managed) == 0 {
		return sysctlByHand(p, want)
	}
	return inWords(managed, func(w words) (string, bool) {
		if w.sysctl == nil {
			return "", false
		}
		return w.sysctl(p.Setting, want.String()), true
	}, p.Setting+" = "+want.String())
}

// sysctlByHand is what a person does for a setting of the kernel.
func sysctlByHand(p *probes.Proposal, want probes.Limit) string {
	return fmt.Sprintf("sysctl -w %s=%s now, and the same where this host sets it at boot (tmdoctor why HOST %[1]s)", p.Setting, want)
}

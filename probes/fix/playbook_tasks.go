package fix

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// inBlock is how far tasks of a block are indented.
const inBlock = 8

// lookLive writes how a live value is compared with the plan before anything
// is changed. A process that is gone is no obstacle: it has the limits of its
// next start.
func (y *playbook) lookLive(i int, l *LiveChange) {
	if l.Kind != LiveSysctl {
		return
	}
	y.task(4, title("look at %s", l.Setting), "command")
	y.line("        argv: [cat, %s]", unsafe(procSys(l.Setting)))
	y.line("      register: tmdoctor_live_before_%d", i)
	y.line("      changed_when: false")
	y.line("      check_mode: false")
	y.assert(title("%s is %s as planned, or done", l.Setting, l.Before),
		title("%s is no longer %s: nothing is changed; plan again", l.Setting, l.Before),
		fmt.Sprintf(`tmdoctor_live_before_%[1]d.stdout == '%[2]s' or tmdoctor_live_before_%[1]d.stdout | int >= %[3]s`, i, l.Before, l.After))
}

// procSys is the file of a sysctl.
func procSys(key string) string { return "/proc/sys/" + strings.ReplaceAll(key, ".", "/") }

// changes writes the tasks of a plan, in the order of [Apply].
func (y *playbook) changes(p *Plan) {
	for i, f := range p.Files {
		y.command(title("write %s", f.Path), fmt.Sprintf("write_%d", i), "write",
			f.Path, before(&f), f.AfterSHA256, f.Mode, f.Owner, y.backup(&f, i))
		y.line("            stdin: %s", yamlText(base64.StdEncoding.EncodeToString(f.After)))
		y.changedWhen(fmt.Sprintf("write_%d", i))
	}
	for i, l := range p.Live {
		y.live(fmt.Sprintf("live_%d", i), &l, l.After)
		y.changedWhen(fmt.Sprintf("live_%d", i))
	}
	if p.Reload {
		y.reload()
	}
	for i, unit := range p.Restart {
		y.task(inBlock, title("restart %s", unit), "systemd")
		y.line("            name: %s", unsafe(unit))
		y.line("            state: restarted")
		y.line("          register: tmdoctor_restart_%d", i)
		y.line("          when: %s", yamlText(changedAny(p)))
	}
	y.verify(p)
}

// before is the hash of a file before, as the program of write.sh takes it.
func before(f *FileChange) string {
	if f.Absent {
		return "absent"
	}
	return f.BeforeSHA256
}

// backup is where the old bytes of a file are kept.
func (y *playbook) backup(f *FileChange, i int) string {
	return fmt.Sprintf("/var/lib/tmdoctor/ansible/%s/%d-%.12s", y.run, i, f.AfterSHA256)
}

// changedAny is true in Ansible if any file or value was changed.
func changedAny(p *Plan) string {
	var each []string
	for i := range p.Files {
		each = append(each, fmt.Sprintf("tmdoctor_write_%d is changed", i))
	}
	for i := range p.Live {
		each = append(each, fmt.Sprintf("tmdoctor_live_%d is changed", i))
	}
	if each == nil {
		return "true"
	}
	return strings.Join(each, " or ")
}

// live writes a task that gives a live value. One that was given before is taken
// back: it may be lowered, where it is still that.
func (y *playbook) live(register string, l *LiveChange, want string, given ...string) {
	if l.Kind == LiveSysctl {
		y.command(title("%s is %s now", l.Setting, want), register, "sysctl", append([]string{l.Setting, want}, given...)...)
		return
	}
	soft, hard, _ := strings.Cut(want, ":")
	y.command(title("%s of process %d is %s", l.Setting, l.PID, want), register, "process",
		append([]string{strconv.Itoa(l.PID), l.Started, l.Setting, soft, hard}, given...)...)
}

// command writes a task that runs one of the play's programs.
func (y *playbook) command(name, register, script string, args ...string) {
	y.line("        - name: %s", name)
	y.line("          register: tmdoctor_%s", register)
	y.line("          ansible.builtin.command:")
	y.line("            argv:")
	y.line("              - /bin/sh")
	y.line("              - -c")
	y.line(`              - "{{ tmdoctor_%s }}"`, script)
	y.line("              - tmdoctor")
	for _, a := range args {
		y.line("              - %s", unsafe(a))
	}
}

func (y *playbook) changedWhen(register string) {
	y.line(`          changed_when: "'changed' in tmdoctor_%s.stdout_lines | default([])"`, register)
}

func (y *playbook) reload() {
	y.task(inBlock, title("systemd reads its units again"), "systemd")
	y.line("            daemon_reload: true")
}

// verify writes what must be so afterwards: a new connection, and a session of
// each user whose limits were changed. What writes a file or a value has read
// it back.
func (y *playbook) verify(p *Plan) {
	y.line("        - name: %s", title("leave the connection that made the change"))
	y.line("          ansible.builtin.meta: reset_connection")
	y.line("        - name: %s", title("log in again"))
	y.line("          ansible.builtin.ping:")
	for _, user := range p.Query.Users {
		y.task(inBlock, title("a session of %s opens", user), "command")
		y.line("            argv: [su, -s, /bin/sh, -c, ':', %s]", unsafe(user))
		y.line("          changed_when: false")
	}
	for i, unit := range p.Restart {
		y.task(inBlock, title("%s is up", unit), "command")
		y.line("            argv: [systemctl, is-active, --, %s]", unsafe(unit))
		y.line("          register: tmdoctor_active_%d", i)
		y.line("          until: tmdoctor_active_%d is success", i)
		y.line("          retries: 30")
		y.line("          delay: 2")
		y.line("          changed_when: false")
	}
}

// undo writes how a host is put back, in the opposite order: only what this
// run has changed.
func (y *playbook) undo(p *Plan) {
	for i, l := range slices.Backward(p.Live) {
		y.live(fmt.Sprintf("undone_live_%d", i), &l, l.Before, l.After)
		y.line("          when: tmdoctor_live_%d is defined and tmdoctor_live_%d is changed", i, i)
		y.line("          ignore_errors: true")
	}
	for i, f := range slices.Backward(p.Files) {
		y.command(title("put %s back", f.Path), fmt.Sprintf("undone_%d", i), "restore",
			f.Path, before(&f), f.AfterSHA256, y.backup(&f, i))
		y.line("          when: tmdoctor_write_%d is defined and tmdoctor_write_%d is changed", i, i)
		y.line("          ignore_errors: true")
	}
	if p.Reload {
		y.reload()
		y.line("          ignore_errors: true")
	}
	for i, unit := range p.Restart {
		y.task(inBlock, title("restart %s as it was", unit), "systemd")
		y.line("            name: %s", unsafe(unit))
		y.line("            state: restarted")
		y.line("          when: tmdoctor_restart_%d is defined and tmdoctor_restart_%d is not skipped", i, i)
		y.line("          ignore_errors: true")
	}
	y.task(inBlock, title("it failed"), "fail")
	message := "{{ ansible_failed_result.stderr | default(ansible_failed_result.msg) | default('no reason was given', true) }}"
	y.line("            msg: %s", yamlText("not applied, and put back what was changed: {{ ansible_failed_task.name }}: "+message))
}

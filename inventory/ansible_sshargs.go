package inventory

import (
	"strings"
)

// sshFlags are the options of ssh(1) that take no argument; all others do.
const sshFlags = "46AaCfGgKkMNnqsTtVvXxYy"

// sshQuiet are options that change only how fast or how loud a connection is;
// they need no note.
var sshQuiet = map[string]bool{"controlmaster": true, "controlpersist": true, "controlpath": true,
	"compression": true, "loglevel": true, "-c": true, "-q": true, "-v": true, "-t": true, "-n": true}

// jump is the jump host that the arguments for ssh name: by -J, by ProxyJump,
// or by a ProxyCommand that is nothing but ssh -W. Every other option that
// matters is noted.
func (a *ansibleFile) jump(get lookup) (jump string, at position, err error) {
	given := false
	for _, name := range varsArgs {
		v, ok := get(name)
		if !ok {
			continue
		}
		s, err := v.want()
		if err != nil {
			return "", v.at, err
		}
		words, f := shellWords(s, false)
		if f != nil {
			return "", v.at, v.at.errorf(f.hint, "%s: %s", v.name, f.msg)
		}
		for _, o := range sshOptions(words) {
			hop, ok := o.jump()
			switch {
			case !ok && !sshQuiet[o.name]:
				a.notes.add(v.at, "ssh "+o.name, "%s: %s is not used%s", v.name, o.shown, sshInstead[o.name])
			case ok && !given: // of an option given twice, ssh takes the first
				given = true
				if strings.EqualFold(hop, "none") {
					continue
				}
				if f := checkJump(hop); f != nil {
					return "", v.at, v.at.errorf(f.hint, "%s: %s", v.name, f.msg)
				}
				jump, at = hop, v.at
			}
		}
	}
	return jump, at, nil
}

// sshInstead is what holds in place of an option.
var sshInstead = map[string]string{
	"stricthostkeychecking": ": host keys are always verified (--accept-new records unknown ones)",
	"userknownhostsfile":    ": --known-hosts names another file",
	"proxycommand":          ": one in ssh_config is, and ProxyJump here",
	"-i":                    ": ansible_ssh_private_key_file is", "identityfile": ": ansible_ssh_private_key_file is",
	"-p": ": ansible_port is", "port": ": ansible_port is",
	"-l": ": ansible_user is", "user": ": ansible_user is",
	"-f": ": give tmdoctor -F FILE",
}

// sshOption is one option: the lower-case name of an -o, or the letter.
type sshOption struct{ name, value, shown string }

func sshOptions(words []piece) []sshOption {
	var out []sshOption
	for i := 0; i < len(words); i++ {
		w := words[i].text
		if len(w) < 2 || w[0] != '-' {
			out = append(out, sshOption{name: "word", shown: "the word " + shown(w)})
			continue
		}
		if strings.Trim(w[1:], sshFlags) == "" { // -C, or several: -Cq
			for _, c := range w[1:] {
				out = append(out, sshOption{name: "-" + strings.ToLower(string(c)), shown: "-" + string(c)})
			}
			continue
		}
		letter, value := w[:2], w[2:]
		if value == "" && i+1 < len(words) {
			i++
			value = words[i].text
		}
		if letter != "-o" {
			out = append(out, sshOption{name: letterName(letter), value: value, shown: shown(letter)})
			continue
		}
		value = strings.TrimSpace(value)
		end := strings.IndexAny(value, "= \t")
		if end < 0 {
			end = len(value)
		}
		key := value[:end]
		rest := strings.TrimLeft(value[end:], " \t")
		rest = strings.Trim(strings.TrimPrefix(rest, "="), " \t")
		out = append(out, sshOption{name: strings.ToLower(key), value: rest, shown: "-o " + shown(key)})
	}
	return out
}

// letterName keeps -J (jump) apart from flags, whose case does not matter here.
func letterName(letter string) string {
	if letter == "-J" {
		return letter
	}
	return strings.ToLower(letter)
}

// jump is the jump host that an option names.
func (o sshOption) jump() (string, bool) {
	switch o.name {
	case "-J", "proxyjump":
		return strings.Trim(o.value, `"`), true
	case "proxycommand":
		return proxyJump(strings.Trim(o.value, `"`))
	}
	return "", false
}

// proxyJump is the jump host of a ProxyCommand that does what ProxyJump does:
// ssh -W %h:%p [-q] [-p PORT] [-l USER] HOST. What has more to it is no jump.
func proxyJump(command string) (string, bool) {
	words, f := shellWords(command, false)
	if f != nil || len(words) == 0 || words[0].text != "ssh" && words[0].text != "/usr/bin/ssh" {
		return "", false
	}
	var host, user, port string
	forwards := false
	for i := 1; i < len(words); i++ {
		w := words[i].text
		next := ""
		if i+1 < len(words) {
			next = words[i+1].text
		}
		switch {
		case w == "-q":
		case w == "-W" && (next == "%h:%p" || next == "[%h]:%p"):
			forwards = true
			i++
		case w == "-p" && next != "":
			port = ":" + next
			i++
		case w == "-l" && next != "":
			user = next + "@"
			i++
		case w[:min(1, len(w))] != "-" && host == "" && w != "":
			host = w
		default:
			return "", false
		}
	}
	if !forwards || host == "" {
		return "", false
	}
	if strings.Contains(host, "@") {
		user = ""
	}
	return user + host + port, true
}

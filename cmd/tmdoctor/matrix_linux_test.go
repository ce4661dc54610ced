package main

import "github.com/tmdoctor/tmdoctor/remote/demo"

// matrixRow is one host with one thing wrong, and what the report says of it.
// Every row is a host of one fleet, which TestMatrix asks once.
type matrixRow struct {
	host string
	made made
	// phase it is lost in, "" where it answers; words of the reason; words of
	// the hint. A reason with "within" is one of a limit. The reason of a host
	// that answers is that of a check that is unknown.
	phase, reason, hint string
}

// made is how a row's host comes to be as it is: one of its fields, or none
// for a host that is well.
type made struct {
	// prepare is shell that runs as root on a host of its own, before sshd does;
	// the operator logs in as op, with Debian's sshd_config and PAM. See
	// testdata/e2e/host.sh.
	prepare string
	// then is done once its sshd runs.
	then func(*matrixLab, *labHost)
	// fault is of a server in this process.
	fault demo.Fault
	// throttle is how many first connections that server turns away.
	throttle int
	// address is all there is.
	address string
	// once is true where only the first session meets it.
	once bool
}

const (
	// sh stands before what runs in each shell that a login starts.
	sh = "cat >>/home/op/.bashrc <<'EOF'\n"
	// gone is what every row with a session that ended too early says.
	gone = "not all of the answer"
)

// matrix is how hosts are, and what is said of each.
var matrix = []matrixRow{
	// Hosts that answer, whatever is odd about them.
	{"well-1", made{}, "", "", ""},
	{"well-2", made{}, "", "", ""},
	{"well-3", made{}, "", "", ""},
	{"csh", made{prepare: "chsh -s /bin/csh op"}, "", "", ""},
	{"tcsh", made{prepare: "chsh -s /usr/bin/tcsh op"}, "", "", ""},
	{"fish", made{prepare: "chsh -s /usr/bin/fish op"}, "", "", ""},
	{"csh-noise", made{prepare: "chsh -s /bin/csh op; echo 'setenv PATH /nowhere; module load java' >/home/op/.cshrc"}, "", "", ""},
	{"one-session", made{prepare: "sshd_config 'MaxSessions 1'"}, "", "", ""},
	{"rc-talks", made{prepare: "echo 'echo from rc; echo to stderr >&2; cat' >/home/op/.ssh/rc"}, "", "", ""},
	{"no-home", made{prepare: "cp $KEY /etc/op.pub; sshd_config 'AuthorizedKeysFile /etc/op.pub'; rm -r /home/op"}, "", "", ""},
	{"full-home", made{prepare: "mount -t tmpfs -o size=64k,mode=755 none /home/op; mkdir -m 700 /home/op/.ssh; cp $KEY /home/op/.ssh/authorized_keys; chown -R op: /home/op; cat /dev/zero >/home/op/full || :"}, "", "", ""},
	{"full-tmp", made{prepare: "mount -t tmpfs -o size=64k none /mnt; mkdir -p /mnt${LAB#/tmp}; mount --bind $LAB /mnt${LAB#/tmp}; mount --rbind /mnt /tmp; cat /dev/zero >/tmp/full || :"}, "", "", ""},
	{"slow-login", made{prepare: sh + "sleep 2\nEOF"}, "", "", ""},
	{"reads-a-line", made{prepare: sh + "read -r line\nEOF"}, "", "", ""},
	{"no-fork", made{prepare: sh + "ulimit -u 1\nEOF"}, "", "the host refuses to start processes", ""},
	{"ipv6-only", made{then: (*matrixLab).onlyIPv6}, "", "", ""},
	{"twelve-addresses", made{then: (*matrixLab).lastOfTwelve}, "", "", ""},

	// No connection.
	{"refused", made{address: "10.77.0.1"}, "connect", "connection to 10.77.0.1:22 refused", "check port and sshd"},
	{"filtered", made{address: filtered}, "connect", "no answer from " + filtered + ":22 within", "a firewall drops the packets"},
	{"no-route", made{address: unreachable}, "connect", "no route to " + unreachable, "a firewall or router"},
	{"no-network", made{address: "10.99.0.1"}, "connect", "no route to the network", "name a jump host"},
	{"absent", made{address: "10.77.0.250"}, "connect", "no route to 10.77.0.250", "the host is down"},
	{"no-name", made{address: "nobody.lab"}, "resolve", "name nobody.lab is not known", "correct the name"},

	// No login.
	{"stopped", made{then: (*matrixLab).stop}, "handshake", "no SSH server spoke within", "overloaded or hangs"},
	{"busy", made{prepare: "sshd_config 'MaxStartups 1'", then: (*matrixLab).occupy}, "handshake", "Exceeded MaxStartups", "raise MaxStartups"},
	{"old-kex", made{prepare: "sshd_config 'KexAlgorithms diffie-hellman-group14-sha1'"}, "handshake", "offers only diffie-hellman-group14-sha1", "update the SSH server"},
	{"stranger", made{prepare: ":"}, "host_key", "not in known_hosts", "--accept-new"},
	{"no-keys", made{prepare: "sshd_config 'PubkeyAuthentication no' 'PasswordAuthentication yes'"}, "auth", "server takes no keys", "PubkeyAuthentication yes"},
	{"nologin-file", made{prepare: "echo 'Closed for repair until noon.' >/etc/nologin"}, "auth", "Closed for repair until noon.", "/etc/nologin"},
	{"going-down", made{prepare: "echo 'System is going down. Unprivileged users are not permitted to log in anymore.' >/run/nologin"}, "auth", "System is going down", "try again later"},
	{"expired", made{prepare: "chage -E 1 op; seq 500 >/etc/issue.net; sshd_config 'Banner /etc/issue.net'"}, "auth", "account has expired", "chage -E"},
	{"expired-no-pam", made{prepare: "chage -E 1 op; sshd_config 'UsePAM no'"}, "auth", "server refused", "expired"},
	{"locked", made{prepare: "usermod -L op; sshd_config 'UsePAM no'"}, "auth", "server refused", "locked or expired"},
	{"no-shell", made{prepare: "usermod -s /opt/no/such/shell op"}, "auth", "server refused", "missing login shell"},
	{"open-home", made{prepare: "chmod 777 /home/op"}, "auth", "server refused", "others may write"},
	{"pam-waits", made{prepare: "sed -i '1i account required pam_exec.so /bin/sleep 600' /etc/pam.d/sshd"}, "auth", "login did not end within", "PAM"},

	// No session.
	{"no-sessions", made{prepare: "sshd_config 'MaxSessions 0'"}, "session", "refused a session", "MaxSessions"},
	{"no-process", made{prepare: "echo 'op hard nproc 1' >/etc/security/limits.d/op.conf"}, "session", "could not start a shell", "limit of processes"},
	{"pam-session-waits", made{prepare: "sed -i '1i session required pam_exec.so /bin/sleep 600' /etc/pam.d/sshd"}, "session", "within", "PAM"},

	// No answer.
	{"max-logins", made{prepare: "echo 'op - maxlogins 0' >/etc/security/limits.d/op.conf"}, "script", "too many logins", "maxlogins"},
	{"password-expired", made{prepare: "chage -d 0 op"}, "script", "password has expired", "change it"},
	{"nologin", made{prepare: "usermod -s /usr/sbin/nologin op"}, "script", "This account is currently not available", "login shell is nologin"},
	{"false", made{prepare: "usermod -s /bin/false op"}, "script", "status 1 and " + gone, "/bin/false"},
	{"rbash", made{prepare: "usermod -s /bin/rbash op"}, "script", "restricted", "log in as another user"},
	{"sftp-only", made{prepare: "sshd_config 'ForceCommand internal-sftp'"}, "script", "This service allows sftp connections only", "forces sftp"},
	{"forced", made{prepare: "sshd_config 'ForceCommand echo only this'"}, "script", `"only this"`, "forced command"},
	{"chroot", made{prepare: "mkdir -m 755 /srv/jail; sshd_config 'ChrootDirectory /srv/jail'"}, "script", "/bin/bash: No such file or directory", "ChrootDirectory"},
	{"chroot-of-others", made{prepare: "mkdir /srv/jail; chmod 777 /srv/jail; sshd_config 'ChrootDirectory /srv/jail'"}, "session", "closed the connection right after login", "log of sshd"},
	{"no-space", made{prepare: sh + "cat /dev/zero >/dev/full || exit\nEOF"}, "script", "No space left on device", "disk is full"},
	{"no-fork-bash", made{prepare: "ln -sf bash /bin/sh; " + sh + "ulimit -u 1\nEOF"}, "script", "fork: retry", "limit of processes"},
	{"waits-for-file", made{prepare: sh + "echo Waiting for the file server; sleep 600\nEOF"}, "script", "Waiting for the file server", "file system hangs"},
	{"reads-input", made{prepare: sh + "cat >/dev/null\nEOF"}, "script", "status 0 and " + gone, "standard input"},
	{"exits", made{prepare: sh + "exit 0\nEOF"}, "script", "status 0 and " + gone, "login script"},
	{"another-shell", made{prepare: sh + "exec fish\nEOF"}, "script", gone, "login script"},
	{"sleeps", made{prepare: sh + "sleep 600\nEOF"}, "script", "did not come to its end within", "a login script may wait"},
	{"rc-sleeps", made{prepare: "echo 'sleep 600' >/home/op/.ssh/rc"}, "script", "did not come to its end within", "a login script may wait"},
	{"floods", made{prepare: sh + "yes\nEOF"}, "script", "printed without end", "login scripts"},
	{"one-line", made{prepare: sh + "head -c 1G /dev/zero\nEOF"}, "script", "printed without end", "login scripts"},
	{"shell-killed", made{prepare: sh + "(sleep 0.3; kill -9 $$) & sleep 600\nEOF"}, "script", "killed by signal KILL", "out-of-memory killer"},
	{"sshd-killed", made{prepare: sh + "sleep 0.3; kill -9 $PPID; sleep 600\nEOF"}, "script", "ended in the middle", "rebooted"},
	{"reboots", made{prepare: sh + begun, then: (*matrixLab).reboot, once: true}, "script", "ended in the middle", "rebooted"},
	{"powered-off", made{prepare: sh + begun, then: (*matrixLab).powerOff, once: true}, "script", "did not come to its end within", "the host hangs"},

	// Servers that no sshd is: remote/hostile_test.go has all of them.
	{"drips", made{fault: demo.DripVersion}, "handshake", "not its whole SSH version within", "overloaded or hangs"},
	{"talks-on", made{fault: demo.EndlessPreVersion}, "handshake", "not an SSH server", "check the port"},
	{"resets", made{fault: demo.ResetAccept}, "handshake", "closed the connection before", "MaxStartups"},
	{"closes-kex", made{fault: demo.CloseVersion}, "handshake", "during the key exchange", "what answers is"},
	{"other-key", made{fault: demo.OtherHostKey}, "host_key", "host key changed", "ssh-keygen -R"},
	{"sha1-only", made{fault: demo.LegacyAlgorithms}, "handshake", "the server offers only", "update the SSH server"},
	{"banners", made{fault: demo.EndlessBanners}, "auth", "banner of more than", "well-behaved"},
	{"no-verdict", made{fault: demo.NoAuthReply}, "auth", "login did not end within", "the server waits"},
	{"key-changes", made{fault: demo.OtherHostKey, throttle: 1, once: true}, "host_key", "host key changed", "ssh-keygen -R"},
	{"closes-auth", made{fault: demo.CloseAuth}, "session", "closed the connection", "log of sshd"},
	{"no-channel", made{fault: demo.NoChannelReply}, "session", "no session began within", "the host hangs"},
	{"no-exec-reply", made{fault: demo.NoExecReply}, "session", "no shell began within", "the host hangs"},
	{"closes-exec", made{fault: demo.CloseExec}, "script", "ended in the middle", "rebooted"},
	{"channel-flood", made{fault: demo.ChannelFlood}, "session", "no session began within", "the host hangs"},
	{"hangs", made{fault: demo.Hang}, "script", "did not come to its end within", "a login script may wait"},
	{"no-status", made{fault: demo.CloseWithoutStatus}, "", "", ""},
	{"drips-output", made{fault: demo.DripOutput}, "script", "did not come to its end within", "allow it more time"},
	{"stderr-flood", made{fault: demo.FloodStderr}, "script", "printed without end", "login scripts"},
	{"big-line", made{fault: demo.BigLine}, "script", "printed without end", "login scripts"},
}

// inOtherWords are rows of the matrix for which ssh(1) has words of its own, of
// the reason and, where that is another too, of the hint.
var inOtherWords = map[string][2]string{
	"no-name":    {"Could not resolve hostname nobody.lab", ""},
	"stopped":    {"no key exchange within", "the host hangs"},
	"busy":       {"onnection", "MaxStartups"}, // reset or closed, whichever is quicker
	"old-kex":    {"Their offer: diffie-hellman-group14-sha1", ""},
	"drips":      {"no key exchange within", "the host hangs"},
	"talks-on":   {"invalid format", ""},
	"resets":     {"onnection", "MaxStartups"},
	"closes-kex": {"ssh says", "log of sshd"},
	"sha1-only":  {"Their offer: diffie-hellman-group1-sha1", ""},
	"banners":    {"banner without end", ""},
}

package conf_test

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// addUsers adds the users to the root, and a key for them and for root.
func (tr *truth) addUsers() ssh.Signer {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tr.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		tr.Fatal(err)
	}
	for _, argv := range [][]string{
		{"/usr/sbin/groupadd", "-g", "1500", "flink"},
		{"/usr/sbin/groupadd", "-g", "1501", "tm"},
		{"/usr/sbin/useradd", "-u", "1500", "-g", "flink", "-G", "tm", "-m", "-s", "/bin/sh", "flink"},
		{"/usr/sbin/useradd", "-u", "1600", "-g", "tm", "-m", "-s", "/bin/sh", "anna"},
	} {
		if out, errs, status := tr.run(argv...); status != 0 {
			tr.Fatalf("%q: %s%s", argv, out, errs)
		}
	}
	for home, id := range map[string]int{"/root": 0, "/home/flink": 1500} {
		dir := home + "/.ssh"
		if err := os.MkdirAll(dir, 0o700); err != nil {
			tr.Fatal(err)
		}
		name := dir + "/authorized_keys"
		if err := os.WriteFile(name, ssh.MarshalAuthorizedKey(key.PublicKey()), 0o600); err != nil {
			tr.Fatal(err)
		}
		for _, p := range []string{dir, name} {
			if err := os.Chown(p, id, id); err != nil {
				tr.Fatal(err)
			}
		}
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		tr.Fatal(err)
	}
	files, err := gather([]string{"/etc/ssh", "/etc/ssh/sshd_config.d"})
	if err != nil {
		tr.Fatal(err)
	}
	if yes, at, unknown := conf.SSHDUsesPAM(files); !yes || unknown != "" {
		tr.Fatalf("the release's sshd uses no PAM: %s %s", at, unknown)
	}
	return key
}

// sshd is a running daemon of the release, alone in its network.
type sshd struct {
	tr     *truth
	cmd    *exec.Cmd
	limits map[string]conf.Rlimits
	log    chan string // what it said, once it has ended
}

// startSSHD starts it behind a beginning and waits until it listens.
func (tr *truth) startSSHD(begin []string) *sshd {
	argv := append(append([]string{}, begin...), "/usr/sbin/sshd", "-D", "-e", "-o", "ListenAddress=127.0.0.1")
	d := &sshd{tr: tr, cmd: exec.CommandContext(tr.Context(), argv[0], argv[1:]...), log: make(chan string, 1)}
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		tr.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		tr.Fatal(err)
	}
	said := bufio.NewReader(stderr)
	var log bytes.Buffer
	for !strings.Contains(log.String(), "Server listening") {
		line, err := said.ReadString('\n')
		log.WriteString(line)
		if err != nil {
			d.cmd.Wait()
			tr.Fatalf("%q: %v\n%s", argv, err, log.String())
		}
	}
	go func() {
		io.Copy(&log, said)
		d.log <- log.String()
	}()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", d.cmd.Process.Pid))
	if err != nil {
		tr.Fatal(err)
	}
	d.limits = conf.ParseProcLimits(string(text))
	return d
}

// stop ends the daemon, whose sessions have ended before, and gives what it
// said.
func (d *sshd) stop() string {
	if err := d.cmd.Process.Kill(); err != nil {
		d.tr.Error(err)
	}
	said := <-d.log
	d.cmd.Wait()
	return said
}

// session opens one as user on a new connection and gives its limits, or no
// text and why there is no session. That the user is not let in at all ends
// the test: the key is right.
func (d *sshd) session(user string, key ssh.Signer) (text, why string) {
	client, err := ssh.Dial("tcp", "127.0.0.1:22", &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, Timeout: time.Minute,
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), // nobody else is in this network
	})
	if err != nil {
		d.tr.Fatalf("sshd does not let %s in: %v", user, err)
	}
	defer client.Close()
	s, err := client.NewSession()
	if err != nil {
		return "", err.Error()
	}
	defer s.Close()
	out, err := s.Output(limitsOfShell)
	return string(out), fmt.Sprint(err)
}
